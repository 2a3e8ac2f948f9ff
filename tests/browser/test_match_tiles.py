"""Tiles and comparison of matching runs against shapely and pandas on the same run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import sqlalchemy as sa
from fastapi.testclient import TestClient
from shapely.ops import substring

from api.main import create_app
from gis.citywide import Scenario, match_store
from gis.rules import load_ruleset
from gis.settings import Settings
from gis.store import Store
from gis.vocabulary import TECHNOLOGIES
from gis.webmap.boxes import tile_box_m
from gis.webmap.match_tiles import MATCH_LAYERS
from layers import LAYERS
from tests.browser.tile_reading import ask, features, tile_of

CENTRE = (116.40, 39.90)
EAST = (116.61, 39.84)
PROBLEM = "application/problem+json"
EXTENT = 4096


@pytest.fixture(scope="module")
def outlines(matched: Store) -> gpd.GeoSeries:
    """The parcels' outlines in web Mercator, by id."""
    return matched.read("parcel").set_index("parcel_id").geometry.to_crs(3857)


@pytest.fixture(scope="module")
def found(matched: Store) -> pd.DataFrame:
    """The parcels of the run `base`, by id."""
    return matched.match_part("parcels", "base").set_index("parcel_id")


@pytest.fixture(scope="module")
def lines(matched: Store) -> gpd.GeoDataFrame:
    """The connections of the run `base` with the line that shapely draws, in web Mercator."""
    rows = matched.match_part("connections", "base")
    parcels = matched.read("parcel").set_index("parcel_id").geometry
    ends = np.empty(len(rows), dtype=object)
    for layer, places in rows.groupby("source_layer").indices.items():
        sources = matched.read(str(layer)).set_index(LAYERS[str(layer)].key).geometry
        ends[places] = sources.loc[rows["source_id"].iloc[places]].to_numpy()
    drawn = shapely.shortest_line(parcels.loc[rows["parcel_id"]].to_numpy(), ends)
    # Boreholes lie where green space may be drilled: that may be farther than its edge.
    shorter = rows["length_m"] - shapely.length(drawn)
    assert shorter.min() > -0.51
    assert shorter[rows["source_layer"] != "green_space"].max() < 0.51
    rows["id"] = rows[["parcel_id", "technology", "source_layer", "source_id"]].agg(" ".join, axis=1)
    return gpd.GeoDataFrame(rows, geometry=drawn, crs=parcels.crs).to_crs(3857).set_index("id")


@pytest.mark.parametrize("z", [8, 11])
def test_a_cell_shows_what_carries_most_of_its_parcels(
    map_client: TestClient, outlines: gpd.GeoSeries, found: pd.DataFrame, tmp_path: Path, z: int
) -> None:
    x, y = tile_of(*CENTRE, z)
    west, south, east, _ = tile_box_m(z, x, y)
    cell = (east - west) / 64
    box = outlines.bounds.loc[found.index]
    place = pd.DataFrame(
        {
            "i": np.floor(((box["minx"] + box["maxx"]) / 2 - west) / cell).astype(int),
            "j": np.floor(((box["miny"] + box["maxy"]) / 2 - south) / cell).astype(int),
        }
    )
    columns = [f"{t}_kw" for t in TECHNOLOGIES]
    inside = place.join(found[columns])[lambda d: d["i"].between(0, 63) & d["j"].between(0, 63)]
    cells = inside.groupby(["i", "j"])
    kw, counts = cells[columns].sum(), cells.size()
    most = kw.idxmax(axis=1).str.removesuffix("_kw").where(kw.max(axis=1) > 0)
    got = features(ask(map_client, "match_parcel", z, x, y).content, tmp_path).set_index("id")
    want = {f"{i}-{j}": (most[i, j] if isinstance(most[i, j], str) else None) for i, j in most.index}
    assert len(want) > 50
    assert {k: v if isinstance(v, str) else None for k, v in got["matched"].items()} == want
    assert got["parcel_count"].sum() == counts.sum()
    assert got["matched_kw"].sum() == pytest.approx(kw.max(axis=1).sum())


@pytest.mark.parametrize("z", [12, 14, 16])
def test_parcels_carry_their_main_technology(
    map_client: TestClient, outlines: gpd.GeoSeries, found: pd.DataFrame, tmp_path: Path, z: int
) -> None:
    x, y = tile_of(*CENTRE, z)
    got = features(ask(map_client, "match_parcel", z, x, y).content, tmp_path).set_index("id")
    inside = outlines.index[outlines.intersects(shapely.box(*tile_box_m(z, x, y)))]
    assert len(inside) > 0
    assert set(inside) <= set(got.index)
    for column in ("matched", "unmet_reason"):
        want = found[column].loc[got.index]
        assert [w if isinstance(w, str) else None for w in want] == [
            g if isinstance(g, str) else None for g in got[column]
        ]


@pytest.mark.parametrize("z", [12, 13, 15])
def test_connections_lead_straight_to_the_source(
    map_client: TestClient, lines: gpd.GeoDataFrame, tmp_path: Path, z: int
) -> None:
    # The middle of a long line, whose parcel and source may both lie in other tiles.
    longest = lines.sort_values("length_m").iloc[-1].geometry
    middle = gpd.GeoSeries([longest.interpolate(0.5, normalized=True)], crs=3857).to_crs(4326).iloc[0]
    x, y = tile_of(middle.x, middle.y, z)
    west, south, east, north = tile_box_m(z, x, y)
    got = features(ask(map_client, "match_connection", z, x, y).content, tmp_path).set_index("id")
    pixel_m = (east - west) / 256
    drawn = lines[(lines["length_m"] >= pixel_m * 1.01) & (lines.length >= pixel_m)]
    must = drawn[drawn.intersects(shapely.box(west, south, east, north))]
    may = lines[lines.intersects(shapely.box(west, south, east, north).buffer(5 * pixel_m))]
    assert len(must) > 0
    assert set(must.index) <= set(got.index) <= set(may.index)
    for column in ("technology", "source_layer", "source_id"):
        assert got[column].tolist() == lines.loc[got.index, column].tolist()
    assert np.allclose(got["allocated_kw"], lines.loc[got.index, "allocated_kw"])
    whole = got.loc[must.index[must.within(shapely.box(west, south, east, north))]]
    unit = (east - west) / EXTENT
    for name, line in whole.geometry.items():
        ends = shapely.get_coordinates(line)[:, :2] * unit + [west, south]
        want = shapely.get_coordinates(lines.geometry[name])
        assert np.abs(ends - want).max() <= 1.5 * unit


@pytest.mark.parametrize("z", [8, 11, 14])
def test_mains_are_drawn_from_tap_to_tap(
    map_client: TestClient, matched: Store, tmp_path: Path, z: int
) -> None:
    rows = matched.match_part("segments", "base")
    mains = matched.read("reclaimed_water_pipeline")
    whole = mains.set_index("reclaimed_water_pipeline_id").geometry
    rows = rows[rows["from_m"] < rows["to_m"]]
    drawn = [
        substring(shapely.line_merge(whole[row["source_id"]]), row["from_m"], row["to_m"])
        for row in rows.to_dict("records")
    ]
    lines = gpd.GeoDataFrame(rows, geometry=drawn, crs=mains.crs).to_crs(3857)
    lines.index = lines["source_id"] + " " + lines["segment"].astype(int).astype(str)
    middle = lines.to_crs(4326).geometry.iloc[0].interpolate(0.5, normalized=True)
    x, y = tile_of(middle.x, middle.y, z)
    west, south, east, north = tile_box_m(z, x, y)
    got = features(ask(map_client, "match_segment", z, x, y).content, tmp_path).set_index("id")
    unit = (east - west) / EXTENT
    # The reader cuts at the border, where rounding may put a line on either side.
    crossing = lines.clip(shapely.box(west, south, east, north).buffer(-2 * unit))
    must = crossing[crossing.length > 2 * unit]
    assert len(must) > 0
    assert set(must.index) <= set(got.index) <= set(lines.index)
    for column in ("left_kw", "temperature_degc"):
        assert np.allclose(got[column], lines.loc[got.index, column])
    for name, line in got.geometry.items():
        moved = shapely.transform(line, lambda xy: xy[:, :2] * unit + [west, south])
        assert (
            shapely.hausdorff_distance(moved, moved.intersection(lines.geometry[name].buffer(2 * unit)))
            < 3 * unit
        )


def test_connections_begin_where_parcels_are_drawn(map_client: TestClient) -> None:
    for z in (0, 8, 11):
        assert ask(map_client, "match_connection", z, *tile_of(*CENTRE, z)).status_code == 204


@pytest.mark.parametrize("layer", MATCH_LAYERS)
def test_scenarios_have_tiles_of_their_own(map_client: TestClient, layer: str) -> None:
    z = 12
    x, y = tile_of(*EAST, z)
    base = ask(map_client, layer, z, x, y)
    dry = ask(map_client, layer, z, x, y, params={"scenario": "dry-winter"})
    assert base.content == ask(map_client, layer, z, x, y, params={"scenario": "base"}).content
    assert base.content != dry.content
    assert base.headers["etag"] != dry.headers["etag"]
    nothing = ask(map_client, layer, z, x, y, params={"scenario": "never-matched"})
    assert nothing.status_code == 204
    assert nothing.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("scenario", ["", "Base", "a'; DROP TABLE meta.match", "x" * 41])
def test_a_scenario_that_cannot_be_is_a_problem(map_client: TestClient, scenario: str) -> None:
    answer = ask(map_client, "match_parcel", 9, 421, 193, params={"scenario": scenario})
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith(PROBLEM)


def test_a_new_run_has_a_new_version(map_client: TestClient, matched: Store) -> None:
    again = Scenario("tile-version", capacity_frac={"waste_heat": 0.0})
    match_store(matched, load_ruleset(), again)
    before = map_client.get("/api/tiles/matches").json()
    x, y = tile_of(*CENTRE, 11)
    lasting = ask(
        map_client, "match_parcel", 11, x, y, params={"scenario": again.name, "v": before[again.name]}
    )
    assert "immutable" in lasting.headers["cache-control"]
    match_store(matched, load_ruleset(), Scenario("tile-version", capacity_frac={"geothermal": 0.0}))
    after = map_client.get("/api/tiles/matches").json()
    assert {name for name in after if after[name] != before.get(name)} == {again.name}
    other = ask(map_client, "match_parcel", 11, x, y, params={"scenario": again.name, "v": after[again.name]})
    assert other.content != lasting.content
    stale = ask(
        map_client, "match_parcel", 11, x, y, params={"scenario": again.name, "v": before[again.name]}
    )
    assert stale.headers["cache-control"] == "public, no-cache"
    assert stale.content == other.content


def test_a_store_without_runs_has_no_match_tiles(empty_store: Store, map_settings: Settings) -> None:
    client = TestClient(create_app(empty_store, map_settings), raise_server_exceptions=False)
    assert client.get("/api/tiles/matches").json() == {}
    for layer in MATCH_LAYERS:
        assert ask(client, layer, 12, *tile_of(*CENTRE, 12)).status_code == 204


def test_one_run_against_another(map_client: TestClient, matched: Store, found: pd.DataFrame) -> None:
    after = matched.match_part("parcels", "dry-winter").set_index("parcel_id")["matched"]
    pairs = pd.DataFrame({"before": found["matched"], "after": after}).fillna("")
    changed = pairs[pairs["before"] != pairs["after"]]
    answer = map_client.get("/api/matches/dry-winter/against/base").json()
    assert len(changed) > 10
    assert answer["changed_count"] == len(changed)
    assert answer["parcel_count"] == len(pairs)
    assert answer["single_count"] == 0
    told = {(row["before"] or "", row["after"] or ""): row["parcel_count"] for row in answer["changes"]}
    assert told == changed.groupby(["before", "after"]).size().to_dict()
    itself = map_client.get("/api/matches/base/against/base").json()
    assert itself["changed_count"] == 0
    assert itself["changes"] == []
    for path in ("base/against/nothing", "nothing/against/base"):
        missing = map_client.get(f"/api/matches/{path}")
        assert missing.status_code == 404
        assert missing.headers["content-type"].startswith(PROBLEM)


def test_parcels_of_one_run_only_are_not_compared(map_client: TestClient, matched: Store) -> None:
    match_store(matched, load_ruleset(), Scenario("short-list"))
    with matched.engine.begin() as connection:
        gone = "DELETE FROM result.match_parcel WHERE scenario = 'short-list' AND parcel_id < 'P-000100'"
        count = connection.execute(sa.text(gone)).rowcount
    for one, other in (("short-list", "base"), ("base", "short-list")):
        answer = map_client.get(f"/api/matches/{one}/against/{other}").json()
        assert count > 0
        assert answer["single_count"] == count
        assert answer["changed_count"] == 0


@pytest.mark.parametrize("layer", ["wastewater_plant", "geothermal_field", "parcel"])
def test_a_feature_tells_where_it_lies(map_client: TestClient, matched: Store, layer: str) -> None:
    rows = matched.read(layer)
    row = rows.iloc[len(rows) // 2]
    answer: dict[str, Any] = map_client.get(f"/api/features/{layer}/{row[LAYERS[layer].key]}").json()
    box = gpd.GeoSeries([row.geometry], crs=rows.crs).to_crs(4326).total_bounds
    assert answer["bbox"] == pytest.approx(list(box), abs=1e-6)
    assert answer["name"] == (row["name"] if isinstance(row["name"], str) else None)


@pytest.mark.parametrize("path", ["nowhere/x", "parcel/not-there", "district/%27%3B--"])
def test_a_feature_that_is_not_there_is_a_problem(map_client: TestClient, path: str) -> None:
    answer = map_client.get(f"/api/features/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith(PROBLEM)
