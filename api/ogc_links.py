"""Absolute links of the answers under /ogc."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from fastapi import Request

JSON = "application/json"
GEOJSON = "application/geo+json"
HTML = "text/html"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
SCHEMA = "application/schema+json"

Link = dict[str, str]


def url(request: Request, *path: str, query: Mapping[str, str] | None = None) -> str:
    """Return the absolute URL of a path under /ogc; its parts and the query are escaped."""
    base = str(request.base_url).rstrip("/")
    parts = "".join(f"/{quote(part, safe='')}" for part in path)
    asked = f"?{urlencode(query)}" if query else ""
    return f"{base}/ogc{parts}{asked}"


def link(href: str, rel: str, type_: str, title: str) -> Link:
    """Return one link."""
    return {"href": href, "rel": rel, "type": type_, "title": title}


def both(
    request: Request, path: tuple[str, ...], query: Mapping[str, str], html: bool, main: str
) -> list[Link]:
    """Return the links to this document and to its other form; `main` is the media type of the JSON."""
    plain = {name: value for name, value in query.items() if name != "f"}
    forms = {"json": (main, "This document as JSON"), "html": (HTML, "This document as HTML")}
    return [
        link(
            url(request, *path, query=plain | {"f": form}),
            "self" if (form == "html") == html else "alternate",
            *told,
        )
        for form, told in forms.items()
    ]
