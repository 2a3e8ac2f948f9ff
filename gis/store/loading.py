"""Loading a layer: staged by COPY, then swapped in one transaction."""

from __future__ import annotations

import math
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
import sqlalchemy as sa
from psycopg import sql

from gis.crs import STORAGE_EPSG, stack
from gis.errors import BusyError, InputError
from gis.store import audit, changes
from gis.store.copy import copy_in, qualified, raw, to_ewkb
from gis.store.migrate import LOCK_SPACE
from gis.store.records import LayerVersion
from gis.store.tables import GEOMETRY_TYPES, LAYER_TABLES, LAYER_VERSION, PARCEL_TILE, REJECT, TILE_EPSG
from gis.store.versions import stamp
from layers import LayerSpec, RasterSpec

Mode = Literal["replace", "append", "upsert"]

_STAGE = sql.Identifier("onemap_stage")
_SINGLE = {"polygon": ("Polygon", shapely.multipolygons), "line": ("LineString", shapely.multilinestrings)}
_NAMED_MAX = 3


def claim(connection: sa.Connection, what: str, message: str) -> None:
    """Take the advisory lock `what` until the transaction ends; BusyError(message) when it is held."""
    free = connection.scalar(
        sa.text("SELECT pg_try_advisory_xact_lock(:s, hashtext(:w))"), {"s": LOCK_SPACE, "w": what}
    )
    if not free:
        raise BusyError(message)


def claim_layer(connection: sa.Connection, layer_id: str, *, wait: bool = False) -> None:
    """Take the lock of a layer's imports until the transaction ends; BusyError when another one runs.

    With `wait` it is waited for, as long as the transaction waits for locks.
    """
    if wait:
        lock = sa.text("SELECT pg_advisory_xact_lock(:s, hashtext(:w))")
        connection.execute(lock, {"s": LOCK_SPACE, "w": f"layer {layer_id}"})
        return
    message = f"Another import into layer {layer_id} is running: try again when it has finished."
    claim(connection, f"layer {layer_id}", message)


def staged_frame(spec: LayerSpec, frame: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the columns of the layer's table with geometries as EWKB of the stored type.

    Fields that the frame lacks are missing in every row. Raises InputError for
    a wrong CRS, an undeclared column, a geometry of another type, and an empty
    or repeated key.
    """
    crs = frame.crs
    if crs is None or pyproj.CRS(crs) != pyproj.CRS.from_epsg(STORAGE_EPSG):
        told = "none" if crs is None else crs.to_string()
        raise InputError(
            f"Layer {spec.id}: the store takes EPSG:{STORAGE_EPSG}, not CRS {told}; reproject first."
        )
    attributes = pd.DataFrame(frame.drop(columns=frame.geometry.name)).reset_index(drop=True)
    for name in attributes.columns:
        if name not in spec.field_names:
            raise InputError(
                f"Layer {spec.id} has no field {name!r}; map the column to a declared field or drop it."
            )
    if spec.key not in attributes.columns:
        raise InputError(f"Layer {spec.id}: the key column {spec.key} is missing.")
    staged = attributes.reindex(columns=list(spec.field_names))
    _check_keys(spec, staged[spec.key])
    staged["geom"] = to_ewkb(_stored_type(spec, frame), STORAGE_EPSG)
    return staged


def _check_keys(spec: LayerSpec, keys: pd.Series[Any]) -> None:
    empty = keys.isna() | (keys.astype(str) == "")
    if empty.any():
        raise InputError(f"Layer {spec.id}: {spec.key} is empty in row {int(np.argmax(empty)) + 1}.")
    repeated = keys.astype(str)[keys.astype(str).duplicated()].unique().tolist()
    if repeated:
        raise _duplicates(spec, repeated, "occurs more than once in the input")


def _duplicates(spec: LayerSpec, keys: list[str], what: str) -> InputError:
    named = ", ".join(keys[:_NAMED_MAX]) + (
        f" and {len(keys) - _NAMED_MAX} more" if len(keys) > _NAMED_MAX else ""
    )
    return InputError(f"Layer {spec.id}: {spec.key} {named} {what}; give every feature its own {spec.key}.")


def _stored_type(spec: LayerSpec, frame: gpd.GeoDataFrame) -> np.ndarray[Any, Any]:
    out = np.asarray(shapely.force_2d(stack(frame.geometry)), dtype=object)
    if spec.geometry in _SINGLE:
        single, multi = _SINGLE[spec.geometry]
        for i in np.flatnonzero(_type_names(out) == single):
            out[i] = multi([out[i]])
    kinds, wanted = _type_names(out), GEOMETRY_TYPES[spec.geometry]
    fine = (kinds == wanted) & ~shapely.is_empty(out)
    if spec.by_township:
        fine |= kinds == ""
    if not fine.all():
        row = int(np.argmin(fine))
        found = f"an empty or missing {wanted}" if kinds[row] in ("", wanted) else f"a {kinds[row]}"
        key = frame[spec.key].iloc[row]
        raise InputError(f"Layer {spec.id}, {spec.key} {key}: found {found} where the layer holds {wanted}.")
    return out


def _type_names(geometries: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.array(["" if g is None else g.geom_type for g in geometries], dtype=object)


def swap(
    connection: sa.Connection, spec: LayerSpec, staged: pd.DataFrame, mode: Mode, version: int
) -> tuple[int, int | None]:
    """Bring staged rows into the layer's table inside the caller's transaction.

    What that changes is kept. Returns the layer's new row count, and how many features are other than
    before; None for its first version.
    """
    table = LAYER_TABLES[spec.id]
    target, cursor = qualified(table), raw(connection)
    cursor.execute(sql.SQL("CREATE TEMP TABLE {} (LIKE {}) ON COMMIT DROP").format(_STAGE, target))
    copy_in(connection, list(table.columns), staged, _STAGE)
    names = sql.SQL(", ").join(sql.Identifier(c.name) for c in table.columns)
    key = sql.Identifier(spec.key)
    if mode == "append":
        present = cursor.execute(
            sql.SQL("SELECT {0} FROM {1} JOIN {2} USING ({0}) ORDER BY 1").format(key, _STAGE, target)
        ).fetchall()
        if present:
            raise _duplicates(spec, [row[0] for row in present], "is in the layer already")
    # Before the first version there was nothing, which needs no row a feature to say so.
    first = version == 1
    changed = None if first else changes.keep(connection, spec, version, _STAGE, whole=mode == "replace")
    conflict: sql.Composable = sql.SQL("")
    if mode == "replace":
        cursor.execute(sql.SQL("DELETE FROM {}").format(target))
    elif mode == "upsert":
        updates = sql.SQL(", ").join(
            sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(c.name))
            for c in table.columns
            if c.name != spec.key
        )
        conflict = sql.SQL(" ON CONFLICT ({}) DO UPDATE SET {}").format(key, updates)
    cursor.execute(
        sql.SQL("INSERT INTO {0} ({1}) SELECT {1} FROM {2}{3}").format(target, names, _STAGE, conflict)
    )
    if spec.id == "parcel":
        _draw(connection, mode)
    return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0), changed


def _draw(connection: sa.Connection, mode: Mode) -> None:
    """Keep the staged parcels' outlines as tiles show them, so that no tile has to transform them."""
    tile, cursor = qualified(PARCEL_TILE), raw(connection)
    if mode == "replace":
        cursor.execute(sql.SQL("DELETE FROM {}").format(tile))
    cursor.execute(
        sql.SQL(
            "INSERT INTO {} (parcel_id, geom) SELECT parcel_id, ST_Transform(geom, {}) FROM {} "
            "ON CONFLICT (parcel_id) DO UPDATE SET geom = EXCLUDED.geom"
        ).format(tile, sql.Literal(TILE_EPSG), _STAGE)
    )


def next_version(connection: sa.Connection, spec: LayerSpec | RasterSpec) -> int:
    """Return the number of the next load of a layer or raster."""
    latest = sa.select(sa.func.max(LAYER_VERSION.c.version)).where(LAYER_VERSION.c.layer == spec.id)
    return int(connection.scalar(latest) or 0) + 1


def record(
    connection: sa.Connection,
    spec: LayerSpec | RasterSpec,
    version: int,
    mode: Mode | Literal["edit"],
    counts: tuple[int, int | None],
    source: tuple[str, str],
    report: dict[str, Any],
    rejects: pd.DataFrame,
) -> LayerVersion:
    """Write the version row and the rejected rows of one load.

    `counts` are what `swap` returned, `source` the name of the file and its SHA-256.
    """
    (feature_count, change_count), (source_name, source_sha256) = counts, source
    author, at = audit.actor(), stamp(connection)
    connection.execute(
        LAYER_VERSION.insert().values(
            layer=spec.id,
            version=version,
            loaded_at=at,
            author=author,
            undoable=True,
            mode=mode,
            feature_count=feature_count,
            change_count=change_count,
            source_name=source_name,
            source_sha256=source_sha256,
            report=jsonable(report),
            synthetic=_synthetic(connection, spec),
        )
    )
    if len(rejects):
        told = rejects.reset_index(drop=True).assign(layer=spec.id, version=version)
        told["attributes"] = pd.Series([jsonable(a) for a in told["attributes"]], dtype=object)
        columns = [c for c in REJECT.columns if c.name != "reject_id"]
        copy_in(connection, columns, told, qualified(REJECT))
    action = "edit" if mode == "edit" else "import"
    audit.write(
        connection, action, spec.id, version=version, mode=mode, feature_count=feature_count,
        source_name=source_name, source_sha256=source_sha256,
    )  # fmt: skip
    return LayerVersion(spec.id, version, at, feature_count, source_name, source_sha256, author)


def _synthetic(connection: sa.Connection, spec: LayerSpec | RasterSpec) -> bool | None:
    """Return whether every feature that a layer now has says that it is synthetic; rasters do not tell."""
    if spec.id not in LAYER_TABLES:
        return None
    table = LAYER_TABLES[spec.id]
    real = sa.exists().where(table.c.synthetic.is_not(True))
    return not connection.scalar(sa.select(real))


def jsonable(value: Any) -> Any:
    """Return `value` with what JSON cannot hold written out: NaN and NA as null, times and others as text."""
    if isinstance(value, dict):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | np.ndarray):
        return [jsonable(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (isinstance(value, float) and not math.isfinite(value))
    ):
        return None
    return value if isinstance(value, bool | int | float | str) else str(value)
