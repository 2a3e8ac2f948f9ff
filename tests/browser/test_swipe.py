"""Two states of the map on the two sides of a divider: pixels, dragging, keys, links, on desk and phone."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import numpy.typing as npt
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from gis.store import Store
from gis.vocabulary import TECHNOLOGIES
from tests.browser.conftest import PHONE, Visit
from tests.browser.places import MATCHED, Spot, spot
from tests.browser.seen import Seen, mw

Picture = npt.NDArray[np.uint8]
CENTRE = (116.40, 39.90, 14)
BESIDE_THE_MAP = """
#map-tools, #map-hint, #pointer-bar, #synthetic-badge, #filter-badge, #swipe-divider, .swipe-card,
.leaflet-control { visibility: hidden !important }
"""
OPAQUE = """() => [...document.querySelectorAll(".leaflet-tile")]
  .every((tile) => (tile.style.opacity || "1") === "1")"""
SIDES = "OneMap.swipe.sides().map((side) => side.scenario)"


@pytest.fixture
def swiping(seen: Seen) -> Iterator[Seen]:
    """The open map at a place full of parcels; at the end without a comparison."""
    seen.visit.go_to(*CENTRE)
    yield seen
    seen.page.evaluate("OneMap.controls.hide('swipe'); OneMap.controls.show('parcel_suitability')")
    seen.visit.settle()


def picture(visit: Visit) -> Picture:
    """Return the map's pixels (row, column, colour) as they are drawn, without what lies over it."""
    visit.settle()
    visit.page.wait_for_function(OPAQUE)
    box = visit.page.locator("#one_map_page").bounding_box()
    assert box is not None
    shot = visit.page.screenshot(clip=box, style=BESIDE_THE_MAP)  # type: ignore[arg-type]
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))


def divider_px(page: Page) -> float:
    """Return where on the map's width the divider stands, in px."""
    box, whole = page.locator("#swipe-divider").bounding_box(), page.locator("#one_map_page").bounding_box()
    assert box is not None
    assert whole is not None
    return box["x"] + box["width"] / 2 - whole["x"]


def press(seen: Seen, selector: str) -> None:
    """Press a control as one does on this kind of screen."""
    control = seen.page.locator(selector)
    if seen.phone:
        control.tap()
    else:
        control.click()


def test_each_side_has_the_pixels_of_its_layer(swiping: Seen) -> None:
    visit, page = swiping.visit, swiping.page
    alone = [picture(visit)]
    page.evaluate("OneMap.match.choose('dry-winter'); OneMap.controls.show('match_parcel')")
    alone.append(picture(visit))
    # What follows means something only where the two differ.
    differ = (alone[0] != alone[1]).any(axis=2)
    width = differ.shape[1]
    assert all(part.mean() > 0.05 for part in np.array_split(differ, 3, axis=1))
    page.evaluate("OneMap.swipe.open(['parcel_suitability', 'match:dry-winter'], 40)")
    for key, percent in ((None, 40), ("PageUp", 50), ("End", 100), ("Home", 0)):
        if key:
            page.locator("#swipe-divider").press(key)
        both = picture(visit)
        cut = round(width * percent / 100)
        assert (both[:, : max(cut - 2, 0)] == alone[0][:, : max(cut - 2, 0)]).all(), percent
        assert (both[:, cut + 2 :] == alone[1][:, cut + 2 :]).all(), percent
    # It is the same the other way round, with the lines of the run cut as its parcels are.
    page.locator("#swipe-left").select_option("match:dry-winter")
    assert page.evaluate(SIDES) == ["dry-winter", None]
    assert (picture(visit)[:, 2:] == alone[0][:, 2:]).all()


def test_the_divider_is_dragged_and_moved_by_keys(swiping: Seen) -> None:
    page = swiping.page
    press(swiping, "[data-tool=swipe]")
    divider = page.locator("#swipe-divider")
    expect(divider).to_have_attribute("aria-valuenow", "50")
    centre = page.evaluate("OneMap.map.getCenter()")
    width = page.evaluate("OneMap.map.getSize().x")
    box = divider.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2 + 2, box["y"] + box["height"] / 2 - 8
    if swiping.phone:
        touch = page.context.new_cdp_session(page)
        steps = [("touchStart", x), ("touchMove", x - 30), ("touchMove", x - 90), ("touchEnd", None)]
        for kind, at in steps:
            points = [] if at is None else [{"x": at, "y": y}]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    else:
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x - 90, y + 40, steps=4)
        page.mouse.up()
    # By as much as was dragged, wherever on the handle it was taken; the map stays.
    assert divider_px(page) == pytest.approx(width / 2 - 90, abs=1.5)
    assert page.evaluate("OneMap.map.getCenter()") == centre
    expect(page.locator("#parcel-panel")).to_be_hidden()
    divider.press("Home")
    expect(divider).to_have_attribute("aria-valuenow", "0")
    divider.press("ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", "2")
    divider.press("ArrowLeft")
    divider.press("ArrowLeft")
    expect(divider).to_have_attribute("aria-valuenow", "0")
    divider.press("End")
    divider.press("PageDown")
    expect(divider).to_have_attribute("aria-valuenow", "90")
    assert divider.get_attribute("role") == "slider"
    expect(divider).to_have_attribute("aria-valuetext", re.compile("90%"))
    expect(divider).to_have_accessible_name(swiping.word("对比分界线", "Divider of the comparison"))
    assert divider_px(page) == pytest.approx(width * 0.9, abs=1)
    assert page.evaluate("OneMap.map.getCenter()") == centre


def test_the_cut_stays_at_the_divider_while_the_map_moves(swiping: Seen) -> None:
    visit, page = swiping.visit, swiping.page
    page.evaluate("OneMap.swipe.open(['match:base', 'parcel_suitability'], 30)")
    visit.settle()
    watched = page.evaluate(
        """async () => {
          const map = OneMap.map, off = [], moved = new Set();
          const look = () => {
            const shift = L.DomUtil.getPosition(map.getPane("mapPane"));
            moved.add(shift.x);
            const at = parseFloat(document.getElementById("swipe-divider").style.left);
            OneMap.swipe.grids().filter((grid) => map.hasLayer(grid)).forEach((grid) => {
              const x = grid.getContainer().style.clipPath.match(/-?[\\d.]+px -?[\\d.]+px/g).map(parseFloat);
              const ends = [Math.min(...x) + shift.x, Math.max(...x) + shift.x];
              off.push(Math.min(...ends.map((end) => Math.abs(end - at))));
            });
          };
          const frames = (until) => new Promise((done) => {
            const next = () => { look(); if (until()) done(); else requestAnimationFrame(next); };
            next();
          });
          const ended = (event) => {
            let over = false;
            map.once(event, () => { over = true; });
            return () => over;
          };
          let over = ended("moveend");
          map.panBy([137, 61], { duration: 0.2 });
          await frames(over);
          over = ended("zoomend");
          map.zoomIn(1, { animate: true });
          await frames(over);
          look();
          return { worst: Math.max(...off), looked: off.length, moved: moved.size };
        }"""
    )
    assert watched["looked"] > 10
    assert watched["moved"] > 2
    assert watched["worst"] < 0.01
    if not swiping.phone:
        page.set_viewport_size({"width": 1100, "height": 800})
        page.wait_for_function("() => OneMap.map.getSize().x === OneMap.map.getContainer().clientWidth")
        assert divider_px(page) == pytest.approx(page.evaluate("OneMap.map.getSize().x") * 0.3, abs=1)
        page.set_viewport_size({"width": 1400, "height": 900})
    visit.settle()


def test_each_side_says_what_it_shows_of_which_day(swiping: Seen, map_client: TestClient) -> None:
    page = swiping.page
    runs = {run["scenario"]: run for run in map_client.get("/api/matches").json()["runs"]}
    assert [runs["base"]["current"], runs["older"]["current"]] == [True, False]
    page.evaluate("OneMap.swipe.open(['parcel_suitability', 'match:older'])")
    left, right = page.locator(".swipe-card.left"), page.locator(".swipe-card.right")
    day = "(moment) => OneMap.day(moment)"
    scored = page.evaluate("OneMap.config.layers[0].run")
    assert scored["as_of"] == map_client.get("/api/summary").json()["as_of"]
    expect(left).to_contain_text(page.evaluate(day, scored["finished_at"]))
    expect(left).to_contain_text(scored["as_of"])
    expect(left.locator("option:checked")).to_contain_text(
        swiping.word("推荐供热技术（地块评价）", "Recommended technology")
    )
    expect(left.locator(".stale")).to_have_count(0)
    expect(right.locator("option:checked")).to_have_text("older")
    expect(right).to_contain_text(page.evaluate(day, runs["older"]["finished_at"]))
    expect(right.locator(".stale")).to_contain_text(swiping.word("图层已更新", "layers have changed"))
    # Every run that there is can be chosen; the same on both sides changes places.
    values = right.locator("option").evaluate_all("all => all.map((one) => one.value)")
    assert values == ["parcel_suitability", *(f"match:{name}" for name in runs)]
    page.locator("#swipe-right").focus()
    page.locator("#swipe-right").select_option("match:base")
    expect(page.locator("#swipe-right")).to_be_focused()
    expect(right.locator(".stale")).to_have_count(0)
    page.locator("#swipe-right").select_option("parcel_suitability")
    assert page.evaluate(SIDES) == ["base", None]
    for card in (left, right):
        box = card.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= page.viewport_size["width"]  # type: ignore[index]


def test_the_legend_counts_each_side_as_its_layer_does(swiping: Seen) -> None:
    page = swiping.page
    mixed = swiping.ask("/api/summary?by=city")["rows"][0]["recommended"]
    parcels = [sum(r["parcel_count"] for r in mixed if r["technology"] == t) for t in (*TECHNOLOGIES, None)]
    told = {
        name: swiping.ask(f"/api/matches/{name}")["summary"]["technologies"] for name in ("base", "older")
    }
    load = {name: [mw(row["allocated_kw"]) for row in rows] for name, rows in told.items()}
    assert load["base"] != load["older"]
    page.evaluate("OneMap.swipe.open(['match:base', 'match:older'])")
    counts = page.locator("#legend-technologies .count")
    pairs = zip([*load["base"], ""], [*load["older"], ""], strict=True)
    expect(counts).to_have_text([figure for pair in pairs for figure in pair])
    heads = page.locator("#legend-title .count")
    expect(heads).to_have_text([swiping.word("左侧MW", "LeftMW"), swiping.word("右侧MW", "RightMW")])
    page.evaluate("OneMap.swipe.open(['match:base', 'parcel_suitability'])")
    pairs = zip([*load["base"], ""], [f"{n:,}" for n in parcels], strict=True)
    expect(counts).to_have_text([figure for pair in pairs for figure in pair])
    expect(heads.last).to_have_text(swiping.word("右侧地块数", "Rightparcels"))
    expect(page.locator("#legend-note")).to_contain_text(
        swiping.word("不能直接比较", "not to be set against")
    )
    expect(page.locator("#legend-statuses li")).to_have_count(3)


def test_leaving_shows_what_was_shown(swiping: Seen) -> None:
    page = swiping.page
    press(swiping, "[data-tool=swipe]")
    assert page.evaluate(SIDES) == [None, "base"]
    expect(page.locator("[data-tool=swipe]")).to_have_attribute("aria-pressed", "true")
    press(swiping, "#swipe-leave")
    assert page.evaluate("OneMap.controls.shown()").count("parcel_suitability") == 1
    expect(page.locator("[data-tool=swipe]")).to_be_focused()
    expect(page.locator("[data-tool=swipe]")).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#swipe-divider, .swipe-card.left, .swipe-card.right")).to_have_count(3)
    expect(page.locator("#swipe-divider")).to_be_hidden()
    expect(page.locator(".swipe-card").first).to_be_hidden()
    page.evaluate("OneMap.match.choose('older'); OneMap.controls.show('match_parcel')")
    swiping.switches()
    page.locator("#switch-swipe").check()
    assert page.evaluate(SIDES) == ["older", "base"]
    expect(page.locator("#switch-match_parcel")).not_to_be_checked()
    page.locator("#switch-swipe").uncheck()
    expect(page.locator("#switch-match_parcel")).to_be_checked()
    assert page.evaluate("OneMap.match.scenario()") == "older"
    # Another layer that colours parcels ends the comparison and is shown itself.
    page.locator("#switch-swipe").check()
    page.locator("#switch-parcel_suitability").check()
    expect(page.locator("#swipe-divider")).to_be_hidden()
    assert "match_parcel" not in page.evaluate("OneMap.controls.shown()")


def test_a_click_tells_of_the_parcel_and_the_divider_keeps_its_place(swiping: Seen, matched: Store) -> None:
    visit, page = swiping.visit, swiping.page
    there: Spot = spot(matched, MATCHED, "m.matched = 'geothermal'")
    page.evaluate("OneMap.swipe.open(['match:base', 'match:dry-winter'], 80)")
    visit.go_to(there.lon, there.lat, 15)
    before = divider_px(page) / page.evaluate("OneMap.map.getSize().x")
    visit.press_map(there.lon, there.lat)
    expect(page.locator("#panel-body > dl.figures")).to_contain_text(there.parcel_id)
    visit.settle()
    size = page.evaluate("OneMap.map.getSize()")
    assert divider_px(page) == pytest.approx(size["x"] * before, abs=1)
    divider = page.locator("#swipe-divider").bounding_box()
    assert divider is not None
    assert divider["height"] == pytest.approx(size["y"], abs=1)
    if swiping.phone:
        # Nothing covers the way out while the panel is open.
        press(swiping, "#swipe-leave")
        expect(page.locator("#swipe-divider")).to_be_hidden()


def test_the_table_of_two_runs_leads_to_the_map(swiping: Seen) -> None:
    body = swiping.dialog("compare")
    for place, name in enumerate(("base", "dry-winter")):
        body.locator(".fields select").nth(place).select_option(name)
        expect(body).not_to_have_attribute("aria-busy", "true")
    body.locator("#match-to-swipe").click()
    expect(swiping.page.locator("#match-dialog")).to_be_hidden()
    assert swiping.page.evaluate(SIDES) == ["base", "dry-winter"]
    expect(swiping.page.locator("#swipe-divider")).to_be_visible()


@pytest.fixture
def linked(browser: Browser, address: str) -> Iterator[Callable[..., Visit]]:
    """Open a link in a fresh profile; at the end nothing may have gone wrong or left the host."""
    visits: list[Visit] = []

    def start(query: str, **screen: Any) -> Visit:
        context = browser.new_context(**({"viewport": {"width": 1400, "height": 900}} | screen))
        made = Visit(context.new_page(), address)
        visits.append(made)
        made.watch()
        made.page.goto(f"{address}/?{query}")
        made.settle()
        return made

    yield start
    for made in visits:
        made.page.context.close()
        made.check()


def asked(page: Page) -> dict[str, list[str]]:
    """Return the query of the address."""
    return parse_qs(urlsplit(page.url).query)


@pytest.mark.parametrize(
    ("lang", "screen"),
    [("zh", {}), ("en", {"viewport": {"width": PHONE[0], "height": PHONE[1]}, "has_touch": True})],
    ids=["wide-zh", "phone-en"],
)
def test_a_link_shows_the_same_comparison(
    linked: Callable[..., Visit], lang: str, screen: dict[str, Any]
) -> None:
    compared = "match:dry-winter,parcel_suitability,35.5"
    place = "at=39.90000,116.40000,13&layers=data_centre,parcel_suitability&status=suitable"
    visit = linked(f"lang={lang}&{place}&scenario=older&compare={compared}", **screen)
    page = visit.page
    assert page.evaluate(SIDES) == ["dry-winter", None]
    assert divider_px(page) == pytest.approx(page.evaluate("OneMap.map.getSize().x") * 0.355, abs=1)
    assert page.evaluate("OneMap.match.scenario()") == "older"
    # The run of the link is the only one that was asked for, and the filter holds for results alone.
    tiles = [url for url in visit.requests if ".mvt" in url]
    assert {parse_qs(urlsplit(u).query)["scenario"][0] for u in tiles if "/match_" in u} == {"dry-winter"}
    assert all(("status=suitable" in u) == ("/parcel_suitability/" in u) for u in tiles)
    left, right = page.locator(".swipe-card.left"), page.locator(".swipe-card.right")
    expect(left).to_contain_text({"zh": "不受筛选影响", "en": "Not filtered"}[lang])
    expect(right.locator(".filtered")).to_have_text({"zh": "已筛选", "en": "Filtered"}[lang])
    expect(page.locator("#filter-badge")).to_be_visible()
    expect(page).to_have_url(re.compile(f"compare={compared}&"))
    page.locator("#swipe-divider").press("End")
    page.locator("#swipe-left").select_option("match:base")
    expect(page).to_have_url(re.compile("compare=match:base,parcel_suitability,100"))
    again = asked(page)
    assert again["layers"] == ["data_centre,parcel_suitability"]
    assert again["scenario"] == ["older"]
    page.locator("#swipe-leave").click()
    expect(page).not_to_have_url(re.compile("compare="))
    assert sorted(page.evaluate("OneMap.controls.shown()")) == ["data_centre", "parcel_suitability"]


def test_a_link_names_the_run_that_is_shown(linked: Callable[..., Visit]) -> None:
    visit = linked("at=39.90000,116.40000,13&layers=match_parcel&scenario=dry-winter")
    page = visit.page
    expect(page.locator("[data-layer=match_parcel] select")).to_have_value("dry-winter")
    assert not any("scenario=base" in url for url in visit.requests if ".mvt" in url)
    page.locator("[data-layer=match_parcel] select").select_option("older")
    expect(page).to_have_url(re.compile("scenario=older"))
    page.locator("[data-layer=match_parcel] select").select_option("base")
    expect(page).not_to_have_url(re.compile("scenario="))
    visit.settle()


def test_a_run_that_is_not_there_is_told_in_a_sentence(linked: Callable[..., Visit]) -> None:
    visit = linked(
        "lang=en&compare=match:last-year,match:base,50&scenario=last-year&layers=parcel_suitability"
    )
    hint = visit.page.locator("#map-hint")
    expect(hint).to_have_text("The matching run last-year of this link is no longer there and is not shown.")
    assert visit.page.evaluate("OneMap.controls.shown()") == ["parcel_suitability"]
    expect(visit.page).not_to_have_url(re.compile("compare=|scenario="))


@pytest.mark.parametrize(
    "compared",
    ["match:base", "match:base,match:base,50", "match:base,gold,50", "match:base,parcel_suitability,101"],
)
def test_what_is_no_comparison_is_told(shown: Visit, compared: str) -> None:
    assert shown.page.evaluate(f"OneMap.swipe.read('{compared}')") is None
    assert shown.page.evaluate("OneMap.swipe.read('match:base,parcel_suitability,0').percent") == 0
