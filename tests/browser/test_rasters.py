"""The potential of the ground on the map: switch, tiles, legend, opacity, and its value at a place."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.seen import Seen

PLACE = (116.2, 39.75)
"""Open ground in the plain, far from exclusions."""
MOUNTAIN = (115.6, 40.0)


def test_ground_potential_is_shown_told_and_read_at_a_place(seen: Seen) -> None:
    page, visit = seen.page, seen.visit
    seen.switches()
    # Nothing of it is asked for before it is shown.
    assert not [url for url in visit.requests if "/tiles/ground_heat" in url]
    page.locator("#switch-ground_heat").check()
    visit.settle()
    tiles = page.locator(".raster-tile img")
    assert tiles.count() > 0
    assert page.evaluate(
        "[...document.querySelectorAll('.raster-tile img')].every((tile) => tile.naturalWidth === 256)"
    )

    told, made = seen.ask("/tiles/ground_heat.json"), seen.ask("/api/potential")
    legend = page.locator("#legend-rasters [data-raster=ground_heat]")
    for value in (told["stops"][0][0], told["stops"][-1][0]):
        expect(legend.locator(".raster-scale")).to_contain_text(f"{value:,.0f}")
    expect(legend).to_contain_text("MWh/(ha a)")
    expect(legend).to_contain_text(seen.word("释热取热比 0.8", "heat balance 0.8"))
    expect(legend).to_contain_text(seen.word("不得布孔", "no boreholes"))
    expect(legend.locator("a")).to_have_attribute("href", made["file"])
    expect(legend.locator(".raster-stale")).to_have_count(0)
    expect(page.locator("#switch-ground_conductivity")).to_be_disabled()

    page.locator("[data-opacity=ground_heat]").fill("40")
    assert (
        page.evaluate("document.querySelector('.leaflet-onemap-raster-pane .leaflet-layer').style.opacity")
        == "0.4"
    )
    page.evaluate("OneMap.controls.closeDrawer()")
    for lon, lat in (PLACE, MOUNTAIN):
        page.evaluate("OneMap.panel.close()")
        visit.go_to(lon, lat, 10)
        visit.press_map(lon, lat)
        values = page.locator("#panel-body .raster-values")
        expect(values).to_be_visible()
        (one,) = seen.ask(f"/api/rasters/values?lon={lon}&lat={lat}&layers=ground_heat")["values"]
        # A pixel at this zoom is less than two cells.
        figure = f"{one['value']:,.0f} MWh/(ha a)" if (lon, lat) == PLACE else "0 MWh/(ha a)"
        expect(values).to_contain_text(figure)
    expect(values).to_contain_text(seen.word("不得布孔", "no boreholes"))
    visit.settle()
    # A link shows the same to somebody else.
    assert "ground_heat" in page.url
    page.evaluate("OneMap.controls.hide('ground_heat')")
    expect(page.locator("#legend-rasters li")).to_have_count(0)
    assert tiles.count() == 0
