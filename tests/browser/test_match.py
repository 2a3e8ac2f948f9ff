"""Citywide matching on the map page: its layer, the parcel panel, totals and ledger, on desk and phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from api.main import create_app
from gis.matching.columns import EXCLUSIONS, REASONS
from gis.settings import Settings
from gis.store import Store
from gis.vocabulary import TECHNOLOGY_TITLES
from gis.webmap.page import TECHNOLOGY_COLOURS
from tests.browser.places import MATCHED, Spot, spot
from tests.browser.seen import Seen, cells, mw
from tests.working import working


def section(seen: Seen, there: Spot) -> Locator:
    """Open the panel on a parcel, wherever the map is, and return its section on matching once filled."""
    seen.visit.open_panel(there)
    filled = seen.page.locator("#parcel-match")
    expect(filled.locator(".parts, div > .note").last).to_be_attached()
    expect(filled).not_to_contain_text(seen.word("正在查询", "Looking up"))
    return filled


def test_the_layer_takes_the_place_of_the_results(seen: Seen) -> None:
    page = seen.page
    seen.visit.tiles.clear()
    seen.matching()
    seen.visit.settle()
    expect(page.locator("#switch-parcel_suitability")).not_to_be_checked()
    version = seen.ask("/api/tiles/matches")["base"]
    drawn = [url for url, status, size in seen.visit.tiles if status == 200 and size]
    assert any(f"scenario=base&v={version}" in url and "/match_parcel/" in url for url in drawn)
    expect(page.locator("#legend-title")).to_contain_text(seen.word("供需匹配", "Matching"))
    told = seen.ask("/api/matches/base")["summary"]["technologies"]
    shown = page.locator("#legend-technologies .count")
    expect(shown).to_have_text([mw(row["allocated_kw"]) for row in told])
    seen.switches()
    page.locator("[data-layer=match_parcel] select").select_option("dry-winter")
    dry = seen.ask("/api/matches/dry-winter")["summary"]["technologies"]
    expect(shown).to_have_text([mw(row["allocated_kw"]) for row in dry])
    seen.visit.settle()
    assert any("scenario=dry-winter" in url and size for url, _, size in seen.visit.tiles)
    page.locator("#switch-parcel_suitability").check()
    expect(page.locator("#switch-match_parcel")).not_to_be_checked()
    expect(page.locator("#legend-title")).to_contain_text(seen.word("推荐供热技术", "Recommended technology"))


def test_connections_are_drawn_once_parcels_are(seen: Seen, matched: Store) -> None:
    seen.matching()
    far = spot(matched, MATCHED, "m.reclaimed_water_kw > 0 AND m.matched = 'reclaimed_water'")
    seen.visit.tiles.clear()
    seen.visit.go_to(far.lon, far.lat, 13)
    lines = [url for url, status, size in seen.visit.tiles if "/match_connection/" in url and size]
    assert lines
    # The line is darker than any parcel of its technology, so that no other colour can be taken for it.
    dark = "#" + "".join(
        f"{int(int(TECHNOLOGY_COLOURS['reclaimed_water'][i : i + 2], 16) * 0.62 + 0.5):02x}"
        for i in (1, 3, 5)
    )
    found = seen.page.evaluate(
        """(dark) => [...document.querySelectorAll(".leaflet-onemap-line-pane canvas")].some((canvas) => {
             const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
             const want = [1, 3, 5].map((at) => parseInt(dark.slice(at, at + 2), 16));
             for (let i = 0; i < data.length; i += 4) {
               const near = want.every((value, k) => Math.abs(data[i + k] - value) < 3);
               if (near && data[i + 3] > 250) return true;
             }
             return false;
           })""",
        dark,
    )
    assert found
    seen.matching(False)


def test_a_parcel_says_what_it_gets_from_whom(seen: Seen, matched: Store) -> None:
    there = spot(matched, MATCHED, "m.reclaimed_water_kw > 0 AND m.shallow_ground_source_kw > 0")
    found = section(seen, there)
    answer = seen.ask(f"/api/matches/base/parcels/{there.parcel_id}")
    load = answer["parcel"]["heat_load_kw"]
    for row in answer["connections"]:
        item = found.locator(f"li[data-source='{row['source_id']}']")
        expect(item).to_contain_text(TECHNOLOGY_TITLES[row["technology"]][seen.lang == "en"])
        expect(item).to_contain_text(f"{row['allocated_kw']:,.0f} kW")
        expect(item).to_contain_text(f"{row['length_m']:,.0f} m")
        name = seen.ask(f"/api/features/{row['source_layer']}/{row['source_id']}")["name"]
        expect(item).to_contain_text(name or row["source_id"])
    widths = found.locator(".piece").evaluate_all("all => all.map((p) => parseFloat(p.style.width))")
    served = load - answer["parcel"]["unmet_kw"]
    assert sum(widths) == pytest.approx(served / load * 100, abs=0.1)
    kw = re.findall(r"([\d,]+) kW · ", " ".join(found.locator(".part-kw").all_inner_texts()))
    assert sum(int(n.replace(",", "")) for n in kw) == pytest.approx(served, abs=len(kw))


def test_a_parcel_says_who_holds_the_source_it_wanted(seen: Seen, matched: Store) -> None:
    there = spot(matched, MATCHED, "m.displaced_id IS NOT NULL AND m.unmet_reason = 'sources_full'")
    found = section(seen, there)
    answer = seen.ask(f"/api/matches/base/parcels/{there.parcel_id}")
    expect(found.locator(".why-not")).to_contain_text(REASONS["sources_full"][seen.lang == "en"])
    held = found.locator(".displaced li")
    expect(held).to_have_count(len(answer["holders"]))
    assert answer["holders"]
    if not held.first.is_visible():
        found.locator(".displaced summary").click()
    holder = answer["holders"][0]
    expect(held.first).to_contain_text(f"{holder['allocated_kw']:,.0f} kW")
    held.first.get_by_role("button", name=holder["parcel_id"]).click()
    seen.visit.settle()
    west, south, east, north = seen.ask(f"/api/features/parcel/{holder['parcel_id']}")["bbox"]
    centre = seen.page.evaluate("(() => { const c = OneMap.map.getCenter(); return [c.lng, c.lat]; })()")
    assert centre == pytest.approx([(west + east) / 2, (south + north) / 2], abs=0.003)
    expect(seen.page.locator(".ring-label")).to_have_count(1)


def test_a_load_that_is_not_known_is_not_zero(seen: Seen, matched: Store) -> None:
    found = section(seen, spot(matched, MATCHED, "m.heat_load_kw IS NULL"))
    expect(found).to_contain_text(seen.word("热负荷资料不足", "not known"))
    expect(found.locator(".parts, .figures")).to_have_count(0)
    assert "0 kW" not in found.inner_text()


def test_overview_tells_the_totals_and_the_proof(seen: Seen) -> None:
    body = seen.dialog("overview")
    told = seen.ask("/api/matches/base")["summary"]
    load = told["heat_load_kw"]
    rows = cells(body.locator("table").first)
    assert len(rows) == len(told["technologies"]) + 2
    for shown, row in zip(rows, told["technologies"], strict=False):
        assert shown[0] == TECHNOLOGY_TITLES[row["technology"]][seen.lang == "en"]
        assert shown[1] == mw(row["allocated_kw"])
        assert shown[2] == f"{row['allocated_kw'] / load:.1%}"
        area = row["heated_area_m2"]
        assert shown[3] == seen.word(f"{area / 1e4:,.1f}", f"{area / 1e6:,.2f}")
    assert rows[-1][1] == mw(load)
    assert rows[-2][3] == "—"
    most, got = (sum(r[k] for r in told["certificate"]) for k in ("most_kw", "allocated_kw"))
    proof = body.locator("#match-certificate")
    for number in (mw(most), mw(got), mw(most - got), f"{(most - got) / most:.1%}"):
        expect(proof).to_contain_text(number)
    reasons = {r[0]: r[1:] for r in cells(body.locator("table").last)}
    for row in told["unmet_reasons"]:
        rest = "—" if row["reason"] == "unknown_load" else mw(row["rest_kw"])
        assert reasons[row["title"][seen.lang]] == [f"{row['parcel_count']:,}", rest]
    seen.dialog("overview", "older")
    expect(proof).to_contain_text(seen.word("按供热成本匹配", "ordered by cost"))


def test_a_run_of_other_layers_says_so(seen: Seen) -> None:
    seen.dialog("overview", "older")
    stale = seen.word("请重新匹配", "Match again")
    expect(seen.page.locator("#match-head .stale")).to_contain_text(stale)
    seen.page.keyboard.press("Escape")
    seen.matching()
    expect(seen.page.locator("#legend-stale")).to_contain_text(stale)
    seen.page.evaluate("OneMap.match.choose('base')")
    expect(seen.page.locator("#legend-stale")).to_be_empty()
    seen.matching(False)


def test_the_ledger_is_sorted_and_leads_to_its_sources(seen: Seen) -> None:
    page, body = seen.page, seen.dialog("ledger")
    sources = [
        r for r in seen.ask("/api/matches/base/sources")["sources"] if r["source_layer"] != "green_space"
    ]
    table = body.locator("table")
    rows = cells(table)
    assert [row[6] for row in rows] == [
        mw(kw) for kw in sorted((s["allocated_kw"] for s in sources), reverse=True)[: len(rows)]
    ]
    longest = max((s for s in sources if s["mean_length_m"] is not None), key=lambda s: s["mean_length_m"])
    table.locator("[data-sort=mean_length_m]").click()
    expect(table.locator("th[aria-sort=descending]")).to_have_count(1)
    first = cells(table)[0]
    assert first[0] == (longest["source_name"] or longest["source_id"])
    figures = ("exploitable_kw", "committed_kw", "reserved_kw", "remaining_kw", "allocated_kw", "free_kw")
    assert first[2:8] == [mw(longest[name]) for name in figures]
    assert first[8:10] == [f"{longest['parcel_count']:,.0f}", f"{longest['mean_length_m']:,.0f}"]
    told = max(s["gain_kw"] for s in sources if s["gain_kw"] is not None)
    table.locator("[data-sort=gain_kw]").click()
    expect(table.locator("th[aria-sort] button")).to_have_attribute("data-sort", "gain_kw")
    worth = cells(table)[0][10]
    assert worth.startswith(f"{told:+,.0f}")
    assert re.search(r"[+-][\d,]+ kW", worth)
    body.locator("#ledger-layer").select_option("reclaimed_water_pipeline")
    expect(body).not_to_have_attribute("aria-busy", "true")
    mains = [s for s in sources if s["source_layer"] == "reclaimed_water_pipeline"]
    expect(table.locator("tbody tr")).to_have_count(len(mains))
    unknown = next(s for s in mains if s["exclusion"] == "unknown_capacity")
    row = table.locator("tbody tr").filter(has_text=unknown["source_name"])
    expect(row).to_contain_text(EXCLUSIONS["unknown_capacity"][seen.lang == "en"])
    expect(row.locator("td").nth(1)).to_have_text("—")
    name = unknown["source_name"] or unknown["source_id"]
    row.get_by_role("button", name=name).click()
    expect(page.locator("#match-dialog")).to_be_hidden()
    expect(page.locator(".ring-label")).to_contain_text(name)
    seen.visit.settle()
    west, south, east, north = seen.ask(f"/api/features/reclaimed_water_pipeline/{unknown['source_id']}")[
        "bbox"
    ]
    inside = page.evaluate(f"OneMap.map.getBounds().contains([[{south}, {west}], [{north}, {east}]])")
    assert inside
    seen.dialog("ledger").locator("#ledger-layer").select_option("")


def test_a_page_without_runs_offers_to_make_one(
    visit: Callable[..., Any],
    serve: Callable[..., Any],
    empty_store: Store,
    map_settings: Settings,
    tmp_path: Path,
) -> None:
    with (
        working(empty_store, Settings(data_dir=tmp_path)),
        serve(create_app(empty_store, map_settings)) as base,
    ):
        page = visit(base=base).page
        expect(page.locator("#match-open")).to_be_visible()
        expect(page.locator("[data-layer=match_parcel]")).to_have_count(0)
        page.locator("#match-open").click()
        expect(page.locator("#match-tab-run")).to_have_attribute("aria-selected", "true")
        page.locator("#match-tab-charts").click()
        expect(page.locator("#match-body")).to_contain_text("尚未进行供需匹配")
        page.locator("#match-tab-run").click()
        page.locator("#run-name").fill("base")
        page.locator("#match-start").click()
        expect(page.locator("#match-job [role=alert]")).to_contain_text("no parcels are loaded")


def test_mains_are_drawn_by_what_is_left_to_them_in_the_scenario(seen: Seen) -> None:
    page, visit = seen.page, seen.visit
    seen.switches()
    page.locator("#switch-match_segment").set_checked(True)
    legend = page.locator("#legend-segments")
    expect(legend).to_contain_text(seen.word("已用尽", "used up"))
    expect(legend.locator(".swatch-line")).to_have_count(4)
    visit.settle()
    tiles = [url for url, status, size in visit.tiles if status == 200 and size]
    drawn = [url for url in tiles if "/tiles/match_segment/" in url]
    assert drawn
    assert all("scenario=base" in url for url in drawn)
    visit.tiles.clear()
    page.evaluate("OneMap.match.choose('dry-winter')")
    visit.settle()
    expect(legend).to_contain_text("dry-winter")
    assert any("/tiles/match_segment/" in url and "scenario=dry-winter" in url for url, _, _ in visit.tiles)
    seen.switches()
    page.locator("#switch-match_segment").set_checked(False)
    expect(legend).to_be_empty()
