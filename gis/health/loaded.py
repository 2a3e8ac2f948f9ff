"""A loaded layer as its checks see it: questions to its table, asked where the rows are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from psycopg import sql

from gis.crs import STORAGE_CRS, STORAGE_EPSG, reproject_xy
from gis.health.city import City
from gis.health.findings import MOST_IDS, Change
from gis.resources import Raster
from gis.store import LayerVersion
from gis.store.copy import qualified, raw
from gis.store.history_tables import UNDO_TABLES
from gis.store.tables import LAYER_TABLES, LAYER_VERSION
from gis.wording import Wording
from layers import FieldSpec, LayerSpec, RasterSpec, Text

_NUMBERS = ("integer", "float")

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Held:
    """What checks of layers and rasters have in common: the version, the city, the time of the check."""

    version: LayerVersion
    city: City
    now: dt.datetime


@dataclass(frozen=True, eq=False)
class LoadedRaster(Held):
    """A raster with its cells."""

    spec: RasterSpec
    raster: Raster

    @cached_property
    def covered(self) -> Bools:
        """Which points of the city's districts lie in a cell with a value."""
        west, south, east, north = self.raster.bounds
        rows, columns = self.raster.values.shape
        x, y = reproject_xy(self.city.xy, STORAGE_CRS, self.raster.crs).T
        with np.errstate(invalid="ignore"):
            column = np.floor((x - west) / (east - west) * columns)
            row = np.floor((north - y) / (north - south) * rows)
            inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        out = np.zeros(len(x), dtype=bool)
        at = (row[inside].astype(int), column[inside].astype(int))
        out[inside] = ~np.isnan(self.raster.values[at])
        return out


@dataclass(frozen=True, eq=False)
class Loaded(Held):
    """A layer in the database at one moment; `versions` are those of all that is loaded."""

    spec: LayerSpec
    connection: sa.Connection
    versions: Mapping[str, LayerVersion]

    @property
    def count(self) -> int:
        """Features of the layer."""
        return self.version.feature_count

    @property
    def key(self) -> sql.Identifier:
        """The column of the ids."""
        return sql.Identifier(self.spec.key)

    @property
    def table(self) -> sql.Identifier:
        """The table of the layer."""
        return qualified(LAYER_TABLES[self.spec.id])

    def rows(self, text: str, parts: Mapping[str, sql.Composable], **values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query with `{table}`, `{key}` and `parts` filled in, and bound values."""
        query = sql.SQL(text).format(table=self.table, key=self.key, **parts)
        return raw(self.connection).execute(query, values).fetchall()

    def failing(
        self, condition: str, parts: Mapping[str, sql.Composable], tell: str = "NULL", **values: Any
    ) -> tuple[int, list[str], list[Any]]:
        """Return how many features fulfil a condition on row `l`, the first ids and what is told of each."""
        text = (
            f"WITH f AS MATERIALIZED (SELECT {{key}} AS id, ({tell}) AS told FROM {{table}} l"
            f" WHERE {condition}) SELECT (SELECT count(*) FROM f), id, told FROM f"
            f' ORDER BY id COLLATE "C" LIMIT {MOST_IDS}'
        )
        found = self.rows(text, parts, **values)
        return (found[0][0] if found else 0), [row[1] for row in found], [row[2] for row in found]

    def numbers(self) -> list[FieldSpec]:
        """Return the fields that hold numbers."""
        return [f for f in self.spec.fields if f.type in _NUMBERS]

    @cached_property
    def filled(self) -> Mapping[str, int]:
        """How many features have a value, by field; an empty text is none."""
        names = [sql.Identifier(f.name) for f in self.spec.fields]
        counted = [
            sql.SQL("count(nullif({}, ''))" if f.type == "text" else "count({})").format(name)
            for f, name in zip(self.spec.fields, names, strict=True)
        ]
        [row] = self.rows("SELECT {counted} FROM {table}", {"counted": sql.SQL(", ").join(counted)})
        return dict(zip(self.spec.field_names, row, strict=True))

    @cached_property
    def flaws(self) -> Mapping[str, str | None]:
        """Why shapes are not valid, by id; None of those without any area or length."""
        if self.spec.geometry == "point":
            return {}
        dimension = 1 if self.spec.geometry == "line" else 2
        found = self.rows(
            "SELECT {key}, ST_Dimension(ST_ConvexHull(geom)) < %(dimension)s, ST_IsValidReason(geom) "
            'FROM {table} WHERE NOT ST_IsValid(geom) ORDER BY {key} COLLATE "C"',
            {},
            dimension=dimension,
        )
        return {id_: None if flat else reason.partition("[")[0] for id_, flat, reason in found}

    @property
    def broken(self) -> list[str]:
        """Ids of features whose shape is not valid: what else is asked about shapes leaves them out."""
        return list(self.flaws)

    @cached_property
    def change(self) -> Change | None:
        """How the layer differs from its version before; None of its first."""
        rows = self.connection.execute(
            sa.select(LAYER_VERSION.c.version, LAYER_VERSION.c.feature_count, LAYER_VERSION.c.undoable)
            .where(LAYER_VERSION.c.layer == self.spec.id, LAYER_VERSION.c.version <= self.version.version)
            .order_by(LAYER_VERSION.c.version.desc())
            .limit(2)
        ).all()
        if len(rows) < 2:
            return None
        present, before = rows
        added, removed, changed = self._changes() if present.undoable else (None, None, None)
        return Change(
            before_version=before.version,
            before_count=before.feature_count,
            added_count=added,
            removed_count=removed,
            changed_count=changed,
        )

    def _changes(self) -> Sequence[int]:
        """Return how many features the present version added, removed and changed, as the store keeps it."""
        [row] = self.rows(
            "SELECT count(*) FILTER (WHERE NOT o.existed), "
            "count(*) FILTER (WHERE o.existed AND n.{key} IS NULL), "
            "count(*) FILTER (WHERE o.existed AND n.{key} IS NOT NULL) "
            "FROM {log} o LEFT JOIN {table} n USING ({key}) WHERE o.undone_version = %(version)s",
            {"log": qualified(UNDO_TABLES[self.spec.id])},
            version=self.version.version,
        )
        return row

    @cached_property
    def covered(self) -> Bools:
        """Which points of the city's districts lie in a polygon of the layer."""
        found = self.rows(
            "SELECT p.i FROM unnest(%(x)s::float8[], %(y)s::float8[]) WITH ORDINALITY AS p (x, y, i) "
            "WHERE EXISTS (SELECT FROM {table} l WHERE ST_Intersects("
            "l.geom, ST_Point(p.x, p.y, %(epsg)s)) AND NOT {key} = ANY(%(broken)s))",
            {},
            x=self.city.xy[:, 0].tolist(),
            y=self.city.xy[:, 1].tolist(),
            epsg=STORAGE_EPSG,
            broken=self.broken,
        )
        out = np.zeros(len(self.city.xy), dtype=bool)
        out[[row[0] - 1 for row in found]] = True
        return out


def figure(value: float, unit: str | None = None) -> Text:
    """Return a number with its unit as people write it."""

    def said(wording: Wording) -> str:
        # Two decimals would make nothing of a small value.
        if value and abs(value) < 0.01:
            return f"{value:.2g} {wording.unit(unit or '1')}".rstrip()
        return wording.number(value, unit or "1")

    return Text(zh=said(Wording("zh")), en=said(Wording("en")))


def share(value: float) -> str:
    """Return a share in percent."""
    return Wording("en").share(value)


def listed(texts: Sequence[Text], most: int = 20) -> Text:
    """Return names as one text, the first of them where they are many."""
    shown, more = texts[:most], len(texts) - most
    zh, en = "、".join(t.zh for t in shown), ", ".join(t.en for t in shown)
    if more <= 0:
        return Text(zh=zh, en=en)
    return Text(zh=f"{zh}等 {len(texts)} 个", en=f"{en} and {more} more")
