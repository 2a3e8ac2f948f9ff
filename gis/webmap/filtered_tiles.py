"""Tiles of the results of those parcels alone that pass a filter."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from gis.store.parcel_table import Bools, ParcelTable
from gis.store.views import choice_sql
from gis.webmap.boxes import (
    CELL_MAX_ZOOM,
    CELLS_PER_TILE,
    TILE_SQL,
    Box,
    drawn_sql,
    run,
    tile_box_m,
    tile_sql,
    tile_values,
)
from gis.webmap.tiles import CELLS_SQL, RESULT_LAYER, extent

# Texts take the driver a third of the time that lists do; the control character is in no parcel's number.
_BETWEEN = "\x1f"

_CELL_TILE = f"""
WITH cell AS (
  SELECT i, j, recommended, recommended_status, NULLIF(score, 'NaN') AS score, n
  FROM unnest(CAST(:cell_i AS int[]), CAST(:cell_j AS int[]), CAST(:technology AS int[]),
              CAST(:status AS int[]), CAST(:score AS float8[]), CAST(:count AS int[]))
       AS given (i, j, recommended, recommended_status, score, n)
)
{CELLS_SQL}"""

# What is drawn of a parcel is told, so that its packed results need not be read. Shapes are found by place
# and then by parcel (OFFSET keeps the planner to it): the other way round takes twice as long.
_GIVEN = f"""(SELECT parcel_id, recommended, recommended_status, score, geom AS web
        FROM unnest(string_to_array(:parcel_id, '{_BETWEEN}'), CAST(:technology AS int[]),
                    CAST(:status AS int[]), CAST(:score AS float8[]))
             AS given (parcel_id, recommended, recommended_status, score)
        JOIN (SELECT * FROM result.parcel_tile WHERE geom && ST_Expand({TILE_SQL}, :margin) OFFSET 0) AS there
             USING (parcel_id)) AS near"""
_COLUMNS = f"""parcel_id AS id, {choice_sql("recommended")} AS recommended,
    {choice_sql("recommended_status")} AS recommended_status, round(NULLIF(score, 'NaN'))::int AS score"""


def render_filtered_tile(
    connection: Connection, table: ParcelTable, passing: Bools, z: int, x: int, y: int
) -> bytes:
    """Return one tile of `parcel_suitability` of the parcels that pass, empty where there are none.

    It is as `gis.webmap.tiles.render_tile` would make it, were there no others. `passing` tells of each
    parcel of `table` whether it does. The database is asked for shapes only.
    """
    box = tile_box_m(z, x, y)
    units = extent(RESULT_LAYER, z)
    if z <= CELL_MAX_ZOOM:
        given, statement = _cells(table, passing, box), _CELL_TILE
        values = tile_values(RESULT_LAYER, box, units, 0)
    else:
        values = tile_values(RESULT_LAYER, box, units, 4)
        given = _parcels(table, passing, box, values["margin"])
        statement = tile_sql(f"SELECT {_COLUMNS}, {drawn_sql('polygon', z)} AS geom FROM {_GIVEN}")
    return run(connection, statement, values | given) if given["technology"] != "{}" else b""


def _parcels(table: ParcelTable, passing: Bools, box: Box, margin_m: float) -> dict[str, str]:
    """Return the parcels by columns whose shape may meet a tile."""
    west, south, east, north = box
    # A millimetre more than asked for: the middle of a box is rounded.
    margin_m += 0.001
    near_m = table.longest_reach_m + margin_m
    near = table.between(west - near_m, east + near_m)
    rows = near.start + np.flatnonzero(passing[near])
    reach_m = table.reach_m[rows] + margin_m
    off_x_m = np.abs(table.x_m[rows] - (west + east) / 2) - (east - west) / 2
    off_y_m = np.abs(table.y_m[rows] - (south + north) / 2) - (north - south) / 2
    rows = rows[(off_x_m <= reach_m) & (off_y_m <= reach_m)]
    return {
        "parcel_id": _BETWEEN.join(table.parcel_id.take(rows).to_pylist()),
        "technology": _array(table.codes["technology"][rows]),
        "status": _array(table.codes["status"][rows]),
        "score": _array(table.score[rows]),
    }


def _cells(table: ParcelTable, passing: Bools, box: Box) -> dict[str, str]:
    """Return the cells of a tile by columns; each shows what covers most of its parcel area."""
    west, south, east, north = box
    near = table.between(west, np.nextafter(east, west))
    y_m = table.y_m[near]
    rows = near.start + np.flatnonzero(passing[near] & (y_m >= south) & (y_m < north))
    side = (east - west) / CELLS_PER_TILE
    i = np.floor((table.x_m[rows] - west) / side).astype(np.int64)
    j = np.floor((table.y_m[rows] - south) / side).astype(np.int64)
    technologies, statuses = (len(table.words[name]) for name in ("technology", "status"))
    kinds = technologies * statuses
    kind = table.codes["technology"][rows].astype(np.int64) * statuses + table.codes["status"][rows]
    place = np.minimum(j, CELLS_PER_TILE - 1) * CELLS_PER_TILE + np.minimum(i, CELLS_PER_TILE - 1)
    # Numbered anew, so that a tile of few cells costs little.
    cells, cell = np.unique(place, return_inverse=True)
    area, score = table.shape_m2[rows], table.score[rows]

    def by_kind(weights: Any) -> Any:
        return np.bincount(cell * kinds + kind, weights, len(cells) * kinds).reshape(-1, kinds)

    # What no parcel of the cell has is not what covers most of it, be the areas zero.
    most = np.argmax(np.where(by_kind(None) > 0, by_kind(area), -1.0), axis=1)
    scored = ~np.isnan(score)
    weights = np.bincount(cell[scored], area[scored], len(cells))
    total = np.bincount(cell[scored], (area * score)[scored], len(cells))
    mean = np.divide(total, weights, out=np.full(len(cells), np.nan), where=weights > 0)
    return {
        "cell_i": _array(cells % CELLS_PER_TILE),
        "cell_j": _array(cells // CELLS_PER_TILE),
        "technology": _array(most // statuses),
        "status": _array(most % statuses),
        "score": _array(mean),
        "count": _array(np.bincount(cell, minlength=len(cells))),
    }


def _array(numbers: npt.NDArray[Any]) -> str:
    """Return numbers as the text of an SQL array."""
    return f"{{{','.join(map(repr, numbers.tolist()))}}}"
