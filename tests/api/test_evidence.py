"""/api/parcels/{parcel_id}/evidence: what it draws is what the facts say and where PostGIS has it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import shapely
import sqlalchemy as sa
from fastapi.testclient import TestClient
from shapely.geometry import shape

from api.evidence import Evidence
from gis.crs import API_CRS, STORAGE_EPSG, reproject
from gis.store import Store
from gis.webmap.evidence import AROUND_M, evidence
from layers import LAYERS

PREFIXES = {"reclaimed_water": "reclaimed", "waste_heat": "waste_heat", "biomass": "biomass"}
Answers = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def facts(city: Store) -> pd.DataFrame:
    """The facts of some parcels of each kind."""
    some = "SELECT parcel_id FROM result.parcel_fact WHERE"
    query = f"""
        SELECT * FROM result.parcel_fact WHERE parcel_id IN (
            (SELECT parcel_id FROM layer.parcel ORDER BY md5(parcel_id) LIMIT 40)
            UNION ({some} intake_restricted_frac > 0 LIMIT 5)
            UNION ({some} drilling_exclusion_frac > 0 LIMIT 5)
            UNION ({some} geothermal_field_distance_m = 0 LIMIT 5))
    """
    found = pd.read_sql(query, city.engine).set_index("parcel_id").astype(object)
    return found.where(found.notna(), None)


@pytest.fixture(scope="module")
def answers(client: TestClient, facts: pd.DataFrame) -> Answers:
    """What the route tells of each, with geometries in the storage CRS."""
    found: Answers = {}
    for parcel_id in facts.index:
        answer = client.get(f"/api/parcels/{parcel_id}/evidence")
        assert answer.status_code == 200
        Evidence.model_validate_json(answer.content)
        features = answer.json()["features"]
        for feature in features:
            placed = reproject([shape(feature["geometry"])], API_CRS, f"EPSG:{STORAGE_EPSG}")[0]
            feature["properties"]["shape"] = placed
        found[parcel_id] = [feature["properties"] for feature in features]
    return found


def _geometry(city: Store, layer: str, id_: str) -> shapely.Geometry:
    query = sa.text(f"SELECT ST_AsText(geom) FROM layer.{layer} WHERE {LAYERS[layer].key} = :id")
    with city.engine.connect() as connection:
        return shapely.from_wkt(connection.execute(query, {"id": id_}).scalar_one())


def _of(entries: list[dict[str, Any]], kind: str, **wanted: str) -> list[dict[str, Any]]:
    return [e for e in entries if e["kind"] == kind and all(e[k] == v for k, v in wanted.items())]


def test_ways_have_the_distance_of_the_facts(answers: Answers, facts: pd.DataFrame) -> None:
    compared = dict.fromkeys((*PREFIXES, "heat_network"), 0)
    for parcel_id, entries in answers.items():
        row = facts.loc[parcel_id]
        for technology, prefix in PREFIXES.items():
            for way in _of(entries, "way", technology=technology):
                if way["layer"] == "heat_network":
                    told = row["heat_network_distance_m"]
                    compared["heat_network"] += 1
                else:
                    assert (way["layer"], way["id"]) == (
                        row[f"{prefix}_source_layer"],
                        row[f"{prefix}_source_id"],
                    )
                    told = row[f"{prefix}_distance_m"]
                    compared[technology] += 1
                assert way["distance_m"] == pytest.approx(told, abs=0.1)
                assert way["current"] is True
        if row["reclaimed_source_id"] is not None:
            assert len(_of(entries, "way", technology="reclaimed_water")) == 1
    assert all(compared.values()), compared


def test_ways_run_from_the_parcel_to_the_feature(answers: Answers, city: Store) -> None:
    lengths = []
    for parcel_id, entries in answers.items():
        parcel = _geometry(city, "parcel", parcel_id)
        for way in _of(entries, "way"):
            # A point where the parcel touches it.
            start, end = (shapely.Point(way["shape"].coords[n]) for n in (0, -1))
            assert start.distance(parcel) < 0.02
            assert end.distance(_geometry(city, way["layer"], way["id"])) < 0.02
            assert way["shape"].length == pytest.approx(way["distance_m"], abs=0.05)
            lengths.append(way["distance_m"])
    assert min(lengths) < 300 < max(lengths)


def test_the_network_is_the_nearest_one(answers: Answers, city: Store) -> None:
    query = """SELECT n.heat_network_id FROM layer.parcel AS p, layer.heat_network AS n WHERE parcel_id = :id
               ORDER BY ST_Distance(p.geom, n.geom), n.heat_network_id LIMIT 1"""
    with city.engine.connect() as connection:
        for parcel_id, entries in answers.items():
            nearest = connection.execute(sa.text(query), {"id": parcel_id}).scalar_one()
            assert {w["id"] for w in _of(entries, "way", layer="heat_network")} == {nearest}


def test_areas_are_those_that_the_facts_measure(answers: Answers, facts: pd.DataFrame, city: Store) -> None:
    seen = {
        "drilling_exclusion": 0,
        "water_intake_zone": 0,
        "geothermal_field": 0,
        "shallow_geothermal_zone": 0,
    }
    for parcel_id, entries in answers.items():
        row, parcel = facts.loc[parcel_id], _geometry(city, "parcel", parcel_id)
        for layer, fact in (
            ("drilling_exclusion", "drilling_exclusion_frac"),
            ("geothermal_field", "geothermal_field_overlap_frac"),
        ):
            shapes = {e["id"]: e["shape"] for e in _of(entries, "area", layer=layer)}
            covered = shapely.union_all(list(shapes.values())).intersection(parcel).area / parcel.area
            # Outlines are simplified to 2 m.
            assert covered == pytest.approx(row[fact] or 0.0, abs=2 * parcel.length / parcel.area)
        zone = {e["id"] for e in _of(entries, "area", layer="shallow_geothermal_zone")}
        assert zone == {row["shallow_geothermal_zone_id"]} - {None}
        barred = sum(row[f"intake_{c}_frac"] or 0.0 for c in ("prohibited", "restricted", "reserve"))
        assert bool(_of(entries, "area", layer="water_intake_zone")) == (barred > 0)
        for entry in _of(entries, "area"):
            assert (entry["distance_m"], entry["current"]) == (0.0, True)
            seen[entry["layer"]] += 1
    assert all(seen.values()), seen


def test_large_areas_are_cut_off_around_the_parcel(answers: Answers, city: Store) -> None:
    cut = 0
    for parcel_id, entries in answers.items():
        west, south, east, north = _geometry(city, "parcel", parcel_id).bounds
        around = shapely.box(west, south, east, north).buffer(AROUND_M + 0.1, join_style="mitre")
        for entry in entries:
            if entry["kind"] != "way":
                assert around.covers(entry["shape"])
            whole = _geometry(city, entry["layer"], entry["id"])
            # A zone may be a list of townships instead.
            if entry["kind"] == "edge" and whole is not None:
                assert entry["shape"].hausdorff_distance(whole.boundary.intersection(around)) < 1000
                cut += not around.covers(whole)
                # A side of the cut is no part of the outline.
                assert (
                    shapely.distance(
                        shapely.points(shapely.get_coordinates(entry["shape"])), whole.boundary
                    ).max()
                    < 0.1
                )
    assert cut > 0


def test_only_of_layers_that_may_be_read(client: TestClient, city: Store, facts: pd.DataFrame) -> None:
    document = client.get(f"/api/parcels/{facts.index[0]}/suitability").json()
    with city.engine.connect() as connection:
        everything = evidence(connection, document, frozenset(LAYERS))["features"]
        layers = {f["properties"]["layer"] for f in everything}
        assert len(layers) > 2
        for withheld in layers:
            told = evidence(connection, document, frozenset(LAYERS) - {withheld})["features"]
            assert {f["properties"]["layer"] for f in told} == layers - {withheld}


def test_a_way_that_the_run_did_not_see_is_not_current(
    client: TestClient, city: Store, facts: pd.DataFrame
) -> None:
    parcel_id = next(i for i, m in facts["reclaimed_distance_m"].items() if m and 10 < m < 1e6)
    document = client.get(f"/api/parcels/{parcel_id}/suitability").json()
    option = next(o for o in document["technologies"] if o["technology"] == "reclaimed_water")
    option["evidence"]["reclaimed_distance_m"] -= 5
    with city.engine.connect() as connection:
        features = evidence(connection, document, frozenset(LAYERS))["features"]
    (way,) = [f["properties"] for f in features if f["properties"]["technology"] == "reclaimed_water"]
    assert way["current"] is False


def test_an_unknown_parcel(client: TestClient) -> None:
    answer = client.get("/api/parcels/nowhere/evidence")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
