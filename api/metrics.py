"""GET /metrics: counts of requests, connections in use and the age of the data, for Prometheus."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.responses import Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import event
from starlette.types import Scope

from api.access import caller
from gis.errors import NotFoundError, OneMapError
from gis.store import Store

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_BUCKETS_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The counts of this process; where several serve, each reads those of all."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._own = CollectorRegistry()
        self._requests = Counter(
            "onemap_requests", "Requests answered.", ("route", "method", "status"), registry=self._own
        )
        self._latency_s = Histogram(
            "onemap_request_seconds", "Time to the end of the answer.", ("route",),
            buckets=_BUCKETS_S, registry=self._own,
        )  # fmt: skip
        # Looking a label up takes longer than counting.
        self._of: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._running = self._gauge("onemap_requests_in_flight", "Requests being answered.")
        self._connections = self._gauge("onemap_database_connections", "Connections to the database in use.")
        # All engines of this process: there is one per class of callers.
        event.listen(sa.pool.Pool, "checkout", lambda *_: self._connections.inc())
        event.listen(sa.pool.Pool, "checkin", lambda *_: self._connections.dec())

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self._own, multiprocess_mode="livesum")

    def begin(self) -> None:
        """Count a request that begins."""
        self._running.inc()

    def end(self, scope: Scope, status: int, took_s: float) -> None:
        """Count a request that is answered, under the template of its route."""
        self._running.dec()
        key = (_route(scope), scope["method"] if scope["method"] in _METHODS else "other", status)
        if key not in self._of:
            self._of[key] = self._requests.labels(*map(str, key)), self._latency_s.labels(key[0])
        count, latency_s = self._of[key]
        count.inc()
        latency_s.observe(took_s)

    def text(self) -> bytes:
        """Return what Prometheus reads."""
        registry = self._own
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            registry.register(_OfAll(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])))
        state = CollectorRegistry()
        state.register(_Data(self._store))
        return bytes(generate_latest(registry) + generate_latest(state))


class _OfAll:
    """The counts of all web processes, from the files that they write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> list[Metric]:
        """Return what the files hold; one that another process makes at this moment is empty."""
        files = []
        for file in self._folder.glob("*.db"):
            with suppress(FileNotFoundError):  # those of a process that ended go
                files += [str(file)] if file.stat().st_size else []
        found: Iterable[Metric] = MultiProcessCollector.merge(files, accumulate=True)  # type: ignore[no-untyped-call]
        return list(found)


class _Data:
    """What the store tells of itself at this moment."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield whether the database answers, and how old layers and results are."""
        up = GaugeMetricFamily("onemap_database_up", "Whether the database answers.")
        try:
            versions, run = self._store.state()
        except (OneMapError, sa.exc.SQLAlchemyError):
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        now = datetime.now(UTC)
        ages = GaugeMetricFamily(
            "onemap_layer_age_seconds", "Time since a layer was loaded.", labels=("layer",)
        )
        for layer, version in versions.items():
            ages.add_metric([layer], (now - version.loaded_at).total_seconds())
        yield ages
        if run is not None and run.finished_at is not None:
            age_s = (now - run.finished_at).total_seconds()
            yield GaugeMetricFamily("onemap_results_age_seconds", "Time since the last run.", value=age_s)


def _route(scope: Scope) -> str:
    """Return the template of the route; what nobody declared is one, or a scanner would make thousands."""
    return getattr(scope.get("route"), "path", None) or "other"


def _may_see(request: Request) -> bool:
    """Return whether the client is on this machine itself, or is a known caller."""
    # Behind a proxy on this machine all clients would seem to be here.
    forwarded = {"x-forwarded-for", "forwarded", "x-real-ip"} & set(request.headers.keys())
    if request.client is not None and not forwarded:
        try:
            if ipaddress.ip_address(request.client.host).is_loopback:
                return True
        except ValueError:
            pass  # a name, as of a unix socket, is no address
    return caller(request).known


def install(app: FastAPI, metrics: Metrics) -> None:
    """Add GET /metrics to `app`."""

    @app.get("/metrics", include_in_schema=False)
    def get_metrics(request: Request) -> Response:
        if not _may_see(request):
            raise NotFoundError("There is nothing at this address.")
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)
