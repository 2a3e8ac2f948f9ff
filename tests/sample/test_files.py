"""Every committed file fits its layer, and says what is synthetic."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from gis.ingest import Mapped
from layers import LAYERS

Layer = Callable[[str], gpd.GeoDataFrame]
MANIFEST = Path(__file__).resolve().parents[2] / "data/sample/manifest.json"
FILES = [entry["file"] for entry in json.loads(MANIFEST.read_text("utf-8"))["files"]]
REAL = {"district": "all", "wastewater_plant": "all", "heat_project": "some"}


def test_manifest_names_every_data_file_once_and_every_layer(
    sample_dir: Path, manifest: list[dict[str, Any]]
) -> None:
    names = [entry["file"] for entry in manifest]
    on_disk = {p.name for p in sample_dir.iterdir() if p.suffix in (".geojson", ".csv", ".parquet")}
    assert sorted(names) == sorted(on_disk)
    assert {entry["layer"] for entry in manifest} == set(LAYERS)
    assert [entry["layer"] for entry in manifest[:2]] == ["district", "township"]
    assert all(set(entry) <= {"file", "layer", "source_crs", "columns", "mode"} for entry in manifest)


def test_a_second_file_of_a_layer_is_appended(manifest: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for entry in manifest:
        assert entry.get("mode", "replace") == ("append" if entry["layer"] in seen else "replace")
        seen.add(entry["layer"])


@pytest.mark.parametrize("file", FILES)
def test_every_row_is_taken_without_reject_repair_or_warning(mapped: dict[str, Mapped], file: str) -> None:
    result = mapped[file]
    assert len(result.rejects) == 0
    report = result.report
    assert report.warnings == []
    assert report.repairs == []
    assert report.unused_columns == []


@pytest.mark.parametrize("file", FILES)
def test_geometry_is_of_the_declared_kind(
    mapped: dict[str, Mapped], manifest: list[dict[str, Any]], file: str
) -> None:
    spec = LAYERS[next(e["layer"] for e in manifest if e["file"] == file)]
    shapes = mapped[file].frame.geometry.to_numpy()
    if file == "water_intake_zone_townships.csv":
        assert shapely.is_missing(shapes).all()
        assert mapped[file].frame["townships"].notna().all()
        return
    dimension = {"point": 0, "line": 1, "polygon": 2}[spec.geometry]
    assert (shapely.get_dimensions(shapes) == dimension).all()
    assert shapely.is_valid(shapes).all()


def test_source_columns_are_partly_chinese_and_partly_english(mapped: dict[str, Mapped]) -> None:
    used = [column for m in mapped.values() for column in m.report.columns.values()]
    chinese = sum(not column.isascii() for column in used)
    assert 0.2 < chinese / len(used) < 0.95


@pytest.mark.parametrize("file", FILES)
def test_what_is_synthetic_is_flagged_and_everything_names_its_source(
    mapped: dict[str, Mapped], manifest: list[dict[str, Any]], file: str
) -> None:
    frame = mapped[file].frame
    flags = frame["synthetic"].astype(bool).to_numpy()
    real = REAL.get(next(e["layer"] for e in manifest if e["file"] == file), "none")
    assert frame["synthetic"].notna().all()
    assert {"all": not flags.any(), "none": bool(flags.all()), "some": flags.any() and not flags.all()}[real]
    assert frame["source"].notna().all()
    made_up = frame["source"].str.contains("合成|示意")
    if file == "heat_project.geojson":
        assert (made_up.to_numpy() == flags).all()


def test_the_sample_stays_small(sample_dir: Path) -> None:
    assert sum(p.stat().st_size for p in sample_dir.rglob("*") if p.is_file() and p.suffix != ".pyc") < 4e6


def test_projects_refer_to_sources_that_exist(layer: Layer) -> None:
    projects = layer("heat_project")
    tied = projects[projects["source_layer"].notna()]
    assert len(tied) >= 8
    for name, group in tied.groupby("source_layer"):
        assert set(group["source_id"]) <= set(layer(str(name))[LAYERS[str(name)].key])
    dongsheng = projects[projects["name"].str.startswith("东升科技园二期")].iloc[0]
    plants = layer("wastewater_plant").set_index("wastewater_plant_id")
    assert plants.loc[dongsheng["source_id"], "name"] == "清河再生水厂"
    assert dongsheng["heated_area_m2"] == 1_000_000


def test_all_zone_classes_are_there_and_listed_townships_exist(layer: Layer) -> None:
    listed = layer("water_intake_zone_townships")
    classes = set(layer("water_intake_zone")["zone_class"]) | set(listed["zone_class"])
    assert classes == {"prohibited", "restricted", "reserve"}
    names = {name for text in listed["townships"] for name in text.split("、")}
    assert names <= set(layer("township")["name"])
    assert len(names) > 50


def test_mains_start_at_their_plant_and_do_not_carry_more_than_it_has(layer: Layer) -> None:
    mains = layer("reclaimed_water_pipeline")
    plants = layer("wastewater_plant").set_index("wastewater_plant_id")
    flow = mains.groupby("wastewater_plant_id")["winter_flow_m3_per_d"].sum()
    assert set(flow.index) == set(plants.index)
    assert (flow <= plants["design_capacity_m3_per_d"].reindex(flow.index)).all()
    assert mains["winter_temperature_degc"].isna().any()
    assert mains["winter_temperature_degc"].dropna().between(11, 16).all()
    length_km = shapely.length(mains.geometry.to_numpy()) / 1e3
    assert 2 < np.median(length_km) < 25
    touching = {
        plant for plant, group in mains.groupby("wastewater_plant_id")
        if group.distance(plants.loc[plant, "geometry"]).min() < 1.0
    }  # fmt: skip
    assert touching == set(plants.index)
