"""Every spatial fact of the sample city against the same fact in PostGIS SQL."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from gis.facts.columns import Attributes
from gis.facts.ragged import Shapes
from gis.facts.surroundings import Surroundings
from gis.facts.table import green_facts, ground_facts, intake_facts, network_facts, place_facts
from gis.rules import load_ruleset
from gis.scoring.sources import find_candidates
from gis.store import Store

REACH_M = 100.0


@pytest.fixture(scope="module")
def parcels(scored: Store):
    """All sample parcels."""
    return scored.read("parcel")


@pytest.fixture(scope="module")
def shapes(parcels) -> Shapes:
    """Their polygons as arrays."""
    return Shapes.of(np.asarray(parcels.geometry, dtype=object), "polygon")


@pytest.fixture(scope="module")
def around(scored: Store) -> Surroundings:
    """The sample's surroundings."""
    return Surroundings(scored.resources())


def sql(store: Store, text: str, **parameters: object) -> pd.DataFrame:
    """Return a query's rows indexed by parcel_id."""
    with store.engine.connect() as connection:
        rows = connection.execute(sa.text(text), parameters)
        return pd.DataFrame(rows.fetchall(), columns=list(rows.keys())).set_index("parcel_id").sort_index()


def assert_close(ours, theirs, floor: float = 1e-6) -> None:
    """Compare to 1e-6 relative; `floor` is the absolute error that does not count."""
    np.testing.assert_allclose(
        np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float), rtol=1e-6, atol=floor
    )


def test_area(scored, parcels, shapes, around):
    expected = sql(scored, "SELECT parcel_id, ST_Area(geom) AS v FROM layer.parcel")["v"]
    assert_close(place_facts(Attributes.of(parcels), shapes, around)["area_m2"], expected)


@pytest.mark.parametrize("layer", ["district", "township"])
def test_place_is_the_outline_with_the_largest_share(scored, parcels, shapes, around, layer):
    expected = sql(
        scored,
        f"""
        SELECT DISTINCT ON (p.parcel_id) p.parcel_id, z.name AS v
        FROM layer.parcel p JOIN layer.{layer} z ON ST_Intersects(p.geom, z.geom)
        ORDER BY p.parcel_id, ST_Area(ST_Intersection(p.geom, z.geom)) DESC, z.{layer}_id""",
    )["v"]
    assert len(expected) == len(parcels)
    ours = place_facts(Attributes.of(parcels), shapes, around)[layer].texts()
    assert (ours != expected.to_numpy()).sum() == 0


@pytest.mark.parametrize(
    "layer",
    ["reclaimed_water_pipeline", "wastewater_plant", "data_centre", "geothermal_field", "heat_network"],
)
def test_nearest_distance(scored, parcels, shapes, around, layer):
    expected = sql(
        scored,
        f"""
        SELECT p.parcel_id, n.v FROM layer.parcel p CROSS JOIN LATERAL (
            SELECT ST_Distance(p.geom, z.geom) AS v FROM layer.{layer} z
            ORDER BY p.geom <-> z.geom LIMIT 1) n""",
    )["v"]
    pairs = around.index(layer).nearest(shapes)
    assert_close(pairs.measure, expected)
    if layer == "heat_network":
        assert_close(network_facts(shapes, around)["heat_network_distance_m"], expected)


@pytest.mark.parametrize(
    ("layer", "reach_m"), [("reclaimed_water_pipeline", 1000.0), ("wastewater_plant", 3000.0)]
)
def test_sources_within_reach(scored, parcels, shapes, around, layer, reach_m):
    expected = sql(
        scored,
        f"""
        SELECT p.parcel_id, z.{layer}_id AS source, ST_Distance(p.geom, z.geom) AS v
        FROM layer.parcel p JOIN layer.{layer} z ON ST_DWithin(p.geom, z.geom, :reach)""",
        reach=reach_m,
    ).reset_index()
    found = find_candidates(shapes, around, {layer: reach_m})
    near = found.distance_m <= reach_m
    ours = pd.DataFrame(
        {
            "parcel_id": parcels["parcel_id"].to_numpy()[found.parcel[near]],
            "source": found.sources.words(around, "id").texts()[found.source[near]],
            "v": found.distance_m[near],
        }
    )
    keys = ["parcel_id", "source"]
    both = ours.merge(expected, on=keys, suffixes=("", "_sql"), how="outer")
    assert len(both) == len(ours) == len(expected) > 1000
    assert_close(both["v"], both["v_sql"])


def test_shallow_zone_and_its_ground(scored, parcels, shapes, around):
    expected = sql(
        scored,
        """
        SELECT DISTINCT ON (p.parcel_id) p.parcel_id, z.shallow_geothermal_zone_id AS zone,
               z.suitability, z.conductivity_w_per_m_k AS conductivity
        FROM layer.parcel p JOIN layer.shallow_geothermal_zone z ON ST_Intersects(p.geom, z.geom)
        ORDER BY p.parcel_id, ST_Area(ST_Intersection(p.geom, z.geom)) DESC, z.shallow_geothermal_zone_id""",
    ).reindex(parcels["parcel_id"])
    facts = ground_facts(shapes, around)
    assert list(facts["shallow_suitability"].texts()) == list(expected["suitability"])
    assert list(facts["shallow_geothermal_zone_id"].texts()) == list(expected["zone"])
    assert_close(facts["ground_conductivity_w_per_m_k"], expected["conductivity"])


def test_drilling_exclusion(scored, parcels, shapes, around):
    expected = sql(
        scored,
        """
        WITH u AS (SELECT ST_Union(geom) AS geom FROM layer.drilling_exclusion)
        SELECT parcel_id, ST_Area(ST_Intersection(p.geom, u.geom)) / ST_Area(p.geom) AS v
        FROM layer.parcel p, u""",
    )["v"]
    ours = ground_facts(shapes, around)["drilling_exclusion_frac"]
    assert (np.asarray(ours) > 0).sum() > 20
    assert_close(ours, expected, floor=1e-9)


def test_green_space_nearby(scored, parcels, shapes, around):
    expected = sql(
        scored,
        """
        WITH barred AS (SELECT ST_Union(geom) AS geom FROM layer.drilling_exclusion)
        SELECT p.parcel_id, coalesce(sum(coalesce(g.usable_frac, 1) * ST_Area(ST_Difference(ST_Intersection(
            ST_Difference(ST_Buffer(p.geom, :reach, 'quad_segs=1024'), p.geom), g.geom), b.geom))), 0) AS v
        FROM barred b, layer.parcel p
        LEFT JOIN layer.green_space g ON ST_DWithin(p.geom, g.geom, :reach)
        WHERE p.parcel_id = ANY(:ids) GROUP BY p.parcel_id""",
        reach=REACH_M,
        ids=parcels["parcel_id"].tolist()[::12],  # circles of 4,096 corners take their time
    )["v"]
    ours = green_facts(shapes, around, REACH_M)["green_space_area_m2"][::12]
    assert (np.asarray(ours) > 0).sum() > 100
    assert_close(ours, expected, floor=1e-3)


@pytest.mark.parametrize("zone_class", ["prohibited", "restricted", "reserve"])
def test_intake_zones_drawn_and_by_township(scored, parcels, shapes, around, zone_class):
    expected = sql(
        scored,
        """
        WITH placed AS (
            SELECT coalesce(z.geom, (
                SELECT ST_Multi(ST_Union(t.geom)) FROM layer.township t
                WHERE t.name = ANY(string_to_array(z.townships, '、')) OR
                      coalesce(t.district, '') || t.name = ANY(string_to_array(z.townships, '、')))) AS geom
            FROM layer.water_intake_zone z
            WHERE zone_class = :zone_class AND coalesce(effective_from, :day) <= :day),
        u AS (SELECT ST_Union(geom) AS geom FROM placed)
        SELECT parcel_id, coalesce(ST_Area(ST_Intersection(p.geom, u.geom)) / ST_Area(p.geom), 0) AS v
        FROM layer.parcel p, u""",
        zone_class=zone_class,
        day=load_ruleset().as_of,
    )["v"]
    ours = intake_facts(shapes, around, load_ruleset().as_of)[f"intake_{zone_class}_frac"]
    assert (np.asarray(ours) > 0).sum() > 50
    assert_close(ours, expected, floor=1e-9)


def test_field_overlap_of_the_chosen_field(scored, parcels):
    facts, _ = scored.result_rows(list(parcels["parcel_id"]))
    expected = sql(
        scored,
        """
        SELECT f.parcel_id, ST_Area(ST_Intersection(p.geom, g.geom)) / ST_Area(p.geom) AS v,
               ST_Distance(p.geom, g.geom) AS distance
        FROM result.parcel_fact f JOIN layer.parcel p USING (parcel_id)
        JOIN layer.geothermal_field g USING (geothermal_field_id)""",
    )
    assert len(expected) == len(facts)
    assert_close(facts["geothermal_field_overlap_frac"].sort_index(), expected["v"], floor=1e-9)
    assert_close(facts["geothermal_field_distance_m"].sort_index(), expected["distance"])
