"""The report of a parcel: what it tells, that it is the same again, who may have it, and what stops it."""

from __future__ import annotations

import datetime as dt
import html
import re
from pathlib import Path

import pytest
import weasyprint
from fastapi.testclient import TestClient

from api.main import create_app
from api.reports import report_of
from api.suitability import Scorer
from gis.report import figures, html_of, page, pdf_of, sight
from gis.settings import Settings
from gis.store import Store
from gis.wording import clause_ids
from tests.api.test_cli import Cli

PARCEL = "P-000101"


def words(text: str) -> str:
    """Return what a reader sees of an HTML file, without its blanks."""
    return "".join(html.unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", text, flags=re.S)).split())


@pytest.fixture(scope="module")
def scorer(city: Store) -> Scorer:
    return Scorer(city)


@pytest.fixture(scope="module")
def report(city: Store, scorer: Scorer) -> page.Report:
    return report_of(scorer, city, frozenset(city.access()), PARCEL)


def test_a_report_tells_all_that_the_document_does(report: page.Report) -> None:
    doc = report.document
    for language in ("zh", "en"):
        seen = words(html_of(report, language))
        told = [v["title"] for v in doc["technologies"]]
        told += [r for v in doc["technologies"] for r in (*v["reasons"], *v["changes"])]
        told += [*doc["checklist"], *(doc["portfolio"]["findings"] if doc["portfolio"] else [])]
        parts = [doc["demand"], *doc["technologies"], doc["portfolio"] or {"assumptions": []}]
        told += [a["title"] for part in parts for a in part["assumptions"]]
        assert told
        assert [t for t in told if "".join(t[language].split()) not in seen] == []
        cited = {*clause_ids(doc)} & set(report.ruleset.clauses)
        assert [c for c in cited if c not in seen] == []
        assert all(name in seen for name in (doc["ruleset"]["id"], report.digest, PARCEL))
        assert report.made_on.isoformat() in seen


def test_the_same_is_the_same_to_the_byte_and_of_two_to_four_pages(report: page.Report) -> None:
    for language in ("zh", "en"):
        text = html_of(report, language)
        assert text == html_of(report, language)
        laid_out = weasyprint.HTML(string=text).render()
        assert 2 <= len(laid_out.pages) <= 4
    assert pdf_of(report, "en") == laid_out.write_pdf()
    other_day = page.Report(report.document, report.ruleset, report.sight, dt.date(2031, 1, 1))
    changed = html_of(other_day, "zh").replace("2031-01-01", report.made_on.isoformat())
    assert changed == html_of(report, "zh")


def test_unknown_load_is_said_and_not_drawn(city: Store, scorer: Scorer) -> None:
    query = "SELECT parcel_id FROM layer.parcel"
    with city.engine.connect() as connection:
        ids = [row[0] for row in connection.exec_driver_sql(query)]
    found = next(i for i in ids if scorer.stored_document(city, i)["portfolio"] is None)
    text = html_of(report_of(scorer, city, frozenset(city.access()), found), "zh")
    assert "热负荷未知或为零，不作组合" in text
    assert text.count("<svg") == 1


def test_a_text_of_a_layer_is_no_markup(report: page.Report) -> None:
    doc = dict(report.document)
    doc["location"] = doc["location"] | {"township": "<script>alert(1)</script>"}
    text = html_of(page.Report(doc, report.ruleset, report.sight, report.made_on), "en")
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_the_map_leaves_out_what_the_reader_may_not_see(city: Store, scorer: Scorer) -> None:
    every = report_of(scorer, city, frozenset(city.access()), PARCEL)
    few = report_of(scorer, city, frozenset({"parcel", "district"}), PARCEL)
    assert set(every.sight.layers) > set(few.sight.layers) == {"parcel"}
    w = page.ReportWording("zh")
    assert len(figures.map_svg(few.sight, w)) < len(figures.map_svg(every.sight, w))


def test_a_layer_with_too_much_to_draw_is_named_and_not_drawn_in_part(
    city: Store, scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sight, "MOST_DRAWN", 3)
    report = report_of(scorer, city, frozenset(city.access()), PARCEL)
    assert "parcel" in report.sight.left_out
    assert "parcel" not in report.sight.layers
    assert "数量过多、未绘制的图层：" in html_of(report, "zh")


def test_the_route_gives_both_kinds_and_refuses_others(client: TestClient) -> None:
    path = f"/api/parcels/{PARCEL}/report"
    pdf = client.get(path)
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF-")
    assert f"onemap-{PARCEL}.pdf" in pdf.headers["content-disposition"]
    text = client.get(path, params={"format": "html", "lang": "en"})
    assert text.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert '<html lang="en">' in text.text
    assert client.get("/api/parcels/nowhere/report").status_code == 404
    for wrong in ({"format": "docx"}, {"lang": "fr"}):
        assert client.get(path, params=wrong).status_code == 422


def test_who_may_not_read_results_has_no_report(city: Store) -> None:
    closed = Settings(layer_access={"parcel": "restricted"}, anonymous=None)
    with TestClient(create_app(city, closed)) as anybody:
        answer = anybody.get(f"/api/parcels/{PARCEL}/report")
        assert answer.status_code in (401, 403), answer.text


def test_the_command_writes_a_file_or_says_why_not(city: Store, shared_dir: Path) -> None:
    cli, url = Cli(shared_dir), city.engine.url.render_as_string(hide_password=False)
    out = shared_dir / "report.html"
    done = cli("report", PARCEL, "--out", str(out), "--lang", "en", ONEMAP_DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    assert PARCEL in out.read_text(encoding="utf-8")
    for arguments, code, said in (
        ((PARCEL, "--out", "report.docx"), 2, ".pdf or .html"),
        (("nowhere", "--out", str(out)), 1, "no scored parcel"),
        ((PARCEL, "--out", "/proc/none/report.pdf"), 1, "cannot be written"),
    ):
        done = cli("report", *arguments, ONEMAP_DATABASE_URL=url)
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr
        assert "Traceback" not in done.stderr
