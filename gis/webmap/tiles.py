"""Vector tiles straight from PostGIS, and the features at a clicked point.

Everything here takes a SQLAlchemy connection. Values are bound; identifiers come
only from the layer declarations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import shapely
from sqlalchemy import Connection, text

from gis.crs import API_CRS, STORAGE_EPSG, reproject
from gis.errors import NotFoundError
from gis.store.outlines import features_sql
from gis.store.views import choice_sql, number_sql
from gis.webmap.boxes import (
    CELL_MAX_ZOOM,
    CELL_SHAPE_SQL,
    CELL_SQL,
    IN_TILE_SQL,
    MAX_ZOOM,
    PARCEL_MIN_ZOOM,
    TILE_PX,
    TILE_SQL,
    WORLD_M,
    drawn_sql,
    is_near,
    run,
    storage_box,
    tile_box_m,
    tile_sql,
    tile_values,
)
from gis.webmap.match_tiles import EXTENT, MATCH_CONNECTION, MATCH_LAYERS, render_match_tile
from layers import LAYERS, LayerSpec

RESULT_LAYER = "parcel_suitability"
RESULT_LAYERS = (RESULT_LAYER, *MATCH_LAYERS)
TILE_LAYERS = (*RESULT_LAYERS, *LAYERS)
MAX_FEATURES_PER_LAYER = 5

_TOLERANCE_PX = 7.0
# Named on their own in an answer, or too long for it.
_NOT_ATTRIBUTES = ("name", "townships", "synthetic", "source", "remark")


def check_tile(layer: str, z: int, x: int, y: int) -> None:
    """Raise NotFoundError unless the layer has tiles and z/x/y name one of them."""
    if layer not in TILE_LAYERS:
        raise NotFoundError(f"There is no layer {layer!r:.60}; the layers are {', '.join(TILE_LAYERS)}.")
    check_place(z, x, y)


def check_place(z: int, x: int, y: int) -> None:
    """Raise NotFoundError unless z/x/y name a tile."""
    if not 0 <= z <= MAX_ZOOM:
        raise NotFoundError(f"There is no zoom {z}; zooms run from 0 to {MAX_ZOOM}.")
    if not (0 <= x < 2**z and 0 <= y < 2**z):
        raise NotFoundError(f"There is no tile {z}/{x}/{y}; at zoom {z}, x and y run from 0 to {2**z - 1}.")


_LAYER_SHAPES = f"""
  SELECT {{columns}}, {{shape}} AS geom
  FROM (SELECT *, ST_Transform(geom, 3857) AS web FROM {{table}}
        WHERE geom && ST_MakeEnvelope(:x0, :y0, :x1, :y1, {STORAGE_EPSG})) AS near"""

# Areas under a pixel are counted by cell, and the rest are drawn one by one: a tile of a great many small
# areas stays small.
_LAYER_CELLS = f"""
WITH near AS MATERIALIZED (
  SELECT *, ST_XMax(web) - ST_XMin(web) < :pixel AND ST_YMax(web) - ST_YMin(web) < :pixel AS small
  FROM (SELECT {{columns}}, ST_Transform(geom, 3857) AS web FROM {{table}}
        WHERE geom && ST_MakeEnvelope(:x0, :y0, :x1, :y1, {STORAGE_EPSG})) AS placed
), cell AS (
  SELECT i, j, count(*) AS n
  FROM (SELECT {CELL_SQL} FROM (SELECT web AS geom FROM near WHERE small) AS shape) AS placed
  WHERE {IN_TILE_SQL} GROUP BY i, j
)
{
    tile_sql(
        f'''
  SELECT {{names}}, NULL::int AS feature_count, {{shape}} AS geom FROM near WHERE NOT small
  UNION ALL
  SELECT i || '-' || j{{unnamed}}, n::int, {CELL_SHAPE_SQL} FROM cell'''
    )
}"""

# The view of results has hundreds of columns, which takes the planner longer than the tile.
_PARCEL_COLUMNS = f"""parcel_id AS id, {choice_sql("recommended")} AS recommended,
    {choice_sql("recommended_status")} AS recommended_status,
    round({number_sql("recommended_score")})::int AS score"""
_PARCEL_NEAR = f"""(SELECT parcel_id, geom AS web FROM result.parcel_tile
        WHERE geom && ST_Expand({TILE_SQL}, :margin)) AS near
  LEFT JOIN result.parcel_result USING (parcel_id)"""

CELLS_SQL = tile_sql(
    f"""
  SELECT i || '-' || j AS id, {choice_sql("recommended")} AS recommended,
    {choice_sql("recommended_status")} AS recommended_status, round(score)::int AS score,
    n::int AS parcel_count, {CELL_SHAPE_SQL} AS geom
  FROM cell"""
)
"""The SQL of a tile of cells, after a WITH that has them as `cell`, recommendations by code."""

# A cell shows what covers most of its parcel area. Recommendations are counted by code.
# Cells beyond the tile are left out once cells are made: asked of each parcel, whether its cell is in the
# tile, the planner takes it that hardly any is, and looks its results up one by one.
_CELL_TILE = f"""
WITH placed AS (
  SELECT {CELL_SQL},
         coalesce(recommended, 0) AS recommended, coalesce(recommended_status, 0) AS recommended_status,
         {number_sql("recommended_score")} AS score, ST_Area(geom) AS area
  FROM result.parcel_tile LEFT JOIN result.parcel_result USING (parcel_id)
  WHERE geom && {TILE_SQL}
), part AS MATERIALIZED (
  SELECT i, j, recommended, recommended_status, count(*) AS n, sum(area) AS area,
         sum(area * score) AS weighted, sum(area) FILTER (WHERE score IS NOT NULL) AS scored
  FROM placed GROUP BY i, j, recommended, recommended_status
), cell AS (
  SELECT DISTINCT ON (i, j) i, j, recommended, recommended_status,
         sum(n) OVER (PARTITION BY i, j) AS n,
         sum(weighted) OVER (PARTITION BY i, j) / sum(scored) OVER (PARTITION BY i, j) AS score
  FROM part WHERE {IN_TILE_SQL} ORDER BY i, j, area DESC, recommended, recommended_status
)
{CELLS_SQL}"""


def render_tile(
    connection: Connection, layer: str, z: int, x: int, y: int, scenario: str, *, outlines: bool = True
) -> bytes:
    """Return one Mapbox vector tile (not compressed), empty where nothing lies.

    The tile holds one MVT layer named like `layer`; every feature carries its key
    as the property `id`. Only layers of matching runs differ by `scenario`. `check_tile` must have passed.
    Without `outlines` the layer `township` is not read, and zones that are lists of townships are not drawn.
    """
    if layer in MATCH_LAYERS:
        return render_match_tile(connection, layer, scenario, z, x, y)
    box = tile_box_m(z, x, y)
    if layer == RESULT_LAYER:
        if z <= CELL_MAX_ZOOM:
            return run(connection, _CELL_TILE, tile_values(layer, box, extent(layer, z), 0))
        shape = drawn_sql("polygon", z)
        statement = tile_sql(f"SELECT {_PARCEL_COLUMNS}, {shape} AS geom FROM {_PARCEL_NEAR}")
        return run(connection, statement, tile_values(layer, box, extent(layer, z), 4))
    spec = LAYERS[layer]
    # Circles and wide lines reach over the tile's edge: 16 pixels for points, 4 otherwise.
    values = tile_values(layer, box, extent(layer, z), 16 if spec.geometry == "point" else 4)
    near = storage_box(box, values["margin"])
    if near is None or z < min_zoom(layer):
        return b""
    values |= dict(zip(("x0", "y0", "x1", "y1"), near, strict=True))
    return run(connection, _layer_sql(spec, z, features_sql(spec, outlines)), values)


def _layer_sql(spec: LayerSpec, z: int, table: str) -> str:
    named = "name" in spec.field_names
    parts = {
        "columns": f"{spec.key} AS id{', name' if named else ''}",
        "names": "id, name" if named else "id",
        "unnamed": ", NULL" if named else "",
        "table": table,
        "shape": drawn_sql(spec.geometry, z),
    }
    if spec.geometry == "polygon" and z <= CELL_MAX_ZOOM:
        return _LAYER_CELLS.format(**parts)
    return tile_sql(_LAYER_SHAPES.format(**parts))


def is_around(connection: Connection, layer: str, z: int, x: int, y: int) -> bool:
    """Return whether a layer has something in the tile four zooms out from a tile."""
    up = min(z, 4)
    near = storage_box(tile_box_m(z - up, x >> up, y >> up), 0.0)
    if near is None:
        return False
    values = dict(zip(("x0", "y0", "x1", "y1"), near, strict=True))
    found = f"SELECT FROM layer.{layer} WHERE geom && ST_MakeEnvelope(:x0, :y0, :x1, :y1, {STORAGE_EPSG})"
    return bool(connection.execute(text(f"SELECT EXISTS ({found})"), values).scalar())


def extent(layer: str, z: int) -> int:
    """Return how many units a side of a layer's tile has."""
    if layer in MATCH_LAYERS:
        return EXTENT
    if layer == RESULT_LAYER:
        return 2048 if CELL_MAX_ZOOM < z < 14 else 4096
    return 4096 if z >= 14 or LAYERS[layer].geometry == "point" else 2048


def min_zoom(layer: str) -> int:
    """Return the zoom from which on a layer has tiles."""
    return PARCEL_MIN_ZOOM if layer in ("parcel", MATCH_CONNECTION) else 0


def _attributes(spec: LayerSpec, row: Any) -> list[dict[str, Any]]:
    out = []
    for field in spec.fields[1:]:
        value = row[field.name]
        if value is None or value != value or field.name in _NOT_ATTRIBUTES:
            continue
        titles = {c.value: c.title.model_dump() for c in field.choices}
        shown = titles.get(value, value if isinstance(value, (int, float, bool)) else str(value))
        out.append({"title": field.title.model_dump(), "unit": field.unit, "value": shown})
    return out


def identify(
    connection: Connection,
    lon: float,
    lat: float,
    zoom: int,
    layer_ids: tuple[str, ...],
    readable: Container[str],
    passing: Callable[[Sequence[str]], AbstractSet[str]] | None = None,
) -> dict[str, Any]:
    """Return what lies at a longitude and latitude (degrees, CRS84).

    `parcels` are the parcels that cover the point, smallest first, with their
    GeoJSON geometry; those whose ids `passing` leaves out are not among them and
    counted in `hidden_parcel_count`. `features` are features of `layer_ids` that cover the point
    or lie within a few pixels of it at `zoom`. Parcels, and outlines of townships, are told
    where they are among the `readable` layers; `layer_ids` must be.
    """
    place = reproject(np.array([shapely.Point(lon, lat)], dtype=object), API_CRS, f"EPSG:{STORAGE_EPSG}")[0]
    empty: dict[str, Any] = {"lon": lon, "lat": lat, "parcels": [], "hidden_parcel_count": 0, "features": []}
    if not is_near(lon, lat):
        return empty
    pixel_m = 2 * WORLD_M * math.cos(math.radians(lat)) / (TILE_PX * 2**zoom)
    values = {"x": place.x, "y": place.y}
    point = f"ST_SetSRID(ST_MakePoint(:x, :y), {STORAGE_EPSG})"
    covering = text(
        f"SELECT parcel_id FROM layer.parcel WHERE ST_Intersects(geom, {point})"
        " ORDER BY ST_Area(geom), parcel_id"
    )
    there = connection.execute(covering, values).scalars().all() if "parcel" in readable else []
    passed = set(there) if passing is None else passing(there)
    return empty | {
        "parcels": _parcels(connection, [i for i in there if i in passed][:MAX_FEATURES_PER_LAYER]),
        "hidden_parcel_count": len(set(there) - passed),
        "features": [
            feature
            for layer_id in sorted(layer_ids, key=_by_shape)
            for feature in _features_at(
                connection,
                LAYERS[layer_id],
                features_sql(LAYERS[layer_id], "township" in readable),
                point,
                values | {"tolerance": _TOLERANCE_PX * pixel_m, "most": MAX_FEATURES_PER_LAYER},
            )
        ],
    }


def _parcels(connection: Connection, parcel_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return parcels in the order of their ids, with their geometry as GeoJSON."""
    query = text(
        "SELECT parcel_id, name, synthetic, ST_AsGeoJSON(ST_Transform(geom, 4326), 7)::json AS geometry"
        " FROM unnest(CAST(:ids AS text[])) WITH ORDINALITY AS wanted (parcel_id, place)"
        " JOIN layer.parcel USING (parcel_id) ORDER BY place"
    )
    if not parcel_ids:
        return []
    return [dict(row) for row in connection.execute(query, {"ids": list(parcel_ids)}).mappings()]


def feature(connection: Connection, layer: str, feature_id: str, readable: Container[str]) -> dict[str, Any]:
    """Return layer, id, name and bbox (degrees, None without a shape) of a feature; NotFoundError if none.

    A list of townships has the bbox of these where `township` is `readable`.
    """
    spec = LAYERS[layer]
    named = "name" if "name" in spec.field_names else "NULL"
    row = connection.execute(
        text(
            f"SELECT {named} AS name, ST_XMin(b), ST_YMin(b), ST_XMax(b), ST_YMax(b)"
            f" FROM {features_sql(spec, 'township' in readable)},"
            f" LATERAL ST_Transform(geom, 4326) AS b WHERE {spec.key} = :id"
        ),
        {"id": feature_id},
    ).one_or_none()
    if row is None:
        raise NotFoundError(f"The layer {layer!r} has no feature {feature_id!r}.")
    bbox = None if row[1] is None else [float(side) for side in row[1:]]
    return {"layer": layer, "id": feature_id, "name": row[0], "bbox": bbox}


def _by_shape(layer_id: str) -> int:
    """Order answers as a hand aims: at points, then lines, then areas."""
    return ("point", "line", "polygon").index(LAYERS[layer_id].geometry)


def _features_at(
    connection: Connection, spec: LayerSpec, table: str, point: str, values: dict[str, float]
) -> list[dict[str, Any]]:
    # ST_DWithin at 0 is ST_Intersects: a polygon must cover the point, a line or point only lie near.
    reach_m = 0.0 if spec.geometry == "polygon" else values["tolerance"]
    columns = ", ".join(spec.field_names)
    rows = connection.execute(
        text(
            f"SELECT {columns} FROM {table} WHERE ST_DWithin(geom, {point}, :reach)"
            f" ORDER BY ST_Distance(geom, {point}), {spec.key} LIMIT :most"
        ),
        values | {"reach": reach_m},
    ).mappings()
    return [
        {
            "layer": spec.id,
            "id": row[spec.key],
            "name": row["name"] if "name" in spec.field_names else None,
            "synthetic": row["synthetic"],
            "source": row["source"],
            "remark": row["remark"],
            "attributes": _attributes(spec, row),
        }
        for row in rows
    ]
