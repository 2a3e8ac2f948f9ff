"""Layers in and out of the store."""

from __future__ import annotations

import threading

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import sqlalchemy as sa
from geopandas.testing import assert_geodataframe_equal

from gis.errors import BusyError, InputError, NotFoundError
from gis.store import Store
from gis.store.loading import claim
from layers import LAYERS
from tests.store.frames import LOAD, NO_REJECTS, layer_frame


@pytest.mark.parametrize("layer_id", LAYERS)
def test_every_layer_comes_back_exactly(empty_store: Store, layer_id: str) -> None:
    frame = layer_frame(layer_id)
    version = empty_store.write_layer(layer_id, frame.sample(frac=1, random_state=3), mode="replace", **LOAD)
    assert (version.version, version.feature_count) == (1, len(frame))
    back = empty_store.read(layer_id)
    assert_geodataframe_equal(back, frame, check_like=False)
    for name in frame.columns.drop("geometry"):
        if frame[name].dtype == "float64":
            assert back[name].to_numpy().tobytes() == frame[name].to_numpy().tobytes()  # to the bit, -0.0 too
        assert [v for v in back[name] if not pd.api.types.is_scalar(v)] == []
    assert list(shapely.to_wkb(back.geometry)) == list(shapely.to_wkb(frame.geometry))


def test_missing_is_null_and_zero_is_zero(empty_store: Store) -> None:
    frame = layer_frame("parcel", 3)
    frame["population"] = [0.0, np.nan, 5.0]
    frame["name"] = ["", None, "甲"]
    empty_store.write_layer("parcel", frame, mode="replace", **LOAD)
    with empty_store.engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT population, name FROM layer.parcel ORDER BY parcel_id")
        ).all()
    assert [tuple(r) for r in rows] == [(0.0, ""), (None, None), (5.0, "甲")]


def test_single_parts_are_stored_as_multi(empty_store: Store) -> None:
    frame = layer_frame("parcel", 1)
    frame = frame.set_geometry(gpd.GeoSeries([shapely.box(5e5, 4.4e6, 5e5 + 10, 4.4e6 + 10)], crs=4548))
    empty_store.write_layer("parcel", frame, mode="replace", **LOAD)
    assert empty_store.read("parcel").geometry.iloc[0].geom_type == "MultiPolygon"


def test_zone_time_is_kept_as_beijing_time(empty_store: Store) -> None:
    frame = layer_frame("data_centre", 1)
    frame["monitored_at"] = pd.to_datetime(["2026-01-15T00:30:00Z"])
    empty_store.write_layer("data_centre", frame, mode="replace", **LOAD)
    assert empty_store.read("data_centre")["monitored_at"].iloc[0] == pd.Timestamp("2026-01-15 08:30")


def test_read_by_field_and_by_key(empty_store: Store) -> None:
    frame = layer_frame("parcel", 60)
    empty_store.write_layer("parcel", frame, mode="replace", **LOAD)
    wanted = frame[(frame["district"] == "O'Brien; --") & frame["population"].isna()]
    found = empty_store.read("parcel", where={"district": "O'Brien; --", "population": None})
    assert len(wanted)
    assert list(found["parcel_id"]) == list(wanted["parcel_id"])
    keys = [frame["parcel_id"][4], "nowhere", frame["parcel_id"][2]]
    assert list(empty_store.read("parcel", ids=keys)["parcel_id"]) == sorted([keys[0], keys[2]])
    nothing = empty_store.read("parcel", ids=[])
    assert len(nothing) == 0
    assert list(nothing.columns) == list(frame.columns)
    assert nothing.crs == frame.crs


def test_read_refuses_what_is_not_declared(empty_store: Store) -> None:
    with pytest.raises(InputError, match="no field 'geom'"):
        empty_store.read("parcel", where={"geom": "x"})
    with pytest.raises(InputError, match="no field"):
        empty_store.read("parcel", where={'name" = name; DROP TABLE layer.parcel; --': "x"})
    with pytest.raises(NotFoundError, match="no layer 'plot'"):
        empty_store.read("plot")
    with pytest.raises(InputError, match=r"does not fit its field"):
        empty_store.read("parcel", where={"population": "many"})
    with pytest.raises(InputError, match="does not fit its field"):
        empty_store.read("parcel", where={"name": 5})


def test_append_and_upsert(empty_store: Store) -> None:
    frame = layer_frame("parcel", 10)
    empty_store.write_layer("parcel", frame.iloc[:6], mode="append", **LOAD)
    with pytest.raises(InputError, match=f"parcel_id {frame['parcel_id'][4]}.*in the layer already"):
        empty_store.write_layer("parcel", frame.iloc[4:], mode="append", **LOAD)
    assert len(empty_store.read("parcel")) == 6
    changed = frame.iloc[4:].assign(name="新")
    version = empty_store.write_layer("parcel", changed, mode="upsert", **LOAD)
    assert (version.version, version.feature_count) == (2, 10)
    assert list(empty_store.read("parcel")["name"].iloc[4:]) == ["新"] * 6
    assert_geodataframe_equal(empty_store.read("parcel").iloc[:4], frame.iloc[:4])


def test_replace_forgets_the_old_features(empty_store: Store) -> None:
    frame = layer_frame("township", 10)
    empty_store.write_layer("township", frame.iloc[:6], mode="replace", **LOAD)
    empty_store.write_layer("township", frame.iloc[8:], mode="replace", **LOAD)
    assert list(empty_store.read("township")["township_id"]) == list(frame["township_id"][8:])
    assert empty_store.layer_versions()["township"].version == 2


def _refusals() -> list[tuple[str, gpd.GeoDataFrame, str]]:
    parcel = layer_frame("parcel", 4)
    twice = parcel.assign(parcel_id=["a", "b", "b", "c"])
    point = parcel.set_geometry(gpd.GeoSeries([shapely.Point(0, 0)] * 4, crs=4548))
    unclassed = layer_frame("water_intake_zone", 4).assign(zone_class=None)
    return [
        ("parcel", twice, "parcel_id b occurs more than once"),
        ("parcel", parcel.assign(parcel_id=["a", None, "b", "c"]), "parcel_id is empty in row 2"),
        ("parcel", parcel.assign(dkmj=1.0), "no field 'dkmj'"),
        ("parcel", parcel.drop(columns="parcel_id"), "key column parcel_id is missing"),
        ("parcel", parcel.to_crs(4326), "takes EPSG:4548"),
        ("parcel", point, "found a Point where the layer holds MultiPolygon"),
        ("parcel", parcel.set_geometry(gpd.GeoSeries([None] * 4, crs=4548)), "empty or missing MultiPolygon"),
        ("parcel", parcel.assign(name="a\x00b"), "does not fit its field"),
        ("parcel", parcel.assign(name=pd.Series(["\ud800"] * 4, dtype="object")), "does not fit its field"),
        ("parcel", parcel.assign(population="many"), "column population holds a value of another type"),
        ("parcel", parcel.assign(synthetic="false"), "column synthetic holds a value of another type"),
        ("water_intake_zone", unclassed, "required field zone_class is empty"),
    ]


@pytest.mark.parametrize(
    ("layer_id", "frame", "sentence"), _refusals(), ids=lambda v: v if isinstance(v, str) else ""
)
def test_a_refused_load_leaves_the_layer_untouched(
    empty_store: Store, layer_id: str, frame: gpd.GeoDataFrame, sentence: str
) -> None:
    before = layer_frame(layer_id, 3)
    empty_store.write_layer(layer_id, before, mode="replace", **LOAD)
    with pytest.raises(InputError, match=sentence):
        empty_store.write_layer(layer_id, frame, mode="replace", **LOAD)
    assert_geodataframe_equal(empty_store.read(layer_id), before)
    assert empty_store.layer_versions()[layer_id].version == 1


def test_versions_and_resources(empty_store: Store) -> None:
    assert empty_store.layer_versions() == {}
    assert dict(empty_store.resources().frames) == {}
    district = layer_frame("district", 5)
    empty_store.write_layer("parcel", layer_frame("parcel", 5), mode="replace", **LOAD)
    empty_store.write_layer("district", district, mode="replace", **LOAD)
    empty_store.write_layer("heat_network", layer_frame("heat_network", 5).iloc[:0], mode="replace", **LOAD)
    versions = empty_store.layer_versions()
    assert set(versions) == {"parcel", "district", "heat_network"}
    assert versions["district"].source_name == "来源.gpkg"
    assert versions["heat_network"].feature_count == 0
    found = empty_store.resources()
    assert set(found.frames) == {"district", "heat_network"}
    assert dict(found.versions) == {"district": 1, "heat_network": 1}
    assert_geodataframe_equal(found.frames["district"], district)
    assert len(found.frames["heat_network"]) == 0
    assert found.frames["heat_network"].crs == district.crs


def test_report_and_rejects_are_kept(empty_store: Store) -> None:
    rejects = pd.DataFrame(
        {
            "row": [3, 9],
            "reason": ["几何为空", "out of range"],
            "attributes": [{"容积率": float("nan"), "when": pd.Timestamp("2026-01-01")}, None],
            "wkt": [None, "POINT (1 2)"],
        }
    )
    load = {**LOAD, "report": {"read": np.int64(5), "warnings": ["甲"]}, "rejects": rejects}
    empty_store.write_layer("parcel", layer_frame("parcel", 3), mode="replace", **load)
    with empty_store.engine.connect() as connection:
        report = connection.scalar(sa.text("SELECT report FROM meta.layer_version"))
        rows = connection.execute(
            sa.text("SELECT layer, version, row, reason, attributes, wkt FROM meta.reject ORDER BY row")
        ).all()
    assert report == {"read": 5, "warnings": ["甲"]}
    assert tuple(rows[0]) == (
        "parcel", 1, 3, "几何为空", {"容积率": None, "when": "2026-01-01 00:00:00"}, None,
    )  # fmt: skip
    assert tuple(rows[1]) == ("parcel", 1, 9, "out of range", None, "POINT (1 2)")
    assert NO_REJECTS.empty


def test_a_second_import_of_the_same_layer_is_told_to_wait(empty_store: Store) -> None:
    with empty_store.engine.begin() as other:
        claim(other, "layer parcel", "busy")
        with pytest.raises(BusyError, match="Another import into layer parcel is running"):
            empty_store.write_layer("parcel", layer_frame("parcel", 2), mode="replace", **LOAD)
        empty_store.write_layer("district", layer_frame("district", 2), mode="replace", **LOAD)
    empty_store.write_layer("parcel", layer_frame("parcel", 2), mode="replace", **LOAD)


def test_readers_see_the_old_layer_or_the_new_one(empty_store: Store) -> None:
    base = layer_frame("parcel", 300)
    generations = [base.iloc[: 300 - 10 * g].assign(remark=str(g)) for g in range(8)]
    empty_store.write_layer("parcel", generations[0], mode="replace", **LOAD)
    seen: set[tuple[str, ...]] = set()
    sizes: set[tuple[str, int]] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            frame = empty_store.read("parcel")
            marks = tuple(sorted(set(frame["remark"])))
            seen.add(marks)
            sizes.add((marks[0] if marks else "", len(frame)))

    reader = threading.Thread(target=watch)
    reader.start()
    try:
        for frame in generations[1:]:
            empty_store.write_layer("parcel", frame, mode="replace", **LOAD)
    finally:
        done.set()
        reader.join()
    assert len(seen) > 1
    assert all(len(marks) == 1 for marks in seen)
    assert sizes <= {(str(g), 300 - 10 * g) for g in range(8)}
