"""A package for the territorial platform: data, what describes them, and a manifest, whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from gis.access import RESULTS
from gis.crs import STORAGE_EPSG, Geometries, reproject
from gis.errors import InputError
from gis.export.columns import room_of
from gis.export.documents import describe
from gis.export.drawn import Drawing
from gis.export.filling import Filled, Filling
from gis.export.formats import Place, Target, write_heaps
from gis.export.model import (
    Crs,
    DataFormat,
    Encoding,
    Manifest,
    Origin,
    Packed,
    Part,
    Rules,
    Run,
    Table,
)
from gis.export.places import Districts
from gis.export.profile import Profile, resolved
from gis.export.rows import Asked
from gis.export.sources import BY_PLACE, SOURCES, SUITABILITY
from gis.export.spool import Heap, Spool
from gis.rules import RuleSet
from gis.store import Moment, RunRecord, Store
from gis.vct.model import Dialect
from gis.writing import new_folder
from layers import LAYERS, Text

Progress = Callable[[int, int, str], None]

DATUM_NOTE = Text(
    zh="坐标系为 2000 国家大地坐标系（CGCS2000）。以 WGS 84 导入的数据按 CGCS2000 存储：PROJ 对两者的转换是"
    "零参数的近似转换（ballpark），未作板块运动改正。高程基准为 1985 国家高程基准，图形均为二维。",
    en="Coordinates are CGCS2000. What was imported as WGS 84 is stored as CGCS2000: PROJ's operation is a "
    "null ballpark transformation, without plate motion. Heights refer to the 1985 datum; shapes have none.",
)
_MATCHED = {"match_parcel", "match_connection", "match_source"}
_SITED = {"site"}


@dataclass(frozen=True)
class Order:
    """What is asked for: which tables (all where empty), and how they are written."""

    profile: Profile
    format: DataFormat
    crs: Crs
    encoding: Encoding = "UTF-8"
    dialect: Dialect = "2007"
    shared_lines: bool = False
    sources: tuple[str, ...] = ()
    scenario: str = "base"
    split: bool = False


def write_package(
    store: Store,
    folder: Path,
    order: Order,
    readable: frozenset[str],
    ruleset_of: Callable[[RunRecord], RuleSet],
    software: str,
    progress: Progress | None = None,
) -> Manifest:
    """Write a package into a folder that is new or empty; return what it says of itself.

    All of it is of one moment. `readable` are the layers that may be read, and `gis.access.RESULTS`;
    `software` is name and version of the program. The folder appears at the end, whole. Raises InputError
    where there is something in it, or nothing to write, and StoreError where the disk does not take it.
    """
    with new_folder(folder) as whole:
        return _Work(store, whole, order, readable, ruleset_of, software, progress).done()


class _Work:
    """The making of one package."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        order: Order,
        readable: frozenset[str],
        ruleset_of: Callable[[RunRecord], RuleSet],
        software: str,
        progress: Progress | None,
    ) -> None:
        self._store, self._folder, self._order, self._readable = store, folder, order, readable
        self._ruleset_of, self._software, self._progress = ruleset_of, software, progress
        self._made_at = datetime.now().astimezone().replace(microsecond=0)
        self._read, self._written, self._total = 0, 0, 0
        # What lies in no district has files under the name of the whole area.
        self._named = {order.profile.area.code: order.profile.area.name}

    def done(self) -> Manifest:
        """Read, write, describe."""
        spool_folder = self._folder / ".spool"
        spool_folder.mkdir()
        order = self._order
        room = room_of(order.format, order.encoding)
        overlong = self._folder / f"{self._prefix}超长文本.csv"
        with Spool(spool_folder) as spool, self._store.moment() as moment:
            tables = self._tables(moment)
            districts = self._districts(moment)
            self._named |= {one.code: one.name or "" for one in districts}
            drawing = Drawing(order.crs, districts)
            asked = self._asked(moment)
            filling = Filling(order.profile, drawing, room, order.split, overlong)
            self._total = self._expected(moment, tables)
            filled = {table.name: filling.fill(table, asked, spool, self._was_read) for table in tables}
            spool.close()
            versions, run = dict(moment.versions), moment.run
            synthetic = _holds_synthetic(moment)
            origins = {table.name: _origins(moment, table) for table in tables}
        places = self._write(spool.heaps)
        shapes = _shown(spool.heaps, order.crs)
        shutil.rmtree(spool_folder)
        parts = list(zip(spool.heaps, places, strict=True))
        packed = tuple(
            _packed(table, filled[table.name], origins[table.name], parts, synthetic) for table in tables
        )
        current = run is not None and run.layer_versions == {k: v.version for k, v in versions.items()}
        manifest = self._manifest(packed, run, current, overlong)
        if self._progress is not None:
            self._progress(0, 1, "describing")
        return describe(self._folder, manifest, shapes)

    @property
    def _prefix(self) -> str:
        area = self._order.profile.area
        return f"{area.code}{area.name}"

    def _tables(self, moment: Moment) -> tuple[Table, ...]:
        """Return the tables that there is something for, that may be read, and that were asked for."""
        wanted = set(self._order.sources)
        tables = [t for t in resolved(self._order.profile) if not wanted or t.source in wanted]
        if missing := wanted - {t.source for t in tables}:
            raise InputError(f"The profile {self._order.profile.id} has no table for {min(missing)!r}.")
        there = self._there(moment)
        kept = tuple(t for t in tables if t.source in there)
        lacking = sorted(wanted - {t.source for t in kept})
        if lacking:
            raise InputError(f"There is nothing to export of {lacking[0]!r}: {self._why(lacking[0])}.")
        if not kept:
            raise InputError("There is nothing to export: no layer is loaded that may be read.")
        return kept

    def _there(self, moment: Moment) -> set[str]:
        readable = {id_ for id_, s in SOURCES.items() if self._readable.issuperset(s.reads)}
        # Where a connection leads would tell where a source is that may not be read.
        if not {spec.id for spec in LAYERS.values() if spec.group == "resource"} <= self._readable:
            readable.discard("match_connection")
        there = readable & set(moment.versions)
        if moment.run is not None:
            there |= readable - LAYERS.keys() - _MATCHED - _SITED
            there -= {f"indicator_{name}" for name in ("district", "township") if name not in moment.versions}
        return there | (readable & self._of_scenario(moment))

    def _of_scenario(self, moment: Moment) -> set[str]:
        found: set[str] = set()
        for table, sources in (("match", _MATCHED), ("siting", _SITED)):
            query = f"SELECT EXISTS (SELECT FROM meta.{table} WHERE scenario = %s)"
            if moment.connection.exec_driver_sql(query, (self._order.scenario,)).scalar():
                found |= sources
        return found

    def _why(self, source: str) -> str:
        if not self._readable.issuperset(SOURCES[source].reads):
            return "it may not be read with these rights"
        if source in _MATCHED | _SITED:
            return f"the scenario {self._order.scenario!r} has none; run `onemap match` or `onemap site`"
        return "it was never loaded" if source in LAYERS else "the parcels are not scored; run `onemap score`"

    def _districts(self, moment: Moment) -> Districts:
        known = "district" in moment.versions and "district" in self._readable
        return Districts(moment.layer("district") if known else None)

    def _asked(self, moment: Moment) -> Asked:
        share = 0.0
        if moment.run is not None:
            share = self._ruleset_of(moment.run).portfolio.number("new_build_share_frac")
        return Asked(moment, self._readable, self._order.scenario, share)

    def _expected(self, moment: Moment, tables: Sequence[Table]) -> int:
        """Return how many rows are about to come; of what was matched that is not known."""
        parcels = moment.versions["parcel"].feature_count if "parcel" in moment.versions else 0
        return sum(moment.versions[t.source].feature_count if t.source in LAYERS else parcels for t in tables)

    def _was_read(self, title: str, count: int) -> None:
        self._read += count
        if self._progress is not None:
            self._progress(min(self._read, self._total), self._total, "reading")

    def _was_written(self, count: int) -> None:
        self._written += count
        if self._progress is not None:
            self._progress(self._written, self._read, "writing")

    def _write(self, heaps: Sequence[Heap]) -> list[Place]:
        """Write all heaps; return where each of them is."""
        order, places = self._order, dict[int, Place]()
        for district in dict.fromkeys(heap.district for heap in heaps):
            mine = [(i, heap) for i, heap in enumerate(heaps) if heap.district == district]
            name = self._prefix if district is None else f"{district}{self._named.get(district, '')}"
            target = Target(
                self._folder, f"{name}新能源供热资源矢量数据", order.crs, order.encoding, order.profile,
                self._made_at.date(), order.dialect, order.shared_lines,
            )  # fmt: skip
            found = write_heaps(order.format, [heap for _, heap in mine], target, self._was_written)
            places |= {i: place for (i, _), place in zip(mine, found, strict=True)}
        return [places[i] for i in range(len(heaps))]

    def _manifest(
        self, tables: tuple[Packed, ...], run: RunRecord | None, current: bool, overlong: Path
    ) -> Manifest:
        order = self._order
        worked = any(t.source not in LAYERS for t in tables) and run is not None
        rules = run_told = None
        if worked and run is not None and run.finished_at is not None:
            rules = Rules(id=run.ruleset_id, hash=run.ruleset_hash, as_of=run.as_of)
            run_told = Run(run_id=run.run_id or 0, finished_at=run.finished_at, current=current)
        of_scenario = any(t.source in _MATCHED | _SITED for t in tables)
        return Manifest(
            profile=order.profile.described(),
            area=order.profile.area,
            created_at=self._made_at,
            software=self._software,
            format=order.format,
            vct_dialect=order.dialect if order.format == "vct" else None,
            encoding="GB18030" if order.format == "vct" else order.encoding,
            crs=order.crs,
            datum_note=DATUM_NOTE,
            tolerance_m=order.profile.tolerance_m,
            sliver=order.profile.sliver,
            scenario=order.scenario if of_scenario else None,
            rules=rules,
            run=run_told,
            tables=tables,
            overlong=overlong.name if overlong.exists() else None,
            files=(),
        )


def _origins(moment: Moment, table: Table) -> tuple[Origin, ...]:
    """Return the layers that a table was made of, as they are now."""
    source = SOURCES[table.source]
    worked = RESULTS in source.reads
    names = moment.versions if worked else {table.source: moment.versions[table.source]}
    return tuple(
        Origin(
            layer=v.layer,
            version=v.version,
            loaded_at=v.loaded_at,
            feature_count=v.feature_count,
            source_name=v.source_name,
            source_sha256=v.source_sha256,
        )
        for v in names.values()
    )


def _holds_synthetic(moment: Moment) -> bool:
    """Return whether anything that results rest on is synthetic."""
    layers = [LAYERS[name].id for name in moment.versions if name in LAYERS]
    parts = " UNION ALL ".join(f"(SELECT FROM layer.{name} WHERE synthetic LIMIT 1)" for name in layers)
    return bool(moment.connection.exec_driver_sql(f"SELECT EXISTS ({parts})").scalar())


def _shown(heaps: Sequence[Heap], crs: Crs) -> dict[str, Geometries]:
    """Return what the overview map shows, by table, in the storage system: of parcels one table."""
    of_parcels = [
        s for s in ("parcel", SUITABILITY, "match_parcel") if any(h.table.source == s for h in heaps)
    ]
    hidden = {*of_parcels[1:], *BY_PLACE}
    found: dict[str, list[Geometries]] = {}
    for heap in heaps:
        if heap.table.kind != "table" and heap.table.source not in hidden:
            found.setdefault(heap.table.name, []).extend(heap.shapes())
    return {
        name: reproject(np.concatenate([np.empty(0, dtype=object), *parts]), crs, f"EPSG:{STORAGE_EPSG}")
        for name, parts in found.items()
    }


def _packed(
    table: Table,
    filled: Filled,
    origins: tuple[Origin, ...],
    parts: Sequence[tuple[Heap, Place]],
    synthetic: bool,
) -> Packed:
    mine = [(heap, place) for heap, place in parts if heap.table is table]
    return Packed(
        **dict(table),
        parts=tuple(
            Part(
                file=place.file,
                layer=place.layer,
                district=heap.district,
                feature_count=heap.count,
                extent=heap.extent,
            )
            for heap, place in mine
        ),
        origins=origins,
        synthetic=filled.synthetic or (synthetic and table.source not in LAYERS),
        cut_count=filled.cut_count,
        unplaced_count=filled.unplaced_count,
    )
