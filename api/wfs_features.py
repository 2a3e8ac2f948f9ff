"""The answer to GetFeature: a page of features, or how many there are, as GML or GeoJSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from api.access import reading
from api.ogc_documents import Served
from api.ogc_features import features, written
from api.wfs_gml import Writer
from api.wfs_query import JSON, MAX_COUNT, MAX_START, V1, Asked, OwsError
from gis.served_crs import CRS84
from gis.store import items
from gis.store.items import Page

OWN = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie, X-API-Key"}
"""Headers of answers that hang on who asks."""


@dataclass(frozen=True)
class _Counts:
    """How many features match, None where that is not known, and are in the answer; whether more follow."""

    matched: int | None
    returned: int
    more: bool


def answer(request: Request, address: str, version: str, place: Served, asked: Asked) -> Response:
    """Return the features that are asked for; OwsError where 1.1.0 could tell but some of them."""
    if asked.hits:
        return _written(
            request, address, version, place, asked, _Counts(_matched(request, place, asked), 0, False), ()
        )
    limit = asked.count or MAX_COUNT
    first = _page(request, place, asked, limit, skip=asked.start)
    counts = _counts(request, place, asked, first, limit)
    if version == V1 and asked.count is None and counts.more:
        raise OwsError(
            f"More than {MAX_COUNT} features match, and version {V1} has no pages: ask for a bbox or for "
            "maxFeatures, or use version 2.0.0.", "InvalidParameterValue", "maxFeatures",
        )  # fmt: skip
    pages = _pages(request, place, asked, first, limit)
    return _written(request, address, version, place, asked, counts, pages)


def _page(request: Request, place: Served, asked: Asked, limit: int, **more: Any) -> Page:
    with reading(request).engine.connect() as connection:
        read_only = connection.execution_options(postgresql_readonly=True)
        return items.page(read_only, place.collection, limit, sorts=asked.sorts, **asked.where, **more)


def _pages(request: Request, place: Served, asked: Asked, first: Page, limit: int) -> Iterator[Page]:
    """Yield pages up to `limit` features.

    Those of large outlines are short, and clients would take that for the end.
    """
    page, left = first, limit
    while True:
        yield page
        left -= len(page.ids)
        if page.after is None or not left:
            return
        page = _page(request, place, asked, left, after=page.after)


def _matched(request: Request, place: Served, asked: Asked) -> int:
    if place.feature_count is not None and asked.every:
        return place.feature_count
    with reading(request).engine.connect() as connection:
        read_only = connection.execution_options(postgresql_readonly=True)
        return items.count(read_only, place.collection, **asked.where)


def _counts(request: Request, place: Served, asked: Asked, first: Page, limit: int) -> _Counts:
    returned = len(first.ids)
    if first.after is None and (returned or not asked.start):
        return _Counts(asked.start + returned, returned, False)
    if returned in (0, limit):
        matched = place.feature_count if asked.every else None
        return _Counts(matched, returned, first.after is not None)
    matched = _matched(request, place, asked)
    returned = min(limit, matched - asked.start)
    return _Counts(matched, returned, asked.start + returned < matched)


def _written(
    request: Request,
    address: str,
    version: str,
    place: Served,
    asked: Asked,
    counts: _Counts,
    pages: Iterable[Page],
) -> Response:
    if asked.media_type == JSON:
        body: Iterator[bytes] = _json(place, asked, counts, pages)
    else:
        writer = Writer(version, place.collection, asked)
        body = writer.document(address, _told(request, address, version, asked, counts), pages)
    return StreamingResponse(body, media_type=asked.media_type, headers=OWN)


def _told(request: Request, address: str, version: str, asked: Asked, counts: _Counts) -> Mapping[str, str]:
    """Return what the root of a GML document tells of its features."""
    if version == V1:
        told = counts.matched if asked.hits else counts.returned
        return {"numberOfFeatures": str(told)}
    matched = "unknown" if counts.matched is None else str(counts.matched)
    found = {"numberMatched": matched, "numberReturned": str(counts.returned)}
    following = asked.start + counts.returned
    if counts.more and following <= MAX_START:
        query = {n: v for n, v in request.query_params.items() if n.lower() != "startindex"}
        found["next"] = f"{address}?{urlencode(query | {'startIndex': str(following)}, errors='replace')}"
    return found


def _json(place: Served, asked: Asked, counts: _Counts, pages: Iterable[Page]) -> Iterator[bytes]:
    """Yield the features as GeoJSON, x before y; in CRS84, unless another system is asked for by name."""
    document: dict[str, Any] = {"type": "FeatureCollection", "numberReturned": counts.returned}
    if counts.matched is not None:
        document["numberMatched"] = counts.matched
    crs = CRS84
    if asked.asked_crs:
        crs = replace(asked.crs, y_first=False)
        document["crs"] = {"type": "name", "properties": {"name": asked.srs_name}}

    def found() -> Iterator[dict[str, Any]]:
        for page in pages:
            for feature in features(place.collection, page, crs):
                told = feature["properties"]
                shape = feature["geometry"] if asked.with_outline else None
                yield feature | {"properties": {n: told[n] for n in asked.names}, "geometry": shape}

    return written(document, found())
