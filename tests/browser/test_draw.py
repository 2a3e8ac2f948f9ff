"""Areas drawn and uploaded, measuring, opacity and print, in the browser."""

from __future__ import annotations

import json

import numpy as np
import prcoords
import pyproj
import pytest
import shapely
from playwright.sync_api import expect

from gis.store import Store
from tests.browser.conftest import Visit
from tests.browser.seen import Seen

RING = [(116.697, 39.903), (116.701, 39.903), (116.701, 39.900), (116.697, 39.900)]


def draw(visit: Visit, tool: str, points: list[tuple[float, float]]) -> None:
    """Take a tool and press the map at longitudes and latitudes."""
    visit.page.click(f"[data-tool={tool}]")
    for lon, lat in points:
        visit.press_map(lon, lat)
        visit.page.wait_for_timeout(350)  # two presses in short order are a double click


def test_grid_lengths_and_areas_are_those_of_proj(shown: Visit) -> None:
    forward = pyproj.Transformer.from_crs("EPSG:4490", "EPSG:4548", always_xy=True)
    geod = pyproj.Geod(ellps="GRS80")
    places = [(115.4 + i * 0.35, 39.4 + j * 0.28) for i in range(7) for j in range(7)]
    told = shown.page.evaluate(
        "(places) => places.map(([lng, lat]) => OneMap.geodesy.toGrid({ lng, lat }))", places
    )
    for (lon, lat), found in zip(places, told, strict=True):
        assert (found["east"], found["north"]) == pytest.approx(forward.transform(lon, lat), abs=1e-3)
    for line in ([places[0], places[48]], places[:9:4], RING[:2]):
        found = shown.page.evaluate(
            "(line) => OneMap.geodesy.lengthOf(line.map(([lng, lat]) => ({ lng, lat })))", line
        )
        assert found == pytest.approx(geod.line_length(*zip(*line, strict=True)), rel=1e-5)
    big = [(116.0, 39.8), (116.5, 39.8), (116.5, 40.2), (116.0, 40.2)]
    for ring in (RING, big):
        found = shown.page.evaluate(
            "(ring) => OneMap.geodesy.areaOf(ring.map(([lng, lat]) => ({ lng, lat })))", ring
        )
        dense = shapely.segmentize(shapely.Polygon(ring), 0.01)
        area_m2 = abs(geod.polygon_area_perimeter(*zip(*dense.exterior.coords, strict=True))[0])
        assert found == pytest.approx(area_m2, rel=5e-3)


def test_drawn_area_is_asked_about(seen: Seen) -> None:
    visit, page = seen.visit, seen.visit.page
    visit.go_to(116.70, 39.90, 15)
    draw(visit, "polygon", RING)
    expect(page.locator("#draw-figure")).to_contain_text("ha" if seen.lang == "en" else "公顷")
    page.keyboard.press("Enter")
    expect(page.locator("#draw-status")).to_be_hidden()
    page.select_option("#area-form [name=land_use_code]", "0701")
    page.fill("#area-form [name=floor_area_ratio]", "2")
    with page.expect_request("**/api/suitability") as sent:
        page.click("#area-form [type=submit]")
    (feature,) = sent.value.post_data_json["features"]
    assert feature["properties"] == {"land_use_code": "0701", "floor_area_ratio": 2}
    assert shapely.hausdorff_distance(shapely.from_geojson(json.dumps(feature)), shapely.Polygon(RING)) < 3e-5
    expect(page.locator("#panel-body .ranking li").first).to_be_visible()
    answer = sent.value.response()
    assert answer
    (doc,) = answer.json()["results"]
    expect(page.locator("#panel-body .recommended b")).to_have_text(doc["recommended_title"][seen.lang])
    # No store has it: there is no evidence, no report and no place in a link for it.
    expect(page.locator(".evidence-switch, .report-links")).to_have_count(0)
    page.wait_for_timeout(600)  # the address follows after a quarter of a second
    assert "at=" in page.url
    assert "parcel=" not in page.url
    page.click(".area-links button >> nth=1")
    expect(page.locator("#parcel-panel")).to_be_hidden()


def test_uploaded_areas_are_listed_with_totals(seen: Seen) -> None:
    visit, page = seen.visit, seen.visit.page
    shapes = [shapely.box(116.69 + i * 0.004, 39.905, 116.693 + i * 0.004, 39.908) for i in range(3)]
    features = [
        {
            "type": "Feature",
            "properties": {"名称": f"{i}号地", "容积率": 2, "用地用海分类代码": code},
            "geometry": json.loads(shapely.to_geojson(shape)),
        }
        for i, (shape, code) in enumerate(zip(shapes, ("0701", "0802", None), strict=True))
    ]
    content = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    with page.expect_response("**/api/suitability") as asked:
        page.set_input_files(
            "#area-file", {"name": "a.geojson", "mimeType": "application/json", "buffer": content}
        )
    expect(page.locator(".area-list li")).to_have_count(3)
    docs = asked.value.json()["results"]
    load_kw = sum(d["demand"]["heat_load_kw"] for d in docs if d["demand"]["heat_load_kw"] is not None)
    unknown = sum(d["demand"]["heat_load_kw"] is None for d in docs)
    body = page.locator("#panel-body")
    expect(body).to_contain_text(f"{load_kw:,.0f} kW")
    if unknown:
        more = f"({unknown} more not known)" if seen.lang == "en" else f"另有 {unknown} 块资料不足"
        expect(body).to_contain_text(more)
    page.click(".area-list li:nth-child(2) button")
    expect(page.locator("#panel-title")).to_have_text("1号地")
    page.click(".area-links button >> nth=0")
    expect(page.locator(".area-list li")).to_have_count(3)
    page.set_input_files(
        "#area-file", {"name": "b.shp", "mimeType": "application/octet-stream", "buffer": b"x"}
    )
    expect(page.locator("#panel-body [role=alert]")).to_contain_text("zip")
    told = [p for p in visit.problems if "422" in p]  # the refusal, by the network and by the console
    assert len(told) == 2
    visit.problems[:] = [p for p in visit.problems if p not in told]


def test_a_file_that_looks_shifted_is_read_again(seen: Seen, scored: Store) -> None:
    page = seen.page
    district = scored.read("district").to_crs(4326)
    true = shapely.simplify(district.geometry[district.name == "通州区"].iloc[0], 0.0002)
    shifted = shapely.transform(
        true, lambda xy: np.array([prcoords.wgs_gcj((lat, lon))[::-1] for lon, lat in xy])
    )
    shapes = [shifted, shapely.Point(116.7, 39.9)]
    features = [
        {"type": "Feature", "properties": {}, "geometry": json.loads(shapely.to_geojson(s))} for s in shapes
    ]
    content = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    sent = {"name": "web.geojson", "mimeType": "application/json", "buffer": content}
    page.set_input_files("#area-file", sent)
    figures = page.locator("#panel-body > dl.figures").first
    for button, crs in (("GCJ-02", "EPSG:4326"), (seen.word("文件所述", "the file says"), "GCJ-02")):
        again = page.locator("#panel-body button.link", has_text=button)
        expect(again).to_be_visible()
        expect(figures).to_contain_text(crs)
        page.locator("#panel-body details.more summary").click()
        expect(page.locator("#panel-body details.more li")).to_contain_text(seen.word("不是面", "no area"))
        with page.expect_response("**/api/areas") as answer:
            again.click()
    assert answer.value.json()["notes"]["suspected_crs"] == "gcj02"
    expect(figures).to_contain_text("EPSG:4326")
    expect(page.locator("#panel-body button.link", has_text="GCJ-02")).to_be_visible()
    page.locator(".area-links button").first.click()


def test_a_value_that_cannot_be_used_is_named(seen: Seen) -> None:
    visit, page = seen.visit, seen.page
    ring = json.loads(shapely.to_geojson(shapely.box(116.69, 39.905, 116.693, 39.908)))
    feature = {"type": "Feature", "properties": {"名称": "一号地", "容积率": 99}, "geometry": ring}
    content = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    page.set_input_files(
        "#area-file", {"name": "a.geojson", "mimeType": "application/json", "buffer": content}
    )
    told = seen.word("一号地的“容积率”取值不可用", "一号地: the value of “容积率” cannot be used")
    expect(page.locator("#panel-body [role=alert]")).to_contain_text(told)
    visit.problems[:] = [p for p in visit.problems if "422" not in p]


def test_measuring_by_keyboard_and_escape(shown: Visit) -> None:
    page = shown.page
    shown.go_to(116.70, 39.90, 15)
    page.click("[data-tool=distance]")
    page.keyboard.press("Space")
    page.evaluate("OneMap.map.panBy([300, 0], { animate: false })")
    page.keyboard.press("Space")
    from_to = page.evaluate("OneMap.geodesy.toGrid(OneMap.map.getCenter()).east") - 474344.6
    assert 800 < from_to < 1200
    expect(page.locator("#draw-figure")).to_contain_text(" m")
    expect(page.locator("#parcel-panel")).to_be_hidden()
    page.keyboard.press("Backspace")
    expect(page.locator("#draw-figure")).to_have_text("")
    page.keyboard.press("Escape")
    expect(page.locator("#draw-status")).to_be_hidden()


def test_opacity_stays_with_its_layer(shown: Visit) -> None:
    page = shown.page
    page.locator("[data-opacity=parcel_suitability]").fill("40")
    opacity = (
        "getComputedStyle(document.querySelector('.leaflet-onemap-result-pane > .leaflet-layer')).opacity"
    )
    assert page.evaluate(opacity) == "0.4"
    page.click("#switch-parcel_suitability")
    page.click("#switch-parcel_suitability")
    assert page.locator("[data-opacity=parcel_suitability]").input_value() == "40"
    assert page.evaluate(opacity) == "0.4"
    page.locator("[data-opacity=parcel_suitability]").fill("100")


def test_paper_has_dates_legend_and_what_was_folded(shown: Visit) -> None:
    page = shown.page
    shown.go_to(116.70, 39.90, 15)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    expect(page.locator("#print-head")).to_contain_text("数据更新 20")
    expect(page.locator("#legend")).to_be_visible()
    for hidden in ("#map-tools", "#top-bar", "#layer-switches", ".leaflet-control-zoom"):
        expect(page.locator(hidden)).to_be_hidden()
    assert len(page.pdf(prefer_css_page_size=True)) > 10_000
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    expect(page.locator("#top-bar")).to_be_visible()
