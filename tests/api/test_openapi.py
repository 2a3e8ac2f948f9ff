"""Generated requests over the whole of OpenAPI: no 5xx, and every answer is one that is documented."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


OPERATIONS = {
    ("GET", "/api/parcels/{parcel_id}/evidence"),
    ("GET", "/api/parcels/{parcel_id}/report"),
    ("GET", "/api/parcels/{parcel_id}/suitability"),
    ("POST", "/api/suitability"),
    ("POST", "/api/areas"),
    ("GET", "/api/summary"),
    ("GET", "/api/parcels/summary"),
    ("GET", "/api/targets"),
    ("GET", "/api/matches"),
    ("POST", "/api/matches"),
    ("GET", "/api/matches/{scenario}"),
    ("GET", "/api/matches/{scenario}/sources"),
    ("GET", "/api/matches/{scenario}/mains/{main_id}"),
    ("GET", "/api/matches/{scenario}/parcels/{parcel_id}"),
    ("GET", "/api/matches/{scenario}/against/{other}"),
    ("GET", "/api/sites"),
    ("POST", "/api/sites"),
    ("GET", "/api/sites/{scenario}"),
    ("GET", "/api/sites/{scenario}/places"),
    ("GET", "/api/projects"),
    ("GET", "/api/projects/{project_id}"),
    ("GET", "/api/jobs"),
    ("GET", "/api/jobs/{job_id}"),
    ("DELETE", "/api/jobs/{job_id}"),
    ("POST", "/api/imports"),
    ("POST", "/api/scores"),
    ("POST", "/api/exports"),
    ("GET", "/api/exports/{job_id}/file"),
    ("POST", "/api/packages"),
    ("GET", "/api/packages/{job_id}/file"),
    ("GET", "/api/projects/{project_id}/evaluation"),
    ("GET", "/api/projects/{project_id}/sheet"),
    ("GET", "/api/evaluations"),
    ("GET", "/api/evaluations/yearly"),
    ("POST", "/api/monitoring/{layer}"),
    ("GET", "/api/monitoring/{layer}"),
    ("GET", "/api/monitoring/{layer}/deliveries/{delivery_id}/quarantine"),
    ("GET", "/api/monitoring/{layer}/features/{feature_id}"),
    ("GET", "/api/versions"),
    ("POST", "/api/diffs"),
    ("GET", "/api/diffs/{job_id}/file"),
    ("POST", "/ogc/collections/{collection_id}/items"),
    ("PUT", "/ogc/collections/{collection_id}/items/{feature_id}"),
    ("PATCH", "/ogc/collections/{collection_id}/items/{feature_id}"),
    ("DELETE", "/ogc/collections/{collection_id}/items/{feature_id}"),
    ("GET", "/api/tiles/matches"),
    ("GET", "/api/features/{layer}/{feature_id}"),
    ("GET", "/api/layers"),
    ("GET", "/api/checks"),
    ("POST", "/api/checks"),
    ("GET", "/api/checks/{layer}"),
    ("GET", "/api/search"),
    ("GET", "/api/identify"),
    ("GET", "/tiles/{layer}/{z}/{x}/{y}.mvt"),
    ("GET", "/api/session"),
    ("POST", "/api/session"),
    ("DELETE", "/api/session"),
    ("GET", "/tiles/{raster}/{z}/{x}/{y}.png"),
    ("GET", "/tiles/{layer}.json"),
    ("GET", "/tiles/style.json"),
    ("GET", "/api/rasters/values"),
    ("GET", "/api/potential"),
    ("GET", "/api/potential/file"),
    ("GET", "/wfs"),
    ("GET", "/wmts"),
    ("GET", "/wmts/1.0.0/WMTSCapabilities.xml"),
    ("GET", "/wmts/1.0.0/{layer}/default/WebMercatorQuad/{tile_matrix}/{tile_row}/{tile_col}.png"),
    ("GET", "/ogc/tileMatrixSets"),
    ("GET", "/ogc/tileMatrixSets/WebMercatorQuad"),
    ("GET", "/ogc/collections/{collection_id}/tiles"),
    ("GET", "/ogc/collections/{collection_id}/tiles/WebMercatorQuad"),
    (
        "GET",
        "/ogc/collections/{collection_id}/tiles/WebMercatorQuad/{tile_matrix}/{tile_row}/{tile_col}",
    ),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/ogc"),
    ("GET", "/ogc/conformance"),
    ("GET", "/ogc/api"),
    ("GET", "/ogc/collections"),
    ("GET", "/ogc/collections/{collection_id}"),
    ("GET", "/ogc/collections/{collection_id}/queryables"),
    ("GET", "/ogc/collections/{collection_id}/sortables"),
    ("GET", "/ogc/collections/{collection_id}/items"),
    ("GET", "/ogc/collections/{collection_id}/items/{feature_id}"),
}


# Routes whose parameters can be wrong in a way that a URL can carry.
FALLIBLE = {
    ("POST", "/api/suitability"),
    ("GET", "/api/summary"),
    ("GET", "/api/parcels/summary"),
    ("GET", "/api/targets"),
    ("GET", "/api/evaluations"),
    ("GET", "/api/evaluations/yearly"),
    ("POST", "/api/matches"),
    ("GET", "/api/matches/{scenario}"),
    ("GET", "/api/matches/{scenario}/sources"),
    ("GET", "/api/matches/{scenario}/against/{other}"),
    ("POST", "/api/sites"),
    ("GET", "/api/sites/{scenario}"),
    ("GET", "/api/sites/{scenario}/places"),
    ("GET", "/api/projects"),
    ("GET", "/api/jobs"),
    ("POST", "/api/scores"),
    ("POST", "/api/packages"),
    ("POST", "/api/monitoring/{layer}"),
    ("GET", "/api/monitoring/{layer}/features/{feature_id}"),
    ("GET", "/api/versions"),
    ("POST", "/api/diffs"),
    ("POST", "/api/exports"),
    ("GET", "/api/search"),
    ("GET", "/api/identify"),
    ("GET", "/tiles/{layer}/{z}/{x}/{y}.mvt"),
    ("GET", "/wfs"),
    ("GET", "/wmts"),
    ("GET", "/ogc/collections"),
    ("GET", "/ogc/collections/{collection_id}/items"),
    ("POST", "/ogc/collections/{collection_id}/items"),
    ("PATCH", "/ogc/collections/{collection_id}/items/{feature_id}"),
}
# A good request would be a job, which changes the city: `test_jobs`, `test_matches`, `test_sites` make some.
JOBS = ("matches", "sites", "imports", "scores", "exports", "packages", "diffs", "checks")
WORK = {("POST", f"/api/{name}") for name in JOBS} | {("POST", "/ogc/collections/{collection_id}/items")}
CASES = [(*operation, GenerationMode.POSITIVE) for operation in sorted(OPERATIONS - WORK)] + [
    (*operation, GenerationMode.NEGATIVE) for operation in sorted(FALLIBLE)
]


@pytest.fixture(scope="session")
def schema(client: TestClient) -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", client.app)


@pytest.mark.parametrize(("method", "path", "mode"), CASES)
def test_generated_requests(schema: Any, method: str, path: str, mode: GenerationMode) -> None:
    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    @settings(
        max_examples=30,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def every_answer_is_documented(case: schemathesis.Case) -> None:
        case.validate_response(case.call(), checks=CHECKS)

    every_answer_is_documented()


def test_no_operation_is_left_out(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {(m.upper(), path) for path, methods in paths.items() for m in methods} == OPERATIONS


def test_every_route_is_described(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
    body = document["paths"]["/api/suitability"]["post"]["requestBody"]["content"]
    assert {"application/json", "application/geo+json"} <= set(body)
    assert all(content["examples"] for content in body.values())
