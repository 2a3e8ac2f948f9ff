"""Vector tiles of a matching run: parcels by their main technology, lines to their sources, and mains."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from gis.crs import STORAGE_EPSG
from gis.vocabulary import TECHNOLOGIES
from gis.webmap.boxes import (
    CELL_MAX_ZOOM,
    CELL_SHAPE_SQL,
    CELL_SQL,
    CELLS_PER_TILE,
    IN_TILE_SQL,
    PARCEL_MIN_ZOOM,
    TILE_PX,
    TILE_SQL,
    drawn_sql,
    storage_box,
    tile_box_m,
)
from layers import LAYERS

MATCH_PARCEL, MATCH_CONNECTION, MATCH_SEGMENT = "match_parcel", "match_connection", "match_segment"
MATCH_LAYERS = (MATCH_PARCEL, MATCH_CONNECTION, MATCH_SEGMENT)
SOURCES = tuple(spec for spec in LAYERS.values() if spec.group == "resource")
"""Layers that connections may lead to."""

_BUFFER_PX = 4
_EXTENT = 4096

_PARCEL_TILE = f"""
SELECT ST_AsMVT(t, :layer, :extent, 'geom') FROM (
  SELECT parcel_id AS id, matched, unmet_reason,
    ST_AsMVTGeom({{geometry}}, {TILE_SQL}, :extent, :buffer, true) AS geom
  FROM (SELECT parcel_id, geom AS web FROM result.parcel_tile
        WHERE geom && ST_Expand({TILE_SQL}, :margin)) AS near
  JOIN (SELECT parcel_id, matched, unmet_reason FROM result.match_parcel WHERE scenario = :scenario) AS found
  USING (parcel_id)
) AS t WHERE geom IS NOT NULL
"""

# A cell shows what carries most kW of its parcels, the first in the order among equals.
# Cells beyond the tile are left out once cells are made: asked of each parcel, whether its cell is in the
# tile, the planner takes it that hardly any is, and looks its results up one by one.
_CELL_TILE = f"""
WITH placed AS (
  SELECT {CELL_SQL}, {", ".join(f"{t}_kw" for t in TECHNOLOGIES)}
  FROM result.parcel_tile JOIN result.match_parcel USING (parcel_id)
  WHERE scenario = :scenario AND geom && {TILE_SQL}
), cell AS MATERIALIZED (
  SELECT i, j, count(*) AS n, {", ".join(f"sum({t}_kw) AS {t}_kw" for t in TECHNOLOGIES)}
  FROM placed GROUP BY i, j
)
SELECT ST_AsMVT(t, :layer, :extent, 'geom') FROM (
  SELECT i || '-' || j AS id, matched, kw AS matched_kw, n::int AS parcel_count, {CELL_SHAPE_SQL} AS geom
  FROM cell LEFT JOIN LATERAL (
    SELECT matched, kw
    FROM (VALUES {", ".join(f"('{t}', {t}_kw, {i})" for i, t in enumerate(TECHNOLOGIES))})
      AS carried (matched, kw, place)
    WHERE kw > 0 ORDER BY kw DESC, place LIMIT 1
  ) AS most ON true
  WHERE {IN_TILE_SQL}
) AS t WHERE geom IS NOT NULL
"""

# Lines of parcels beyond the tile may cross it: as far beyond as the longest connection of the run.
_LONGEST = "SELECT max(length_m) FROM result.match_connection WHERE scenario = :scenario"
_SOURCE_SHAPES = " UNION ALL ".join(
    f"SELECT geom FROM layer.{s.id} WHERE link.source_layer = '{s.id}' AND {s.key} = link.source_id"
    for s in SOURCES
)
_CONNECTION_TILE = f"""
WITH tile AS (
  SELECT box, ST_Expand(box, :longest) AS around
  FROM (SELECT ST_MakeEnvelope(:x0, :y0, :x1, :y1, {STORAGE_EPSG}) AS box) AS exact
), line AS (
  SELECT link.*, ST_ShortestLine(parcel.geom, source.geom) AS geom
  FROM tile CROSS JOIN layer.parcel
  JOIN result.match_connection AS link ON link.scenario = :scenario AND link.parcel_id = parcel.parcel_id
  CROSS JOIN LATERAL ({_SOURCE_SHAPES}) AS source
  WHERE parcel.geom && tile.around AND link.length_m >= :least
    AND ST_DWithin(parcel.geom, tile.box, link.length_m + 1)
)
SELECT ST_AsMVT(t, :layer, :extent, 'geom') FROM (
  SELECT concat_ws(' ', parcel_id, technology, source_layer, source_id) AS id, technology, source_layer,
    source_id, allocated_kw,
    ST_AsMVTGeom(ST_Transform(geom, 3857), {TILE_SQL}, :extent, :buffer, true) AS geom
  FROM line
) AS t WHERE geom IS NOT NULL
"""

# A main of several lines that do not meet has no measure along it.
_SEGMENT_TILE = f"""
WITH main AS (
  SELECT reclaimed_water_pipeline_id AS source_id, ST_LineMerge(geom) AS line
  FROM layer.reclaimed_water_pipeline WHERE geom && ST_MakeEnvelope(:x0, :y0, :x1, :y1, {STORAGE_EPSG})
), cut AS (
  SELECT source_id, segment, temperature_degc, left_kw, tapped_kw,
    ST_LineSubstring(line, from_m / ST_Length(line), LEAST(to_m / ST_Length(line), 1.0)) AS geom
  FROM main JOIN result.match_segment USING (source_id)
  WHERE scenario = :scenario AND GeometryType(line) = 'LINESTRING' AND from_m < LEAST(to_m, ST_Length(line))
)
SELECT ST_AsMVT(t, :layer, :extent, 'geom') FROM (
  SELECT source_id || ' ' || segment AS id, source_id, segment, temperature_degc, left_kw, tapped_kw,
    ST_AsMVTGeom(ST_Transform(geom, 3857), {TILE_SQL}, :extent, :buffer, true) AS geom
  FROM cut
) AS t WHERE geom IS NOT NULL
"""


def render_match_tile(connection: Connection, layer: str, scenario: str, z: int, x: int, y: int) -> bytes:
    """Return a tile of one of `MATCH_LAYERS`, as `gis.webmap.tiles.render_tile` does.

    `match_parcel` holds outlines with `matched` (the main technology) and `unmet_reason`, up to
    zoom 11 cells with what carries most of them; `match_connection` holds, from zoom 12 on, a straight
    line from each parcel to the nearest point of its source, where that is a pixel or more away.
    `match_segment` holds the mains from tap to tap, with what is left to each and what follows.
    """
    box = tile_box_m(z, x, y)
    side = box[2] - box[0]
    values: dict[str, Any] = dict(zip("wsen", box, strict=True))
    values |= {"layer": layer, "extent": _EXTENT, "scenario": scenario}
    if layer == MATCH_CONNECTION:
        return _connections(connection, z, box, values) if z >= PARCEL_MIN_ZOOM else b""
    if layer == MATCH_SEGMENT:
        return _segments(connection, box, values)
    if z <= CELL_MAX_ZOOM:
        return _body(connection, _CELL_TILE, values | {"cell": side / CELLS_PER_TILE})
    values |= {"buffer": _EXTENT * _BUFFER_PX // TILE_PX, "margin": side * _BUFFER_PX / TILE_PX}
    if "simplify" in (geometry := drawn_sql("polygon", z)):
        values["simplify"] = side / TILE_PX / 2
    return _body(connection, _PARCEL_TILE.format(geometry=geometry), values)


def _connections(
    connection: Connection, z: int, box: tuple[float, float, float, float], values: dict[str, Any]
) -> bytes:
    pixel_m = (box[2] - box[0]) / TILE_PX
    near = storage_box(box, pixel_m * _BUFFER_PX)
    longest = connection.execute(text(_LONGEST), {"scenario": values["scenario"]}).scalar()
    if near is None or longest is None:
        return b""
    values = values | dict(zip(("x0", "y0", "x1", "y1"), near, strict=True))
    values |= {"longest": longest + 1.0, "least": pixel_m, "buffer": _EXTENT * _BUFFER_PX // TILE_PX}
    return _body(connection, _CONNECTION_TILE, values)


def _segments(
    connection: Connection, box: tuple[float, float, float, float], values: dict[str, Any]
) -> bytes:
    near = storage_box(box, (box[2] - box[0]) / TILE_PX * _BUFFER_PX)
    if near is None:
        return b""
    values = values | dict(zip(("x0", "y0", "x1", "y1"), near, strict=True))
    return _body(connection, _SEGMENT_TILE, values | {"buffer": _EXTENT * _BUFFER_PX // TILE_PX})


def _body(connection: Connection, statement: str, values: dict[str, Any]) -> bytes:
    body = connection.execute(text(statement), values).scalar()
    return bytes(body) if body is not None else b""
