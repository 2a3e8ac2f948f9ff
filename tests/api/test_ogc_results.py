"""Results as features: packed rows are read and asked about as the views show them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import orjson
import pytest
import shapely
import sqlalchemy as sa

from api.ogc_features import dumped, geojson
from gis.served_crs import CRS84, STORED, oriented
from gis.store import Store, filters, items
from gis.store.collections import COLLECTIONS, SUITABILITY
from gis.vocabulary import VERDICTS

JOINED = "layer.parcel LEFT JOIN result.parcel_suitability USING (parcel_id)"
FACTS = (
    "district", "township", "land_use_class", "area_m2", "heated_area_m2", "heat_load_kw",
    "heat_demand_mwh_per_a",
)  # fmt: skip


@pytest.fixture
def partly_scored(city: Store) -> Iterator[sa.Connection]:
    """A transaction in which a tenth of the parcels has no results; it is rolled back."""
    with city.engine.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql("DELETE FROM result.parcel_row WHERE right(parcel_id, 1) = '7'")
        yield connection
        transaction.rollback()


def test_packed_rows_are_decoded_as_the_views_show_them(partly_scored: sa.Connection) -> None:
    page = items.page(partly_scored, COLLECTIONS[SUITABILITY], 20_000)
    names = [*FACTS, *(c.name for c in VERDICTS)]
    told = ", ".join(f"{'fact' if n in FACTS else 'judged'}.{n}" for n in names)
    shown = partly_scored.exec_driver_sql(
        f"SELECT parcel.parcel_id, {told} FROM layer.parcel "
        "LEFT JOIN result.parcel_suitability AS judged USING (parcel_id) "
        'LEFT JOIN result.parcel_fact AS fact USING (parcel_id) ORDER BY parcel_id COLLATE "C"'
    ).all()
    assert page.ids == [row[0] for row in shown]
    assert [values[-len(names) :] for values in page.values] == [tuple(row[1:]) for row in shown]
    assert sum(values[-len(VERDICTS)] is None for values in page.values) > 100


@pytest.mark.parametrize(
    "condition",
    [
        "recommended = 'reclaimed_water'",
        "NOT recommended = 'reclaimed_water'",
        "recommended <> 'reclaimed_water'",
        "recommended IS NULL",
        "recommended_score > 60 AND recommended_status IN ('suitable', 'conditional')",
        "NOT (waste_heat_status = 'suitable' AND waste_heat_score > 10)",
        "waste_heat_status = 'suitable' OR floor_area_ratio < 2",
        "waste_heat_status = 'suitable' OR geothermal_score BETWEEN 20 AND 70",
        "NOT (geothermal_variant = 'closed_loop' OR air_source_status = 'unknown')",
        "reclaimed_water_capacity_kw > waste_heat_capacity_kw",
        "shallow_ground_source_reasons IS NULL",
        "portfolio_lcoh_cny_per_mwh > 0 AND NOT biomass_score IS NULL",
        "recommended_variant LIKE 'h%' OR recommended_score < 0",
    ],
)
def test_a_filter_on_results_finds_what_the_views_do(partly_scored: sa.Connection, condition: str) -> None:
    collection = COLLECTIONS[SUITABILITY]
    where = filters.condition(filters.parse_text(condition), collection, CRS84)
    found = items.page(partly_scored, collection, 20_000, condition=where).ids
    query = f'SELECT parcel_id FROM {JOINED} WHERE {condition} ORDER BY parcel_id COLLATE "C"'
    assert found == list(partly_scored.exec_driver_sql(query.replace("%", "%%")).scalars())
    assert len(found) > 3 or "OR recommended_score < 0" in condition


def test_a_filter_decodes_only_what_it_asks_for(city: Store) -> None:
    collection = COLLECTIONS[SUITABILITY]
    where = filters.condition(
        filters.parse_text("waste_heat_status = 'suitable' AND heat_load_kw > 1e9"), collection, CRS84
    )
    with city.engine.connect() as connection:
        query = items.select_page(collection, 100, condition=where)
        text = query.compile(connection, compile_kwargs={"literal_binds": True}).string.replace("%", "%%")
        plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN (VERBOSE) {text}"))
    assert "code_list" not in plan, plan
    assert "shared" not in plan, plan
    # Parcels without results are not gone through.
    assert "Left Join" not in plan, plan


def test_geometries_are_written_as_geos_writes_them() -> None:
    rng = np.random.default_rng(5)
    points = shapely.points(rng.uniform(-180, 180, (40, 2)).round(11))
    squares = shapely.box(116.1, 39.1, rng.uniform(116.2, 117, 20).round(11), 40.0)
    holed = shapely.difference(squares, shapely.box(116.12, 39.5, 116.15, 39.6))
    shapes = [
        *points[:3], *squares[:3], *holed[:3], shapely.multipoints(points[3:6]), None,
        shapely.linestrings(rng.uniform(0, 1, (5, 2))), shapely.multipolygons([holed[4]]),
        shapely.multilinestrings([shapely.linestrings(rng.uniform(0, 1, (3, 2))) for _ in range(2)]),
    ]  # fmt: skip
    rounded = shapely.transform(np.array(shapes, dtype=object), lambda xy: xy.round(4))
    array = oriented(rounded)
    turned = shapely.transform(array, lambda xy: xy[:, ::-1])  # northing comes first
    expected = [None if text is None else orjson.loads(text) for text in shapely.to_geojson(turned)]
    assert orjson.loads(dumped(geojson(array, STORED).tolist())) == expected
