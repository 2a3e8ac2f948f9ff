"""The search box: typing, choosing by keys and by pointer, coordinates, and a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from gis.store import Store
from tests.browser.conftest import PHONE
from tests.browser.places import RESULTS, Spot, spot

OUTLINED = """() => {
  const [map, outline] = [".leaflet-container", ".leaflet-onemap-selection-pane path"]
    .map((part) => document.querySelector(part).getBoundingClientRect());
  const panel = document.getElementById("parcel-panel").getBoundingClientRect();
  const beside = outline.right <= panel.left || outline.bottom <= panel.top;
  return beside && outline.left >= map.left && outline.right <= map.right
    && outline.top >= map.top && outline.bottom <= map.bottom;
}"""
"""Whether the whole outline of what is selected can be seen, beside or above the panel."""


@pytest.fixture(scope="module")
def parcel(scored: Store) -> Spot:
    """Any parcel with a recommendation."""
    return spot(scored, RESULTS, "s.recommended_status = 'suitable'")


def _options(page: Page) -> Locator:
    return page.locator("#find-list").get_by_role("option")


def test_a_parcel_is_found_by_a_part_of_its_number_with_keys_only(shown: Any, parcel: Spot) -> None:
    page = shown.page
    field = page.get_by_role("combobox", name="查找地块、地名或坐标")
    field.focus()
    page.keyboard.type(parcel.parcel_id[1:].lower())
    wanted = _options(page).filter(has_text=parcel.parcel_id)
    expect(wanted).to_be_visible()
    expect(field).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#find-status")).to_contain_text("项")
    for _ in range(_options(page).count()):
        page.keyboard.press("ArrowDown")
        if wanted.get_attribute("aria-selected") == "true":
            break
    expect(field).to_have_attribute("aria-activedescendant", wanted.get_attribute("id") or "?")
    page.keyboard.press("Enter")
    expect(page.locator("#parcel-panel")).to_be_visible()
    expect(page.locator("#panel-body > dl.figures")).to_contain_text(parcel.parcel_id)
    expect(page.locator("#find-list")).to_be_hidden()
    page.wait_for_function(OUTLINED)
    assert page.evaluate("OneMap.map.getZoom()") >= 15
    expect(page.locator("#panel-title")).to_be_focused()


def test_results_stand_by_layer_with_their_district(shown: Any) -> None:
    page = shown.page
    page.locator("#find-input").fill("通州")
    groups = page.locator("#find-list [role=group]")
    expect(groups.first).to_be_visible()
    names = [groups.nth(n).locator(".find-group").inner_text() for n in range(groups.count())]
    assert len(set(names)) == len(names) > 1
    assert page.locator("#find-list mark").first.inner_text() == "通州"
    before = page.evaluate("OneMap.map.getZoom()")
    _options(page).first.click()
    expect(page.locator("#find-input")).to_have_value("通州区")
    shown.settle()
    assert page.evaluate("OneMap.map.getZoom()") != before or before > 9
    page.locator("#find-clear").click()
    expect(page.locator("#find-input")).to_have_value("")


def test_coordinates_set_a_mark_and_open_what_is_there(shown: Any, parcel: Spot) -> None:
    page = shown.page
    field = page.locator("#find-input")
    field.fill(f"{parcel.lat:.6f} {parcel.lon:.6f}")
    expect(_options(page)).to_contain_text("纬度、经度（CGCS2000，EPSG:4490）")
    field.press("Enter")
    expect(page.locator("#parcel-panel")).to_be_visible()
    expect(page.locator("#panel-body > dl.figures")).to_contain_text(parcel.parcel_id)
    expect(page.locator(".find-mark")).to_contain_text(f"{parcel.lon:.6f}° E, {parcel.lat:.6f}° N")
    page.locator("#find-clear").click()
    expect(page.locator(".find-mark")).to_have_count(0)


def test_a_place_outside_the_city_is_told_and_not_gone_to(shown: Any) -> None:
    page = shown.page
    page.locator("#find-input").fill("121.47, 31.23")
    expect(_options(page)).to_contain_text("不在本市")
    before = page.evaluate("OneMap.map.getCenter().toString()")
    _options(page).click()
    expect(page.locator("#map-hint")).to_contain_text("不在本市")
    assert page.evaluate("OneMap.map.getCenter().toString()") == before
    page.locator("#find-input").fill("没有这样的名称")
    expect(page.locator("#find-status")).to_contain_text("未找到")
    page.locator("#find-input").press("Escape")
    expect(page.locator("#find-status")).to_be_empty()
    page.locator("#find-clear").click()


def test_answers_to_older_questions_are_dropped(shown: Any) -> None:
    page = shown.page
    waiting: list[Any] = []

    def hold(route: Any) -> None:
        if "q=P-0000&" in route.request.url:
            waiting.append(route)
        else:
            route.continue_()

    page.route("**/api/search?*", hold)
    field = page.locator("#find-input")
    field.fill("P-0000")
    page.wait_for_timeout(400)
    field.fill("通州区")
    expect(_options(page).first).to_contain_text("通州区")
    waiting[0].continue_()
    page.unroute("**/api/search?*", hold)
    shown.settle()
    expect(_options(page).first).to_contain_text("通州区")
    page.locator("#find-clear").click()


def test_on_a_phone_the_box_lies_over_the_bar(visit: Callable[..., Any], parcel: Spot) -> None:
    page = visit(PHONE).page
    expect(page.locator("#find-input")).to_be_hidden()
    page.locator("#find-open").tap()
    expect(page.locator("#find-input")).to_be_focused()
    page.locator("#find-input").fill(parcel.parcel_id)
    option = _options(page).filter(has_text=parcel.parcel_id).first
    option.tap()
    expect(page.locator("#parcel-panel")).to_be_visible()
    expect(page.locator("#panel-body > dl.figures")).to_contain_text(parcel.parcel_id)
    expect(page.locator("#find-input")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    page.wait_for_function(OUTLINED)


def test_a_parcel_at_the_edge_is_moved_into_sight(shown: Any, parcel: Spot) -> None:
    page = shown.page
    shown.go_to(parcel.lon, parcel.lat, 16)
    page.evaluate("OneMap.map.panBy([-OneMap.map.getSize().x / 2 + 20, 0], { animate: false })")
    shown.settle()
    shown.press_map(parcel.lon, parcel.lat)
    expect(page.locator("#parcel-panel")).to_be_visible()
    page.wait_for_function(OUTLINED)
    shown.settle()
