"""Verdicts of files are those of the engine, whatever the files, the parts and the engine are."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gis
from gis.batch import parcels as parcel_files
from gis.batch import score_files
from gis.batch.judge import judged, numbered
from gis.batch.parcels import open_parcels
from gis.batch.world import World, keep, kept
from gis.facts.columns import JUDGED
from gis.vocabulary import VERDICTS


@pytest.fixture(scope="module")
def expected(parcels: gpd.GeoDataFrame, resources: gis.Resources) -> gpd.GeoDataFrame:
    """What the engine says of the parcels in memory."""
    return gis.score(parcels, resources, gis.load_ruleset()).to_geodataframe().reset_index()


def read(path: Path) -> gpd.GeoDataFrame:
    """Read verdicts as GeoPandas does, lists as lists, missing texts as None."""
    frame = gpd.read_parquet(path)
    for column in VERDICTS:
        if column.type == "text_list":
            frame[column.name] = frame[column.name].map(list)
    return frame.astype({c.name: object for c in VERDICTS if c.type == "text"})


def same(found: gpd.GeoDataFrame, wanted: gpd.GeoDataFrame):
    """Hold two tables of verdicts against each other, numbers to the bit."""
    assert list(found.columns) == list(wanted.columns)
    assert (found["parcel_id"].to_numpy() == wanted["parcel_id"].to_numpy()).all()
    assert (found.geometry.to_wkb().to_numpy() == wanted.geometry.to_wkb().to_numpy()).all()
    assert found.crs == wanted.crs
    for column in VERDICTS:
        one, other = found[column.name], wanted[column.name]
        if column.type == "float":
            np.testing.assert_array_equal(one.to_numpy(), other.to_numpy())
        else:
            assert [None if v is None or v is np.nan else v for v in one] == [
                None if v is None or v is np.nan else v for v in other
            ], column.name


def content(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_one_file_holds_what_the_engine_says(parcels, resources, expected, written, tmp_path):
    out = tmp_path / "out.parquet"
    run = score_files(written(parcels, 1) / "000.parquet", resources, gis.load_ruleset(), out)
    same(read(out), expected)
    pairs = zip(expected["recommended"], expected["recommended_status"], strict=True)
    assert run.counts == pd.Series(list(pairs)).value_counts().to_dict()
    assert run.parcel_count == len(parcels)
    assert run.files == (out,)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_the_file_tells_its_rules_its_data_and_where_it_lies(parcels, resources, written, tmp_path):
    ruleset, out = gis.load_ruleset(), tmp_path / "out.parquet"
    score_files(written(parcels, 2), resources, ruleset, out)
    metadata = pq.read_metadata(out).metadata
    said = json.loads(metadata[b"onemap"])
    assert said["ruleset"] == {"id": "beijing", "as_of": ruleset.as_of.isoformat(), "hash": ruleset.hash}
    assert said["software"].startswith("heat-onemap ")
    geo = json.loads(metadata[b"geo"])["columns"]["geometry"]
    np.testing.assert_array_equal(geo["bbox"], parcels.total_bounds)
    assert pq.read_schema(out).field("air_source_reasons").type.value_type == "string"


def test_a_folder_has_one_file_a_part_in_the_order_read(
    parcels, resources, expected, written, tmp_path, monkeypatch
):
    monkeypatch.setattr(parcel_files, "PART_ROWS", 50)
    source = written(parcels, 2)
    for path in source.iterdir():
        gpd.read_parquet(path).to_parquet(path, row_group_size=30)
    run = score_files(source, resources, gis.load_ruleset(), tmp_path / "out")
    # Of 200 parcels a file in groups of 30: 60, 60, 60 and 20.
    assert [len(read(path)) for path in run.files] == [60, 60, 60, 20] * 2
    same(pd.concat([read(path) for path in run.files], ignore_index=True), expected)


@settings(max_examples=10)
@given(cuts=st.lists(st.integers(1, 399), max_size=5, unique=True), seed=st.integers(0, 99))
def test_neither_order_nor_files_change_an_answer(cuts, seed, parcels, resources, expected, tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    (folder / "in").mkdir()
    order = np.random.default_rng(seed).permutation(len(parcels))
    for number, rows in enumerate(np.split(order, sorted(cuts))):
        parcels.iloc[rows].to_parquet(folder / "in" / f"{number}.parquet")
    score_files(folder / "in", resources, gis.load_ruleset(), folder / "out.parquet")
    same(read(folder / "out.parquet"), expected.iloc[order].reset_index(drop=True))


@pytest.mark.parametrize("kind", ["large_string", "dictionary", "whole numbers", "no columns", "binary view"])
def test_types_that_writers_choose_make_no_difference(
    kind, parcels, resources, expected, written, tmp_path, request
):
    import pyarrow as pa

    path = written(parcels, 1) / "000.parquet"
    table = pq.read_table(path)
    names = [name for name in JUDGED if name in table.column_names]
    wanted = expected
    for name in (*names, "parcel_id"):
        column = table[name]
        if kind == "large_string" and pa.types.is_string(column.type):
            column = column.cast(pa.large_string())
        if kind == "dictionary" and pa.types.is_string(column.type):
            column = column.dictionary_encode()
        table = table.set_column(table.schema.get_field_index(name), name, column)
    if kind == "binary view":
        table = table.set_column(
            table.schema.get_field_index("geometry"), "geometry", table["geometry"].cast(pa.large_binary())
        )
    if kind == "whole numbers":
        whole = parcels.assign(population=parcels["population"].round())
        wanted = gis.score(whole, resources, gis.load_ruleset()).to_geodataframe().reset_index()
        column = pa.array(whole["population"], from_pandas=True).cast(pa.int32())
        table = table.set_column(table.schema.get_field_index("population"), "population", column)
    if kind == "no columns":
        table = table.drop_columns(names)
        bare = parcels.drop(columns=names)
        wanted = gis.score(bare, resources, gis.load_ruleset()).to_geodataframe().reset_index()
    pq.write_table(table, path)
    score_files(path, resources, gis.load_ruleset(), tmp_path / "out.parquet")
    same(read(tmp_path / "out.parquet"), wanted)


def test_what_workers_read_of_a_file_judges_the_same(parcels, resources, written, tmp_path):
    world = World.of(resources, gis.load_ruleset())
    keep(world, tmp_path)
    again = kept(tmp_path, "first")
    assert again.said == world.said
    files = open_parcels(written(parcels, 1))
    for work in numbered(files.parts[0], files.geometry):
        one, other = judged(work, world), judged(work, again)
        assert one[0].equals(other[0])
        assert one[2] == other[2]


def test_a_kept_world_refuses_what_was_not_made_ready(resources, tmp_path):
    keep(World.of(resources, gis.load_ruleset()), tmp_path)
    around = kept(tmp_path, "second").around
    with pytest.raises(LookupError, match="waste_heat_source"):
        around.centres("waste_heat_source")


def test_another_metric_system_works(parcels, resources, written, tmp_path):
    """Whatever the grid of coordinates is, the same ground gets the same answers."""
    zone = "EPSG:32650"
    moved = gis.Resources.from_files(dict(resources.frames), crs=zone)
    frame = parcels.to_crs(zone)
    score_files(written(frame, 1), moved, gis.load_ruleset(), tmp_path / "out.parquet")
    found = read(tmp_path / "out.parquet")
    same(found, gis.score(frame, moved, gis.load_ruleset()).to_geodataframe().reset_index())
    keep(World.of(moved, gis.load_ruleset()), tmp_path)
    files = open_parcels(tmp_path / "parcels-1", zone)
    (work,) = numbered(files.parts[0], files.geometry)
    assert judged(work, kept(tmp_path, "zone"))[0].equals(
        judged(work, World.of(moved, gis.load_ruleset()))[0]
    )
