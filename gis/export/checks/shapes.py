"""The shapes of a table: kind, validity, vertices, slivers, areas, and what is there twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from gis.crs import Geometries
from gis.export.checks.areas import Rings, ellipsoidal_areas, geodesic_area, rings_of
from gis.export.checks.findings import Rows, Tally, Values
from gis.export.checks.places import place
from gis.export.checks.schema import KINDS
from gis.export.found import Batch
from gis.export.model import Crs, Kind, Sliver, Table
from layers import Text

_KIND_OF_TYPE: dict[int, Kind] = {
    0: "point", 1: "line", 2: "line", 3: "polygon", 4: "point", 5: "line", 6: "polygon"
}  # fmt: skip
_COLLECTION = Text(zh="混合或曲线图形", en="collection or curve")
_AREA_M2, _AREA_SHARE = 0.01, 1e-6
"""How far an area may be off: the last of two decimals, and what methods differ by."""
_LARGE_M2 = 50_000.0

REASONS = {
    "Self-intersection": "自相交",
    "Ring Self-intersection": "环自相交",
    "Hole lies outside shell": "内环在外环之外",
    "Nested holes": "内环套内环",
    "Nested shells": "外环套外环",
    "Interior is disconnected": "内部不连通",
    "Duplicate Rings": "环重复",
    "Too few points in geometry component": "点数不足",
    "Invalid Coordinate": "坐标无效",
}

Bools = npt.NDArray[np.bool_]


@dataclass
class Shapes:
    """What the shapes of a table are held against, and what is gathered of them over all batches."""

    table: Table
    tolerance_m: float
    sliver: Sliver
    area_name: str
    hashes: list[npt.NDArray[np.int64]] = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)
    near_points: int = 0
    near_features: int = 0

    def check_usable(self, batch: Batch, rows: Rows, tally: Tally) -> Bools:
        """Tell what is missing, unreadable or of another kind; return which shapes can be looked at."""
        shapes = _of(batch)
        unread = batch.unreadable()
        lacking = ~unread & (shapely.is_missing(shapes) | shapely.is_empty(shapes))
        tally.rows("V-GEO-1", rows, lacking, lambda i: {})
        tally.rows("V-GEO-5", rows, unread, lambda i: {"message": batch.why(i)})
        there = ~unread & ~lacking
        allowed = [number for number, kind in _KIND_OF_TYPE.items() if kind == self.table.kind]
        types = shapely.get_type_id(shapes)
        other = there & ~np.isin(types, allowed)

        def told(i: int) -> Values:
            kind = _KIND_OF_TYPE.get(int(types[i]))
            return {
                "kind": KINDS[kind] if kind else _COLLECTION,
                "declared": KINDS[self.table.kind],
            }

        tally.rows("V-GEO-2", rows, other, told, checked=int(there.sum()))
        return np.asarray(there & ~other, dtype=bool)

    def check_shapes(
        self, shapes: Geometries, usable: Bools, placed: Bools, areas: pa.Array | None, crs: Crs,
        rows: Rows, tally: Tally,
    ) -> Bools:  # fmt: skip
        """Look at usable shapes, measure those that lie as they should; return the valid ones."""
        valid = shapely.is_valid(shapes)
        broken = usable & ~valid

        def told(i: int) -> Values:
            return _why_invalid(shapes[i], crs)

        count = int(usable.sum())
        tally.rows("V-GEO-3", rows, broken, told, checked=count)
        asked = usable & placed
        measured = shapes.copy()
        measured[~asked] = None
        rings = rings_of(measured)
        self._vertices(rings, asked, crs, rows, tally)
        if self.table.kind == "polygon":
            sound = asked & valid
            found = ellipsoidal_areas(rings, len(shapes), crs)
            self._slivers(rings, found, sound, crs, rows, tally)
            if areas is not None:
                self._areas(shapes, found, sound, areas, crs, rows, tally)
        self.hashes.append(_hashes(shapes, usable & valid))
        self.rows.append(rows)
        return np.asarray(usable & valid, dtype=bool)

    def _vertices(self, rings: Rings, asked: Bools, crs: Crs, rows: Rows, tally: Tally) -> None:
        owner, apart = rings.owner, rings.lengths_m(crs)
        same, near = apart == 0, (apart > 0) & (apart < self.tolerance_m)
        repeated = np.bincount(owner[same], minlength=rows.count)
        self.near_points += int(near.sum())
        self.near_features += len(np.unique(owner[near]))

        def told(i: int) -> Values:
            first = rings.pairs[same][np.flatnonzero(owner[same] == i)[0]]
            return {"points": int(repeated[i]), "place": place(rings.vertices[first], crs)}

        tally.rows("V-GEO-4", rows, repeated > 0, told, checked=int(asked.sum()))

    def _slivers(
        self, rings: Rings, areas: npt.NDArray[np.float64], asked: Bools, crs: Crs, rows: Rows, tally: Tally
    ) -> None:
        around = np.bincount(rings.owner, rings.lengths_m(crs), minlength=rows.count)
        with np.errstate(divide="ignore", invalid="ignore"):
            width = 2 * areas / around
        small = asked & ((areas < self.sliver.area_m2) | (width < self.sliver.width_m))

        def told(i: int) -> Values:
            return {
                "area": f"{areas[i]:.4f}",
                "width": f"{width[i]:.4f}",
                "area_m2": f"{self.sliver.area_m2:g}",
                "width_m": f"{self.sliver.width_m:g}",
            }

        tally.rows("V-GEO-8", rows, small, told, checked=int(asked.sum()))

    def _areas(
        self, shapes: Geometries, found: npt.NDArray[np.float64], asked: Bools, given: pa.Array, crs: Crs,
        rows: Rows, tally: Tally,
    ) -> None:  # fmt: skip
        told_m2 = np.asarray(pc.cast(given, pa.float64(), safe=False).fill_null(np.nan).to_numpy())
        known = asked & np.isfinite(told_m2)
        allowed = _AREA_M2 + _AREA_SHARE * found
        off = known & (np.abs(told_m2 - found) > allowed)
        # Long edges of great circles are not quite geodesics.
        exact = {
            int(i): geodesic_area(shapes[i], crs) for i in np.flatnonzero(off | (known & (found > _LARGE_M2)))
        }
        for i, area in exact.items():
            off[i] = abs(told_m2[i] - area) > _AREA_M2 + _AREA_SHARE * area

        def told(i: int) -> Values:
            return {"column": self.area_name, "value": f"{told_m2[i]:.2f}", "area": f"{exact[i]:.2f}"}

        tally.rows("V-MJ-1", rows, off, told, checked=int(known.sum()))

    def finish(self, tally: Tally) -> None:
        """Tell what only the whole table shows: shapes that are there twice, vertices that are too near."""
        name = self.table.name
        tally.checked("V-GEO-6", name, sum(rows.count for rows in self.rows))
        if self.near_points:
            told = {
                "points": self.near_points, "count": self.near_features, "tolerance": f"{self.tolerance_m:g}"
            }  # fmt: skip
            tally.found("V-GEO-6", name, told)
        if not self.rows:
            return
        hashes = np.concatenate(self.hashes)
        order = np.argsort(hashes, kind="stable")
        ranked = hashes[order]
        again = np.append(False, (ranked[1:] == ranked[:-1]) & (ranked[1:] != 0))
        starts = np.maximum.accumulate(np.where(again, 0, np.arange(len(ranked))))
        first_of = np.empty(len(ranked), dtype=np.int64)
        first_of[order] = order[starts]
        begin = 0
        for rows, own in zip(self.rows, self.hashes, strict=True):
            firsts = first_of[begin : begin + rows.count]
            twice = firsts != np.arange(begin, begin + rows.count)

            def told_of(i: int, firsts: npt.NDArray[np.int64] = firsts) -> Values:
                return {"other": self._named(int(firsts[i]))}

            tally.rows("V-GEO-7", rows, twice, told_of, checked=int((own != 0).sum()))
            begin += rows.count

    def _named(self, index: int) -> Text:
        for rows in self.rows:
            if index < rows.count:
                return rows.named(index)
            index -= rows.count
        raise IndexError(index)


def _of(batch: Batch) -> Geometries:
    return np.full(len(batch.values), None, dtype=object) if batch.shapes is None else batch.shapes


def _why_invalid(shape: Any, crs: Crs) -> Values:
    reason, _, where = shapely.is_valid_reason(shape).partition("[")
    numbers = [float(n) for n in where.rstrip("]").split()[:2]]
    told = place(np.array(numbers), crs) if len(numbers) == 2 else "?"
    return {"reason": Text(zh=REASONS.get(reason, reason), en=reason), "place": told}


def _hashes(shapes: Geometries, asked: Bools) -> npt.NDArray[np.int64]:
    """Return numbers that equal shapes share, however their rings begin; 0 where not asked."""
    found = np.zeros(len(shapes), dtype=np.int64)
    wkb = shapely.to_wkb(shapely.normalize(shapely.force_2d(shapes[asked])))
    found[asked] = np.fromiter((hash(one) or 1 for one in wkb), dtype=np.int64, count=len(wkb))
    return found
