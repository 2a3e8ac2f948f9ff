"""The filter of parcels on the map, the link of what is shown, and the export of what passes."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, expect

from gis.store import Store
from tests.browser.conftest import PHONE, WIDE, Visit, open_map
from tests.browser.places import RESULTS, spot

WORDS = {"zh": ("个地块", "清除筛选"), "en": ("of", "Clear filter")}


@pytest.fixture(scope="module", params=[(WIDE, "zh"), (PHONE, "en")], ids=["wide-zh", "phone-en"])
def filtering(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[tuple[Visit, str]]:
    """The map with the filter unfolded."""
    size, lang = request.param
    visit = open_map(browser, address, size, lang)
    if size == PHONE:
        visit.page.locator("#layers-toggle").click()
    visit.page.locator("#filter > details > summary").click()
    visit.page.locator("#filter-technology-none").wait_for()
    yield visit, lang
    visit.page.context.close()


def found(visit: Visit) -> int:
    """Return how many parcels the page says to pass."""
    numbers = re.findall(r"\d+", visit.page.locator("#filter-found").inner_text().replace(",", ""))
    return int(numbers[0])


def test_a_filter_changes_counts_tiles_and_address(
    filtering: tuple[Visit, str], map_client: TestClient
) -> None:
    visit, lang = filtering
    page = visit.page
    asked = "technology=waste_heat&technology=none&score_min=0"
    every = map_client.get("/api/parcels/summary").json()
    expect(page.locator("#filter-found")).to_contain_text(WORDS[lang][0])
    assert found(visit) == every["parcel_count"]
    visit.settle()
    visit.requests.clear()
    page.locator("#filter-technology-waste_heat").check()
    page.locator("#filter-technology-none").check()
    page.locator("#filter-score_min").fill("0")
    expect(page).to_have_url(re.compile("score_min=0"))
    visit.settle()
    badge = page.locator("#filter-badge")
    if lang == "zh":  # on a phone it is behind the open panel
        expect(badge).to_be_visible()
    some = map_client.get(f"/api/parcels/summary?{asked}").json()
    assert found(visit) == some["parcel_count"] < every["parcel_count"]
    # The counts of a facet are those under the rest of the filter.
    for one in some["facets"]["technology"]:
        box = page.locator(f"#filter-technology-{one['value']}")
        shown = box.locator("xpath=..").locator(".count").inner_text()
        assert int(shown.replace(",", "")) == one["parcel_count"]
    legend = page.locator("#legend-technologies .count").all_inner_texts()
    assert sum(int(n.replace(",", "")) for n in legend) == some["parcel_count"]
    tiles = [u for u in visit.requests if "/tiles/parcel_suitability/" in u]
    assert tiles
    assert "technology=waste_heat" in tiles[-1]
    query = parse_qs(urlsplit(page.url).query)
    assert query["technology"] == ["none", "waste_heat"]
    assert query["score_min"] == ["0"]
    page.locator("#filter-score_min").fill("120")
    expect(page.locator("#filter-wrong")).not_to_be_empty()
    assert parse_qs(urlsplit(page.url).query)["score_min"] == ["0"]
    button = page.locator("#filter-clear")
    expect(button).to_have_text(WORDS[lang][1])
    button.click()
    expect(page).not_to_have_url(re.compile("technology="))
    visit.settle()
    assert found(visit) == every["parcel_count"]
    expect(badge).to_be_hidden()
    assert "technology" not in parse_qs(urlsplit(page.url).query)
    expect(page.locator("#filter > details > summary")).to_be_focused()
    visit.check()


def test_the_keyboard_keeps_its_place(filtering: tuple[Visit, str]) -> None:
    visit, _ = filtering
    page = visit.page
    box = page.locator("#filter-technology-biomass")
    box.focus()
    page.keyboard.press("Space")
    expect(page.locator("#filter-clear")).to_be_visible()
    visit.settle()
    expect(box).to_be_focused()
    page.keyboard.press("Space")
    expect(page).not_to_have_url(re.compile("technology="))
    visit.settle()
    visit.check()


def test_what_the_filter_hides_is_told_of_and_not_opened(filtering: tuple[Visit, str], scored: Store) -> None:
    visit, _ = filtering
    page = visit.page
    hidden = spot(scored, RESULTS, "s.recommended <> 'biomass'")
    page.locator("#filter-technology-biomass").check()
    expect(page).to_have_url(re.compile("technology=biomass"))
    page.evaluate("OneMap.controls.closeDrawer()")
    visit.go_to(hidden.lon, hidden.lat, 16)
    visit.press_map(hidden.lon, hidden.lat)
    reveal = page.locator("#map-hint button, #panel-body .hidden-parcels button")
    expect(reveal).to_be_visible()
    expect(page.locator("#panel-body .ranking")).to_have_count(0)
    reveal.click()
    expect(page.locator("#panel-body > dl.figures")).to_contain_text(hidden.parcel_id)
    expect(page).not_to_have_url(re.compile("technology="))
    page.evaluate("OneMap.panel.close()")
    visit.settle()
    if page.locator("#layers-toggle").is_visible():
        page.locator("#layers-toggle").click()
    visit.check()


def test_what_passes_is_taken_out(filtering: tuple[Visit, str], map_client: TestClient) -> None:
    visit, _ = filtering
    page = visit.page
    page.locator("#filter-technology-waste_heat").check()
    expect(page).to_have_url(re.compile("technology=waste_heat"))
    visit.settle()
    page.locator("#export-start").click()
    link = page.locator("#export-file")
    link.wait_for()
    with page.expect_download() as download:
        link.click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))
    assert len(rows) == found(visit) > 0
    assert {row["recommended"] for row in rows} == {"waste_heat"}
    # The file of another filter is not offered.
    page.locator("#filter-technology-waste_heat").uncheck()
    expect(link).to_have_count(0)
    visit.settle()
    visit.check()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_link_shows_the_same_again(
    browser: Browser, address: str, map_client: TestClient, size: tuple[int, int]
) -> None:
    parcel = map_client.get("/ogc/collections/parcel/items?limit=1").json()["features"][0]
    lon, lat = (
        parcel["geometry"]["coordinates"][0][0][0][:2]
        if parcel["geometry"]["type"] == "MultiPolygon"
        else parcel["geometry"]["coordinates"][0][0][:2]
    )
    link = (
        f"{address}/?lang=en&at={lat:.5f},{lon:.5f},14&layers=parcel_suitability,data_centre"
        f"&status=conditional&score_max=80&parcel={parcel['id']}"
    )
    viewport = {"width": size[0], "height": size[1]}
    visit = Visit(browser.new_context(viewport=viewport).new_page(), address)
    visit.watch()
    visit.page.goto(link)
    visit.settle()
    page = visit.page
    assert page.evaluate("OneMap.map.getZoom()") == 14
    assert sorted(page.evaluate("OneMap.controls.shown()")) == ["data_centre", "parcel_suitability"]
    expect(page.locator("#filter-status-conditional")).to_be_checked()
    expect(page.locator("#filter-score_max")).to_have_value("80")
    expect(page.locator("#panel-title")).to_contain_text(parcel["properties"]["name"] or parcel["id"])
    assert all("status=conditional" in u for u in visit.requests if "/tiles/parcel_suitability/" in u)
    expect(page).to_have_url(re.compile("layers=data_centre,parcel_suitability"))
    assert parse_qs(urlsplit(page.url).query)["parcel"] == [parcel["id"]]
    page.locator("#panel-close").click()
    expect(page).not_to_have_url(re.compile("parcel="))
    visit.check()
    page.context.close()


def test_what_a_link_has_wrong_is_left_out_and_told(browser: Browser, address: str) -> None:
    visit = Visit(browser.new_context(viewport={"width": 1400, "height": 900}).new_page(), address)
    visit.watch()
    visit.page.goto(f"{address}/?at=here&layers=parcel_suitability,gold&technology=magic&score_min=-3")
    hint = visit.page.locator("#map-hint")
    expect(hint).to_contain_text("technology=magic")
    for part in ("at=here", "layers=gold", "score_min=-3"):
        expect(hint).to_contain_text(part)
    visit.settle()
    expect(visit.page).to_have_url(re.compile(r"at=[\d.]+,[\d.]+,\d+"))
    assert "technology" not in parse_qs(urlsplit(visit.page.url).query)
    visit.check()
    visit.page.context.close()


def test_a_district_that_is_not_there_is_left_out(browser: Browser, address: str) -> None:
    visit = Visit(browser.new_context(viewport={"width": 1400, "height": 900}).new_page(), address)
    visit.watch()
    visit.page.goto(f"{address}/?district=Atlantis&status=suitable")
    expect(visit.page.locator("#map-hint")).to_contain_text("district=Atlantis")
    visit.settle()
    expect(visit.page).not_to_have_url(re.compile("district="))
    assert parse_qs(urlsplit(visit.page.url).query)["status"] == ["suitable"]
    visit.settle()
    assert found(visit) > 0
    visit.check()
    visit.page.context.close()
