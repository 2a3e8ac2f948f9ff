"""GET /api/search: features by name or number, across all loaded layers, and places by coordinates."""

from __future__ import annotations

from collections.abc import Container
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from sqlalchemy import Row, Select, case, column, func, literal, null, or_, select, table, union_all

from api.access import readable, reading
from api.problems import documented
from api.responses import ORJSON
from api.schemas import SearchResult
from gis.coordinates import GEOGRAPHIC, Reading, readings
from gis.crs import API_CRS, STORAGE_EPSG, reproject_xy
from gis.store import Store
from gis.webmap.boxes import is_near
from layers import LAYERS, LayerSpec

router = APIRouter(tags=["search"])

# Places come before what stands in them, and parcels, by far the most, last.
_FIRST = ("district", "township")
_LONLAT_EPSG = 4326

_DEGREES = {True: ("经度、纬度", "longitude, latitude"), False: ("纬度、经度", "latitude, longitude")}
_METRES = {True: ("东、北坐标", "easting, northing"), False: ("北、东坐标", "northing, easting")}
_SYSTEMS = {
    GEOGRAPHIC: ("CGCS2000，EPSG:4490", "CGCS2000, EPSG:4490"),
    "EPSG:4548": ("CGCS2000 3度带中央子午线117°，EPSG:4548", "CGCS2000 3-degree, CM 117E, EPSG:4548"),
    "EPSG:4527": ("CGCS2000 3度带第39带，EPSG:4527", "CGCS2000 3-degree, zone 39, EPSG:4527"),
}
_OUTSIDE = {
    "zh": "该点不在本市各区范围内，此处没有数据。",
    "en": "This place lies outside the districts of the city: there is no data here.",
}


def _escape(text: str) -> str:
    """Return `text` so that LIKE takes its wildcards literally (escape character backslash)."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _order(layer_id: str) -> int:
    if layer_id == "parcel":
        return len(LAYERS) + len(_FIRST)
    return _FIRST.index(layer_id) if layer_id in _FIRST else len(_FIRST) + list(LAYERS).index(layer_id)


def _layer_query(spec: LayerSpec, text: str, limit: int) -> Select[Any]:
    """Return the best `limit` matches of one layer: rank 0 is equal, 1 begins so, 2 holds it."""
    source = table(
        spec.id, *(column(name) for name in spec.field_names), column("geom"), schema="layer"
    ).alias(spec.id)
    searched = [source.c[n] for n in (spec.key, "name") if n in spec.field_names]
    like = _escape(text)
    rank = case(
        (or_(*(func.lower(c) == text.lower() for c in searched)), 0),
        (or_(*(c.ilike(f"{like}%", escape="\\") for c in searched)), 1),
        else_=2,
    )
    return (
        select(
            literal(spec.id).label("layer"),
            literal(_order(spec.id)).label("layer_order"),
            rank.label("rank"),
            source.c[spec.key].label("id"),
            (source.c.name if "name" in spec.field_names else null()).label("name"),
            (source.c.district if "district" in spec.field_names else null()).label("district"),
            source.c.geom.label("geom"),
        )
        .where(or_(*(c.ilike(f"%{like}%", escape="\\") for c in searched)))
        .order_by(rank, source.c[spec.key])
        .limit(limit)
    )


def find(store: Store, may_read: Container[str], text: str, limit: int) -> list[dict[str, Any]]:
    """Return up to `limit` features of layers that may be read whose key or name holds `text`.

    The best match comes first, and of equal ones the first of every layer before the second of any.
    """
    specs = [LAYERS[layer] for layer in store.layer_versions() if layer in LAYERS and layer in may_read]
    if not specs:
        return []
    hits = union_all(*(select(_layer_query(s, text, limit).subquery()) for s in specs)).subquery()
    # By turns: else the layers that come first would leave no room to a part of a number of the others.
    turn = func.row_number().over(partition_by=(hits.c.layer_order, hits.c.rank), order_by=hits.c.id)
    hits = select(hits, turn.label("turn")).subquery()
    order = hits.c.rank, hits.c.turn, hits.c.layer_order
    hits = select(hits).order_by(*order).limit(limit).subquery()
    lonlat = func.ST_Transform(func.ST_SetSRID(hits.c.geom, STORAGE_EPSG), _LONLAT_EPSG)
    centre = func.ST_Transform(func.ST_PointOnSurface(hits.c.geom), _LONLAT_EPSG)
    query = select(
        hits,
        func.ST_X(centre).label("lon"),
        func.ST_Y(centre).label("lat"),
        func.ST_XMin(lonlat).label("west"),
        func.ST_YMin(lonlat).label("south"),
        func.ST_XMax(lonlat).label("east"),
        func.ST_YMax(lonlat).label("north"),
    ).order_by(hits.c.rank, hits.c.turn, hits.c.layer_order)
    with store.engine.connect() as connection:
        return [_hit(row) for row in connection.execute(query)]


def _hit(row: Row[Any]) -> dict[str, Any]:
    box = [row.west, row.south, row.east, row.north]
    return {
        "kind": "feature",
        "layer": row.layer,
        "id": row.id,
        "name": row.name,
        "district": row.district,
        "lon": row.lon,
        "lat": row.lat,
        "bbox": None if row.west is None else box,
    }


def locate(store: Store, may_read: Container[str], text: str) -> list[dict[str, Any]]:
    """Return the place that `text` names by coordinates as a list of one, or an empty list.

    Where two orders of the numbers make sense, that one counts which lies in a district.
    """
    meant = readings(text)
    if not meant:
        return []
    known = "district" in may_read and "district" in store.layer_versions()
    inside = [known and _in_a_district(store, one) for one in meant]
    place = inside.index(True) if True in inside else 0
    return [_place(meant[place], inside[place] if known else None)]


def _in_a_district(store: Store, place: Reading) -> bool:
    if not is_near(place.lon, place.lat):
        return False
    ((x, y),) = reproject_xy(np.array([[place.lon, place.lat]]), API_CRS, f"EPSG:{STORAGE_EPSG}")
    district = table("district", column("geom"), schema="layer")
    point = func.ST_SetSRID(func.ST_MakePoint(float(x), float(y)), STORAGE_EPSG)
    with store.engine.connect() as connection:
        found = select(literal(1)).where(func.ST_Intersects(district.c.geom, point)).limit(1)
        return connection.scalar(found) is not None


def _place(place: Reading, inside: bool | None) -> dict[str, Any]:
    zh, en = (_DEGREES if place.crs == GEOGRAPHIC else _METRES)[place.x_first]
    zh_system, en_system = _SYSTEMS[place.crs]
    return {
        "kind": "coordinate",
        "crs": place.crs,
        "lon": place.lon,
        "lat": place.lat,
        "read_as": {"zh": f"{zh}（{zh_system}）", "en": f"{en} ({en_system})"},
        "inside": inside,
        "note": _OUTSIDE if inside is False else None,
    }


@router.get("/api/search", responses={200: {"model": SearchResult}, **documented(422, 503)})
def search(
    request: Request,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=100,
            # PostgreSQL texts hold no zero byte.
            pattern=r"^[^\x00]+$",
            description="part of a parcel number, or of the name of a place, plant, field or network; or "
            "coordinates in degrees (also with minutes and seconds) or metres of EPSG:4548 or EPSG:4527, "
            "in either order",
            examples=["通州", "116.4, 39.9", "500000 4400000"],
        ),
    ],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> ORJSON:
    """Find features by number or name, without regard to case; wildcards are taken literally.

    Coordinates give a place, which says how they were read, and whether it lies in the city.
    """
    own, may_read, text = reading(request), readable(request), q.strip()
    # What asks by coordinates may still be part of a name.
    places = locate(own, may_read, text)
    found = find(own, may_read, text, limit - len(places)) if text and limit > len(places) else []
    return ORJSON({"query": q, "results": [*places, *found]})
