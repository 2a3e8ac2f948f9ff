"""GET /api/search: features by name or number, across all loaded layers."""

from __future__ import annotations

from collections.abc import Container
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy import Row, Select, case, column, func, literal, null, or_, select, table, union_all

from api.access import readable, reading
from api.problems import documented
from api.responses import ORJSON
from api.schemas import SearchResult
from gis.crs import STORAGE_EPSG
from gis.store import Store
from layers import LAYERS, LayerSpec

router = APIRouter(tags=["search"])

# Places come before what stands in them, and parcels, by far the most, last.
_FIRST = ("district", "township")
_LONLAT_EPSG = 4326


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

    The best match comes first.
    """
    specs = [LAYERS[layer] for layer in store.layer_versions() if layer in LAYERS and layer in may_read]
    if not specs:
        return []
    hits = union_all(*(select(_layer_query(s, text, limit).subquery()) for s in specs)).subquery()
    hits = select(hits).order_by(hits.c.rank, hits.c.layer_order, hits.c.id).limit(limit).subquery()
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
    ).order_by(hits.c.rank, hits.c.layer_order, hits.c.id)
    with store.engine.connect() as connection:
        return [_hit(row) for row in connection.execute(query)]


def _hit(row: Row[Any]) -> dict[str, Any]:
    box = [row.west, row.south, row.east, row.north]
    return {
        "layer": row.layer,
        "id": row.id,
        "name": row.name,
        "district": row.district,
        "lon": row.lon,
        "lat": row.lat,
        "bbox": None if row.west is None else box,
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
            description="part of a parcel number, or of the name of a place, plant, field or network",
            examples=["通州"],
        ),
    ],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> ORJSON:
    """Find features by number or name, without regard to case; wildcards are taken literally."""
    text = q.strip()
    found = find(reading(request), readable(request), text, limit) if text else []
    return ORJSON({"query": q, "results": found})
