"""The checks of a package of layers, with or without a manifest: `validate` does all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from gis.crs import Geometries
from gis.errors import InputError, UsageError
from gis.export.checks.between import PARCEL, Identifiers, Parcels
from gis.export.checks.coverage import Coverage
from gis.export.checks.files import check_files, read_manifest
from gis.export.checks.findings import Rows, Tally
from gis.export.checks.places import Area, check_crs, check_places
from gis.export.checks.schema import check_columns, check_encoding, check_kind, check_types, matched
from gis.export.checks.shapes import Shapes
from gis.export.checks.texts import decoded, kept
from gis.export.checks.values import Checked, check_values
from gis.export.expected import Expected, Place, expected, message_of
from gis.export.found import Batch, Found
from gis.export.model import MANIFEST, Crs, Manifest, Table
from gis.export.profile import Profile, read_profile
from gis.export.reading import Reader
from gis.export.validation import ValidationReport, report_of

Extent = npt.NDArray[np.float64]
Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all, and what is being done."""

DEFAULT_PROFILE = "territorial"
DISTRICT = "district"
# What other tables are looked up in is read before them.
_FIRST = (DISTRICT, PARCEL)
_EXTENT_SLACK = 10
"""How many tolerances a declared extent may be off: formats round coordinates on grids of their own."""
_DEGREE_M = 111_000.0


def validate(
    folder: Path, profile: Profile | None = None, progress: Progress | None = None
) -> ValidationReport:
    """Return all that is wrong with a package, and what was checked.

    Parameters
    ----------
    folder
        The package: its manifest and data files, or data files of tables of the profile alone.
    profile
        What tables are held against; by default the manifest, without one the profile `territorial`.
    progress
        Called with features done, features in all, and the table that is read.

    Raises
    ------
    InputError
        The folder is not there, or has neither manifest nor data files.
    UsageError
        It is a file.
    """
    if not folder.exists():
        raise InputError(f"{folder}: there is no such folder.")
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file; give the folder of a package.")
    if folder.suffix.lower() == ".gdb":
        raise UsageError(f"{folder} is a file geodatabase; give the folder that it lies in.")
    tally = Tally()
    manifest = read_manifest(folder, tally)
    default = read_profile(DEFAULT_PROFILE)
    reader = Reader(folder)
    wanted = expected(reader, manifest, profile, default, tally)
    tally.tables = tuple(table.name for table, _ in wanted.tables)
    count = len(manifest.files) if manifest is not None else 0
    done = iter(range(count + 1))
    check_files(folder, manifest, tally, lambda _: progress(next(done), count, "files") if progress else None)
    package = _Package(reader, wanted, tally, progress)
    package.check()
    return report_of(
        folder, manifest, profile or default, wanted, package.counts, tally, _digest(folder, manifest)
    )


def _digest(folder: Path, manifest: Manifest | None) -> str | None:
    """Return the SHA-256 of the manifest, which names all files by theirs."""
    return None if manifest is None else hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()


@dataclass
class _Package:
    """The checks of all tables; what is gathered of one for others; `lacking` are those not read whole."""

    reader: Reader
    wanted: Expected
    tally: Tally
    progress: Progress | None
    counts: dict[str, int] = field(default_factory=dict)
    identifiers: Identifiers = field(default_factory=Identifiers)
    parcels: Parcels = field(default_factory=Parcels)
    area: Area | None = None
    districts: tuple[str, pa.Array] | None = None
    lacking: set[str] = field(default_factory=set)
    _total: int = 0
    _done: int = 0

    def check(self) -> None:
        """Check all tables, then what holds between them."""
        opened = [(table, self._opened(table, places)) for table, places in self.wanted.tables]
        self._total = sum(found.feature_count for _, parts in opened for _, found in parts)
        for table, parts in sorted(opened, key=lambda one: _rank(one[0])):
            _Table(self, table).check(parts)
        self.identifiers.finish(self.tally)

    def _opened(self, table: Table, places: tuple[Place, ...]) -> list[tuple[Place, Found]]:
        found = []
        self.tally.checked("V-TAB-1", table.name, len(places))
        for place in places:
            try:
                one = self.reader.open(self.reader.folder / place.file, place.layer)
            except InputError as error:
                self.unreadable(table, place, error)
                continue
            if one is None:
                self.lacking.add(table.name)
                told = {"file": place.file, "layer": place.layer}
                self.tally.found("V-TAB-1", table.name, told, file=place.file)
            else:
                found.append((place, one))
        return found

    def unreadable(self, table: Table, place: Place, error: InputError) -> None:
        """Tell of a part that cannot be read, or whose file is not there."""
        self.lacking.add(table.name)
        path = self.reader.folder / place.file
        told = {"file": place.file, "layer": place.layer}
        if path.exists():
            told = {"path": place.part, "message": message_of(error, path)}
        self.tally.found("V-FILE-5" if path.exists() else "V-TAB-1", table.name, told, file=place.file)

    def step(self, table: str, count: int) -> None:
        """Count features as read."""
        self._done += count
        if self.progress is not None:
            self.progress(self._done, max(self._total, self._done), table)


def _rank(table: Table) -> int:
    return _FIRST.index(table.source) if table.source in _FIRST else len(_FIRST)


class _Table:
    """The checks of one table, part by part and batch by batch."""

    def __init__(self, package: _Package, table: Table) -> None:
        self._package, self._table = package, table
        wanted = package.wanted
        self._common, self._tally = wanted.common, package.tally
        self._shapes = Shapes(table, wanted.tolerance_m, wanted.sliver, self._common.area.name)
        self._coverage = Coverage(table.name, wanted.tolerance_m, wanted.sliver.width_m)
        self._codes: list[pa.Array] = []
        self._land: list[tuple[Crs, Geometries]] = []

    def check(self, parts: list[tuple[Place, Found]]) -> None:
        """Check all parts of the table, then what only the whole of it shows."""
        for place, found in parts:
            self._part(place, found)
        if self._table.kind != "table" and parts:
            self._shapes.finish(self._tally)
            if self._table.coverage:
                self._coverage.finish(self._tally)
        whole = self._table.name not in self._package.lacking
        if self._table.source == DISTRICT and whole:
            self._districts()
        elif self._table.source == PARCEL and not whole:
            self._package.parcels.forget()
        if parts and self._table.source != DISTRICT and self._package.districts is None:
            self._tally.skipped(
                "V-XZQ-1",
                self._table.name,
                "成果包中没有完整可读的行政区图层",
                "the package has no table of districts that can be read whole",
            )

    def _part(self, place: Place, found: Found) -> None:
        table, tally, wanted = self._table, self._tally, self._package.wanted
        check_columns(table, found, place.part, tally)
        check_kind(table, found, place.part, tally)
        check_encoding(table, found, wanted.encoding, place.part, tally)
        drawn = table.kind != "table"
        crs = check_crs(found.crs, wanted.crs, table.name, place.part, tally) if drawn else wanted.crs
        columns = matched(table, found)
        checked = Checked(table, found, columns, self._common, self._package.districts)
        count, filled, extent = 0, set[str](), np.array([np.inf, np.inf, -np.inf, -np.inf])
        try:
            for batch in found.batches():
                self._batch(batch, checked, crs, place)
                count += len(batch.values)
                filled |= {
                    n for n, c in columns.items() if batch.values.column(c).null_count < len(batch.values)
                }
                extent = _grown(extent, batch)
                self._package.step(table.name, len(batch.values))
        except InputError as error:
            self._package.unreadable(table, place, error)
            return
        finally:
            self._package.counts[table.name] = self._package.counts.get(table.name, 0) + count
        if not found.typed:
            check_types(table, found, filled, place.part, tally)
        self._declared(place, count, extent, crs)

    def _declared(self, place: Place, count: int, extent: Extent, crs: Crs) -> None:
        """Hold what was read against what the manifest says of it."""
        name, tally = self._table.name, self._tally
        if place.feature_count is not None:
            tally.checked("V-FILE-7", name, 1)
            if count != place.feature_count:
                told = {"part": place.part, "count": count, "declared": place.feature_count}
                tally.found("V-FILE-7", name, told, file=place.file)
        if place.extent is not None and crs == self._package.wanted.crs:
            tally.checked("V-FILE-8", name, 1)
            slack = (
                _EXTENT_SLACK * self._package.wanted.tolerance_m / (_DEGREE_M if crs == "EPSG:4490" else 1)
            )
            if not (np.abs(extent - np.array(place.extent)) <= slack).all():
                told = {
                    "part": place.part,
                    "extent": _told(extent),
                    "declared": _told(np.array(place.extent)),
                }
                tally.found("V-FILE-8", name, told, file=place.file)

    def _batch(self, batch: Batch, checked: Checked, crs: Crs, place: Place) -> None:
        table, tally, package = self._table, self._tally, self._package
        bsm = checked.columns.get(self._common.bsm.name)
        array = batch.values.column(bsm) if bsm is not None else None
        array = kept(decoded(array)) if array is not None and pa.types.is_string(array.type) else None
        rows = Rows(table.name, place.file, batch.first, len(batch.values), array)
        check_values(checked, rows, batch.values, tally)
        package.parcels.check(table, checked.columns, rows, batch.values, tally)
        if array is not None:
            package.identifiers.rows.append(rows)
        code = checked.columns.get(self._common.district_code.name)
        if table.source == DISTRICT and code is not None:
            codes = batch.values.column(code)
            self._codes.append(
                kept(decoded(codes) if pa.types.is_string(codes.type) else codes).cast(pa.string())
            )
        if table.kind == "table":
            return
        usable = self._shapes.check_usable(batch, rows, tally)
        shapes = np.full(rows.count, None, dtype=object)
        if batch.shapes is not None:
            shapes[usable] = batch.shapes[usable]
        placed = check_places(shapes, crs, package.area, rows, tally)
        area = checked.columns.get(self._common.area.name)
        areas = batch.values.column(area) if area is not None else None
        valid = self._shapes.check_shapes(shapes, usable, placed, areas, crs, rows, tally)
        if table.coverage:
            lying = shapes.copy()
            lying[~placed] = None
            self._coverage.add(lying, valid, crs, rows)
        if table.source == DISTRICT:
            self._land.append((crs, shapes[valid & placed]))

    def _districts(self) -> None:
        """Keep codes and land of the districts for the tables that follow."""
        if self._codes:
            known = pa.chunked_array(self._codes).combine_chunks().drop_null().unique()
            self._package.districts = self._table.name, known
        systems = {crs for crs, _ in self._land}
        shapes = np.concatenate([shapes for _, shapes in self._land]) if self._land else np.array([])
        if len(systems) == 1 and len(shapes):
            land = shapely.union_all(shapes)
            shapely.prepare(land)
            self._package.area = Area(self._table.name, systems.pop(), land)


def _grown(extent: Extent, batch: Batch) -> Extent:
    """Return an extent with that of a batch."""
    if batch.shapes is None:
        return extent
    west, south, east, north = shapely.total_bounds(batch.shapes)
    low, high = np.fmin(extent[:2], [west, south]), np.fmax(extent[2:], [east, north])
    return np.concatenate([low, high])


def _told(extent: Extent) -> str:
    return ", ".join(f"{number:.10g}" for number in extent)
