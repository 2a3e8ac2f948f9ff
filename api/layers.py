"""GET /api/layers: the catalogue of layers and what is loaded of it."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from fastapi import APIRouter, Request

from api.access import readable, reading
from api.problems import documented
from api.responses import ORJSON
from api.schemas import Layers
from gis.store import LayerVersion, Store
from layers import LAYERS, RASTERS, LayerSpec, RasterSpec

router = APIRouter(tags=["layers"])


def layer_info(spec: LayerSpec, version: LayerVersion | None) -> dict[str, Any]:
    """Return one entry of the catalogue; `version` None says that the layer was never loaded."""
    declared = spec.model_dump(
        include={
            "id",
            "title",
            "description",
            "group",
            "access",
            "geometry",
            "key",
            "core",
            "fields",
            "style",
        }
    )
    return declared | {"feature_count": version and version.feature_count} | _loaded(version)


def raster_info(spec: RasterSpec, version: LayerVersion | None) -> dict[str, Any]:
    """Return the same of a raster, of which cells with a value are counted."""
    return spec.model_dump() | {"cell_count": version and version.feature_count} | _loaded(version)


def _loaded(version: LayerVersion | None) -> dict[str, Any]:
    return {
        "loaded": version is not None,
        "version": version and version.version,
        "loaded_at": version and version.loaded_at,
        "source_name": version and version.source_name,
    }


def catalogue(store: Store, may_read: Container[str]) -> dict[str, list[dict[str, Any]]]:
    """Return layers and rasters that may be read with their loaded versions, in the order of declarations."""
    versions = store.layer_versions()
    return {
        "layers": [layer_info(s, versions.get(s.id)) for s in LAYERS.values() if s.id in may_read],
        "rasters": [raster_info(s, versions.get(s.id)) for s in RASTERS.values() if s.id in may_read],
    }


@router.get("/api/layers", responses={200: {"model": Layers}, **documented(503)})
def get_layers(request: Request) -> ORJSON:
    """List layers with fields and style, rasters with unit and range, and which version is loaded.

    Those that the caller may not read are left out.
    """
    return ORJSON(catalogue(reading(request), readable(request)))
