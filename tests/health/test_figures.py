"""Figures of a check against pandas, numpy and shapely, which know nothing of its SQL."""

from __future__ import annotations

import datetime as dt
from itertools import combinations

import geopandas as gpd
import numpy as np
import pytest
import shapely
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gis.errors import NotFoundError
from gis.health import Finding, LayerCheck, check_store
from gis.health.checks.places import WHOLE_FRAC
from gis.health.city import POINTS
from gis.resources import Raster
from gis.store import Store
from layers import LAYERS, RASTERS, Text
from tests.health.town import SIDE, SOUTH, WEST, frame, load

SMALL = settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])


def checked(store: Store, layer: str) -> LayerCheck:
    """Return the check of one layer."""
    [found] = check_store(store, [layer])
    return found


def of_code(check: LayerCheck, code: str) -> list[Finding]:
    """Return the findings of a code."""
    return [f for f in check.findings if f.code == code]


@pytest.mark.parametrize("layer", ["waste_heat_source", "geothermal_field"])
def test_the_sample_is_as_pandas_and_shapely_see_it(scored: Store, layer: str) -> None:
    check, features = checked(scored, layer), scored.read(layer)
    assert check.feature_count == len(features)
    shares = {f.field: f.filled_frac for f in check.fields}
    assert shares == {f: pytest.approx(features[f].notna().mean()) for f in LAYERS[layer].field_names}
    assert check.synthetic_count == int(features.synthetic.sum())
    districts = scored.read("district")
    near = gpd.sjoin(districts, features[["geometry"]], predicate="intersects").district_id.unique()
    [lacking] = of_code(check, "H-COV-2")
    assert lacking.count == len(districts) - len(near)
    twice = features.geometry.to_wkb().duplicated(keep=False)
    told = [f.ids for f in of_code(check, "H-DUP-1")]
    assert told == ([tuple(features[LAYERS[layer].key][twice])] if twice.any() else [])
    assert {f.severity for f in check.findings} <= {"note", "warning"}
    if LAYERS[layer].geometry == "point":
        assert check.city_covered_frac is None
        return
    whole, covered = shapely.union_all(districts.geometry), shapely.union_all(features.geometry)
    share = shapely.area(shapely.intersection(whole, covered)) / shapely.area(whole)
    assert check.city_covered_frac == pytest.approx(share, abs=0.005)


def test_what_is_outside_of_the_sample_city_is_what_shapely_says(scored: Store) -> None:
    city, projects = shapely.union_all(scored.read("district").geometry), scored.read("heat_project")
    apart = projects.distance(city)
    [found] = of_code(checked(scored, "heat_project"), "H-OUT-1")
    assert list(found.ids) == list(projects.heat_project_id[apart > 500])
    assert f"{apart.max() / 1000:.1f} km" in found.told.en


@SMALL
@given(st.lists(st.sampled_from([1e-3, 1.0, 7.0, 900.0, 1e4, 1e6, None, 0.0]), min_size=6, max_size=6))
def test_what_is_far_from_the_median_is_what_numpy_says(town: Store, given_: list[float | None]) -> None:
    with town.engine.begin() as connection:
        for i, value in enumerate(given_, 1):
            update = "UPDATE layer.wastewater_plant SET population_served = :v WHERE wastewater_plant_id = :i"
            connection.execute(sa.text(update), {"v": value, "i": f"wastewater_plant-{i}"})
    values = np.array([np.nan if v is None else v for v in given_])
    positive = values[values > 0]
    far = np.zeros(6, dtype=bool)
    if len(positive) >= 5:
        median = np.median(positive)
        far = (values > median * 1000) | ((values > 0) & (values < median / 1000))
    found = of_code(checked(town, "wastewater_plant"), "H-NUM-1")
    assert [f.ids for f in found if f.field == "population_served"] == (
        [tuple(f"wastewater_plant-{i + 1}" for i in np.flatnonzero(far))] if far.any() else []
    )


SIDES = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 9), st.integers(1, 9))


@SMALL
@given(st.lists(SIDES, min_size=6, max_size=6))
def test_overlaps_are_those_of_shapely(town: Store, sides: list[tuple[int, int, int, int]]) -> None:
    boxes = [shapely.box(WEST + x, SOUTH + y, WEST + x + w, SOUTH + y + h) for x, y, w, h in sides]
    with town.engine.begin() as connection:
        for i, box in enumerate(boxes, 1):
            update = "UPDATE layer.parcel SET geom = ST_Multi(ST_GeomFromText(:t, 4548)) WHERE parcel_id = :i"
            connection.execute(sa.text(update), {"t": box.wkt, "i": f"parcel-{i}"})
    pairs = [
        (i, j)
        for (i, a), (j, b) in combinations(enumerate(boxes, 1), 2)
        if a.intersection(b).area > 1.0 and not a.equals(b)
    ]
    found = of_code(checked(town, "parcel"), "H-OVL-1")
    assert [f.ids for f in found] == (
        [tuple(f"parcel-{i}" for i in sorted({i for p in pairs for i in p}))] if pairs else []
    )
    assert not pairs or found[0].told.en.startswith(
        f"pairs that overlap by more than 0.1 % of the smaller one: {len(pairs)};"
    )


def test_a_change_is_counted_as_it_was_made(town: Store) -> None:
    before = frame("wastewater_plant")
    after = before.copy()
    after.loc[after.index[:2], "remark"] = "moved"
    load(town, "wastewater_plant", after.drop(after.index[-1:]).reset_index(drop=True))
    check = checked(town, "wastewater_plant")
    assert check.change is not None
    told = check.change.model_dump(exclude={"before_version"})
    assert told == {"before_count": 6, "added_count": 0, "removed_count": 1, "changed_count": 2}
    with town.engine.begin() as connection:
        connection.execute(sa.text("UPDATE meta.layer_version SET undoable = false"))
    change = checked(town, "wastewater_plant").change
    assert change is not None
    assert (change.removed_count, change.added_count) == (None, None)


def test_what_cannot_be_checked_says_why(town: Store) -> None:
    with town.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM layer.district"))
        connection.execute(sa.text("DELETE FROM layer.township"))
        gone = "DELETE FROM meta.layer_version WHERE layer IN ('district', 'township', 'wastewater_plant')"
        connection.execute(sa.text(gone))
    mains, zones = checked(town, "reclaimed_water_pipeline"), checked(town, "shallow_geothermal_zone")
    assert (mains.findings, zones.city_covered_frac, zones.districts) == ((), None, ())
    why = {c.code: c.not_checked.en for c in (*zones.checks, *mains.checks) if c.not_checked}
    assert why["H-OUT-1"] == "neither districts nor townships are loaded"
    assert why["H-COV-1"] == why["H-COV-2"] == "no districts are loaded"
    assert why["H-REF-1"] == "not loaded: Reclaimed-water and wastewater plants"
    assert checked(town, "parcel").checks[-1].not_checked == Text(
        zh="没有导入区界、乡镇街道", en="not loaded: Districts, Townships"
    )
    with pytest.raises(NotFoundError, match="The layer district is not loaded: import it"):
        check_store(town, ["district"])
    with pytest.raises(NotFoundError, match="There is no layer 'parcels'"):
        check_store(town, ["parcels"])


def test_a_city_with_an_invalid_district_is_checked_all_the_same(town: Store) -> None:
    ring = "MULTIPOLYGON(((0 0,9000 9000,9000 0,0 9000,0 0)))"
    bow = f"ST_Translate(ST_GeomFromText('{ring}', 4548), {WEST}, {SOUTH})"
    with town.engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE layer.district SET geom = {bow} WHERE name = '甲区'"))
    plants, districts = check_store(town, ["wastewater_plant", "district"])
    assert [f.code for f in districts.findings] == ["H-GEO-2"]
    # Its two halves are those of a bow: the point of one plant in the west lies between them.
    assert {f.code: f.ids for f in plants.findings} == {"H-OUT-1": ("wastewater_plant-2",)}


def test_a_raster_is_held_against_the_city_and_its_range(town: Store) -> None:
    spec = RASTERS["ground_conductivity"]
    values = np.full((10, 20), 2.0)
    values[:, 5:] = np.nan
    bounds = (WEST, SOUTH, WEST + 2 * SIDE, SOUTH + SIDE)
    told = {"source_name": "ground.tif", "source_sha256": "0" * 64, "report": {}}
    town.write_raster(spec.id, Raster(values, bounds, "EPSG:4548"), **told)
    check = checked(town, spec.id)
    assert [(f.code, f.told.zh) for f in check.findings] == [("H-COV-2", "没有该图层数据的区有 1 个：乙区")]
    # Half of the western district, within what its points can tell.
    assert check.districts[0].covered_frac == pytest.approx(0.5, abs=2 * POINTS**-0.5)
    assert check.districts[0].covered_frac < WHOLE_FRAC
    values[0, :3] = (spec.maximum + 1, 1e-4, -1.0)
    town.write_raster(spec.id, Raster(values, bounds, "EPSG:4548"), **told)
    check = checked(town, spec.id)
    assert {f.code: f.count for f in check.findings} == {"H-NUM-1": 1, "H-NUM-2": 3, "H-COV-2": 1}
    assert "在 0.3 至 6 W/(m K)之间" in next(f.told.zh for f in check.findings if f.code == "H-NUM-2")
    assert next(f.told.en for f in check.findings if f.code == "H-NUM-1").endswith(
        "1 cell, such as 0.0001 W/(m K)"
    )
    assert (check.feature_count, check.synthetic_count, check.change) == (50, None, None)
    assert check.checked_at.tzinfo == dt.UTC
