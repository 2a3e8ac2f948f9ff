"""Who a request comes from and what they may read and do: asked by every route."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request

from gis.access import ANYBODY, Caller, Right
from gis.store import Store
from layers import LAYERS, RASTERS


def caller(request: Request) -> Caller:
    """Return who asks."""
    return ANYBODY


def reading(request: Request) -> Store:
    """Return the store as the caller may read it: all that routes read goes through this."""
    store: Store = request.app.state.store
    return store


def readable(request: Request) -> frozenset[str]:
    """Return the ids of layers and rasters that the caller may read, and `RESULTS` if results too."""
    return frozenset({*LAYERS, *RASTERS, "results"})


def check_readable(request: Request, id_: str) -> None:
    """Raise AccessError unless the caller may read a layer, a raster, or results (`gis.access.RESULTS`)."""


def shared(request: Request, id_: str) -> bool:
    """Return whether anybody may read a layer, a raster or results: only then may a proxy keep an answer."""
    return True


def needs(right: Right) -> Any:
    """Return the dependency of a route that only callers with a right may use; it gives the caller."""
    return Depends(caller)
