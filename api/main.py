"""The HTTP application: routes, problem documents, OpenAPI."""

from __future__ import annotations

import secrets
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import ASGIApp

from api import (
    areas,
    checks,
    docs,
    evaluations,
    evidence,
    exports,
    health,
    imports,
    jobs,
    layers,
    matches,
    monitoring,
    ogc,
    ogc_edits,
    ogc_tiles,
    packages,
    past,
    problems,
    project_evaluation,
    projects,
    reports,
    search,
    session,
    sites,
    suitability,
    summary,
    targets,
    wfs,
    wmts,
)
from api.access import SECURITY, Guard, readable, reading
from api.limits import Limits
from api.metrics import Metrics
from api.metrics import install as install_metrics
from api.middleware import Door, caller_name, content_policy
from api.ogc_documents import Extents
from api.page_data import SyntheticLayers, map_data
from api.parcel_filters import ParcelTables
from api.parcel_summary import router as parcel_summary_router
from api.rasters import router as rasters_router
from api.schemas import Place, Problem
from api.schemas_suitability import SuitabilityResults
from api.tile_answers import AtHand
from api.tile_documents import router as tile_documents_router
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

    app = FastAPI(
        title="OneMap",
        description=DESCRIPTION,
        version=version("heat-onemap"),
        docs_url=None,
        redoc_url=None,
        responses=problems.documented(401, 403),
    )
    app.state.store = store
    app.state.settings = settings
    app.state.guard = Guard(store, settings)
    app.state.scorer = scorer
    app.state.preparing = False
    app.state.tiles = AtHand()
    app.state.parcel_tables = ParcelTables()
    app.state.extents = Extents(store)
    app.state.synthetic = SyntheticLayers(store)
    problems.install(app)
    for module in (
        suitability, areas, reports, evidence, summary, matches, sites, jobs, imports, exports, packages,
        past, checks, monitoring, projects, project_evaluation, evaluations, targets, layers, search, session,
        health, ogc, ogc_edits, ogc_tiles, wfs,
    ):  # fmt: skip
        app.include_router(module.router)
    app.include_router(parcel_summary_router)
    app.include_router(rasters_router)
    for router in (tiles_router, tile_documents_router, wmts.router):
        app.include_router(router, responses=problems.documented(400, 404, 422, 503))
    docs.install(app)
    metrics = Metrics(store) if settings.metrics else None
    if metrics:
        install_metrics(app, metrics)
    _install_map(app, scorer, settings)
    _declare_schemas(app)
    _install_door(app, settings, metrics)
    return app


def _install_door(app: FastAPI, settings: Settings, metrics: Metrics | None) -> None:
    """Put id, headers, log and limits around everything, the answer to an unexpected error too."""
    inner = app.build_middleware_stack

    def stack() -> ASGIApp:
        return Door(Limits(inner(), settings, caller_name), settings, metrics)

    app.build_middleware_stack = stack  # type: ignore[method-assign]


def _install_map(app: FastAPI, scorer: suitability.Scorer, settings: Settings) -> None:
    for path, folder in asset_dirs().items():
        app.mount(path, StaticFiles(directory=folder), name=path.strip("/"))

    @app.get("/", include_in_schema=False)
    def map_(request: Request) -> HTMLResponse:
        own, may_read = reading(request), readable(request)
        data = map_data(
            own, app.state.extents, app.state.synthetic, scorer.ruleset(own.latest_run()), may_read
        )
        page = map_page(layers.catalogue(own, may_read)["layers"], settings, data)
        # The scripts that folium writes into the page are told from any that data could bring in.
        nonce = secrets.token_urlsafe(16)
        page = page.replace("<script", f'<script nonce="{nonce}"')
        images = "https://*.tianditu.gov.cn" if settings.tianditu_key else ""
        policy = content_policy(f"'nonce-{nonce}'", images)
        headers = {"Content-Security-Policy": policy, "Cache-Control": "private, no-cache"}
        return HTMLResponse(page, headers=headers)


def _declare_schemas(app: FastAPI) -> None:
    """Put the schemas that routes name by reference only into OpenAPI."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        document = made()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for model in (Place, Problem, SuitabilityResults):
            schemas[model.__name__] = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas[model.__name__].pop("$defs", None)
        document["components"]["securitySchemes"] = SECURITY
        # A caller who shows nothing reads what is open.
        document["security"] = [{}, *({name: []} for name in SECURITY)]
        return document

    app.openapi = openapi  # type: ignore[method-assign]
