"""The dashboard of targets: its figures are the API's, what is unknown is a dash, a link brings it back."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Route, expect

from gis.vocabulary import TECHNOLOGIES
from tests.browser.conftest import Visit
from tests.browser.seen import Seen, cells, mw

CHINESE = re.compile("[\u4e00-\u9fff]")
NONE = "none"
UNKNOWN = ("unknown_heated_area_count", "unknown_heat_load_count")


class Board:
    """The open dashboard, and what the API says."""

    def __init__(self, seen: Seen) -> None:
        self.seen, self.page = seen, seen.page
        self.told: dict[str, Any] = seen.ask("/api/summary?by=district")
        self.body = seen.page.locator("#dashboard-body")

    def show(self, place: str = "all") -> None:
        """Open it where it is closed, and choose a place in the list."""
        if not self.page.locator("#dashboard-dialog").is_visible():
            self.page.locator("#dashboard-open").click()
        expect(self.body).not_to_have_attribute("aria-busy", "true")
        self.page.locator("#dashboard-place").select_option(place)

    def table(self, part: str) -> Locator:
        """Return the table in a part of the page."""
        return self.body.locator(f"#dashboard-{part} table")

    def area(self, m2: float | None) -> str:
        """Return an area as the page shows it."""
        if m2 is None:
            return "—"
        scaled, step = (m2 / 1e4, "0.1") if self.seen.lang == "zh" else (m2 / 1e6, "0.01")
        # As browsers do: half up, and of the shortest decimal.
        return f"{Decimal(repr(scaled)).quantize(Decimal(step), ROUND_HALF_UP):,}"

    def row(self, place: str) -> dict[str, Any]:
        """Return the API's row of a place."""
        rows = {r["district"] or NONE: r for r in self.told["rows"]}
        row: dict[str, Any] = self.told["total"] if place == "all" else rows[place]
        return row


def share(frac: float | None) -> str:
    """Return a share as the page shows it in tables."""
    if frac is None:
        return "—"
    return f"{Decimal(repr(frac * 100)).quantize(Decimal('0.1'), ROUND_HALF_UP):,}".removesuffix(".0") + "%"


@pytest.fixture
def board(seen: Seen) -> Iterator[Board]:
    """The dashboard of the whole city; closed at the end."""
    made = Board(seen)
    made.show()
    yield made
    seen.page.evaluate("document.getElementById('dashboard-dialog').close()")


@pytest.mark.parametrize("place", ["all", "海淀区", NONE])
def test_figures_are_those_of_the_api(board: Board, place: str) -> None:
    board.show(place)
    row = board.row(place)
    unknown = board.seen.word("资料不足", "not known")
    cards = board.body.locator("#dashboard-cards b").all_inner_texts()
    load = unknown if row["heat_load_kw"] is None else f"{mw(row['heat_load_kw'])} MW"
    assert cards[0] == f"{row['parcel_count']:,}"
    assert cards[2] == load
    for shown, m2 in ((cards[1], row["heated_area_m2"]), (cards[4], row["new_energy_heated_area_m2"])):
        assert shown.split(" ")[0] == (unknown.split(" ")[0] if m2 is None else board.area(m2))
    assert cards[3] == (
        unknown if row["new_energy_share_frac"] is None else share(row["new_energy_share_frac"])
    )
    missing = row["unknown_heated_area_count"]
    assert (f"{missing}" in board.body.locator("#dashboard-cards").inner_text()) == (
        missing > 0 or place == NONE
    )
    found = cells(board.table("standings"))
    for shown, standing, base in zip(found, row["standings"], board.told["bases"], strict=True):
        names = ("loaded_share_frac", "city_share_frac", "target_2025_frac")
        count = standing["unknown_count"]
        assert shown == [
            base["title"][board.seen.lang], board.area(standing["heated_area_m2"]),
            *(share(standing[name]) for name in names), "—" if count is None else f"{count:,}",
        ]  # fmt: skip
    technologies = cells(board.table("technologies"))
    for shown, technology in zip(technologies, [*TECHNOLOGIES, None], strict=False):
        groups = [g for g in row["recommended"] if g["technology"] == technology]
        known = [g["heated_area_m2"] for g in groups if g["heated_area_m2"] is not None]
        assert shown[1] == f"{sum(g['parcel_count'] for g in groups):,}"
        assert shown[2] == (board.area(sum(known)) if row["parcel_count"] else "—")
        assert shown[5] == f"{sum(g['unknown_heated_area_count'] for g in groups):,}"
    assert technologies[-1][1:3] == [cards[0], board.area(row["heated_area_m2"])]


def test_it_says_what_part_of_the_city_is_loaded(board: Board) -> None:
    told = board.told["targets"]["city_heated_area"]
    lead = board.body.locator("#dashboard-lead")
    for part in (board.area(told["heated_area_m2"]), share(told["loaded_share_frac"]), "2025-01-01"):
        expect(lead).to_contain_text(part)
    expect(lead).to_contain_text(board.seen.word("不能据此判断", "nothing here says whether"))
    expect(board.body).to_contain_text(board.seen.word("为假定值", "is assumed"))
    expect(board.body.locator("#dashboard-targets")).to_contain_text("15%")
    expect(board.body.locator("#dashboard-targets")).to_contain_text("1309")
    # The lines of both targets, and hatching where nothing is known: in every bar of the city.
    svg = board.body.locator("[data-chart=standings] svg")
    for year, target in ((2025, "10%"), (2030, "15%")):
        expect(svg.locator("text").filter(has_text=re.compile(rf"{year}.*{target}"))).to_have_count(1)
    assert svg.locator("path[fill^='url(']").count() >= len(board.told["bases"])


def test_districts_are_sorted_and_told_as_share(board: Board) -> None:
    table = board.table("districts")
    board.body.locator("#dashboard-measure").select_option("area")

    def sort(name: str) -> list[list[str]]:
        table.locator(f"[data-sort={name}]").click()
        expect(table.locator(f"[data-sort={name}]")).to_be_focused()
        return cells(table)[:-1]

    by_area: Callable[[dict[str, Any]], float] = lambda row: row["heated_area_m2"] or -1.0  # noqa: E731
    ordered = sorted(board.told["rows"], key=by_area, reverse=True)
    first = cells(table)
    assert [row[1] for row in first[:-1]] == [board.area(row["heated_area_m2"]) for row in ordered]
    assert first[-1][1] == board.area(board.told["total"]["heated_area_m2"])
    water = sort("reclaimed_water")
    values = [float(row[3].replace(",", "")) for row in water if row[3] != "—"]
    assert values == sorted(values, reverse=True)
    # What is not known comes last, whichever way it is sorted.
    assert water[-1][3] == sort("reclaimed_water")[-1][3] == "—"
    expect(table.locator("[aria-sort=ascending]")).to_have_count(1)
    board.body.locator("#dashboard-measure").focus()
    board.body.locator("#dashboard-measure").select_option("share")
    expect(board.body.locator("#dashboard-measure")).to_be_focused()
    for row in cells(board.table("districts"))[:-2]:
        parts = [float(cell.removesuffix("%")) for cell in row[2:-1]]
        assert sum(parts) == pytest.approx(100, abs=0.5)
    sort("heated_area_m2")
    overview = {row[0]: row for row in cells(board.table("overview"))}
    for row in board.told["rows"]:
        label = board.page.evaluate("name => OneMap.parts.districtName(name)", row["district"])
        standings = [board.area(s["heated_area_m2"]) for s in row["standings"]]
        assert overview[label][6:] == standings
        assert overview[label][4] == share(row["new_energy_share_frac"])


def test_a_bar_chooses_its_district_and_the_map_goes_there(board: Board) -> None:
    page = board.page
    largest = max(board.told["rows"], key=lambda row: row["heated_area_m2"] or 0)["district"]
    chart = board.body.locator("[data-chart=by-district] svg")
    chart.scroll_into_view_if_needed()
    name = page.evaluate("name => OneMap.parts.districtName(name)", largest)
    chart.locator("text").filter(has_text=re.compile(f"^{name}$")).click()
    expect(page.locator("#dashboard-place")).to_have_value(largest)
    expect(page.locator("#dashboard-place")).to_be_focused()
    expect(page.locator("#dashboard-name")).to_have_text(name)
    page.locator("#dashboard-zoom").click()
    expect(page.locator("#dashboard-dialog")).to_be_hidden()
    expect(page.locator(".ring-label")).to_have_text(largest)
    label = next(one for one in page.evaluate("OneMap.config.labels") if one["zh"] == largest)
    page.wait_for_function(
        "([lat, lon]) => OneMap.map.getZoom() >= 9 && OneMap.map.getBounds().contains([lat, lon])",
        arg=[label["lat"], label["lon"]],
    )
    page.evaluate("OneMap.ring(null)")


def test_it_goes_by_keyboard(board: Board) -> None:
    page = board.page
    page.keyboard.press("Escape")
    expect(page.locator("#dashboard-dialog")).to_be_hidden()
    expect(page.locator("#dashboard-open")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#dashboard-place")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#dashboard-name")).not_to_have_text(board.seen.word("全市", "Whole city"))
    button = board.table("overview").locator("[data-place=海淀区]")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#dashboard-place")).to_have_value("海淀区")
    for _ in range(8):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )


def test_it_fits_and_speaks_one_language(board: Board) -> None:
    page, lang = board.page, board.seen.lang
    assert board.body.evaluate("body => body.scrollWidth - body.clientWidth") <= 0
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    own = ":is(h2, h3, dt, figcaption, thead th, label, .lead, option, th.words, .basis-notes li)"
    words = page.locator(f"#dashboard-dialog {own}").all_inner_texts()
    assert [w for w in words if re.search(r"undefined|null|NaN|\{\w+\}", w)] == []
    assert any(CHINESE.search(w) for w in words) == (lang == "zh")
    other = "zh" if lang == "en" else "en"
    page.evaluate(f"OneMap.setLanguage('{other}')")
    expect(page.locator("#dashboard-name")).to_have_text("Whole city" if other == "en" else "全市")
    page.evaluate(f"OneMap.setLanguage('{lang}')")


def test_the_table_is_downloaded(board: Board) -> None:
    with board.page.expect_download() as loading:
        board.page.locator("#dashboard-csv").click()
    lines = list(csv.DictReader(loading.value.path().read_text(encoding="utf-8-sig").splitlines()))
    assert [line["district"] for line in lines[1:]] == [row["district"] or "" for row in board.told["rows"]]
    assert float(lines[0]["heated_area_m2"]) == pytest.approx(board.told["total"]["heated_area_m2"])


def test_on_paper_it_takes_the_place_of_the_map(board: Board) -> None:
    page = board.page
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("#one_map_page").is_hidden()
    assert page.locator("#dashboard-head").is_hidden()
    assert page.locator("#print-head").is_visible()
    assert page.locator("#dashboard-overview table").is_visible()
    assert [round(w) for w in board.body.locator(".chart svg").evaluate_all(
        "all => all.map((svg) => svg.getBoundingClientRect().width)"
    )] == [690, 690]  # fmt: skip
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("#dashboard-head").is_visible()
    assert page.locator("#dashboard-dialog.on-paper").count() == 0


def test_a_link_brings_it_back(visit: Callable[..., Visit], address: str) -> None:
    page = visit().page
    page.goto(f"{address}/?targets={quote('通州区')}")
    expect(page.locator("#dashboard-name")).to_have_text("通州区")
    page.locator("#dashboard-place").select_option(NONE)
    expect(page).to_have_url(re.compile("targets=none"))
    page.goto(page.url)
    expect(page.locator("#dashboard-name")).to_have_text("区不明")
    page.locator("#dashboard-close").click()
    expect(page).not_to_have_url(re.compile("targets="))
    page.goto(f"{address}/?targets=Atlantis")
    expect(page.locator("#dashboard-name")).to_have_text("全市")
    expect(page.locator("#map-hint")).to_contain_text("targets=Atlantis")


def test_without_projects_and_runs_it_says_so(visit: Callable[..., Visit]) -> None:
    page = visit().page
    told = page.evaluate("OneMap.getJson('/api/summary?by=district')")
    for base in told["bases"][2:]:
        base.update(missing={"zh": f"没有{base['id']}", "en": base["id"]}, made_at=None, current=None)
    for row in (told["total"], *told["rows"]):
        for standing in row["standings"][2:]:
            standing.update(dict.fromkeys(standing.keys() - {"basis"}))
    told["bases"][0]["current"] = False

    def answers(route: Route) -> None:
        route.fulfill(json=told)

    page.route("**/api/summary?by=district", answers)
    page.locator("#dashboard-open").click()
    expect(page.locator(".basis-notes li").nth(4)).to_contain_text("没有running")
    expect(page.locator(".basis-notes .stale")).to_have_count(1)
    rows = cells(page.locator("#dashboard-standings table"))
    assert [row[1:] for row in rows[2:]] == [["—"] * 5] * 3
    assert page.locator("#dashboard-overview thead th").count() == 8
    expect(page.locator("[data-chart=standings] svg text").filter(has_text="在运项目")).to_have_count(0)
    page.unroute("**/api/summary?by=district")
