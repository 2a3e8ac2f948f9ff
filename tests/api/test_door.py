"""What every answer has and every request is held to: ids, headers, limits, and what is said in the log."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from fastapi import Depends
from fastapi.testclient import TestClient

from api.geojson import declared_body
from api.logs import configure
from api.main import create_app
from gis.settings import Settings
from gis.store import Store, open_store
from tests.conftest import NewDatabase, at


@contextmanager
def asking(store: Store, settings: Settings, host: str = "testclient") -> Iterator[TestClient]:
    """A client at an address, on an application with a route that fails and one that takes a body."""
    app = create_app(store, settings)

    @app.get("/fails/{what}")
    def fails(what: str) -> None:
        raise RuntimeError(what)

    @app.post("/takes")
    def takes(body: dict[str, int]) -> int:
        return len(body)

    @app.post("/takes-bytes")
    def takes_bytes(body: bytes = Depends(declared_body)) -> int:
        return len(body)

    with TestClient(app, raise_server_exceptions=False, client=(host, 50000)) as client:
        yield client


@pytest.fixture(scope="module")
def bare_store(new_database: NewDatabase) -> Iterator[Store]:
    """A store with nothing in it, whatever other tests have left in theirs."""
    with open_store(at(new_database("door"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def door(bare_store: Store) -> Iterator[TestClient]:
    """A client on a store with nothing in it."""
    with asking(bare_store, Settings(max_body_bytes=1000)) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "status"),
    [("/healthz", 200), ("/nowhere", 404), ("/fails/now", 500), ("/docs", 200), ("/ogc", 200)],
)
def test_every_answer_has_its_headers(door: TestClient, path: str, status: int) -> None:
    answer = door.get(path)
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
    assert "server" not in answer.headers
    assert len(answer.headers["x-request-id"]) == 32
    if status >= 400:
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a.B_9-", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("a b", False),
        ("", False),
        ("é", False),
        ('"', False),
    ],
)
def test_an_id_from_outside_is_kept_if_it_is_sane(door: TestClient, given: str, kept: bool) -> None:
    found = door.get("/healthz", headers={"x-request-id": given.encode()}).headers["x-request-id"]
    assert (found == given) is kept
    assert len(found) == 32 or kept


@pytest.mark.parametrize("path", ["/takes", "/takes-bytes", "/healthz", "/api/matches"])
def test_a_large_body_is_refused_on_every_route(door: TestClient, path: str) -> None:
    method = "GET" if path == "/healthz" else "POST"
    answer = door.request(method, path, content=b"[" * 1001, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert "1000 bytes" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/takes", "/takes-bytes"])
def test_a_body_without_a_length_is_cut(door: TestClient, path: str) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 100

    answer = door.post(path, content=parts(), headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert "1000 bytes" in answer.json()["detail"]


def test_a_caller_over_the_rate_waits(bare_store: Store) -> None:
    with asking(bare_store, Settings(rate_per_s=2)) as client:
        found = [client.get("/healthz") for _ in range(25)]
    refused = [answer for answer in found if answer.status_code == 429]
    assert [answer.status_code for answer in found[:20]] == [200] * 20
    assert len(refused) == 5
    assert 1 <= int(refused[0].headers["retry-after"]) <= 10
    assert refused[0].json()["request_id"] == refused[0].headers["x-request-id"]
    with asking(bare_store, Settings()) as client:  # by default there is no limit
        assert {client.get("/healthz").status_code for _ in range(300)} == {200}


def test_callers_are_told_apart(bare_store: Store) -> None:
    app = create_app(bare_store, Settings(rate_per_s=1))
    for host in ("10.0.0.1", "10.0.0.2"):
        client = TestClient(app, client=(host, 1))
        assert [client.get("/healthz").status_code for _ in range(11)] == [200] * 10 + [429]


def test_a_query_out_of_time_says_so(bare_store: Store) -> None:
    url = bare_store.engine.url.render_as_string(hide_password=False)
    with (
        open_store(Settings(database_url=url, statement_timeout_s=0.1)) as hasty,
        asking(hasty, Settings(statement_timeout_s=0.1)) as client,
        bare_store.engine.begin() as holder,
    ):
        holder.execute(sa.text("LOCK TABLE layer.parcel IN ACCESS EXCLUSIVE MODE"))
        answer = client.get("/api/identify", params={"lon": 116.4, "lat": 39.9})
    assert answer.status_code == 503
    assert "longer than 0.1 s" in answer.json()["detail"]
    assert answer.headers["retry-after"]


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[str], str]]:
    """Set logging up as `onemap serve` does, and give what was written to stderr since the last call."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def written(kind: str) -> str:
        told = capfd.readouterr().err
        configure(Settings(log=kind))
        return told

    yield written
    root.handlers[:] = handlers
    root.setLevel(level)


def test_an_unexpected_error_is_one_json_line(bare_store: Store, logged: Callable[[str], str]) -> None:
    logged("json")
    with asking(bare_store, Settings(log="json")) as client:
        answer = client.get("/fails/a%0Ab?token=geheim", headers={"x-request-id": "mine"})
    assert answer.status_code == 500
    lines = [json.loads(line) for line in logged("json").splitlines()]
    assert [line["level"] for line in lines] == ["error", "info"]
    assert {line["request_id"] for line in lines} == {"mine"}
    assert "RuntimeError" in lines[0]["traceback"]
    assert lines[1]["path"] == "/fails/a\nb"
    assert lines[1]["status"] == 500
    assert "geheim" not in json.dumps(lines)


def test_plain_logs_are_quiet_and_cannot_be_forged(bare_store: Store, logged: Callable[[str], str]) -> None:
    logged("plain")
    with asking(bare_store, Settings()) as client:
        client.get("/healthz")
        assert logged("plain") == ""
        client.get("/fails/a%0Aerror:%20forged", headers={"x-request-id": "mine"})
    first, second, *rest = logged("plain").splitlines()
    assert first.startswith("error: GET /fails/a")
    assert first.endswith("failed [mine]")
    assert second.startswith("  Traceback")
    assert all(line.startswith("  ") for line in rest)


@pytest.mark.parametrize(
    ("host", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 404),
        ("10.0.0.1", {}, 404),
        ("somewhere", {}, 404),
    ],
)
def test_metrics_are_for_this_machine(
    bare_store: Store, host: str, headers: dict[str, str], status: int
) -> None:
    with asking(bare_store, Settings(metrics=True), host) as client:
        client.get("/api/parcels/a/suitability")
        client.request("BREW", "/wp-admin")
        answer = client.get("/metrics", headers=headers)
    assert answer.status_code == status
    if status == 200:
        assert 'method="GET",route="/api/parcels/{parcel_id}/suitability",status="404"} 1.0' in answer.text
        assert 'onemap_requests_total{method="other",route="other",status="404"} 1.0' in answer.text
        assert "onemap_requests_in_flight 1.0" in answer.text
        assert re.search(r"^onemap_database_connections \d+\.0$", answer.text, re.MULTILINE)


def test_there_are_no_metrics_unless_asked_for(door: TestClient) -> None:
    assert door.get("/metrics").status_code == 404
