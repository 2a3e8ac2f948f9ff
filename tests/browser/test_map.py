"""The map in headless Chromium, on the scored sample."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from api.main import create_app
from gis.settings import Settings
from gis.store import Store
from gis.webmap.raster_tiles import SHOWN_RASTERS
from layers import LAYERS
from tests.browser.places import RESULTS, Spot, spot

PHONE = (390, 844)
ANSWERS = re.compile("适宜|资料不足")


def look_at(seen: Any, there: Spot) -> None:
    """Go to a parcel, click or tap on it, and wait for its answer."""
    seen.go_to(there.lon, there.lat, 16)
    seen.press_map(there.lon, there.lat)
    expect(seen.page.locator("#parcel-panel")).to_be_visible()
    expect(seen.page.locator("#panel-body > dl.figures")).to_contain_text(there.parcel_id)


@pytest.fixture(scope="module")
def good(scored: Store) -> Spot:
    """A parcel with a recommendation, out of reach of any biomass source."""
    return spot(
        scored, RESULTS, "s.recommended_status = 'suitable' AND 'reach.failed' = ANY(s.biomass_reasons)"
    )


def answer(page: Any, parcel_id: str) -> dict[str, Any]:
    """Return the suitability document that the page gets for a parcel."""
    document: dict[str, Any] = page.evaluate(f"OneMap.getJson('/api/parcels/{parcel_id}/suitability')")
    return document


def test_page_opens_in_chinese_with_tiles_and_counts(
    visit: Callable[..., Any], scored: Store, good: Spot
) -> None:
    seen = visit()
    page = seen.page
    expect(page).to_have_title("新能源供热资源一张图 OneMap")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    expect(page.locator("#top-bar h1")).to_contain_text("新能源供热资源一张图")
    expect(page.locator("#synthetic-badge")).to_be_visible()
    assert seen.drawn() > 0
    full = [url for url, status, size in seen.tiles if status == 200 and size]
    drawn = {url.split("/tiles/")[1].split("/")[0] for url in full}
    assert {"parcel_suitability", "district", "reclaimed_water_pipeline", "wastewater_plant"} <= drawn
    with scored.engine.connect() as connection:
        query = "SELECT recommended, count(*) FROM result.parcel_suitability GROUP BY recommended"
        stored = sorted(f"{count:,}" for _, count in connection.execute(sa.text(query)))
    shown = page.locator("#legend-technologies .count").all_inner_texts()
    assert sorted(c for c in shown if c != "0") == stored
    seen.go_to(good.lon, good.lat, 16)
    opaque = page.evaluate(
        """() => [...document.querySelectorAll(".leaflet-onemap-result-pane canvas")]
           .reduce((sum, canvas) => {
             const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
             for (let i = 3; i < data.length; i += 4) sum += data[i] > 0;
             return sum;
           }, 0)"""
    )
    assert opaque > 1000


def test_click_shows_the_ranking_with_reasons(shown: Any, good: Spot) -> None:
    page = shown.page
    look_at(shown, good)
    options = page.locator("#parcel-panel .ranking > li")
    expect(options).to_have_count(6)
    every = page.locator("#parcel-panel .option")
    technologies = every.evaluate_all("all => all.map((o) => o.dataset.technology)")
    assert len(set(technologies)) == 5
    expect(page.locator("#parcel-panel")).to_contain_text(good.parcel_id)
    expect(page.locator("#parcel-panel .recommended")).to_contain_text("推荐技术")
    for status in page.locator("#parcel-panel .option summary .chip").all_inner_texts():
        assert ANSWERS.search(status)
    reasons = page.locator("#parcel-panel .option[open] .reason")
    assert reasons.count() > 0
    cited = page.locator("#parcel-panel .option[open] .reason cite").first
    expect(cited).to_contain_text("号")
    expect(cited).to_contain_text("[P")
    expect(page.locator("#parcel-panel footer")).to_contain_text("规则基准日")
    expect(page.locator("#parcel-panel .synthetic-hint")).to_be_visible()
    assert page.locator(".leaflet-onemap-selection-pane path").count() == 2
    page.keyboard.press("Escape")
    expect(page.locator("#parcel-panel")).to_be_hidden()
    assert page.locator(".leaflet-onemap-selection-pane path").count() == 0
    shown.go_to(115.6, 40.6, 14)
    shown.press_map(115.6, 40.6)
    expect(page.locator("#map-hint")).to_contain_text("没有地块")
    expect(page.locator("#parcel-panel")).to_be_hidden()


def test_every_technology_says_why_it_is_not_chosen(shown: Any, scored: Store) -> None:
    # The heat of a data centre has a declared range.
    too_far = "'reach.failed' = ANY(s.waste_heat_reasons) AND f.waste_heat_source_layer = 'data_centre'"
    far = spot(scored, RESULTS, f"s.recommended IS NOT NULL AND {too_far}")
    page = shown.page
    shown.open_panel(far)
    expect(page.locator("#portfolio")).to_be_attached()
    document = answer(page, far.parcel_id)
    options = page.locator("#parcel-panel .option")
    expect(options).to_have_count(len(document["technologies"]))
    for place, entry in enumerate(document["technologies"]):
        option = options.nth(place)
        expect(option.locator(".changes li")).to_have_count(len(entry["changes"]))
        if entry["why_not"] is None:
            assert entry["technology"] == document["recommended"]
            expect(option.locator(".why-not")).to_have_count(0)
        else:
            expect(option.locator(".why-not")).to_contain_text("未推荐原因" + entry["why_not"]["zh"])
            expect(option.locator(".why-not cite")).to_contain_text(f"[{entry['why_not']['clause_id']}]")
    waste = page.locator(".option[data-technology=waste_heat]")
    waste.locator(":scope > summary").click()
    nearer = waste.locator(".changes li").filter(has_text="接近")
    expect(nearer).to_contain_text("距余热热源")
    expect(nearer).to_contain_text("→")
    spread = next(t for t in document["technologies"] if t["technology"] == "waste_heat")["capacity_range_kw"]
    figures = " / ".join(f"{spread[p]:,.0f}" for p in ("p90", "p50", "p10"))
    expect(waste.locator(":scope > dl.figures")).to_contain_text(f"{figures} kW")


def test_portfolio_and_checklist(shown: Any, scored: Store) -> None:
    mixed = spot(
        scored, RESULTS, "cardinality(s.portfolio_technologies) > 2 AND s.portfolio_air_source_kw > 0"
    )
    page = shown.page
    shown.open_panel(mixed)
    section = page.locator("#portfolio")
    expect(section).to_be_attached()
    document = answer(page, mixed.parcel_id)
    plan = document["portfolio"]
    expect(section.locator(".parts li")).to_have_count(len(plan["technologies"]))
    whole = section.locator(".pieces").bounding_box()
    mark = section.locator(".least").bounding_box()
    assert whole is not None
    assert mark is not None
    assert mark["x"] - whole["x"] == pytest.approx(0.6 * whole["width"], abs=2)
    for part in plan["technologies"]:
        piece = section.locator(f".piece[data-technology={part['technology']}]").bounding_box()
        assert piece is not None
        assert piece["width"] == pytest.approx(part["installed_share_frac"] * whole["width"], abs=1)
        item = section.locator(f".parts li[data-technology={part['technology']}]")
        expect(item).to_contain_text(f"{part['installed_kw']:,.0f} kW")
    expect(section.locator(".findings .reason")).to_have_count(len(plan["findings"]))
    expect(section).to_contain_text(plan["subsidy"]["valid_from"])
    factors = section.locator(".carbon li")
    expect(factors).to_have_count(len(plan["carbon"]["by_factor"]))
    expect(factors.first).to_be_visible()
    groups = page.locator("#checklist .group")
    expect(groups).to_have_count(len({item["group"] for item in document["checklist"]}))
    first = groups.first
    expect(first.locator("li").first).to_be_hidden()
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(first.locator("li").first).to_be_visible()
    expect(page.locator("#checklist li")).to_have_count(len(document["checklist"]))


def test_biomass_has_a_place_where_a_source_may_serve(shown: Any, scored: Store) -> None:
    near = spot(scored, RESULTS, "s.recommended = 'biomass'")
    page = shown.page
    shown.open_panel(near)
    expect(page.locator("#parcel-panel .ranking > li")).to_have_count(7)
    expect(page.locator("#parcel-panel .recommended")).to_contain_text("生物质和垃圾焚烧供热")
    expect(page.locator("#legend-technologies li")).to_have_count(7)


def test_a_parcel_without_a_load_has_no_portfolio(shown: Any, scored: Store) -> None:
    bare = spot(scored, RESULTS, "f.heat_load_kw IS NULL")
    page = shown.page
    shown.open_panel(bare)
    expect(page.locator("#portfolio")).to_contain_text("不作组合")
    expect(page.locator("#portfolio .pieces")).to_have_count(0)


def test_missing_figures_are_never_zero(shown: Any, scored: Store) -> None:
    bare = spot(scored, RESULTS, "s.air_source_capacity_kw IS NULL")
    page = shown.page
    shown.open_panel(bare)
    option = page.locator(".option[data-technology=air_source]")
    expect(option).to_be_attached()
    option.locator(":scope > summary").click()
    expect(option.locator(":scope > dl.figures dd").first).to_have_text("资料不足")


def test_a_heat_project_leads_to_its_page(shown: Any, scored: Store) -> None:
    query = """
        SELECT heat_project_id, ST_X(p), ST_Y(p)
        FROM layer.heat_project, ST_Transform(geom, 4326) AS p ORDER BY 1 LIMIT 1
    """
    with scored.engine.connect() as connection:
        project, lon, lat = connection.execute(sa.text(query)).one()
    page, asked = shown.page, f"/api/identify?lon={lon}&lat={lat}&layers=heat_project&radius_m=50"
    page.evaluate("(asked) => OneMap.getJson(asked).then((found) => OneMap.panel.show(found))", asked)
    link = page.locator(f".features a[href='/projects?project={project}']")
    expect(link).to_have_text("项目登记、核查与评估")
    expect(page.locator("#projects-open")).to_have_attribute("href", "/projects")


def test_language_switch_changes_all_texts(visit: Callable[..., Any], good: Spot) -> None:
    page = (seen := visit()).page
    seen.open_panel(good)
    expect(page.locator("#parcel-panel .ranking > li")).to_have_count(6)
    page.get_by_role("button", name="Switch to English").click()
    assert "lang=en" in page.url
    assert page.evaluate("document.documentElement.lang") == "en"
    expect(page.locator("#legend-technologies")).to_contain_text("Shallow ground source")
    expect(page.locator("#layer-switches")).to_contain_text("Restrictions")
    expect(page.locator("#parcel-panel .recommended")).to_contain_text("Recommended technology")
    document = answer(page, good.parcel_id)
    reasons = [r["en"] for t in document["technologies"] for r in t["reasons"]]
    reasons += [f["en"] for f in document["portfolio"]["findings"]]
    expect(page.locator("#parcel-panel .reason-text")).to_have_text(reasons)
    # Names of places, plants and documents stay as they are; what the page itself says is English.
    own = page.locator("#parcel-panel :is(h3, h4, dt, summary > .count, .chip, .effect)")
    assert not any(re.search("[\u4e00-\u9fff]", text) for text in own.all_inner_texts())
    page.reload()
    expect(page.locator("#legend-technologies")).to_contain_text("Shallow ground source")
    page.get_by_role("button", name="切换为中文").click()
    expect(page.locator("#legend-technologies")).to_contain_text("浅层地源热泵")
    assert "lang" not in page.url


def test_layers_can_be_switched(visit: Callable[..., Any]) -> None:
    page = (seen := visit()).page
    assert page.locator("#layer-switches fieldset").count() == 5
    assert not any("/tiles/heat_network/" in url for url, _, _ in seen.tiles)
    with page.expect_request_finished(lambda request: "/tiles/heat_network/" in request.url):
        page.get_by_role("checkbox", name="热力管网").check()
    seen.settle()
    assert any("/tiles/heat_network/" in url and size for url, _, size in seen.tiles)
    canvases = page.locator(".leaflet-onemap-result-pane canvas")
    assert canvases.count() > 0
    page.get_by_role("checkbox", name="推荐供热技术").uncheck()
    expect(canvases).to_have_count(0)


def test_phone_shows_drawer_and_bottom_sheet(visit: Callable[..., Any], good: Spot) -> None:
    page = (seen := visit(size=PHONE)).page
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    expect(page.locator("#layers-panel")).to_be_hidden()
    page.locator("#layers-toggle").tap()
    expect(page.locator("#layers-panel")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#layers-panel")).to_be_hidden()
    look_at(seen, good)
    expect(page.locator("#parcel-panel .ranking > li")).to_have_count(6)
    sheet = page.locator("#parcel-panel").bounding_box()
    chart = page.locator("#one_map_page").bounding_box()
    assert sheet is not None
    assert chart is not None
    assert sheet["width"] == PHONE[0]
    assert sheet["y"] + sheet["height"] == pytest.approx(PHONE[1], abs=1)
    assert chart["y"] + chart["height"] <= sheet["y"] + 1
    assert chart["height"] > 250
    last = page.locator("#parcel-panel .ranking > li").last
    last.scroll_into_view_if_needed()
    expect(last).to_be_in_viewport()
    page.locator("#panel-close").tap()
    expect(page.locator("#parcel-panel")).to_be_hidden()


def test_layers_never_loaded_are_shown_disabled(
    visit: Callable[..., Any], serve: Callable[..., Any], empty_store: Store, map_settings: Settings
) -> None:
    with serve(create_app(empty_store, map_settings)) as base:
        page = visit(base=base).page
        assert page.locator("#layer-switches input:disabled").count() == 1 + len(LAYERS) + len(SHOWN_RASTERS)
        expect(page.locator("#layer-switches")).to_contain_text("未导入")
        expect(page.locator("#layer-switches")).to_contain_text("尚未评价")
        expect(page.locator("#synthetic-badge")).to_be_hidden()
