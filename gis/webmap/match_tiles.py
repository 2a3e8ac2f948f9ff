"""Vector tiles of a matching run: parcels by their main technology, lines to their sources, and mains."""

from __future__ import annotations

from sqlalchemy import Connection, text

from gis.crs import STORAGE_EPSG
from gis.vocabulary import TECHNOLOGIES
from gis.webmap.boxes import (
    CELL_MAX_ZOOM,
    CELL_SHAPE_SQL,
    CELL_SQL,
    IN_TILE_SQL,
    MAX_ZOOM,
    PARCEL_MIN_ZOOM,
    TILE_SQL,
    drawn_sql,
    run,
    storage_box,
    tile_box_m,
    tile_sql,
    tile_values,
)
from layers import LAYERS

MATCH_PARCEL, MATCH_CONNECTION, MATCH_SEGMENT = "match_parcel", "match_connection", "match_segment"
MATCH_LAYERS = (MATCH_PARCEL, MATCH_CONNECTION, MATCH_SEGMENT)
SOURCES = tuple(spec for spec in LAYERS.values() if spec.group == "resource")
"""Layers that connections may lead to."""

_BUFFER_PX = 4
EXTENT = 4096

_PARCELS = f"""
  SELECT parcel_id AS id, matched, unmet_reason, {{shape}} AS geom
  FROM (SELECT parcel_id, geom AS web FROM result.parcel_tile
        WHERE geom && ST_Expand({TILE_SQL}, :margin)) AS near
  JOIN (SELECT parcel_id, matched, unmet_reason FROM result.match_parcel WHERE scenario = :scenario) AS found
  USING (parcel_id)"""

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
{
    tile_sql(
        f'''
  SELECT i || '-' || j AS id, matched, kw::real AS matched_kw, n::int AS parcel_count,
    {CELL_SHAPE_SQL} AS geom
  FROM cell LEFT JOIN LATERAL (
    SELECT matched, kw
    FROM (VALUES {", ".join(f"('{t}', {t}_kw, {i})" for i, t in enumerate(TECHNOLOGIES))})
      AS carried (matched, kw, place)
    WHERE kw > 0 ORDER BY kw DESC, place LIMIT 1
  ) AS most ON true
  WHERE {IN_TILE_SQL}'''
    )
}"""

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
  WHERE parcel.geom && tile.around AND link.length_m >= :pixel
    AND ST_DWithin(parcel.geom, tile.box, link.length_m + 1)
)
{
    tile_sql(
        f'''
  SELECT concat_ws(' ', parcel_id, technology, source_layer, source_id) AS id, technology, source_layer,
    source_id, allocated_kw::real AS allocated_kw, {drawn_sql("line", MAX_ZOOM)} AS geom
  FROM (SELECT *, ST_Transform(geom, 3857) AS web FROM line) AS near'''
    )
}"""

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
{
    tile_sql(
        f'''
  SELECT source_id || ' ' || segment AS id, temperature_degc::real AS temperature_degc,
    left_kw::real AS left_kw, tapped_kw::real AS tapped_kw, {drawn_sql("line", MAX_ZOOM)} AS geom
  FROM (SELECT *, ST_Transform(geom, 3857) AS web FROM cut) AS near'''
    )
}"""


def render_match_tile(connection: Connection, layer: str, scenario: str, z: int, x: int, y: int) -> bytes:
    """Return a tile of one of `MATCH_LAYERS`, as `gis.webmap.tiles.render_tile` does.

    `match_parcel` holds outlines with `matched` (the main technology) and `unmet_reason`, up to
    zoom 11 cells with what carries most of them; `match_connection` holds, from zoom 12 on, a straight
    line from each parcel to the nearest point of its source, where that is a pixel or more away.
    `match_segment` holds the mains from tap to tap, with what is left to each and what follows.
    """
    box = tile_box_m(z, x, y)
    values = tile_values(layer, box, EXTENT, _BUFFER_PX) | {"scenario": scenario}
    if layer == MATCH_PARCEL:
        shape = drawn_sql("polygon", z)
        return run(
            connection, _CELL_TILE if z <= CELL_MAX_ZOOM else tile_sql(_PARCELS.format(shape=shape)), values
        )
    near = storage_box(box, values["margin"])
    if near is None or (layer == MATCH_CONNECTION and z < PARCEL_MIN_ZOOM):
        return b""
    values |= dict(zip(("x0", "y0", "x1", "y1"), near, strict=True))
    if layer == MATCH_SEGMENT:
        return run(connection, _SEGMENT_TILE, values)
    longest = connection.execute(text(_LONGEST), {"scenario": scenario}).scalar()
    if longest is None:
        return b""
    return run(connection, _CONNECTION_TILE, values | {"longest": longest + 1.0})
