"""Files to rows: the right reader for a path, and everything GDAL reads.

Only local files are opened. Formats that can point elsewhere (VRT, WFS and
pipeline descriptions) are refused, also when they hide behind another ending.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pyogrio
import pyproj
import shapely

from gis.errors import InputError
from gis.ingest.archive import unpacked
from gis.ingest.shapefile import check_shapefile, shapefile_encoding, whole_names
from gis.ingest.source import Source
from gis.ingest.tabular import read_csv, read_xlsx
from gis.ingest.values import objects
from gis.vct import read_vct

_GDAL_SUFFIXES = (".shp", ".gpkg", ".gdb", ".geojson", ".json", ".geojsonl", ".kml", ".dxf", ".fgb",
                  ".tab", ".mif", ".sqlite")  # fmt: skip
_ARCHIVES = (".zip", ".kmz")
_VCT = (".vct",)
_PARQUET = (".parquet", ".geoparquet")
_TABLES: Mapping[str, Callable[[Path, str | None], Source]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".txt": read_csv,
    ".xlsx": read_xlsx,
    ".xlsm": read_xlsx,
}
GDAL_ERRORS = (
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
    pyogrio.errors.FieldError,
    pyogrio.errors.FeatureError,
    pyogrio.errors.GeometryError,
    pyproj.exceptions.CRSError,
    shapely.errors.ShapelyError,
    UnboundLocalError,  # what pyogrio raises on a coordinate system that it cannot read
)
PARQUET_ERRORS = (
    pa.ArrowException,
    pyproj.exceptions.CRSError,
    shapely.errors.ShapelyError,
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
)
SUFFIXES = (*_GDAL_SUFFIXES, *_PARQUET, *_VCT, *_TABLES, *_ARCHIVES)

# What GDAL would follow to another place, whatever the file is called.
_POINTERS = (b"<OGRVRT", b"<VRTDataset", b"<OGRWFS", b"<GDAL_WMS", b"gdal_streamed_alg", b"OAPIF:")
_GEOJSON_TYPES = frozenset({"FeatureCollection", "Feature", "Point", "MultiPoint", "LineString",
                            "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"})  # fmt: skip


def read_source(path: Path, source_layer: str | None = None) -> Source:
    """Return one layer of the file or FileGDB folder at `path` as it stands there.

    `source_layer` names a layer, an Excel sheet, a CAD layer of a DXF, or code, name or table in a VCT.

    Raises
    ------
    InputError
        The file is missing, empty, truncated, in a wrong encoding, of an unknown format, or has
        several layers and none is named.
    """
    suffix = path.suffix.lower()
    if not path.exists():
        raise InputError(f"{path}: there is no such file.")
    if suffix not in SUFFIXES:
        hint = " Save it as .xlsx." if suffix == ".xls" else ""
        raise InputError(f"{path.name}: the ending {suffix!r} is not one of {' '.join(SUFFIXES)}.{hint}")
    if path.is_dir() != (suffix == ".gdb"):
        raise InputError(f"{path.name}: a .gdb is a folder and everything else a file; this is not.")
    if path.is_file():
        _check_readable(path)
    if suffix in _ARCHIVES:
        with unpacked(path, [s for s in SUFFIXES if s not in _ARCHIVES]) as inner:
            return read_source(inner, source_layer)
    if suffix in _TABLES:
        source = _TABLES[suffix](path, source_layer)
    elif suffix in _PARQUET:
        source = _read_parquet(path)
    elif suffix in _VCT:
        source = _read_vct(path, source_layer)
    else:
        source = _read_gdal(path, source_layer)
    if source.table.shape[0] == 0:
        raise InputError(f"{path.name}: the file holds no rows.")
    return source


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            if not stream.read(1):
                raise InputError(f"{path.name}: the file is empty.")
    except OSError as error:
        raise InputError(f"{path.name}: the file cannot be opened: {error.strerror}.") from error


def _read_gdal(path: Path, source_layer: str | None) -> Source:
    refuse_pointers(path)
    suffix = path.suffix.lower()
    encoding = None
    if suffix in (".geojson", ".json"):
        _check_geojson(path)
    elif suffix == ".shp":
        check_shapefile(path)
        encoding = shapefile_encoding(path)
    elif suffix in (".gpkg", ".sqlite"):
        check_sqlite(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with _encoded(path, encoding) as opened:
                layer = _pick_layer(opened, None if suffix == ".dxf" else source_layer)
                frame = _frame(opened, layer, encoding)
        except UnicodeError as error:
            raise InputError(
                f"{path.name}: the attribute text is neither UTF-8 nor GB18030 nor what its .cpg file says; "
                "save it as UTF-8 with a matching .cpg file."
            ) from error
        except GDAL_ERRORS as error:
            raise InputError(f"{path.name}: the file cannot be read: {first_sentence(error)}.") from error
    messages = [f"reader: {w.message}" for w in caught if issubclass(w.category, RuntimeWarning)]
    notes = tuple(dict.fromkeys(messages))
    if suffix == ".dxf":
        frame = _cad_layer(path, frame, source_layer)
        layer = source_layer or layer
    table = pd.DataFrame(frame.drop(columns="geometry", errors="ignore"))
    if not isinstance(frame, gpd.GeoDataFrame):
        return Source(table=table, layer=layer, notes=notes)
    shapes = objects(pd.Series(frame.geometry.to_numpy(), dtype=object))
    cut = suffix == ".shp"
    return Source(table=table, geometry=shapes, crs=frame.crs, layer=layer, notes=notes, cut_names=cut)


@contextmanager
def _encoded(path: Path, encoding: str | None) -> Iterator[Path]:
    """Give the path to open so that GDAL reads the text of a DXF and the column names of a shapefile."""
    if path.suffix.lower() == ".dxf":
        # CAD programs write UTF-8 or GBK whatever code page the header names.
        raw = path.read_bytes()
        found = next((e for e in ("utf-8", "gb18030") if not raw.isascii() and _decodes(raw, e)), None)
        pyogrio.set_gdal_config_options({"DXF_ENCODING": found})
        try:
            yield path
        finally:
            pyogrio.set_gdal_config_options({"DXF_ENCODING": None})
    elif path.suffix.lower() == ".shp" and encoding is not None:
        with whole_names(path, encoding) as opened:
            yield opened
    else:
        yield path


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _frame(path: Path, layer: str, encoding: str | None) -> pd.DataFrame:
    info = pyogrio.read_info(path, layer=layer, encoding=encoding)
    frame: pd.DataFrame = pyogrio.read_dataframe(path, layer=layer, encoding=encoding, on_invalid="fix")
    if info["features"] >= 0 and len(frame) != info["features"]:
        raise InputError(
            f"{path.name}: it announces {info['features']:,} features but only {len(frame):,} can be read; "
            "the file is damaged."
        )
    out: pd.DataFrame = frame.reset_index(drop=True)
    return out


def first_sentence(error: Exception) -> str:
    """Return what a library says of an error, without where in itself it arose."""
    return re.split(r"[;\n]|\. ", str(error).strip())[0].rstrip(".")


def _pick_layer(path: Path, wanted: str | None) -> str:
    listed = pyogrio.list_layers(path)
    names = [str(n) for n, _ in listed]
    if wanted is not None:
        if wanted not in names:
            raise InputError(f"{path.name}: there is no layer {wanted!r}; it has {', '.join(names)}.")
        return wanted
    if len(names) == 1:
        return names[0]
    filled = [n for n in names if pyogrio.read_info(path, layer=n, force_feature_count=True)["features"] > 0]
    if len(filled) == 1:
        return filled[0]
    if not filled:
        raise InputError(f"{path.name}: the file holds no rows.")
    raise InputError(
        f"{path.name}: the file has {len(filled)} layers; name one with --source-layer: {', '.join(filled)}."
    )


def refuse_pointers(path: Path) -> None:
    """Raise InputError at a file that would have GDAL read another place."""
    if path.is_file():
        with path.open("rb") as stream:
            head = stream.read(1 << 16)
        if any(p in head for p in _POINTERS):
            raise InputError(f"{path.name}: the file only points to other data; give the data file itself.")


def _check_geojson(path: Path) -> None:
    try:
        content = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise InputError(
            f"{path.name}: broken JSON in line {error.lineno}, column {error.colno}: {error.msg}; "
            "GeoJSON must be complete and UTF-8."
        ) from error
    kind = content.get("type") if isinstance(content, dict) else None
    if not isinstance(kind, str) or kind not in _GEOJSON_TYPES:
        raise InputError(f"{path.name}: this is JSON but not GeoJSON (its type is {kind!r:.60}).")
    if kind == "FeatureCollection" and not content.get("features"):
        raise InputError(f"{path.name}: the file holds no features.")


def check_sqlite(path: Path) -> None:
    """Raise InputError where a file is no SQLite database, or shorter than it announces."""
    with path.open("rb") as stream:
        head = stream.read(100)
    if not head.startswith(b"SQLite format 3\0") or len(head) < 100:
        raise InputError(f"{path.name}: this is not a {path.suffix[1:]} file, or it is damaged.")
    page, count = int.from_bytes(head[16:18], "big"), int.from_bytes(head[28:32], "big")
    announced = (65536 if page == 1 else page) * count
    if path.stat().st_size < announced:
        raise InputError(
            f"{path.name}: the file is truncated: {path.stat().st_size:,} of {announced:,} bytes are there."
        )


def _cad_layer(path: Path, frame: pd.DataFrame, wanted: str | None) -> pd.DataFrame:
    """Return the entities of one CAD layer, or all."""
    if wanted is not None:
        names = sorted(frame["Layer"].dropna().unique())
        if wanted not in names:
            raise InputError(f"{path.name}: there is no CAD layer {wanted!r}; it has {', '.join(names)}.")
        frame = frame[frame["Layer"] == wanted].reset_index(drop=True)
    return frame


def _read_vct(path: Path, wanted: str | None) -> Source:
    vct = read_vct(path)
    if not vct.layers:
        raise InputError(f"{path.name}: the file holds no features.")
    told = ", ".join(f"{one.reference.code} ({one.reference.name})" for one in vct.layers)
    if wanted is None:
        # Lines that only bound areas have no columns.
        found = [one for one in vct.layers if one.fields] or list(vct.layers)
    else:
        known = [(one, one.reference) for one in vct.layers]
        found = [one for one, r in known if wanted in (r.code, r.name, r.table)]
    if not found:
        raise InputError(f"{path.name}: there is no layer {wanted!r}; it has {told}.")
    if len(found) > 1:
        raise InputError(
            f"{path.name}: {len(found)} layers can be meant; name one with --source-layer: {told}."
        )
    (layer,) = found
    return Source(
        table=layer.rows,
        geometry=objects(pd.Series(layer.shapes, dtype=object)),
        crs=vct.head.crs,
        layer=layer.reference.code,
        notes=(*vct.notes, *(f"the table {one.name} has no shapes and is not read" for one in vct.plain)),
    )


def _read_parquet(path: Path) -> Source:
    try:
        if not _has_geometry(path):
            return Source(table=pd.read_parquet(path).reset_index(drop=True))
        frame = gpd.read_parquet(path)
        crs = pyproj.CRS(frame.crs) if frame.crs is not None else None
    except PARQUET_ERRORS as error:
        raise InputError(
            f"{path.name}: this is not a Parquet file that can be read, or it is truncated or damaged."
        ) from error
    table = pd.DataFrame(frame.drop(columns=frame.geometry.name)).reset_index(drop=True)
    return Source(table=table, geometry=np.asarray(frame.geometry.to_numpy(), dtype=object), crs=crs)


def _has_geometry(path: Path) -> bool:
    return b"geo" in (pa.parquet.read_schema(path).metadata or {})
