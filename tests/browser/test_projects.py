"""The page of projects: targets against the API, register, a project, the city's evaluation; axe, paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Route, expect

from tests.browser.conftest import PHONE, WIDE, Visit
from tests.browser.project_answers import ANSWERS, MONTHS, PROJECT
from tests.browser.seen import Seen, cells
from tests.browser.test_axe import clean

UNIT = {"zh": 1e4, "en": 1e6}
DIGITS = {"zh": 1, "en": 2}


def answer(route: Route) -> None:
    """Answer as register and evaluation do."""
    path = unquote(urlsplit(route.request.url).path)
    if path in ANSWERS:
        route.fulfill(json=ANSWERS[path])
    else:
        route.fulfill(status=404, json={"detail": "There is nothing."})


@pytest.fixture(scope="module", params=[(WIDE, "zh"), (PHONE, "en")], ids=["wide-zh", "phone-en"])
def seen(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Seen]:
    """The page in one size and language, with the register and the evaluation of `project_answers`."""
    (width, height), lang = request.param
    page = browser.new_context(viewport={"width": width, "height": height}, bypass_csp=True).new_page()
    page.route(re.compile(r"/api/(projects|evaluations)"), answer)
    made = Visit(page, address)
    made.watch()
    yield Seen(made, (width, height) == PHONE, lang)
    page.context.close()
    made.check()


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


def area(seen: Seen, m2: float | None) -> str:
    """Return an area as the tables have it."""
    return "—" if m2 is None else f"{m2 / UNIT[seen.lang]:,.{DIGITS[seen.lang]}f}"


def test_progress_is_what_the_api_tells(seen: Seen) -> None:
    page = seen.page
    go(seen)
    told = page.request.get(f"{seen.visit.base}/api/targets").json()
    expect(page.locator("[data-chart=years] svg")).to_be_visible()
    fits_and_is_clean(seen)
    years = cells(page.locator("figure table"))
    assert [row[2] for row in years] == [area(seen, one["areas"]["heated_area_m2"]) for one in told["years"]]
    targets = cells(page.locator("#projects-targets table"))
    assert [row[0] for row in targets] == ["2025", "2030"]
    assert [row[7] for row in targets] == [area(seen, one["gap_m2"]) for one in told["targets"]]
    page.locator("#projects-without-air").check()
    targets = cells(page.locator("#projects-targets table"))
    assert [row[7] for row in targets] == [area(seen, one["gap_without_air_m2"]) for one in told["targets"]]
    [now] = [one for one in told["years"] if one["basis"] == "present"]
    total = cells(page.locator("#projects-districts table"))[-1]
    assert (total[2], now["areas"]["without_air_area_m2"] < now["areas"]["heated_area_m2"]) == (
        area(seen, now["areas"]["without_air_area_m2"]),
        True,
    )
    assert sum(one["areas"]["project_count"] for one in told["years"] if one["basis"] == "present") == int(
        cells(page.locator("figure table"))[[y["basis"] for y in told["years"]].index("present")][7]
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
    assert len(cells(page.locator("#projects-list table"))) == 2
    fits_and_is_clean(seen)
    page.locator("#projects-state").select_option("running")
    [row] = cells(page.locator("#projects-list table"))
    assert (row[1], row[5], row[7]) == ("HP-001", area(seen, 1e6), "71.1%")
    page.locator("#projects-state").select_option("")
    page.locator("#projects-district").select_option("-")
    [row] = cells(page.locator("#projects-list table"))
    assert (row[1], row[5], row[6], row[7]) == ("HP-034", "—", "—", "—")
    page.locator("#projects-q").fill("东升")
    expect(page.locator("#projects-list .lead")).to_be_visible()
    page.reload()
    expect(page.locator("#projects-q")).to_have_value("东升")
    page.locator("#projects-district").select_option("")
    page.locator("#projects-list a").click()
    expect(page.locator(".project-name")).to_have_text(PROJECT["project"]["name"])


def test_a_project_with_its_checks_and_its_season(seen: Seen) -> None:
    page, lang = seen.page, seen.lang
    go(seen, "project=HP-001")
    expect(page.locator("[data-chart=months] svg")).to_be_visible()
    fits_and_is_clean(seen)
    items = PROJECT["precheck"]["items"]
    shown = page.locator("#project-precheck .check")
    assert [
        text.replace("\u00a0", " ") for text in shown.locator("> span:last-child").all_text_contents()
    ] == [f"{item[lang]} [{item['clause_id']}]" for item in items]
    kinds = shown.evaluate_all("all => all.map((one) => one.className)")
    assert kinds == [f"check result-{item['result']}" for item in items]
    expect(page.locator("#project-subsidy .cards")).to_contain_text(
        seen.word("3,630.0 万元", "CNY 36.30 million")
    )
    expect(page.locator("#project-states .next")).to_contain_text(
        seen.word("停运项目须填停运日期 [P1309-5.4]", "a project that ended tells the day [P1309-5.4]")
    )
    months = cells(page.locator("figure table"))
    assert [row[1] for row in months] == ["—" if h is None else f"{h / 1000:,.1f}" for _, h, _ in MONTHS]
    assert page.locator("#project-season .cards").inner_text().count(seen.word("资料不足", "not known")) == 1
    expect(page.locator("#project-season .cards")).to_contain_text("-0.12 K/a")
    compared = cells(page.locator("#project-season > .table table"))
    assert [row[3] for row in compared] == ["86.0%", "—"]  # heat has gaps
    sheet = page.locator("#project-season .links a").first.get_attribute("href")
    assert sheet == f"/api/projects/HP-001/sheet?season=2025&format=pdf&lang={lang}"
    parcel = page.locator(".parcels a").first.get_attribute("href")
    assert parcel == f"/?parcel=P-000001{'&lang=en' if lang == 'en' else ''}"


def test_where_nothing_was_measured_the_page_says_so(seen: Seen) -> None:
    page = seen.page
    go(seen, "project=HP-999")
    expect(page.locator("#projects-body")).to_contain_text("HP-999")
    known: dict[str, Any] = {"/api/projects/HP-034": PROJECT}
    ANSWERS.update(known)
    go(seen, "project=HP-034")
    ANSWERS.pop("/api/projects/HP-034")
    expect(page.locator("#project-season")).to_contain_text(seen.word("没有监测数据", "Nothing was measured"))
    refused(seen)


def test_the_city_by_year_ranking_and_ranges(seen: Seen) -> None:
    page = seen.page
    go(seen, "part=evaluation")
    expect(page.locator("[data-chart=ranges-1] svg")).to_be_visible()
    fits_and_is_clean(seen)
    [row] = cells(page.locator("#projects-yearly table"))
    assert (row[5], row[7], row[8]) == ("28,400", "3.59", "—")
    first, second = cells(page.locator("#projects-ranking table"))
    assert (first[1], first[3], second[1], second[4]) == ("1", "9.60", "2", "—")
    assert first[6].startswith(seen.word("! 离群", "! outlier"))
    within = [row[-1] for row in cells(page.locator("#projects-distributions table"))]
    assert within == [seen.word("否", "no"), seen.word("是", "yes")]
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
