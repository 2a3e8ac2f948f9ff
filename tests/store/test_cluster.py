"""The embedded cluster: started once, joined, killed, stopped by the last one out."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from geopandas.testing import assert_geodataframe_equal

from gis.errors import BusyError, StoreError
from gis.settings import Settings
from gis.store import Cluster, Store, binaries, open_store, server
from tests.store.frames import LOAD, layer_frame

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, time
from gis.settings import Settings
from gis.store import open_store
store = open_store(Settings(database_url=None, data_dir=sys.argv[1]))
print(store.engine.url.query["host"], flush=True)
sys.stdin.read()
store.close()
"""


def _open(data_dir: Path) -> Store:
    return open_store(Settings(database_url=None, data_dir=data_dir))


def _program(data_dir: Path) -> subprocess.Popen[str]:
    """Start another program that opens the store and keeps it open until its input ends."""
    command = [sys.executable, "-c", PROGRAM, str(data_dir)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _ready(program: subprocess.Popen[str]) -> None:
    assert program.stdout is not None
    assert program.stdout.readline().strip() != ""


def _finish(program: subprocess.Popen[str]) -> None:
    assert program.communicate(timeout=60)[0] == ""
    assert program.returncode == 0


def _pid(data_dir: Path) -> int:
    pid = Cluster(data_dir).status().pid
    assert pid is not None
    return pid


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def prepared(shared_dir: Path) -> Iterator[Path]:
    """A data folder with a created and migrated store, stopped."""
    data_dir = shared_dir / "cluster"
    _open(data_dir).close()
    yield data_dir
    Cluster(data_dir).stop()


def test_closing_stops_the_server_and_opening_starts_it(prepared: Path) -> None:
    assert not Cluster(prepared).status().running
    frame = layer_frame("parcel", 5)
    with _open(prepared) as store:
        status = Cluster(prepared).status()
        assert status.running
        assert status.postgresql == binaries.choose(status.postgresql).major
        store.write_layer("parcel", frame, mode="replace", **LOAD)
    assert not Cluster(prepared).status().running
    with _open(prepared) as store:
        assert_geodataframe_equal(store.read("parcel"), frame)
        store.close()
        store.close()
        with pytest.raises(StoreError, match="store is closed"):
            store.layer_versions()
    assert not Cluster(prepared).status().running


def test_a_killed_server_is_started_again_under_a_running_program(prepared: Path) -> None:
    frame = layer_frame("parcel", 200)
    with _open(prepared) as store:
        store.write_layer("parcel", frame, mode="replace", **LOAD)
        first = _pid(prepared)
        sessions = psutil.Process(first).children()
        os.kill(first, signal.SIGKILL)
        _wait(lambda: not Cluster(prepared).status().running)
        # The sessions of a dead server end a little later, and until then they begin answers.
        assert psutil.wait_procs(sessions, timeout=60)[1] == []
        assert_geodataframe_equal(store.read("parcel"), frame)
        assert _pid(prepared) != first


def test_a_killed_server_is_started_again_by_the_next_program(prepared: Path) -> None:
    frame = layer_frame("parcel", 100)
    store = _open(prepared)
    store.write_layer("parcel", frame, mode="replace", **LOAD)
    os.kill(_pid(prepared), signal.SIGKILL)
    store.close()
    assert (prepared / "store" / "pgdata" / "postmaster.pid").exists()
    with _open(prepared) as again:
        assert_geodataframe_equal(again.read("parcel"), frame)


def test_what_a_killed_server_left_at_work_does_not_keep_the_next_from_starting(prepared: Path) -> None:
    with _open(prepared) as store:
        store.write_layer("parcel", layer_frame("parcel", 30), mode="replace", **LOAD)
        busy = store.engine.raw_connection().driver_connection
        assert isinstance(busy, psycopg.Connection)
        number = busy.info.backend_pid
        threading.Thread(target=_keep_at_work, args=(busy,), daemon=True).start()
        _wait(lambda: psutil.Process(number).cpu_times().user > 0.2)
        os.kill(_pid(prepared), signal.SIGKILL)
        _wait(lambda: not Cluster(prepared).status().running)
        begun = time.monotonic()
        with _open(prepared) as again:
            assert len(again.read("parcel")) == 30
        assert time.monotonic() - begun < 30
        # Nobody may be there to take note of its end.
        assert not psutil.pid_exists(number) or psutil.Process(number).status() == psutil.STATUS_ZOMBIE


def test_a_server_that_goes_away_while_it_is_joined_is_told(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = psycopg.connect

    def cut_off(**given: Any) -> Any:
        connection = connect(**given)
        os.kill(connection.info.backend_pid, signal.SIGTERM)
        _wait(lambda: not psutil.pid_exists(connection.info.backend_pid))
        return connection

    monkeypatch.setattr(psycopg, "connect", cut_off)
    with pytest.raises(
        StoreError, match=r"^The embedded PostgreSQL server of .* went away \(.*\): try again\.$"
    ):
        Cluster(prepared).join()
    assert not Cluster(prepared).status().running


def _keep_at_work(connection: psycopg.Connection) -> None:
    """Have a backend reckon without a look at anything else."""
    with contextlib.suppress(psycopg.Error):
        connection.execute("SET statement_timeout = 0; SET client_connection_check_interval = 0")
        connection.execute("SELECT sum(sqrt(i)) FROM generate_series(1, 1e12) AS i")


def test_a_number_left_in_the_pid_file_may_be_anybody(prepared: Path) -> None:
    (prepared / "store" / "pgdata" / "postmaster.pid").write_text(f"{os.getpid()}\n/elsewhere\n0\n5432\n\n\n")
    assert not Cluster(prepared).status().running
    with _open(prepared):
        assert _pid(prepared) != os.getpid()


def test_a_killed_program_leaves_a_server_that_the_next_joins(prepared: Path) -> None:
    program = _program(prepared)
    _ready(program)
    first = _pid(prepared)
    program.kill()
    program.wait()
    assert _pid(prepared) == first
    with _open(prepared):
        assert _pid(prepared) == first
    assert not Cluster(prepared).status().running


def test_programs_that_start_at_once_share_a_server_and_the_last_one_out_stops_it(prepared: Path) -> None:
    first, second = _program(prepared), _program(prepared)
    _ready(first)
    _ready(second)
    with pytest.raises(BusyError, match="in use by another OneMap program"):
        Cluster(prepared).stop()
    _finish(first)
    assert Cluster(prepared).status().running
    _finish(second)
    assert not Cluster(prepared).status().running


def test_a_server_that_was_asked_to_stay_stays(prepared: Path) -> None:
    cluster = Cluster(prepared)
    cluster.keep()
    assert cluster.status().kept
    with _open(prepared):
        pass
    assert cluster.status().running
    cluster.stop()
    assert not cluster.status().running
    assert not cluster.status().kept
    cluster.stop()


def test_two_data_folders_are_two_stores(prepared: Path, store: Store) -> None:
    frame = layer_frame("district", 3)
    with _open(prepared) as other:
        other.write_layer("district", frame, mode="replace", **LOAD)
        assert other.engine.url != store.engine.url
        with store.engine.connect() as here, other.engine.connect() as there:
            folders = {c.exec_driver_sql("SHOW data_directory").scalar() for c in (here, there)}
        assert len(folders) == 2


def test_a_long_path_and_odd_characters(shared_dir: Path) -> None:
    deep = shared_dir / "数据 ' \" , $HOME" / "long-folder-name-number-one" / "long-folder-name-number-two"
    with _open(deep) as store:
        assert store.layer_versions() == {}
        socket = Path(str(store.engine.url.query["host"]))
        assert not socket.is_relative_to(deep)
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert not Cluster(deep).status().running
    assert not socket.exists()


def test_a_socket_folder_of_somebody_else_is_refused(prepared: Path, shared_dir: Path) -> None:
    target = shared_dir / "trap"
    target.mkdir()
    socket = prepared / "store" / "socket"
    socket.symlink_to(target)
    try:
        with pytest.raises(StoreError, match="belongs to another user"):
            _open(prepared)
    finally:
        socket.unlink()


def test_a_folder_that_the_server_cannot_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    data_dir = closed / "data"
    with _open(data_dir) as store:
        store.write_layer("district", layer_frame("district", 3), mode="replace", **LOAD)
    home = Cluster(data_dir).status().home
    assert home.is_relative_to(data_dir) == (os.getuid() != 0)
    try:
        with _open(data_dir) as store:
            assert len(store.read("district")) == 3
        copied = closed / "copied"
        shutil.copytree(data_dir, copied, ignore=lambda *_: ["store"])
        if not home.is_relative_to(data_dir):
            with pytest.raises(StoreError, match="is a copy of"):
                _open(copied)
    finally:
        shutil.rmtree(home)


def test_nobody_else_may_connect(prepared: Path) -> None:
    with _open(prepared) as store:
        host = str(store.engine.url.query["host"])
        assert stat.S_IMODE(os.stat(host).st_mode) == 0o700
        with psycopg.connect(host=host, user="onemap", dbname="onemap") as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        with pytest.raises(psycopg.OperationalError, match=r"no pg_hba.conf entry"):
            psycopg.connect(host=host, user="postgres", dbname="onemap")


def test_a_cluster_of_another_postgresql_version(prepared: Path) -> None:
    version = prepared / "store" / "pgdata" / "PG_VERSION"
    before = version.read_text()
    version.write_text("9\n")
    try:
        with pytest.raises(StoreError, match=r"written by PostgreSQL 9 but only version .* is installed"):
            _open(prepared)
    finally:
        version.write_text(before)


def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    found = binaries.installations()
    assert found
    assert any(one.has_postgis for one in found)
    bare = [binaries.Installation(one.bindir, one.major, False) for one in found]
    monkeypatch.setattr(binaries, "installations", lambda: bare)
    with pytest.raises(StoreError, match=r"install the package postgresql-[0-9]+-postgis-3"):
        binaries.choose(None)
    monkeypatch.setattr(binaries, "installations", list)
    with pytest.raises(StoreError, match="PostgreSQL is not installed"):
        binaries.choose(None)


def test_a_server_that_cannot_start_tells_why(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(server._SETTINGS, "shared_buffers", "8PB")
    with pytest.raises(StoreError, match=r"does not start: .*shared_buffers"):
        _open(prepared)
    assert not Cluster(prepared).status().running
