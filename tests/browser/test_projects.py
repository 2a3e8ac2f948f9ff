"""The page of projects: what the API tells of targets, register, a project and the city; axe, paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, expect

from gis.monitoring.deliver import deliver_rows
from gis.store import Store
from tests.browser.conftest import PHONE, WIDE, Visit
from tests.browser.seen import Seen, cells
from tests.browser.test_axe import clean

UNIT = {"zh": 1e4, "en": 1e6}
DIGITS = {"zh": 1, "en": 2}


@pytest.fixture(scope="module")
def measured(matched: Store) -> list[str]:
    """Return the projects of which a winter was measured day by day; of the first a day is missing.

    The second is metered in a wrong way: it gives ten times its electricity.
    """
    running = matched.read("heat_project", where={"status": "running"})
    known = running.dropna(subset=["heated_area_m2", "installed_kw"]).sort_values("heat_project_id")
    days = pd.date_range("2024-11-01", "2025-03-31")
    cold = 0.6 + 0.4 * np.sin(np.linspace(0.0, np.pi, len(days)))
    rng = np.random.default_rng(4)
    tables = []
    for place, row in enumerate(known.itertuples()):
        heat = row.heated_area_m2 * 0.6 * cold
        cop = 10.0 if place == 1 else rng.uniform(2.6, 4.2)
        frame = pd.DataFrame({"id": row.heat_project_id, "time": days, "heat_kwh": heat})
        frame["electricity_kwh"] = heat / cop
        tables.append(frame.drop(index=40) if place == 0 else frame)
        if place == 0:  # and half of the winter before
            earlier = frame["time"] - pd.Timedelta(days=366)
            tables.append(frame.assign(time=earlier, heat_kwh=heat / 2.0)[earlier < "2024-01-15"])
    together = pa.Table.from_pandas(pd.concat(tables), preserve_index=False)
    deliver_rows(matched, "heat_project", together, "a winter", "P1D")
    return list(known["heat_project_id"])


@pytest.fixture(scope="module", params=[(WIDE, "zh"), (PHONE, "en")], ids=["wide-zh", "phone-en"])
def seen(
    request: pytest.FixtureRequest, browser: Browser, address: str, measured: list[str]
) -> Iterator[Seen]:
    """The page in one size and language."""
    (width, height), lang = request.param
    page = browser.new_context(viewport={"width": width, "height": height}, bypass_csp=True).new_page()
    made = Visit(page, address)
    made.watch()
    yield Seen(made, (width, height) == PHONE, lang)
    page.context.close()
    made.check()


def told(seen: Seen, path: str) -> Any:
    """Return what the API answers."""
    answer = seen.page.request.get(f"{seen.visit.base}{path}")
    assert answer.ok, answer.text()
    return answer.json()


def go(seen: Seen, query: str = "") -> None:
    """Open a part of the page and wait until it is drawn."""
    asked = "&".join(filter(None, [query, "lang=en" if seen.lang == "en" else ""]))
    seen.page.goto(f"{seen.visit.base}/projects?{asked}")
    seen.page.locator("#projects-body > *").first.wait_for()


def fits_and_is_clean(seen: Seen) -> None:
    """Check that nothing is wider than the window and axe-core finds nothing, what is folded included."""
    page = seen.page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.evaluate(AXE_SCRIPT)
    clean(page)


def refused(seen: Seen) -> None:
    """Take off what network and console say of answers that there is nothing, and of nothing else."""
    assert seen.visit.problems
    assert [p for p in seen.visit.problems if not p.startswith("404 ") and "status of 404" not in p] == []
    seen.visit.problems.clear()


def same(seen: Seen, shown: str, m2: float | None) -> bool:
    """Return whether an area is shown as the API tells it, to the last digit that is shown."""
    if m2 is None or shown == "—":
        return m2 is None and shown == "—"
    step = 10.0 ** -DIGITS[seen.lang]
    return abs(float(shown.replace(",", "")) - m2 / UNIT[seen.lang]) <= step * 0.5000001


def test_progress_is_what_the_api_tells(seen: Seen) -> None:
    page = seen.page
    go(seen)
    targets_told = told(seen, "/api/targets")
    expect(page.locator("[data-chart=years] svg")).to_be_visible()
    fits_and_is_clean(seen)
    years = cells(page.locator("figure table"))
    for row, one in zip(years, targets_told["years"], strict=True):
        assert same(seen, row[2], one["areas"]["heated_area_m2"])
    targets = cells(page.locator("#projects-targets table"))
    assert [row[0] for row in targets] == ["2025", "2030"]
    for row, one in zip(targets, targets_told["targets"], strict=True):
        assert same(seen, row[7], one["gap_m2"])
    page.locator("#projects-without-air").check()
    targets = cells(page.locator("#projects-targets table"))
    for row, one in zip(targets, targets_told["targets"], strict=True):
        assert same(seen, row[7], one["gap_without_air_m2"])
    [now] = [one for one in targets_told["years"] if one["basis"] == "present"]
    total = cells(page.locator("#projects-districts table"))[-1]
    assert same(seen, total[2], now["areas"]["without_air_area_m2"])
    assert now["areas"]["without_air_area_m2"] < now["areas"]["heated_area_m2"]
    assert sum(
        one["areas"]["project_count"] for one in targets_told["years"] if one["basis"] == "present"
    ) == int(
        cells(page.locator("figure table"))[[y["basis"] for y in targets_told["years"]].index("present")][7]
    )
    page.locator("#projects-without-air").uncheck()


def test_another_day_and_the_table_of_it(seen: Seen) -> None:
    page = seen.page
    go(seen)
    page.locator("#projects-as-of").fill("2020-01-01")
    expect(page.locator("#projects-body .lead")).to_contain_text(
        seen.word("该日没有可用的项目登记", "There is no register of that day")
    )
    refused(seen)
    today = page.request.get(f"{seen.visit.base}/api/targets").json()["as_of"]
    page.locator("#projects-as-of").fill(today)
    expect(page.locator("#projects-csv")).to_have_attribute("href", f"/api/targets?format=csv&as_of={today}")


def test_the_register_is_narrowed_down_and_kept_in_the_address(seen: Seen) -> None:
    page = seen.page
    go(seen, "part=register")
    every = told(seen, "/api/projects?limit=1000")["projects"]
    fits_and_is_clean(seen)
    page.locator("#projects-state").select_option("approved")
    approved = [one for one in every if one["status"] == "approved"]
    rows = {row[1]: row for row in cells(page.locator("#projects-list table"))}
    assert rows.keys() == {one["heat_project_id"] for one in approved}
    for one in approved:
        assert same(seen, rows[one["heat_project_id"]][5], one["heated_area_m2"])
        share = one["new_energy_share_frac"]
        assert rows[one["heat_project_id"]][7] == ("—" if share is None else f"{share:.1%}")
    assert any(one["new_energy_share_frac"] is None for one in every)
    chosen = approved[0]
    page.locator("#projects-q").fill(chosen["name"])
    page.reload()
    expect(page.locator("#projects-q")).to_have_value(chosen["name"])
    page.locator("#projects-list a").first.click()
    expect(page.locator(".project-name")).to_have_text(chosen["name"])
    expect(page.locator("#project-season")).to_be_visible()
    refused(seen)  # nothing was measured of it yet


def test_a_project_with_its_checks_and_its_season(seen: Seen, measured: list[str]) -> None:
    page, lang, id_ = seen.page, seen.lang, measured[0]
    go(seen, f"project={id_}")
    expect(page.locator("[data-chart=months] svg")).to_be_visible()
    fits_and_is_clean(seen)
    register, season = told(seen, f"/api/projects/{id_}"), told(seen, f"/api/projects/{id_}/evaluation")
    shown = page.locator("#project-precheck .check")
    items = register["precheck"]["items"]
    assert [
        text.replace("\u00a0", " ") for text in shown.locator("> span:last-child").all_text_contents()
    ] == [f"{item[lang]} [{item['clause_id']}]" for item in items]
    kinds = shown.evaluate_all("all => all.map((one) => one.className)")
    assert kinds == [f"check result-{item['result']}" for item in items]
    assert len(page.locator("#project-subsidy .reasons li").all()) == len(register["subsidy"]["reasons"])
    months = cells(page.locator("figure table"))
    assert [row[1] for row in months] == [f"{m['heat_kwh'] / 1000:,.1f}" for m in season["months"]]
    assert [row[3] for row in months] == [f"{m['cop']:.2f}" for m in season["months"]]
    assert season["heat"]["coverage_frac"] == pytest.approx(120 / 121)
    expect(page.locator("#project-season .cards")).to_contain_text(f"{season['cop']['value']:.2f}")
    said = page.locator("#project-season .check > span:last-child").all_text_contents()
    assert [text.replace("\u00a0", " ") for text in said] == [
        f"{check[lang]} [{check['clause_id']}]" for check in season["checks"]
    ]
    sheet = page.locator("#project-season .links a").first.get_attribute("href")
    assert sheet == f"/api/projects/{id_}/sheet?season=2024&format=pdf&lang={lang}"


def test_another_season_is_chosen_and_kept_in_the_link(seen: Seen, measured: list[str]) -> None:
    page = seen.page
    for query, title in (
        (f"project={measured[0]}", "#project-season h2"),
        ("part=evaluation", "#projects-ranking h2"),
    ):
        go(seen, query)
        box = page.locator("#projects-season-of")
        assert box.locator("option").all_text_contents() == ["2024–2025", "2023–2024"]
        box.focus()
        box.select_option("2023")
        expect(page.locator(title)).to_contain_text("2023")
        assert page.evaluate("document.activeElement.id") == "projects-season-of"
        fits_and_is_clean(seen)
        page.reload()
        expect(page.locator(title)).to_contain_text("2023")
    [alone] = told(seen, "/api/evaluations?season=2023")["projects"]
    assert [row[0] for row in cells(page.locator("#projects-ranking table"))] == [alone["name"]]
    go(seen, f"project={measured[1]}")
    expect(page.locator("#project-season")).to_be_visible()
    expect(page.locator("#projects-season-of")).to_have_count(0)


def test_where_nothing_was_measured_the_page_says_so(seen: Seen) -> None:
    page = seen.page
    go(seen, "project=HP-999")
    expect(page.locator("#projects-body")).to_contain_text("HP-999")
    ideas = told(seen, "/api/projects?status=idea")["projects"]
    go(seen, f"project={ideas[0]['heat_project_id']}")
    expect(page.locator("#project-season")).to_contain_text(seen.word("没有监测数据", "Nothing was measured"))
    refused(seen)


def test_the_city_by_year_ranking_and_ranges(seen: Seen, measured: list[str]) -> None:
    page = seen.page
    go(seen, "part=evaluation")
    expect(page.locator("[data-chart=ranges-1] svg")).to_be_visible()
    fits_and_is_clean(seen)
    rows = told(seen, "/api/evaluations/yearly?basis=calendar")["rows"]
    assert len(cells(page.locator("#projects-yearly table"))) == min(len(rows), 50)
    ranking = told(seen, "/api/evaluations")["projects"]
    shown = {row[0]: row for row in cells(page.locator("#projects-ranking table"))}
    expect(page.locator("#projects-ranking h2, #projects-ranking h3").first).to_contain_text("2024")
    [wrong] = [one for one in ranking if one["heat_project_id"] == measured[1]]
    assert wrong["outlier"]
    assert shown[wrong["name"]][6].startswith(seen.word("! 离群", "! outlier"))
    assert shown[wrong["name"]][3] == "10.00"
    page.locator("#projects-basis").select_option("heating")
    expect(page.locator("#projects-yearly a")).to_have_attribute("href", re.compile("basis=heating"))


def test_language_keys_links_and_paper(seen: Seen) -> None:
    page = seen.page
    go(seen)
    page.locator("[data-chart=years] svg").wait_for()
    before = page.title()
    page.locator("#language-switch").focus()
    page.keyboard.press("Enter")
    assert page.title() != before
    other = "en" if seen.lang == "zh" else "zh"
    for link in ("#projects-map", "#projects-parts a >> nth=1"):
        assert ("lang=en" in (page.locator(link).get_attribute("href") or "")) == (other == "en")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('#projects-parts a')")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1100 or not seen.phone
    page.emulate_media(media="screen")


def test_the_map_and_the_data_page_lead_here(seen: Seen, address: str) -> None:
    page = seen.page
    page.goto(f"{address}/data")
    expect(page.locator("a[data-page='/projects']")).to_have_attribute("href", "/projects")
