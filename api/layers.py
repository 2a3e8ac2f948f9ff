"""GET /api/layers: the catalogue of layers and what is loaded of it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from api.access import reading
from api.problems import documented
from api.responses import ORJSON
from api.schemas import Layers
from gis.store import LayerVersion, Store
from layers import LAYERS, RASTERS, LayerSpec, RasterSpec

router = APIRouter(tags=["layers"])


def layer_info(spec: LayerSpec, version: LayerVersion | None) -> dict[str, Any]:
    """Return one entry of the catalogue; `version` None says that the layer was never loaded."""
    declared = spec.model_dump(
        include={"id", "title", "description", "group", "geometry", "key", "core", "fields", "style"}
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


def catalogue(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Return all layers and rasters with their loaded versions, in the order of their declarations."""
    versions = store.layer_versions()
    return {
        "layers": [layer_info(spec, versions.get(spec.id)) for spec in LAYERS.values()],
        "rasters": [raster_info(spec, versions.get(spec.id)) for spec in RASTERS.values()],
    }


@router.get("/api/layers", responses={200: {"model": Layers}, **documented(503)})
def get_layers(request: Request) -> ORJSON:
    """List all layers with fields and style, all rasters with unit and range, and which version is loaded."""
    return ORJSON(catalogue(reading(request)))
