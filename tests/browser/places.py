"""Parcels to look at on the map, found by what is stored of them."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from gis.store import Store

RESULTS = (
    "JOIN result.parcel_suitability AS s USING (parcel_id) JOIN result.parcel_fact AS f USING (parcel_id)"
)
"""What a condition on results names: verdicts `s` and facts `f`."""
MATCHED = "JOIN result.match_parcel AS m ON m.parcel_id = t.parcel_id AND m.scenario = 'base'"
"""What a condition on the run `base` names: its parcels `m`."""


class Spot(NamedTuple):
    """A parcel and a point well inside it."""

    parcel_id: str
    lon: float
    lat: float


def spot(store: Store, rows: str, condition: str) -> Spot:
    """Return the largest parcel whose rows, `RESULTS` or `MATCHED`, fulfil an SQL condition."""
    query = f"""
        SELECT parcel_id, ST_X(p), ST_Y(p) FROM (
          SELECT t.parcel_id, t.geom FROM result.parcel_tile AS t {rows}
          WHERE {condition} ORDER BY ST_Area(t.geom) DESC, t.parcel_id LIMIT 1
        ) AS largest, LATERAL ST_Transform((ST_MaximumInscribedCircle(geom)).center, 4326) AS p
    """
    with store.engine.connect() as connection:
        return Spot(*connection.execute(sa.text(query)).one())
