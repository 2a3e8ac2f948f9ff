"""Vector tiles straight from PostGIS, and the features at a clicked point.

Everything here takes a SQLAlchemy connection. Values are bound; identifiers come
only from the layer declarations.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely
from sqlalchemy import Connection, text

from gis.crs import API_CRS, STORAGE_EPSG, reproject
from gis.errors import NotFoundError
from gis.store.views import choice_sql, number_sql
from gis.webmap.boxes import (
    CELL_MAX_ZOOM,
    CELL_SHAPE_SQL,
    CELL_SQL,
    CELLS_PER_TILE,
    IN_TILE_SQL,
    PARCEL_MIN_ZOOM,
    TILE_PX,
    TILE_SQL,
    WORLD_M,
    drawn_sql,
    is_near,
    storage_box,
    tile_box_m,
)
from gis.webmap.match_tiles import MATCH_LAYERS, render_match_tile
from layers import LAYERS, TOWNSHIP_SEPARATOR, LayerSpec

RESULT_LAYER = "parcel_suitability"
TILE_LAYERS = (RESULT_LAYER, *MATCH_LAYERS, *LAYERS)
MAX_ZOOM = 22
MAX_FEATURES_PER_LAYER = 5

_TOLERANCE_PX = 7.0
# Named on their own in an answer, or too long for it.
_NOT_ATTRIBUTES = ("name", "townships", "synthetic", "source", "remark")


def check_tile(layer: str, z: int, x: int, y: int) -> None:
    """Raise NotFoundError unless the layer has tiles and z/x/y name one of them."""
    if layer not in TILE_LAYERS:
        raise NotFoundError(f"There is no layer {layer!r}; the layers are {', '.join(TILE_LAYERS)}.")
    if not 0 <= z <= MAX_ZOOM:
        raise NotFoundError(f"There is no zoom {z}; zooms run from 0 to {MAX_ZOOM}.")
    if not (0 <= x < 2**z and 0 <= y < 2**z):
        raise NotFoundError(f"There is no tile {z}/{x}/{y}; at zoom {z}, x and y run from 0 to {2**z - 1}.")


_LAYER_TILE = f"""
SELECT ST_AsMVT(t, :layer, :extent, 'geom') FROM (
  SELECT {{columns}},
    ST_AsMVTGeom({{geometry}}, {TILE_SQL}, :extent, :buffer, true) AS geom
  FROM (SELECT *, ST_Transform(geom, 3857) AS web FROM {{table}}
        WHERE geom && ST_MakeEnvelope(:x0, :y0, :x1, :y1, {STORAGE_EPSG})) AS near
) AS t WHERE geom IS NOT NULL
"""

_PARCEL_TILE = f"""
SELECT ST_AsMVT(t, :layer, :extent, 'geom') FROM (
  SELECT parcel_id AS id, recommended, recommended_status, round(recommended_score)::int AS score,
    ST_AsMVTGeom({{geometry}}, {TILE_SQL}, :extent, :buffer, true) AS geom
  FROM (SELECT parcel_id, geom AS web FROM result.parcel_tile
        WHERE geom && ST_Expand({TILE_SQL}, :margin)) AS near
  LEFT JOIN result.parcel_suitability USING (parcel_id)
) AS t WHERE geom IS NOT NULL
"""

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
SELECT ST_AsMVT(t, :layer, :extent, 'geom') FROM (
  SELECT i || '-' || j AS id, {choice_sql("recommended")} AS recommended,
    {choice_sql("recommended_status")} AS recommended_status, round(score)::int AS score,
    n::int AS parcel_count, {CELL_SHAPE_SQL} AS geom
  FROM cell
) AS t WHERE geom IS NOT NULL
"""


def _features(spec: LayerSpec) -> str:
    """Return the SQL of a layer's rows; a list of townships is drawn as the outline of those townships."""
    if not spec.by_township:
        return f"layer.{spec.id}"
    columns = ", ".join(f"z.{name}" for name in spec.field_names)
    return f"""(
        SELECT {columns}, coalesce(z.geom, listed.geom) AS geom FROM layer.{spec.id} z
        LEFT JOIN LATERAL (
            SELECT ST_Multi(ST_Union(geom)) AS geom FROM layer.township
            WHERE z.geom IS NULL AND string_to_array(z.townships, '{TOWNSHIP_SEPARATOR}')
                  && ARRAY[name, coalesce(district, '') || name, township_id]::text[]
        ) listed ON true) AS placed"""


def _tile_columns(spec: LayerSpec) -> str:
    named = ", name" if "name" in spec.field_names else ""
    return f"{spec.key} AS id{named}"


def render_tile(connection: Connection, layer: str, z: int, x: int, y: int, scenario: str) -> bytes:
    """Return one Mapbox vector tile (not compressed), empty where nothing lies.

    The tile holds one MVT layer named like `layer`; every feature carries its key
    as the property `id`. Only layers of matching runs differ by `scenario`. `check_tile` must have passed.
    """
    if layer in MATCH_LAYERS:
        return render_match_tile(connection, layer, scenario, z, x, y)
    box = tile_box_m(z, x, y)
    side = box[2] - box[0]
    cells = layer == RESULT_LAYER and z <= CELL_MAX_ZOOM
    point = layer in LAYERS and LAYERS[layer].geometry == "point"
    extent = 4096 if z >= 14 or point or cells else 2048
    # Circles and wide lines reach over the tile's edge: 16 pixels for points, 4 otherwise.
    buffer = extent * (16 if point else 4) // TILE_PX
    margin = side * buffer / extent
    values: dict[str, Any] = dict(zip("wsen", box, strict=True))
    values |= {"layer": layer, "extent": extent, "buffer": buffer}
    if layer == RESULT_LAYER:
        if cells:
            statement = _CELL_TILE
            values["cell"] = side / CELLS_PER_TILE
            del values["buffer"]
        else:
            statement = _PARCEL_TILE.format(geometry=drawn_sql("polygon", z))
            values["margin"] = margin
    else:
        spec = LAYERS[layer]
        near = storage_box(box, margin)
        if near is None or (layer == "parcel" and z < PARCEL_MIN_ZOOM):
            return b""
        values |= dict(zip(("x0", "y0", "x1", "y1"), near, strict=True))
        statement = _LAYER_TILE.format(
            columns=_tile_columns(spec),
            geometry=drawn_sql(spec.geometry, z),
            table=_features(spec),
        )
    if ":simplify" in statement:
        values["simplify"] = side / TILE_PX / 2
    body = connection.execute(text(statement), values).scalar()
    return bytes(body) if body is not None else b""


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
    *,
    parcels: bool,
) -> dict[str, Any]:
    """Return what lies at a longitude and latitude (degrees, CRS84).

    `parcels` are the parcels that cover the point, smallest first, with their
    GeoJSON geometry, none unless `parcels` are asked for; `features` are features
    of `layer_ids` that cover the point or lie within a few pixels of it at `zoom`.
    """
    place = reproject(np.array([shapely.Point(lon, lat)], dtype=object), API_CRS, f"EPSG:{STORAGE_EPSG}")[0]
    empty: dict[str, Any] = {"lon": lon, "lat": lat, "parcels": [], "features": []}
    if not is_near(lon, lat):
        return empty
    pixel_m = 2 * WORLD_M * math.cos(math.radians(lat)) / (TILE_PX * 2**zoom)
    values = {"x": place.x, "y": place.y, "most": MAX_FEATURES_PER_LAYER}
    point = f"ST_SetSRID(ST_MakePoint(:x, :y), {STORAGE_EPSG})"
    query = text(
        "SELECT parcel_id, name, synthetic, ST_AsGeoJSON(ST_Transform(geom, 4326), 7)::json AS geometry"
        f" FROM layer.parcel WHERE ST_Intersects(geom, {point})"
        " ORDER BY ST_Area(geom), parcel_id LIMIT :most"
    )
    rows = connection.execute(query, values).mappings() if parcels else ()
    return empty | {
        "parcels": [dict(row) for row in rows],
        "features": [
            feature
            for layer_id in sorted(layer_ids, key=_by_shape)
            for feature in _features_at(connection, layer_id, point, values, _TOLERANCE_PX * pixel_m)
        ],
    }


def feature(connection: Connection, layer: str, feature_id: str) -> dict[str, Any]:
    """Return layer, id, name and bbox (degrees, None without a shape) of a feature; NotFoundError if none."""
    spec = LAYERS[layer]
    named = "name" if "name" in spec.field_names else "NULL"
    row = connection.execute(
        text(
            f"SELECT {named} AS name, ST_XMin(b), ST_YMin(b), ST_XMax(b), ST_YMax(b)"
            f" FROM {_features(spec)}, LATERAL ST_Transform(geom, 4326) AS b WHERE {spec.key} = :id"
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
    connection: Connection, layer_id: str, point: str, values: dict[str, float], tolerance_m: float
) -> list[dict[str, Any]]:
    spec = LAYERS[layer_id]
    # ST_DWithin at 0 is ST_Intersects: a polygon must cover the point, a line or point only lie near.
    reach_m = 0.0 if spec.geometry == "polygon" else tolerance_m
    columns = ", ".join(spec.field_names)
    rows = connection.execute(
        text(
            f"SELECT {columns} FROM {_features(spec)} WHERE ST_DWithin(geom, {point}, :reach)"
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
