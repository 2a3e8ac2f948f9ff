"""Altered files are imported whole, or refused in one sentence with nothing stored."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.ingest import import_file
from gis.store import Store, open_store
from tests.conftest import NewDatabase, at
from tests.fuzz.altering import altered_bytes, altered_tree, many
from tests.fuzz.promise import kept
from tests.fuzz.sources import FORMATS, RASTER, Parts, made, unzipped, zipped

RASTERS = (".tif", ".asc", ".img")
HOW = {
    ".xlsx": {"source_crs": "EPSG:4490"},
    ".dxf": {"source_crs": "EPSG:4490"},
    ".vct": {"source_layer": "1001"},
}
"""What formats do not tell of a system, and one of several layers."""


@pytest.fixture(scope="module")
def own_store(new_database: NewDatabase) -> Iterator[Store]:
    """A store that files are imported into."""
    with open_store(at(new_database("fuzzed"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Parts]:
    """The files of a right source of every format."""
    return {suffix: made(tmp_path_factory.mktemp("right"), f"a{suffix}") for suffix in FORMATS}


def imports(store: Store, parts: Parts, main: str, **how: Any) -> bool:
    """Import files; return whether that was done. Where it was refused, nothing may have changed."""
    raster = Path(main).suffix in RASTERS
    layer = RASTER if raster else "parcel"
    before = store.layer_versions()
    with tempfile.TemporaryDirectory(prefix="onemap-") as folder:
        for name, body in parts.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        with kept() as refused:
            import_file(store, layer, Path(folder) / main, **how)
    if refused:
        assert store.layer_versions() == before
    return not refused


@pytest.mark.parametrize("suffix", FORMATS)
def test_right_files_are_imported(own_store: Store, right: dict[str, Parts], suffix: str) -> None:
    assert imports(own_store, right[suffix], f"a{suffix}", **HOW.get(suffix, {}))


@given(data=st.data())
@many(5)
@pytest.mark.parametrize("suffix", FORMATS)
def test_altered_files(own_store: Store, right: dict[str, Parts], suffix: str, data: st.DataObject) -> None:
    parts = dict(right[suffix])
    name = data.draw(st.sampled_from(sorted(parts)))
    if suffix == ".xlsx" and data.draw(st.booleans()):
        inner = unzipped(parts[name])
        member = data.draw(st.sampled_from(sorted(inner)))
        parts[name] = zipped(inner | {member: data.draw(altered_bytes(inner[member], head=4096))})
    else:
        parts[name] = data.draw(altered_bytes(parts[name]))
    main = f"a{suffix}"
    if data.draw(st.integers(0, 3)) == 0:
        parts, main = {"a.zip": zipped(parts)}, "a.zip"
        if data.draw(st.booleans()):
            parts["a.zip"] = data.draw(altered_bytes(parts["a.zip"], head=1 << 20))
    # To store what is right is most of the time, and is what other tests are about.
    dry_run = data.draw(st.integers(0, 3)) > 0 and suffix not in RASTERS
    imports(own_store, parts, main, dry_run=dry_run, **HOW.get(suffix, {}))


@given(data=st.data())
@many(20)
def test_altered_trees_of_geojson(own_store: Store, right: dict[str, Parts], data: st.DataObject) -> None:
    tree = data.draw(altered_tree(orjson.loads(right[".geojson"]["a.geojson"])))
    imports(own_store, {"a.geojson": json.dumps(tree).encode()}, "a.geojson")


@given(data=st.data())
@many(10)
def test_altered_metadata_of_geoparquet(
    own_store: Store, right: dict[str, Parts], data: st.DataObject
) -> None:
    table = pq.read_table(io.BytesIO(right[".parquet"]["a.parquet"]))
    tree = data.draw(altered_tree(orjson.loads(table.schema.metadata[b"geo"])))
    out = io.BytesIO()
    metadata = {**table.schema.metadata, b"geo": json.dumps(tree).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), out)
    imports(own_store, {"a.parquet": out.getvalue()}, "a.parquet")


SYSTEMS = st.sampled_from((
    "EPSG:4326", "EPSG:4490", "EPSG:4548", "EPSG:0", "EPSG:99999999999999999999", "gcj02", "bd09", "",
    "EPSG:", "\0", "WGS84", "EPSG:5773", "EPSG:4978", "epsg:4326 ", "名",
))  # fmt: skip
COLUMNS = st.dictionaries(
    st.sampled_from(("parcel_id", "lon", "lat", "wkt", "name", "x", "", "floor_area_ratio", "geometry")),
    st.sampled_from(("parcel_id", "far", "name", "nothing", "", "geometry", "population")),
    max_size=4,
)
LAYERS_ASKED = st.sampled_from((None, None, "a", "", "b", "\0", "0", "Sheet1", "1001"))
BEFORE_AFTER = st.sampled_from((".geojson", ".gpkg", ".xlsx", ".shp", ".vct", ".tif", ".parquet"))


@given(suffix=BEFORE_AFTER, crs=st.none() | SYSTEMS, columns=st.none() | COLUMNS, layer=LAYERS_ASKED)
@many(20)
def test_declared_systems_columns_and_layers(
    own_store: Store, right: dict[str, Parts], suffix: str, crs: Any, columns: Any, layer: Any
) -> None:
    asked = {"source_crs": crs, "columns": columns, "source_layer": layer}
    imports(own_store, right[suffix], f"a{suffix}", **asked)


BROKEN = sorted((Path(__file__).parent / "broken").iterdir())


@pytest.mark.parametrize("path", BROKEN, ids=lambda p: p.name)
def test_files_that_once_broke_a_reader(own_store: Store, path: Path) -> None:
    if path.is_dir():
        # A source of several files, called after its ending.
        imports(own_store, {p.name: p.read_bytes() for p in path.iterdir()}, f"a{path.suffix}")
    else:
        imports(own_store, {path.name: path.read_bytes()}, path.name)
