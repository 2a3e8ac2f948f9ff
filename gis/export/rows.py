"""The rows of every source of a package, of one moment of the store, in pieces of bounded memory."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely
import sqlalchemy as sa
from psycopg import sql

from gis.crs import GRID_M, Geometries
from gis.export.sources import BY_PLACE, SUITABILITY
from gis.store import results
from gis.store.copy import raw
from gis.store.encode import COLUMNS
from gis.store.layout import PLAIN
from gis.store.moment import Moment
from gis.store.outlines import features_sql
from gis.store.place_sums import INDICATORS, By, indicators
from gis.store.result_collections import offered
from gis.store.tables import LAYER_TABLES
from gis.vocabulary import FACTS, VERDICTS
from layers import LAYERS

_AT_ONCE = 20_000
_WORKED_OUT = {c.name: c for c in (*FACTS, *VERDICTS)}
_LISTS = frozenset(name for name, column in _WORKED_OUT.items() if column.type == "text_list")


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows in one order: shapes in EPSG:4548, None where there is none, and values by their names in OneMap.

    Values are null where missing; lists are lists of texts. `districts` are the names of districts as far as
    the rows tell them, None where they do not. `parcels` are the parcels whose outlines the shapes are, None
    where they are others; of such rows `shapes` is None where outlines are at hand.
    """

    count: int
    shapes: Geometries | None
    values: Mapping[str, pa.Array]
    districts: pa.Array | None = None
    parcels: pa.Array | None = None
    unplaced_count: int = 0

    def taken(self, there: npt.NDArray[np.int64]) -> Rows:
        """Return the rows at some places, and how many are left out."""
        lost = self.count - len(there)
        if not lost:
            return self
        at = pa.array(there)
        return Rows(
            len(there),
            None if self.shapes is None else self.shapes[there],
            {name: column.take(at) for name, column in self.values.items()},
            None if self.districts is None else self.districts.take(at),
            None if self.parcels is None else self.parcels.take(at),
            lost,
        )


@dataclass(frozen=True)
class Asked:
    """Which rows: those of one scenario, and sums with the share of new energy that projects must have."""

    moment: Moment
    readable: frozenset[str]
    scenario: str | None
    least_share_frac: float


def rows_of(source: str, asked: Asked, names: tuple[str, ...], outlines: bool) -> Generator[Rows]:
    """Yield the rows of a source in the order of their keys, with those of their values that are named.

    `outlines` tells whether outlines of parcels are at hand, and need not be read.
    """
    if source in LAYERS:
        yield from _layer(source, asked, names)
    elif source == SUITABILITY:
        yield from _suitability(asked, names, outlines)
    elif source in BY_PLACE:
        yield from _places(source, asked, names)
    else:
        yield from _matched(source, asked, names, outlines)


def _read(asked: Asked, query: sql.Composable | str) -> Iterator[pa.RecordBatch]:
    text = query if isinstance(query, str) else query.as_string(raw(asked.moment.connection))
    for batch in asked.moment.read(text):
        for start in range(0, batch.num_rows, _AT_ONCE):
            yield batch.slice(start, _AT_ONCE)


def _shapes(batch: pa.RecordBatch) -> Geometries | None:
    if "geom" not in batch.schema.names:
        return None
    return np.asarray(shapely.from_wkb(batch.column("geom").to_numpy(zero_copy_only=False)), dtype=object)


def _layer(source: str, asked: Asked, names: tuple[str, ...]) -> Iterator[Rows]:
    """Yield the features of a layer; a list of townships has their outline."""
    spec = LAYERS[source]
    outlines = features_sql(spec, "township" in asked.readable)
    query = sql.SQL('SELECT {}, {}ST_AsBinary(geom) AS geom FROM {} ORDER BY {} COLLATE "C"').format(
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL("townships IS NOT NULL AS listed, " if spec.by_township else ""),
        sql.SQL(outlines),
        sql.Identifier(spec.key),
    )
    for batch in _read(asked, query):
        values = {name: batch.column(name) for name in names}
        parcels = values["parcel_id"] if source == "parcel" else None
        shapes = _shapes(batch)
        if shapes is not None and spec.by_township:
            shapes = _joined(shapes, batch.column("listed").to_numpy(zero_copy_only=False))
        yield Rows(batch.num_rows, shapes, values, values.get("district"), parcels)


def _joined(shapes: Geometries, listed: npt.NDArray[np.bool_]) -> Geometries:
    """Return shapes without the splinters that are left between neighbours where they are joined."""
    out = shapes.copy()
    out[listed] = shapely.set_precision(shapes[listed], GRID_M)
    return out


def _suitability(asked: Asked, names: tuple[str, ...], outlines: bool) -> Iterator[Rows]:
    """Yield all parcels with what was judged of them; of a parcel not scored yet that is missing."""
    worked = tuple(name for name in names if name in _WORKED_OUT)
    own = tuple(name for name in names if name not in worked)
    stored = [name for name in COLUMNS if name != "parcel_id"]
    query = sql.SQL(
        "SELECT p.parcel_id, {}{}, {} FROM layer.parcel AS p"
        ' LEFT JOIN result.parcel_result AS r USING (parcel_id) ORDER BY p.parcel_id COLLATE "C"'
    ).format(
        sql.SQL(", ").join(sql.SQL("p.{} AS {}").format(*map(sql.Identifier, (n, f"own_{n}"))) for n in own),
        sql.SQL("" if outlines else ", ST_AsBinary(p.geom) AS geom"),
        sql.SQL(", ").join(sql.SQL("r.{}").format(sql.Identifier(name)) for name in stored),
    )
    for batch in _read(asked, query):
        judged = _judged(asked.moment.connection, batch, (*worked, "district"))
        values = {name: batch.column(f"own_{name}") for name in own}
        values |= {name: judged[name] for name in worked}
        yield Rows(batch.num_rows, _shapes(batch), values, judged["district"], batch.column("parcel_id"))


def _judged(connection: sa.Connection, batch: pa.RecordBatch, names: tuple[str, ...]) -> dict[str, pa.Array]:
    records = batch.column("record")
    there = records.is_valid()
    place = np.flatnonzero(there.to_numpy(zero_copy_only=False))
    plain = {name: batch.column(name).filter(there).to_numpy(zero_copy_only=False) for name in PLAIN}
    found = results.values_of(connection, plain, records.filter(there).to_pylist(), names)
    at = np.zeros(batch.num_rows, dtype=np.int64)
    at[place] = np.arange(len(place))
    # Where no result is, nothing is taken.
    taken = pa.array(at, mask=~there.to_numpy(zero_copy_only=False))
    return {name: _array(found[name], name in _LISTS).take(taken) for name in names}


def _array(values: npt.NDArray[Any], is_list: bool) -> pa.Array:
    if is_list:
        # The same list for all rows that have it.
        same = np.fromiter(map(id, values), np.int64, len(values))
        _, first, which = np.unique(same, return_index=True, return_inverse=True)
        lists = pa.array(values[first].tolist(), pa.list_(pa.string()))
        return pa.DictionaryArray.from_arrays(pa.array(which.astype(np.int32)), lists)
    if values.dtype == object:
        return pa.array(values, pa.string())
    return pa.array(values.astype(np.float64), from_pandas=True)


def _places(source: str, asked: Asked, names: tuple[str, ...]) -> Iterator[Rows]:
    """Yield the sums of the city or of all its districts or townships, with their outlines."""
    by = BY_PLACE[source]
    connection = asked.moment.connection
    rows = indicators(connection, by, asked.least_share_frac)
    outlines = _outlines(asked, by)
    types = {c.name: pa.float64() if c.type == "float" else pa.string() for c in INDICATORS}
    values = {name: pa.array([row[name] for row in rows], types[name]) for name in names}
    shapes = np.array([_outline(outlines, row["district"], row["township"]) for row in rows], dtype=object)
    yield Rows(len(rows), shapes, values, pa.array([row["district"] for row in rows], pa.string()))


def _outline(
    outlines: Mapping[tuple[str | None, str | None], shapely.Geometry],
    district: str | None,
    township: str | None,
) -> shapely.Geometry | None:
    # Townships need not tell their district.
    return outlines.get((district, township)) or outlines.get((None, township))


def _outlines(asked: Asked, by: By) -> dict[tuple[str | None, str | None], shapely.Geometry]:
    if by == "city":
        return {}
    frame = asked.moment.layer(by)
    first = frame["name"] if by == "district" else frame["district"]
    second = [None] * len(frame) if by == "district" else frame["name"]
    return dict(zip(zip(first, second, strict=True), frame.geometry, strict=True))


def _matched(source: str, asked: Asked, names: tuple[str, ...], outlines: bool) -> Iterator[Rows]:
    """Yield what a scenario's matching or siting says, with the outlines of what it is about."""
    collection = offered(asked.readable)[source]
    properties = collection.by_name
    shape = collection.geometry
    if source == "match_connection":
        # Where a parcel touches its source the line has no length, which no platform takes: it begins inside.
        inside = sa.func.ST_PointOnSurface(LAYER_TABLES["parcel"].c.geom)
        drawn = sa.func.ST_MakeLine(inside, sa.func.ST_StartPoint(shape))
        shape = sa.case((sa.func.ST_Length(shape) == 0, drawn), else_=shape)
    columns = [properties[name].column.label(name) for name in names]
    of_parcels = source == "match_parcel"
    own = ("district", "parcel_id") if of_parcels else ()
    columns += [properties[name].column.label(f"its_{name}") for name in own]
    if not (of_parcels and outlines):
        columns.append(sa.func.ST_AsBinary(shape).label("geom"))
    query = (
        sa.select(*columns)
        .select_from(collection.source)
        .where(properties["scenario"].column == asked.scenario)
        .order_by(collection.key)
    )
    text = str(query.compile(asked.moment.connection, compile_kwargs={"literal_binds": True}))
    for batch in _read(asked, text.replace("%%", "%")):
        values = {name: batch.column(name) for name in names}
        told = [batch.column(f"its_{name}") for name in own]
        yield Rows(batch.num_rows, _shapes(batch), values, *told)
