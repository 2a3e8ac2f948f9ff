"""Exports hold what SQL says is in the collection, in every form, and no more than was asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from gis.errors import InputError
from gis.jobs.export import FORMATS, SYSTEMS, check_export, write_export
from gis.rules import load_ruleset
from gis.runs import Runs
from gis.store import Store
from gis.store.collections import COLLECTIONS

Read = Callable[[Path], pd.DataFrame]


def asked(**changed: Any) -> dict[str, Any]:
    known = {"collection": "parcel_suitability", "format": "gpkg", "crs": "EPSG:4548", "bbox": None}
    return known | {"filter": None, "readable": ["parcel", "results"]} | changed


@pytest.fixture(scope="module")
def judged(town: Store) -> Store:
    """The town, scored."""
    Runs(town).score(load_ruleset())
    return town


def of_csv(path: Path) -> gpd.GeoDataFrame:
    rows = pd.read_csv(path, encoding="utf-8-sig", dtype={"land_use_code": str})
    return gpd.GeoDataFrame(rows.drop(columns="geometry"), geometry=shapely.from_wkt(rows["geometry"]))


def told(path: Path) -> gpd.GeoDataFrame:
    if path.suffix == ".csv":
        return of_csv(path)
    return gpd.read_parquet(path) if path.suffix == ".parquet" else gpd.read_file(path, engine="pyogrio")


@pytest.mark.parametrize("form", list(FORMATS))
def test_an_export_is_what_sql_says(judged: Store, tmp_path: Path, form: str) -> None:
    crs = "OGC:CRS84" if form == "geojson" else "EPSG:4527"
    target = tmp_path / f"out{FORMATS[form].ending}"
    steps: list[tuple[int, int, str]] = []
    count = write_export(judged, asked(format=form, crs=crs), target, lambda *step: steps.append(step))
    assert steps == [(0, 40, "exporting")]
    epsg = 4326 if form == "geojson" else 4527
    query = f"""
        SELECT parcel_id, p.land_use_code, f.heat_load_kw, s.recommended, s.waste_heat_status,
          array_to_json(s.waste_heat_reasons)::text AS reasons,
          ST_AsBinary(ST_Transform(p.geom, {epsg})) AS wkb
        FROM layer.parcel AS p JOIN result.parcel_fact AS f USING (parcel_id)
        JOIN result.parcel_suitability AS s USING (parcel_id) ORDER BY parcel_id COLLATE "C"
    """
    with judged.engine.connect() as connection:
        expected = pd.DataFrame(connection.exec_driver_sql(query).mappings(), dtype=object)
    found = told(target)
    assert count == len(found) == len(expected) == 40
    for name in ("parcel_id", "land_use_code", "recommended", "waste_heat_status"):
        assert found[name].astype(object).where(found[name].notna(), None).tolist() == expected[name].tolist()
    kw = expected["heat_load_kw"].astype(float)
    assert np.allclose(found["heat_load_kw"].astype(float), kw, rtol=1e-12, equal_nan=True)
    lists = [json.loads(text) for text in expected["reasons"]]
    assert any(lists)
    if form in ("geojson", "geoparquet"):
        assert [list(codes) for codes in found["waste_heat_reasons"]] == lists
    else:
        assert found["waste_heat_reasons"].fillna("").tolist() == [",".join(codes) for codes in lists]
    outlines = shapely.from_wkb(expected["wkb"].map(bytes).to_numpy())
    tolerance = 1e-8 if form == "geojson" else 2e-3
    apart = shapely.hausdorff_distance(np.asarray(found.geometry), outlines)
    assert float(apart.max()) < tolerance
    assert form == "csv" or found.crs.to_epsg() == epsg
    assert [p.name for p in tmp_path.iterdir()] == [target.name]


def test_an_export_may_be_of_a_part(judged: Store, tmp_path: Path) -> None:
    parcels = judged.read("parcel")
    half = parcels.to_crs(4326).union_all().bounds
    middle = (half[0] + half[2]) / 2
    box = [half[0], half[1], middle, half[3]]
    query = asked(
        collection="parcel", bbox=box, filter="floor_area_ratio > 1", readable=["parcel"], format="csv"
    )
    count = write_export(judged, query, tmp_path / "part.csv", lambda *_: None)
    inside = parcels.to_crs(4326).intersects(shapely.box(*box)).to_numpy()
    wanted = parcels[inside & (parcels["floor_area_ratio"] > 1).to_numpy()]["parcel_id"].tolist()
    assert 0 < count < 40
    assert sorted(told(tmp_path / "part.csv")["parcel_id"]) == sorted(wanted)
    none = write_export(
        judged, query | {"filter": "floor_area_ratio > 99"}, tmp_path / "no.csv", lambda *_: None
    )
    assert none == 0
    assert len(told(tmp_path / "no.csv")) == 0


def test_an_export_has_only_what_its_caller_may_read(judged: Store, tmp_path: Path) -> None:
    for readable in (["parcel"], ["results", "district"], []):
        with pytest.raises(InputError, match="may not be read by whoever asked"):
            write_export(judged, asked(readable=readable), tmp_path / "out.gpkg", lambda *_: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"format": "geojson", "crs": "EPSG:4527"}, "GeoJSON is in longitude and latitude"),
        ({"filter": "no_such_property = 1"}, "no_such_property"),
        ({"filter": "heat_load_kw >"}, "cannot be read"),
        ({"bbox": [117.0, 40.0, 116.0, 39.0]}, "upper corner"),
    ],
)
def test_what_cannot_be_exported_is_said_before(changed: dict[str, Any], message: str) -> None:
    query = asked(**changed)
    with pytest.raises(InputError, match=message):
        check_export(query, COLLECTIONS[query["collection"]])


def test_what_stops_an_export_leaves_no_file_and_keeps_its_kind(judged: Store, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(*_: object) -> None:
        raise Stopped

    for form in FORMATS.values():
        name = {f.ending: key for key, f in FORMATS.items()}[form.ending]
        with pytest.raises(Stopped):
            write_export(judged, asked(format=name, crs="OGC:CRS84"), tmp_path / f"out{form.ending}", stop)
        assert list(tmp_path.iterdir()) == []


def test_files_have_x_before_y() -> None:
    assert set(SYSTEMS) == {"OGC:CRS84", "EPSG:4326", "EPSG:4490", "EPSG:4548", "EPSG:4527"}
    assert not any(crs.y_first for crs in SYSTEMS.values())
