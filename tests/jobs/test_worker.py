"""Workers as programs: killed, stopped and cut off amid jobs, which are done once all the same."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from gis.errors import BusyError, NotFoundError
from gis.ingest import import_file
from gis.jobs import Job, ask, cancel, job_of, jobs_of, queue, records
from gis.jobs.files import upload_of
from gis.jobs.run import MAX_STARTS
from gis.settings import Settings
from gis.store import Store
from tests.working import started_worker, until, working

ME = "somebody"
EXPORT = {
    "collection": "district", "format": "csv", "crs": "EPSG:4548", "bbox": None, "filter": None,
    "ending": ".csv", "readable": ["district"],
}  # fmt: skip
NOTHING: dict[str, Any] = {"as_of": None, "everything": False}
ALL = NOTHING | {"everything": True}

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(town: Store, job_settings: Settings) -> Iterator[Start]:
    """Start workers of the town; none is left at the end."""
    url = town.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    started: list[subprocess.Popen[bytes]] = []

    def make(*options: str) -> subprocess.Popen[bytes]:
        started.append(started_worker(url, job_settings.data_dir, *options))
        return started[-1]

    yield make
    for process in started:
        process.kill()
        process.wait()


@contextmanager
def held(store: Store, table: str) -> Iterator[None]:
    """Let nobody read or write a table, so that a job stops in the middle of its work."""
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield


def state(store: Store, job: Job) -> str:
    return job_of(store, job.job_id, ME).state


def waits(store: Store, table: str) -> bool:
    """Return whether somebody waits for a table."""
    query = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = to_regclass(:t)")
    with store.engine.connect() as connection:
        return bool(connection.scalar(query, {"t": table}))


def appended(store: Store, settings: Settings, name: str) -> Job:
    """Ask for an import that adds one data centre without a key of its own."""
    job_id = uuid4()
    feature = {
        "type": "Feature",
        "properties": {"name": name},
        "geometry": {"type": "Point", "coordinates": [116.4, 39.9]},
    }
    upload_of(settings, job_id, ".geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": [feature]})
    )
    asked = {
        "layer": "data_centre", "name": f"{name}.geojson", "ending": ".geojson", "mode": "append",
        "on_error": "abort", "source_layer": None, "source_crs": None, "columns": None,
    }  # fmt: skip
    return ask(store, "import", asked, ME, job_id=job_id)


def row(store: Store, job: Job, column: str) -> Any:
    with store.engine.connect() as connection:
        query = sa.text(f"SELECT {column} FROM meta.job WHERE job_id = :id")
        return connection.scalar(query, {"id": job.job_id})


def named(store: Store) -> list[str]:
    """Return the names of all data centres."""
    return store.read("data_centre")["name"].tolist()


def entries(store: Store) -> int:
    with store.engine.connect() as connection:
        return int(connection.scalar(sa.text("SELECT count(*) FROM job.procrastinate_jobs")) or 0)


def test_a_job_that_waits_is_cancelled_at_once_by_its_caller_alone(town: Store) -> None:
    job = ask(town, "score", NOTHING, "me alone", request_id="r-1")
    assert (job.state, job.request_id, entries(town)) == ("waiting", "r-1", 1)
    with pytest.raises(NotFoundError, match=str(job.job_id)):
        cancel(town, job.job_id, ME)
    with pytest.raises(NotFoundError, match=str(job.job_id)):
        job_of(town, job.job_id, ME)
    assert cancel(town, job.job_id, "me alone").state == "cancelled"
    assert entries(town) == 0
    again = cancel(town, job.job_id, "me alone")
    assert (again.state, again.finished_at) == ("cancelled", jobs_of(town, "me alone", 5)[0].finished_at)


@pytest.mark.parametrize(
    ("kind", "request_", "table"),
    [("score", NOTHING | {"everything": True}, "layer.parcel"), ("export", EXPORT, "layer.district")],
)
def test_a_job_that_runs_is_cancelled_and_leaves_nothing(
    town: Store, tmp_path: Path, kind: records.Kind, request_: dict[str, Any], table: str
) -> None:
    before = town.latest_run()
    with working(town, Settings(data_dir=tmp_path)):
        with held(town, table):
            job = ask(town, kind, request_, ME)
            until(lambda: waits(town, table), "the job has not begun")
            assert cancel(town, job.job_id, ME).state == "running"
            # The worker hears of it while the work waits for the table.
            query = "SELECT count(*) FROM job.procrastinate_jobs WHERE abort_requested"
            with town.engine.connect() as connection:
                assert connection.exec_driver_sql(query).scalar_one() == 1
            time.sleep(0.5)
        until(lambda: state(town, job) != "running", "not cancelled")
        assert (state(town, job), row(town, job, "step")) == ("cancelled", None)
    assert town.latest_run() == before
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_job_that_kills_its_workers_is_given_up(town: Store, tmp_path: Path) -> None:
    job = ask(town, "score", NOTHING, ME)
    with town.engine.begin() as connection:
        connection.execute(sa.text("UPDATE meta.job SET start_count = :n"), {"n": MAX_STARTS})
    with working(town, Settings(data_dir=tmp_path)):
        until(lambda: state(town, job) == "failed", "not given up")
    assert "died 3 times in this job" in str(job_of(town, job.job_id, ME).error)


def test_what_a_worker_had_done_when_it_died_is_not_done_again(town: Store, tmp_path: Path) -> None:
    told, not_told = ask(town, "score", NOTHING, ME), appended(town, Settings(data_dir=tmp_path), "before")
    with town.engine.begin() as connection:
        connection.exec_driver_sql(queue.SEARCH_PATH)
        connection.exec_driver_sql("UPDATE job.procrastinate_jobs SET status = 'doing' WHERE lock = 'city' "
                                   "AND id = (SELECT min(id) FROM job.procrastinate_jobs)")  # fmt: skip
        finished = "UPDATE meta.job SET state = 'done', finished_at = now() WHERE job_id = :id"
        connection.execute(sa.text(finished), {"id": told.job_id})
        begun = (
            "UPDATE meta.job SET state = 'running', started_at = now(), start_count = 1 WHERE job_id = :id"
        )
        connection.execute(sa.text(begun), {"id": not_told.job_id})
    upload = upload_of(Settings(data_dir=tmp_path), not_told.job_id, ".geojson")
    loaded = import_file(town, "data_centre", upload, mode="append").version
    with working(town, Settings(data_dir=tmp_path)):
        until(lambda: state(town, not_told) == "done" and entries(town) == 0, "not ended")
    assert job_of(town, told.job_id, ME).result is None
    result = job_of(town, not_told.job_id, ME).result
    assert result is not None
    assert result["version"] == loaded
    assert named(town).count("before") == 1


def test_what_cannot_be_asked_for_leaves_no_entry(town: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_WAITING", 1)
    job = ask(town, "score", NOTHING, ME)
    with pytest.raises(BusyError, match="1 of your jobs are waiting already"):
        ask(town, "score", NOTHING, ME)
    with pytest.raises(Exception, match="refused it"):
        ask(town, "score", NOTHING, "another", job_id=job.job_id)
    assert entries(town) == 1
    cancel(town, job.job_id, ME)


def test_the_tables_of_the_queue_are_those_of_the_installed_library() -> None:
    # A newer one may bring other tables and functions: then a migration has to apply its own.
    assert version("procrastinate").split(".")[:2] == ["3", "10"]


@pytest.fixture(scope="module")
def pair(town: Store, job_settings: Settings) -> Iterator[None]:
    """Two workers of the town."""
    url = town.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    both = [started_worker(url, job_settings.data_dir) for _ in range(2)]
    yield
    for process in both:
        process.send_signal(signal.SIGINT)
    assert [process.wait(60) for process in both] == [0, 0]


def test_a_job_is_done_once_whatever_happens_to_its_workers(
    town: Store, job_settings: Settings, start: Start, request: pytest.FixtureRequest
) -> None:
    stopped = start("--grace-s", "0.5")
    with held(town, "layer.data_centre"):
        job = appended(town, job_settings, "once")
        until(lambda: waits(town, "layer.data_centre"), "no worker has begun")
        assert state(town, job) == "running"
        stopped.send_signal(signal.SIGTERM)
        assert stopped.wait(60) == 0
        assert (state(town, job), row(town, job, "start_count"), entries(town)) == ("waiting", 0, 1)
        killed = start()
        until(lambda: state(town, job) == "running" and waits(town, "layer.data_centre"), "not taken again")
        killed.kill()
        request.getfixturevalue("pair")
        until(lambda: row(town, job, "start_count") == 2, "not taken up from the killed worker")
    until(lambda: state(town, job) == "done", "not done")
    assert named(town).count("once") == 1
    done = job_of(town, job.job_id, ME)
    assert done.result is not None
    assert done.result["version"] == town.layer_versions()["data_centre"].version
    assert "1 of 1 rows of once.geojson imported into data_centre" in done.result["report"][0]
    until(lambda: entries(town) == 0, "the entry stays")
    assert not list((job_settings.data_dir / "jobs" / "uploads").iterdir())


def test_two_workers_share_the_jobs_one_after_another(town: Store, pair: None) -> None:
    asked = [ask(town, "export", EXPORT, ME) for _ in range(8)]
    until(lambda: {state(town, job) for job in asked} == {"done"}, "not all done")
    done = sorted((job_of(town, job.job_id, ME) for job in asked), key=lambda job: str(job.started_at))
    assert [job.job_id for job in done] == [job.job_id for job in asked]
    for before, after in itertools.pairwise(done):
        assert before.finished_at is not None
        assert after.started_at is not None
        assert before.finished_at <= after.started_at
    assert {row(town, job, "start_count") for job in asked} == {1}


def test_a_job_outlives_a_restart_of_the_database(
    town: Store, store: Store, job_settings: Settings, pair: None
) -> None:
    blocking = town.engine.connect()
    blocking.exec_driver_sql("LOCK TABLE layer.data_centre IN ACCESS EXCLUSIVE MODE")
    job = appended(town, job_settings, "twice")
    until(lambda: waits(town, "layer.data_centre"), "no worker has begun")
    assert store._cluster is not None
    assert store._cluster._server is not None
    store._cluster._server.stop()
    store._cluster._server.start()
    blocking.invalidate()
    blocking.close()
    until(lambda: state(town, job) == "done", "not done")
    assert named(town).count("twice") == 1
    until(lambda: row(town, job, "start_count") == 1, "the restart is taken for a fault of the job")
