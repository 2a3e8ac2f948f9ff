"""What a verdict rests on, on the map; bars of scores; texts of clauses."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from gis.rules import load_ruleset
from gis.store import Store
from gis.webmap.page import TECHNOLOGY_COLOURS
from tests.browser.places import RESULTS, Spot, spot

SHAPES = ".leaflet-onemap-evidence-area-pane path"
WAYS = ".leaflet-onemap-evidence-pane path"


@pytest.fixture(scope="module")
def served(scored: Store) -> Spot:
    """A parcel some way off its source of reclaimed water."""
    return spot(
        scored,
        RESULTS,
        "f.reclaimed_distance_m BETWEEN 100 AND 2000 AND s.reclaimed_water_status = 'suitable'",
    )


@pytest.fixture
def panel(shown: Any, served: Spot) -> Any:
    """The map with the panel of that parcel, and what it rests on asked for."""
    shown.go_to(served.lon, served.lat, 15)
    shown.press_map(served.lon, served.lat)
    expect(shown.page.locator("#panel-body > dl.figures")).to_contain_text(served.parcel_id)
    shown.settle()
    return shown


def test_the_way_to_a_source_is_drawn_for_the_option_that_is_unfolded(panel: Any, served: Spot) -> None:
    page = panel.page
    option = page.locator(".option[data-technology=reclaimed_water]")
    if option.get_attribute("open") is None:
        option.locator("> summary").click()
    page.locator("#panel-title").hover()
    found = page.evaluate(f"OneMap.getJson('/api/parcels/{served.parcel_id}/evidence')")
    (way,) = [
        f["properties"] for f in found["features"] if f["properties"]["technology"] == "reclaimed_water"
    ]
    colour = TECHNOLOGY_COLOURS["reclaimed_water"]
    expect(page.locator(f"{WAYS}[stroke='{colour}']")).to_have_count(1)
    told = f"{round(way['distance_m']):,} m" if way["distance_m"] >= 100 else "m"
    expect(page.locator(".evidence-label")).to_contain_text(told)
    expect(option.locator(".evidence-places")).to_contain_text(told)
    expect(option.locator(".evidence-places")).to_contain_text(way["name"] or way["id"])
    option.locator(".evidence-places button").click()
    expect(page.locator(f"{WAYS}[stroke='{colour}']")).to_have_count(1)


def test_another_option_under_the_pointer_takes_its_place(panel: Any) -> None:
    page = panel.page
    page.locator(".option[data-technology=shallow_ground_source] > summary").hover()
    colour = TECHNOLOGY_COLOURS["shallow_ground_source"]
    expect(page.locator(f"{SHAPES}[fill='{colour}']").first).to_be_attached()
    expect(page.locator(f"{WAYS}[stroke='{TECHNOLOGY_COLOURS['reclaimed_water']}']")).to_have_count(0)


def test_the_switch_hides_it_and_closing_takes_it_away(panel: Any) -> None:
    page = panel.page
    page.locator(".option[data-technology=reclaimed_water] > summary").hover()
    expect(page.locator(WAYS).first).to_be_attached()
    page.locator(".evidence-switch input").uncheck()
    expect(page.locator(WAYS)).to_have_count(0)
    page.locator(".evidence-switch input").check()
    page.locator(".option[data-technology=reclaimed_water] > summary").hover()
    expect(page.locator(WAYS).first).to_be_attached()
    page.locator("#panel-close").click()
    expect(page.locator(WAYS)).to_have_count(0)
    expect(page.locator(".evidence-label")).to_have_count(0)


def test_scores_have_a_bar_and_a_name(panel: Any, served: Spot) -> None:
    page = panel.page
    document = page.evaluate(f"OneMap.getJson('/api/parcels/{served.parcel_id}/suitability')")
    scores = [t["score"] for t in document["technologies"] if t["score"] is not None]
    bars = page.locator(".option .score[role=img]")
    expect(bars).to_have_count(len(scores))
    for n, score in enumerate(scores):
        expect(bars.nth(n)).to_have_attribute("aria-label", f"得分 {round(score)}，满分 100")
        width = bars.nth(n).locator(".bar span").evaluate("bar => parseFloat(bar.style.width)")
        assert width == pytest.approx(score, abs=0.01)


def test_a_clause_says_what_it_rules(panel: Any) -> None:
    page = panel.page
    clause = page.locator(".option[open] .reason button.clause").first
    clause.focus()
    tip = page.get_by_role("tooltip")
    expect(tip).to_be_visible()
    expect(clause).to_have_attribute("aria-describedby", "clause-tip")
    id_ = clause.inner_text().split("[")[1].rstrip("]")
    clause_of = load_ruleset().clauses[id_]
    assert clause_of.rule_in_short_zh
    expect(tip).to_contain_text(clause_of.rule_in_short_zh)
    page.evaluate("OneMap.setLanguage('en')")
    page.locator(".option[open] .reason button.clause").first.focus()
    expect(tip).to_contain_text(clause_of.rule_in_short)
    page.evaluate("OneMap.setLanguage('zh')")
    clause.focus()
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    expect(page.locator("#parcel-panel")).to_be_visible()
    clause.blur()
    clause.hover()
    expect(tip).to_be_visible()
    page.locator("#panel-title").hover()
    expect(tip).to_be_hidden()
