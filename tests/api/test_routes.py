"""Routes that read: layers, search, summary, health, documents, problems."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.examples import BODY_EXAMPLES
from api.main import create_app
from api.schemas import Hit, Layers, Problem, SearchResult
from api.schemas_suitability import Suitability, SuitabilityResults
from api.schemas_summary import Summary
from api.tile_versions import tile_versions
from gis.resources import Raster
from gis.settings import Settings
from gis.store import Store
from layers import LAYERS, RASTERS


def test_layers_are_the_registry(client: TestClient) -> None:
    answer = client.get("/api/layers")
    found = Layers.model_validate_json(answer.content)
    assert [entry.id for entry in found.layers] == list(LAYERS)
    assert [entry.id for entry in found.rasters] == list(RASTERS)
    assert not any(entry.loaded or entry.cell_count for entry in found.rasters)
    parcel = next(entry for entry in found.layers if entry.id == "parcel")
    assert parcel.loaded
    assert (parcel.feature_count or 0) > 10_000


def test_a_loaded_raster_is_listed_and_nothing_trips_over_it(empty_store: Store, settings: Settings) -> None:
    raster = Raster(np.array([[11.0, np.nan]]), (450_000, 4_420_000, 450_200, 4_420_100), "EPSG:4548")
    empty_store.write_raster("ground_temperature", raster, source_name="t.tif", source_sha256="", report={})
    with TestClient(create_app(empty_store, settings)) as client:
        found = Layers.model_validate_json(client.get("/api/layers").content)
        entry = next(entry for entry in found.rasters if entry.loaded)
        assert (entry.id, entry.version, entry.cell_count, entry.source_name) == (
            "ground_temperature", 1, 1, "t.tif",
        )  # fmt: skip
        assert client.get("/api/search", params={"q": "t"}).json()["results"] == []
    assert tile_versions(empty_store) == {}


def test_search_finds_a_parcel_by_its_number(client: TestClient, city: Store) -> None:
    with city.engine.connect() as connection:
        parcel_id = connection.scalar(sa.text("SELECT min(parcel_id) FROM layer.parcel"))
    best = client.get("/api/search", params={"q": parcel_id.lower()}).json()["results"][0]
    assert (best["layer"], best["id"]) == ("parcel", parcel_id)
    west, south, east, north = best["bbox"]
    assert west <= best["lon"] <= east
    assert south <= best["lat"] <= north


def test_search_puts_a_district_before_what_stands_in_it(client: TestClient) -> None:
    found = SearchResult.model_validate_json(client.get("/api/search", params={"q": "通州"}).content)
    assert isinstance(found.results[0], Hit)
    assert found.results[0].layer == "district"


@pytest.mark.parametrize(
    "q", ["%", "_", "%%", "a%b", "\\", "'; DROP TABLE layer.parcel; --", '"', "\\%", "🏭"]
)
def test_search_takes_wildcards_and_quotes_literally(client: TestClient, q: str) -> None:
    answer = client.get("/api/search", params={"q": q, "limit": 100})
    assert answer.status_code == 200
    for hit in answer.json()["results"]:
        assert q in hit["id"] or q in (hit["name"] or "")


@pytest.mark.parametrize("params", [{}, {"q": ""}, {"q": "a\0"}, {"q": "x" * 101}, {"q": "a", "limit": 0}])
def test_search_refuses(client: TestClient, params: dict[str, str]) -> None:
    answer = client.get("/api/search", params=params)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith("/query/")


@pytest.fixture(scope="module")
def results(city: Store) -> pd.DataFrame:
    """Facts and verdicts of all parcels as the views show them."""
    query = "SELECT * FROM result.parcel_fact JOIN result.parcel_suitability USING (parcel_id)"
    return pd.read_sql(query, city.engine)


@pytest.mark.parametrize("by", ["city", "district", "township"])
def test_summary_equals_the_stored_results(client: TestClient, results: pd.DataFrame, by: str) -> None:
    summary = Summary.model_validate_json(client.get("/api/summary", params={"by": by}).content)
    keys = {"city": [], "district": ["district"], "township": ["district", "township"]}[by]
    groups = results.groupby(keys, dropna=False) if keys else [((), results)]
    expected = {tuple(None if pd.isna(k) else k for k in key): group for key, group in groups}
    # Rows without parcels are there for heat projects alone.
    rows = [row for row in summary.rows if row.parcel_count]
    assert len(rows) == len(groups)
    for row in rows:
        group = expected[tuple(getattr(row, k) for k in keys)]
        assert row.parcel_count == len(group)
        assert row.unknown_heated_area_count == group["heated_area_m2"].isna().sum()
        assert (row.heated_area_m2 or 0) == pytest.approx(group["heated_area_m2"].sum())
        assert (row.heat_load_kw or 0) == pytest.approx(group["heat_load_kw"].sum())
        assert sum(r.parcel_count for r in row.recommended) == len(group)
        for technology, counts in row.status_counts.items():
            assert counts == {s: (group[f"{technology}_status"] == s).sum() for s in counts}
            assert sum(counts.values()) == len(group)


@pytest.mark.parametrize("by", ["city", "district"])
def test_summary_of_new_energy(client: TestClient, results: pd.DataFrame, by: str) -> None:
    summary = Summary.model_validate_json(client.get("/api/summary", params={"by": by}).content)
    assert results["portfolio_installed_share_frac"].isna().any()
    for row in (row for row in summary.rows if row.parcel_count):
        group = results if by == "city" else results[results["district"].eq(row.district)]
        known = group[group["portfolio_installed_share_frac"].notna()]
        load, share = known["heat_load_kw"], known["portfolio_installed_share_frac"]
        without_air = known["portfolio_share_without_air_frac"]
        assert row.new_energy_share_frac == pytest.approx((share * load).sum() / load.sum())
        assert row.new_energy_share_without_air_frac == pytest.approx((without_air * load).sum() / load.sum())
        assert row.portfolio_co2_saved_t_per_a == pytest.approx(known["portfolio_co2_saved_t_per_a"].sum())
        reached = known.loc[share >= 0.6, "heated_area_m2"].sum()
        assert row.new_energy_heated_area_m2 == pytest.approx(reached)
        assert reached < (row.heated_area_m2 or 0)


def test_summary_names_the_targets(client: TestClient) -> None:
    targets = client.get("/api/summary").json()["targets"]
    figures = [targets[f"target_{t}"] for t in ("2025_area_m2", "2025_share_frac", "2030_share_frac")]
    assert figures == [1.45e8, 0.10, 0.15]
    assert targets["clause_id"] == "P1309-1.3-c"
    assert "潜力" in targets["note"]["zh"]


@pytest.mark.parametrize("by", ["", "parcel", "district; DROP TABLE layer.parcel"])
def test_summary_refuses_other_columns(client: TestClient, by: str) -> None:
    assert client.get("/api/summary", params={"by": by}).status_code == 422


def test_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["results_current"] is True


def test_not_ready_without_parcels(empty_store: Store, settings: Settings) -> None:
    with TestClient(create_app(empty_store, settings)) as client:
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert Problem.model_validate_json(answer.content).detail.startswith("No parcels")
        assert client.get("/healthz").status_code == 200
        assert client.get("/api/summary").status_code == 404
        assert client.get("/api/search", params={"q": "a"}).json()["results"] == []
        assert client.get("/api/parcels/x/suitability").status_code == 404


def test_every_example_is_answered(client: TestClient) -> None:
    for name, example in BODY_EXAMPLES.items():
        answer = client.post("/api/suitability", json=example["value"])
        assert answer.status_code == 200, answer.text
        (SuitabilityResults if name == "collection" else Suitability).model_validate_json(answer.content)


def test_docs_need_nothing_from_outside(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert "/api/suitability" in page.text
    # These are how OGC names coordinate systems, told as values of parameters: nothing is fetched by them.
    text = page.text
    for names in ("def/crs/", "gml/srs/epsg.xml#"):
        text = text.replace(f"&quot;http://www.opengis.net/{names}", "&quot;")
    for outside in ("http://", "https://", "<script", "//cdn"):
        assert outside not in text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/parcels/no-such-parcel/suitability", 404),
        ("GET", "/api/parcels/%00/suitability", 422),
        ("GET", "/api/suitability", 405),
        ("POST", "/api/summary", 405),
        ("DELETE", "/", 405),
    ],
)
def test_every_error_is_a_problem(client: TestClient, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert Problem.model_validate_json(answer.content).status == status


def test_a_failure_shows_nothing_of_the_inside(city: Store, settings: Settings) -> None:
    app = create_app(city, settings)
    # A state without its store is a fault that no route expects.
    del app.state.store
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/api/layers")
    assert answer.status_code == 500
    assert "store" not in answer.text


@pytest.mark.parametrize("path", ["/api/parcels/{}/suitability", "/api/features/parcel/{}"])
@pytest.mark.parametrize(("key", "status"), [("x" * 64, 404), ("x" * 65, 422), ("P%00", 422)])
def test_a_key_that_no_import_takes_is_refused(client: TestClient, path: str, key: str, status: int) -> None:
    assert client.get(path.format(key)).status_code == status
