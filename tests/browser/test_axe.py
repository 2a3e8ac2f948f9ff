"""Every screen before axe-core, in both languages, wide and on a phone; and the keys alone lead everywhere.

All rules run that axe-core runs of itself (WCAG 2.0 to 2.2, levels A and AA, and best practices), with the
size of targets (WCAG 2.2) besides; none is left out, and nothing found of any impact is let pass.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect

from gis.store import Store
from tests.browser.conftest import PHONE, WIDE, Visit, open_map
from tests.browser.places import RESULTS, Spot, spot
from tests.browser.seen import Seen

OPTIONS = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
FOUND = """async ([part, options]) => {
  const { violations } = await axe.run(part || document, options);
  const told = (rule, node) => `${rule.id} (${rule.impact}): ${node.target} ${node.html.slice(0, 120)}`;
  return violations.flatMap((rule) => rule.nodes.map((node) => told(rule, node)));
}"""
RING = [(-0.0012, -0.0008), (0.0012, -0.0008), (0.0012, 0.0008)]
RINGED = (
    "getComputedStyle(document.activeElement).outlineStyle !== 'none'"
    " && parseFloat(getComputedStyle(document.activeElement).outlineWidth) > 0"
)


@pytest.fixture(scope="module")
def parcel(scored: Store) -> Spot:
    """A parcel with evidence on the map."""
    return spot(scored, RESULTS, "s.reclaimed_water_status = 'suitable' AND f.reclaimed_distance_m > 0")


# Both sizes and both languages; what axe-core finds of one does not depend on the other.
@pytest.fixture(scope="module", params=[(WIDE, "zh"), (PHONE, "en")], ids=["wide-zh", "phone-en"])
def looked_at(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Seen]:
    """The map in one size and language with axe-core at hand."""
    size, lang = request.param
    visit = open_map(browser, address, size, lang)
    visit.page.evaluate(AXE_SCRIPT)
    yield Seen(visit, size == PHONE, lang)
    visit.page.context.close()
    visit.check()


def found(page: Page, part: str | None = None) -> list[str]:
    """Return what axe-core finds on the page, or on a part of it without the rules for whole pages."""
    told: list[str] = page.evaluate(FOUND, [part, OPTIONS])
    return told


def clean(page: Page, *parts: str | None) -> None:
    """Check that nothing is found, on the whole page where no part is named."""
    for part in parts or (None,):
        if part is not None:
            expect(page.locator(part)).to_be_visible()
        assert found(page, part) == []


def close_panel(seen: Seen) -> None:
    """Take the panel and the layers off the map."""
    seen.page.evaluate("OneMap.panel.close(); OneMap.controls.closeDrawer()")


def test_map_layers_filter_and_export(looked_at: Seen) -> None:
    page = looked_at.page
    clean(page)
    looked_at.switches()
    page.locator("#switch-match_segment, #switch-site").first.check()
    page.locator("#switch-ground_heat").check()
    expect(page.locator("#legend-rasters a")).to_be_visible()
    page.locator("#filter > details > summary").click()
    page.locator("#filter-technology-none").wait_for()
    page.evaluate("document.querySelectorAll('#filter details').forEach((part) => { part.open = true; })")
    page.locator("#filter-technology-biomass").check()
    page.locator("#filter-score_max").fill("120")
    expect(page.locator("#filter-wrong")).not_to_be_empty()
    clean(page, None)
    page.locator("#filter-score_max").fill("")
    expect(page.locator("#filter-clear")).to_be_visible()
    looked_at.visit.settle()
    page.locator("#export-start").click()
    expect(page.locator("#export-file")).to_be_visible()
    clean(page, "#layers-panel")
    close_panel(looked_at)
    clean(page, "#filter-badge")
    page.evaluate("OneMap.filter.clear()")
    looked_at.visit.settle()


def test_panel_of_a_parcel_with_its_clauses(looked_at: Seen, parcel: Spot) -> None:
    page, visit = looked_at.page, looked_at.visit
    visit.go_to(parcel.lon, parcel.lat, 16)
    visit.press_map(parcel.lon, parcel.lat)
    expect(page.locator("#panel-body .ranking")).to_be_visible()
    visit.settle()
    clean(page)
    page.evaluate("document.querySelectorAll('#panel-body details').forEach((d) => { d.open = true; })")
    page.locator("#panel-body button.clause").first.focus()
    clean(page, "#parcel-panel", "#clause-tip")
    close_panel(looked_at)
    page.evaluate("OneMap.hint(OneMap.filter.hidden({ hidden_parcel_count: 2 }))")
    clean(page, "#map-hint")


def test_search(looked_at: Seen) -> None:
    page = looked_at.page
    if looked_at.phone:
        page.locator("#find-open").tap()
    for words, shown in (("通州", "#find-list"), ("116.4, 39.9", "#find-list"), ("nothing", "#find-status")):
        page.locator("#find-input").fill(words)
        page.locator(f"{shown}:not(:empty)").wait_for()
        page.keyboard.press("ArrowDown")
        clean(page, "#top-bar")
    page.locator("#find-clear").click()
    page.keyboard.press("Escape")
    if looked_at.phone:
        expect(page.locator("#find-open")).to_be_focused()


def test_measured_drawn_and_uploaded(looked_at: Seen, parcel: Spot) -> None:
    page, visit = looked_at.page, looked_at.visit
    visit.go_to(parcel.lon, parcel.lat, 16)
    for tool in ("distance", "polygon"):
        page.locator(f"[data-tool={tool}]").click()
        for east, north in RING:
            page.evaluate(
                f"OneMap.map.setView([{parcel.lat + north}, {parcel.lon + east}], 16, {{animate: false}})"
            )
            page.keyboard.press("Space")
        clean(page, "#draw-status", "#map-tools")
        page.keyboard.press("Enter")
        if tool == "distance":
            clean(page, "#draw-status")
            page.locator("[data-action=draw_clear]").click()
    clean(page, "#area-form")
    page.locator("#area-form [type=submit]").click()
    expect(page.locator("#panel-body .ranking")).to_be_visible()
    clean(page, "#parcel-panel")
    bad = {"name": "b.shp", "mimeType": "application/octet-stream", "buffer": b"x"}
    page.set_input_files("#area-file", bad)
    expect(page.locator("#panel-body [role=alert]")).to_be_visible()
    visit.problems.clear()  # the refusal, by the network and by the console
    clean(page, "#parcel-panel")
    shapes: list[dict[str, Any]] = [
        {"type": "Polygon", "coordinates": [[(parcel.lon + e, parcel.lat + n) for e, n in [*RING, RING[0]]]]},
        {"type": "Point", "coordinates": [parcel.lon, parcel.lat]},
    ]
    features = [{"type": "Feature", "properties": {}, "geometry": shape} for shape in shapes]
    content = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    page.set_input_files(
        "#area-file", {"name": "a.geojson", "mimeType": "application/json", "buffer": content}
    )
    expect(page.locator(".area-list")).to_be_visible()
    page.locator("#panel-body details.more summary").click()
    clean(page, "#parcel-panel")
    page.locator(".area-links button").first.click()


def test_comparison_and_targets(looked_at: Seen) -> None:
    page = looked_at.page
    page.locator("[data-tool=swipe]").click()
    expect(page.locator("#swipe-divider")).to_be_visible()
    looked_at.visit.settle()
    clean(page)
    page.locator("#swipe-leave").click()
    expect(page.locator("[data-tool=swipe]")).to_be_focused()
    page.locator("#dashboard-open").click()
    page.locator("#dashboard-dialog table").first.wait_for()
    clean(page, "#dashboard-dialog")
    page.keyboard.press("Escape")
    expect(page.locator("#dashboard-open")).to_be_focused()


def test_dialogs(looked_at: Seen) -> None:
    page = looked_at.page
    for tab in ("overview", "ledger", "charts", "compare", "sites", "run"):
        looked_at.dialog(tab)
        clean(page, "#match-dialog")
    page.locator("#run-name").fill(f"axe-{looked_at.lang}")
    page.locator("#match-start").click()
    expect(page.locator("#match-job progress")).to_be_visible()
    clean(page, "#match-job")
    expect(page.locator("#match-job .done")).to_be_visible()
    clean(page, "#match-job")
    page.locator("#match-close").click()
    close_panel(looked_at)
    page.locator("#sign-open").click()
    page.locator("#sign-form [type=submit]").click()
    expect(page.locator("#sign-error")).not_to_be_empty()
    clean(page, "#sign-dialog")
    page.keyboard.press("Escape")
    expect(page.locator("#sign-open")).to_be_focused()


def test_what_is_wrong_is_found(shown: Visit) -> None:
    page = shown.page
    page.evaluate(AXE_SCRIPT)
    assert found(page, "#top-bar") == []
    names = "['aria-label', 'title', 'placeholder']"
    page.evaluate(f"{names}.forEach((name) => document.getElementById('find-input').removeAttribute(name))")
    (told,) = found(page, "#top-bar")
    assert told.startswith("label (critical): #find-input")
    page.evaluate("OneMap.applyLanguage()")
    assert found(page, "#top-bar") == []


def tab_to(page: Page, wanted: str, most: int) -> None:
    """Press Tab until something is reached, every stop on the way to be seen."""
    for _ in range(most):
        page.keyboard.press("Tab")
        assert page.evaluate(RINGED), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", wanted):
            return
    raise AssertionError(f"{wanted} is not among the next {most} stops")


def test_keys_lead_from_the_search_to_an_option_and_back(shown: Visit, parcel: Spot) -> None:
    page = shown.page
    page.evaluate("document.activeElement.blur()")
    tab_to(page, "#find-input", 3)
    page.keyboard.type(parcel.parcel_id)
    page.locator("#find-list [role=option]").first.wait_for()
    page.keyboard.press("Enter")
    expect(page.locator("#panel-title")).to_be_focused()
    expect(page.locator("#panel-body .ranking")).to_be_visible()
    tab_to(page, "#panel-body details.option:not([open]) > summary", 60)
    option = page.evaluate_handle("document.activeElement.parentElement").as_element()
    assert option is not None
    page.keyboard.press("Enter")
    assert option.evaluate("option => option.open")
    tab_to(page, "details.option button.clause", 12)
    expect(page.locator("#clause-tip")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#clause-tip")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("#parcel-panel")).to_be_hidden()
    expect(page.locator("#find-input")).to_be_focused()
    page.locator("#find-clear").click()


def test_the_focus_comes_back_from_dialogs_and_drawings(shown: Visit) -> None:
    page = shown.page
    for opener in ("sign-open", "match-open"):
        page.locator(f"#{opener}").focus()
        page.keyboard.press("Enter")
        page.locator("dialog[open]").wait_for()
        assert page.evaluate("document.querySelector('dialog[open]').contains(document.activeElement)")
        page.keyboard.press("Escape")
        expect(page.locator(f"#{opener}")).to_be_focused()
    # In the order in which they are seen: the bar, the layers, the map, its tools.
    order = page.locator("#top-bar, #layers-panel, [role=main], #map-tools, #parcel-panel").evaluate_all(
        "parts => parts.map((part) => part.id)"
    )
    assert order == ["top-bar", "layers-panel", "one_map_page", "map-tools", "parcel-panel"]
    page.locator("[data-tool=distance]").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    page.locator("[data-action=draw_undo]").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#draw-status")).to_be_hidden()


def test_the_drawer_of_a_phone_gives_the_focus_back(looked_at: Seen) -> None:
    page = looked_at.page
    if not looked_at.phone:
        expect(page.locator("#layers-toggle")).to_be_hidden()
        return
    page.locator("#layers-toggle").focus()
    page.keyboard.press("Enter")
    page.locator("#share-copy").focus()
    page.keyboard.press("Escape")
    expect(page.locator("#layers-toggle")).to_be_focused()
    expect(page.locator("#layers-panel")).to_be_hidden()
