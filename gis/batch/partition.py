"""Parcels of any file as GeoParquet parts in the form of the layer and in spatial order, for `score_files`.

GeoParquet is read piece by piece, so that a nation's parcels need no more memory than a city's; other formats
are read whole. What lies near each other comes into one part: its worker looks at few of the resources.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely

from gis.batch.folder import Progress, clear_errors, refuse_filled, tell
from gis.batch.parcels import PARQUET_ERRORS, SUFFIX, files_at, open_parcels, unreadable
from gis.batch.repeated import refuse_repeated
from gis.crs import STORAGE_CRS, metric_area
from gis.errors import InputError
from gis.ingest.mapping import Request, map_file
from gis.ingest.pipeline import judge, next_number
from gis.ingest.report import ImportReport, Reject
from layers import LAYERS

PIECE_ROWS = 200_000
"""Parcels that are brought into form at once."""
PARCELS_A_PART = 100_000
_SPEC = LAYERS["parcel"]
_ARROW = {
    "text": pa.string(), "integer": pa.int64(), "float": pa.float64(), "boolean": pa.bool_(),
    "date": pa.date32(), "timestamp": pa.timestamp("us"),
}  # fmt: skip
Keys = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Partition:
    """What a file became.

    files   the parts, in the order of a Hilbert curve over the area of the metric CRS
    report  the account of all rows, as that of an import; row numbers are those of the file
    """

    files: tuple[Path, ...]
    report: ImportReport


def partition_parcels(
    source: str | Path,
    folder: str | Path,
    *,
    crs: str = STORAGE_CRS,
    source_crs: str | None = None,
    columns: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Partition:
    """Bring the parcels of a file into a new folder of GeoParquet parts that `score_files` takes.

    Parameters
    ----------
    source : any file that an import reads, or a folder of GeoParquet files.
    folder : a new or empty folder; it comes whole or not at all. Parts of some 100,000 parcels have the
        columns of the layer `parcel` and outlines in `crs`, as an import stores them.
    crs : the metric CRS of the resources that the parcels are to be scored with.
    source_crs, columns : as `gis.read_mapped`.
    progress : called with parcels done, parcels in all, and what is being done.

    Raises
    ------
    InputError
        The file is not usable as a whole, more than half of its rows are not, two rows have one id, or the
        folder is filled or cannot be written.
    """
    path, target = Path(source), Path(folder)
    refuse_filled(target)
    report = ImportReport(layer=_SPEC.id, source=path.name)
    with clear_errors(target):
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.absolute().parent) as beside:
            spool = _Spool(Path(beside))
            for piece in _pieces(path):
                tell(progress, piece.first_row - 1, piece.total, "bringing parcels into form")
                spool.add(_mapped(piece, spool, report, crs, source_crs, columns), crs)
            judge(report, "reject")
            (ready := Path(beside) / "parts").mkdir()
            spool.write(ready, crs, progress)
            refuse_repeated(open_parcels(ready, crs))
            ready.chmod(0o755)
            os.replace(ready, target)
    return Partition(tuple(sorted(target.iterdir())), report)


@dataclass(frozen=True, eq=False)
class _Piece:
    """Some rows of a source, from `first_row` on (1 is its first), of `total`; a path is a whole file."""

    rows: gpd.GeoDataFrame | Path
    first_row: int
    total: int


def _pieces(path: Path) -> Iterator[_Piece]:
    files = files_at(path)
    if not files or any(_encoding(file) != "WKB" for file in files):
        if path.is_dir() and files:
            raise InputError(f"{path}: its outlines are not encoded as WKB; give the files one by one.")
        yield _Piece(path, 1, 0)
        return
    total, first = sum(pq.read_metadata(file).num_rows for file in files), 1
    for file in files:
        for frame in _frames(file):
            yield _Piece(frame, first, total)
            first += len(frame)


def _encoding(path: Path) -> str | None:
    try:
        return _geo(pq.read_schema(path)).get("encoding")
    except PARQUET_ERRORS as error:
        raise unreadable(path) from error


def _geo(schema: pa.Schema) -> dict[str, Any]:
    """Return what GeoParquet says of the primary column; `name` is among it."""
    geo = json.loads((schema.metadata or {}).get(b"geo", b"{}"))
    name = geo.get("primary_column")
    return {**geo.get("columns", {}).get(name, {}), "name": name}


def _frames(path: Path) -> Iterator[gpd.GeoDataFrame]:
    """Yield the rows of a file as GeoPandas would read them."""
    try:
        with pq.ParquetFile(path) as file:
            geo = _geo(file.schema_arrow)
            # What the specification says of a file that names none; null is one that is not known.
            crs = geo.get("crs", "OGC:CRS84")
            known = None if crs is None else pyproj.CRS.from_user_input(crs)
            for batch in file.iter_batches(PIECE_ROWS):
                if batch.num_rows:
                    shapes = shapely.from_wkb(batch.column(geo["name"]).to_numpy(zero_copy_only=False))
                    table = batch.drop_columns([geo["name"]]).to_pandas()
                    yield gpd.GeoDataFrame(table, geometry=shapes, crs=known)
    except (*PARQUET_ERRORS, shapely.errors.ShapelyError, pyproj.exceptions.CRSError) as error:
        raise unreadable(path) from error


def _mapped(
    piece: _Piece,
    spool: _Spool,
    report: ImportReport,
    crs: str,
    source_crs: str | None,
    columns: Mapping[str, str] | None,
) -> gpd.GeoDataFrame:
    """Return the usable rows of a piece in the form of the layer, and enter the others in the report."""
    part = ImportReport(layer=_SPEC.id, source=report.source)
    request = Request(piece.rows, None, source_crs, columns, first_number=spool.next_number, crs=crs)
    frame = map_file(request, _SPEC, part).frame
    spool.next_number = max(spool.next_number, next_number(_SPEC, [frame]))
    report.rows_read += part.rows_read
    report.rows_accepted += part.rows_accepted
    report.rows_rejected += part.rows_rejected
    report.rows_repaired += part.rows_repaired
    report.rejects += [Reject(piece.first_row - 1 + r.row, r.reason) for r in part.rejects]
    report.warnings += [warning for warning in part.warnings if warning not in report.warnings]
    report.columns, report.source_crs, report.datum = part.columns, part.source_crs, part.datum
    report.unused_columns = part.unused_columns
    report.datum_check, report.generated_keys = part.datum_check, part.generated_keys
    return frame


@dataclass(eq=False)
class _Spool:
    """Pieces in files of their own, each along the curve, and where on it their rows lie."""

    folder: Path
    next_number: int = 1
    paths: list[Path] = field(default_factory=list)
    keys: list[Keys] = field(default_factory=list)

    def add(self, frame: gpd.GeoDataFrame, crs: str) -> None:
        """Keep the rows of a piece."""
        along = frame.geometry.hilbert_distance(total_bounds=metric_area(crs)).to_numpy().astype(np.int64)
        order = np.argsort(along, kind="stable")
        fields = [pa.field(f.name, _ARROW[f.type]) for f in _SPEC.fields]
        table = pa.table(frame.iloc[order].to_arrow(index=False, geometry_encoding="WKB"))
        schema = pa.schema([*fields, pa.field("geometry", pa.binary())])
        path = self.folder / f"{len(self.paths)}.arrow"
        with pa.OSFile(str(path), "wb") as out, pa.ipc.new_file(out, schema) as stream:
            stream.write_table(_plain(table).cast(schema).combine_chunks())
        self.paths.append(path)
        self.keys.append(along[order])

    def write(self, folder: Path, crs: str, progress: Progress | None) -> None:
        """Write the rows of all pieces as parts."""
        tables = [pa.ipc.open_file(pa.memory_map(str(path))).read_all() for path in self.paths]
        starts = np.cumsum([0, *(len(keys) for keys in self.keys)])
        order = np.argsort(np.concatenate(self.keys), kind="stable")
        metadata = _metadata(crs)
        for number, first in enumerate(range(0, len(order), PARCELS_A_PART)):
            tell(progress, first, len(order), "writing parts")
            rows = order[first : first + PARCELS_A_PART]
            # The rows of a part that come from one piece follow each other there: both lie along the curve.
            found, places = [], []
            for table, start, stop in zip(tables, starts[:-1], starts[1:], strict=True):
                here = np.flatnonzero((rows >= start) & (rows < stop))
                if len(here):
                    found.append(table.slice(rows[here[0]] - start, len(here)))
                    places.append(here)
            together = pa.concat_tables(found).take(np.argsort(np.concatenate(places), kind="stable"))
            said = together.replace_schema_metadata(metadata)
            pq.write_table(said, folder / f"{number:05d}{SUFFIX}", compression="zstd")


def _plain(table: pa.Table) -> pa.Table:
    """Return a table whose outlines are bytes as any other."""
    at = table.schema.get_field_index("geometry")
    column = table.column(at)
    if isinstance(column.type, pa.ExtensionType):
        column = column.cast(column.type.storage_type)
    return table.set_column(at, "geometry", column.cast(pa.binary())).replace_schema_metadata()


def _metadata(crs: str) -> dict[bytes, bytes]:
    """Return what GeoPandas says of such a table."""
    content = io.BytesIO()
    gpd.GeoDataFrame(geometry=[], crs=crs).to_parquet(content)
    return {b"geo": pq.read_schema(content).metadata[b"geo"]}
