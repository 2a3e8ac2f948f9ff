"""Sites on the map and in the dialog, in both languages and sizes, held against the API."""

from __future__ import annotations

from collections.abc import Iterator

import geopandas as gpd
import pytest
import shapely
import sqlalchemy as sa
from playwright.sync_api import expect

from gis.citywide import SitePlan, site_store
from gis.matching.columns import SITE_EXCLUSIONS
from gis.rules import load_ruleset
from gis.store import Store
from tests.browser.seen import Seen, cells, mw


@pytest.fixture(scope="module", autouse=True)
def sited(matched: Store) -> Iterator[Store]:
    """The matched sample with sites: of `base` on a grid, of `dry-winter` from places, one of them barred."""
    ruleset = load_ruleset()
    site_store(matched, ruleset, SitePlan(6, "reclaimed_water", capacity_kw=40_000.0))
    spots = [shapely.Point(450_000.0, 4_420_000.0), shapely.Point(452_000.0, 4_421_000.0)]
    frame = {
        "site_id": ["东站", "west"],
        "name": None,
        "technology": [None, "geothermal"],
        "capacity_kw": 5000.0,
    }
    given = gpd.GeoDataFrame(frame, geometry=spots, crs=4548)
    site_store(matched, ruleset, SitePlan(2, "waste_heat", places=given), "dry-winter")
    yield matched
    with matched.engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE result.site, meta.siting"))


@pytest.fixture
def base(seen: Seen) -> Iterator[Seen]:
    """The open map with the sites of `base` to be shown, hidden at the end."""
    seen.page.evaluate("OneMap.sites.refresh().then(() => OneMap.sites.choose('base'))")
    yield seen
    seen.page.evaluate("document.getElementById('match-dialog').close(); OneMap.map.closePopup()")
    if seen.page.evaluate("OneMap.controls.shown().includes('site')"):
        seen.switches()
        seen.page.locator("#switch-site").set_checked(False)


def show(seen: Seen) -> None:
    """Switch the points on and see the whole city."""
    seen.switches()
    seen.page.locator("#switch-site").set_checked(True)
    if seen.phone:
        seen.page.keyboard.press("Escape")
    seen.visit.settle()


def test_the_chosen_are_points_with_their_rank_where_the_api_says(base: Seen) -> None:
    show(base)
    places = base.ask("/api/sites/base/places")["features"]
    chosen = [f for f in places if f["properties"]["rank"] is not None]
    marks = base.page.locator(".site-mark")
    expect(marks).to_have_count(6)
    assert sorted(marks.all_text_contents()) == [str(n) for n in range(1, 7)]
    for feature in chosen:
        lon, lat = feature["geometry"]["coordinates"]
        rank = feature["properties"]["rank"]
        x, y = base.page.evaluate(
            f"""() => {{
              const p = OneMap.map.latLngToContainerPoint([{lat}, {lon}]);
              const box = OneMap.map.getContainer().getBoundingClientRect();
              return [box.x + p.x, box.y + p.y];
            }}"""
        )
        box = marks.filter(has_text=str(int(rank))).bounding_box()
        assert box is not None
        assert (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) == pytest.approx((x, y), abs=1.5)
    legend = base.page.locator("#legend-sites")
    expect(legend).to_contain_text(base.word("选中的新建热源", "New source, by rank"))
    expect(base.page.locator(".leaflet-onemap-point-pane path")).to_have_count(len(places) - 6)


def test_a_point_tells_its_gain_and_who_it_serves(base: Seen) -> None:
    show(base)
    row = base.ask("/api/sites/base")["sites"][0]
    base.page.evaluate(f"OneMap.sites.goTo({row['site_id']!r})")
    popup = base.page.locator(".leaflet-popup")
    expect(popup).to_contain_text(base.word(f"第 1 位：{row['site_id']}", f"1. {row['site_id']}"))
    expect(popup).to_contain_text(f"{mw(row['gain_kw'])} MW")
    expect(popup).to_contain_text(row["parcel_id"])
    base.visit.settle()
    base.page.evaluate("OneMap.map.closePopup()")
    base.page.evaluate("document.querySelector('.site-mark').focus()")
    base.page.keyboard.press("Enter")
    expect(popup).to_have_count(1)


def test_the_tab_lists_what_was_chosen_and_how_good_it_is(base: Seen) -> None:
    body = base.dialog("sites")
    told = base.ask("/api/sites/base")
    summary, chosen = told["summary"], told["sites"][:6]
    expect(body.locator("#site-lead")).to_contain_text(mw(summary["gain_kw"]))
    expect(body.locator("#site-bound")).to_contain_text(mw(summary["most_gain_kw"]))
    rows = cells(body.locator(".table").first)
    assert [row[0] for row in rows] == [f"{n + 1}. {r['site_id']}" for n, r in enumerate(chosen)]
    assert [row[3] for row in rows] == [mw(r["gain_kw"]) for r in chosen]
    assert [row[7] for row in rows] == [f"{r['parcel_count']:,.0f}" for r in chosen]
    body.locator(".table button.link").first.click()
    expect(base.page.locator("#match-dialog")).to_be_hidden()
    expect(base.page.locator(".leaflet-popup")).to_contain_text(chosen[0]["site_id"])


def test_another_scenario_shows_its_own_places_and_what_was_left_out(base: Seen) -> None:
    body = base.dialog("sites")
    body.locator("#site-scenario").select_option("dry-winter")
    title = SITE_EXCLUSIONS["prohibited_zone"]
    expect(body).to_contain_text(base.word(*title))
    expect(body.locator("#site-lead")).to_contain_text("dry-winter")
    base.page.locator("#match-close").click()
    show(base)
    expect(base.page.locator(".site-mark")).to_have_count(1)
    base.switches()
    base.page.locator("#site-layer-scenario").select_option("base")
    expect(base.page.locator(".site-mark")).to_have_count(6)


def test_the_form_refuses_what_makes_no_sense_and_finds_new_sites(base: Seen) -> None:
    body = base.dialog("sites")
    for name, value, zh, en in (
        ("count", "0", "1 至 200", "from 1 to 200"),
        ("capacity", "-3", "0.001 至 10000 MW", "0.001 to 10,000 MW"),
        ("reach", "1e9", "1 至 20000 m", "1 to 20,000 m"),
    ):
        field = body.locator(f"#site-{name}")
        before = field.input_value()
        field.fill(value)
        body.locator("#site-start").click()
        expect(body.locator("#site-job")).to_contain_text(base.word(zh, en))
        field.fill(before)
    body.locator("#site-form-technology").select_option("biomass")
    body.locator("#site-form-scenario").select_option("older")
    body.locator("#site-count").fill("3")
    body.locator("#site-start").click()
    expect(body.locator("#site-lead")).to_contain_text("older", timeout=90_000)
    expect(body.locator(".table").first.locator("tbody tr")).to_have_count(3)
    base.visit.settle()
    told = base.ask("/api/sites/older")
    assert (told["plan"]["count"], told["plan"]["technology"]) == (3, "biomass")
    assert base.page.evaluate("OneMap.controls.shown().includes('site')")


def test_nothing_runs_over_the_edge(base: Seen) -> None:
    show(base)
    row = base.ask("/api/sites/base")["sites"][0]
    base.page.evaluate(f"OneMap.sites.goTo({row['site_id']!r})")
    expect(base.page.locator(".leaflet-popup")).to_be_visible()
    width = base.page.evaluate("innerWidth")
    assert base.page.evaluate("document.documentElement.scrollWidth") <= width
    base.page.evaluate("OneMap.map.closePopup()")
    body = base.dialog("sites")
    assert body.evaluate("body => body.scrollWidth <= body.clientWidth")
