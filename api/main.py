"""The HTTP application: routes, problem documents, OpenAPI."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from api import (
    docs,
    health,
    layers,
    matches,
    ogc,
    ogc_tiles,
    problems,
    search,
    sites,
    suitability,
    summary,
    wmts,
)
from api.ogc_documents import Extents
from api.schemas import Place, Problem
from api.schemas_suitability import SuitabilityResults
from api.tile_documents import router as tile_documents_router
from api.tiles import map_data
from api.tiles import router as tiles_router
from gis.settings import Settings
from gis.store import Store
from gis.webmap import asset_dirs, map_page

DESCRIPTION = (
    "新能源供热资源一张图: which renewable heating technology suits which parcel, with capacity, reasons and "
    "the clauses of the policy. Coordinates are longitude, latitude (CRS84). Errors are RFC 9457 problem "
    "documents. A value that is not known is null, never zero."
)


def create_app(store: Store, settings: Settings) -> FastAPI:
    """Return the application on an open store; the caller closes the store after it."""
    scorer = suitability.Scorer(store)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # Rules and layers are read before the first caller waits for them.
        await run_in_threadpool(scorer.present)
        yield

    app = FastAPI(
        title="OneMap",
        description=DESCRIPTION,
        version=version("heat-onemap"),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.store = store
    app.state.settings = settings
    app.state.scorer = scorer
    app.state.extents = Extents(store)
    app.state.jobs = matches.Jobs()
    problems.install(app)
    for module in (suitability, summary, matches, sites, layers, search, health, ogc, ogc_tiles):
        app.include_router(module.router)
    for router in (tiles_router, tile_documents_router, wmts.router):
        app.include_router(router, responses=problems.documented(400, 404, 422, 503))
    docs.install(app)
    _install_map(app, store, scorer, settings)
    _declare_schemas(app)
    return app


def _install_map(app: FastAPI, store: Store, scorer: suitability.Scorer, settings: Settings) -> None:
    for path, folder in asset_dirs().items():
        app.mount(path, StaticFiles(directory=folder), name=path.strip("/"))

    @app.get("/", include_in_schema=False)
    def map_() -> HTMLResponse:
        data = map_data(store, scorer.ruleset(store.latest_run()))
        return HTMLResponse(map_page(layers.catalogue(store)["layers"], settings, data))


def _declare_schemas(app: FastAPI) -> None:
    """Put the schemas that routes name by reference only into OpenAPI."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        document = made()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for model in (Place, Problem, SuitabilityResults):
            schemas[model.__name__] = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas[model.__name__].pop("$defs", None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
