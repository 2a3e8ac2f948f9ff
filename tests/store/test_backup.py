"""Backups: of one moment, whole or not there, restored as they were or not at all."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import sqlalchemy as sa
from geopandas.testing import assert_geodataframe_equal

from gis.access import READERS
from gis.errors import InputError, OneMapError, StoreError
from gis.resources import Raster
from gis.store import Store, binaries, keys, open_store
from gis.store.backup import Manifest, back_up, manifest_of
from gis.store.checksums import checksums, stored_tables
from gis.store.connection import clear_errors
from gis.store.copy import raw
from gis.store.migrate import HEAD, differences
from gis.store.restore import restore
from layers import LAYERS
from tests.conftest import NewDatabase, at
from tests.disks import mounted_disk
from tests.store.frames import LOAD, layer_frame, results, run_record
from tests.store.old_stores import filled, in_common, lasting, migrated, rows

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path
from gis.settings import Settings
from gis.store import open_store
from gis.store.backup import back_up
from gis.store.restore import restore
url, what, file, label = sys.argv[1:]
def advance(done, total, doing):
    if doing == label:
        print(doing, flush=True)
        sys.stdin.read()
with open_store(Settings(database_url=url), migrate=False) as store:
    if what == "backup":
        back_up(store.engine, Path(file), advance)
    else:
        restore(store.engine, Path(file), {}, advance)
"""
PARCELS = 6


@pytest.fixture(scope="module")
def stored(new_database: NewDatabase) -> Iterator[Store]:
    """A store with six features in every layer, a raster, results, a rule set and a key."""
    with open_store(at(new_database("stored"))) as store:
        for layer in LAYERS:
            store.write_layer(layer, layer_frame(layer, PARCELS), mode="replace", **LOAD)
        noise = np.random.default_rng(3).random((700, 700))
        raster = Raster(noise, (450_000, 4_420_000, 459_000, 4_429_000), "EPSG:4548")
        store.write_raster("ground_temperature", raster, source_name="t.tif", source_sha256="", report={})
        facts, verdicts = results(layer_frame("parcel", PARCELS)["parcel_id"].tolist())
        store.save_results(facts, verdicts, run_record(PARCELS))
        store.save_ruleset("ab" * 32, "beijing", run_record(0).as_of, {"甲": [1.0, None]})
        keys.make(store.engine, "甲", "planner", None)
        yield store


@pytest.fixture(scope="module")
def dump(stored: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of `stored`; not to be changed."""
    file = tmp_path_factory.mktemp("backup") / "store.dump"
    back_up(stored.engine, file)
    return file


@pytest.fixture
def empty(new_database: NewDatabase, store: Store) -> Iterator[sa.Engine]:
    """A database with nothing in it."""
    url = new_database("empty")
    engine = sa.create_engine(url)
    yield engine
    engine.dispose()
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"DROP DATABASE {url.database} WITH (FORCE)")


@pytest.fixture
def copied(dump: Path, tmp_path: Path) -> Path:
    """A copy of the backup that may be spoilt."""
    for file in (dump, manifest_of(dump)):
        shutil.copy(file, tmp_path)
    return tmp_path / dump.name


def content(engine: sa.Engine) -> dict[str, list[str]]:
    """Return every row of every table as COPY writes it, whatever its place."""
    with engine.begin() as connection:
        found = {}
        for name in stored_tables(connection):
            with raw(connection).cursor().copy(f"COPY {name} TO STDOUT") as out:
                found[name] = sorted(b"".join(bytes(block) for block in out).decode().splitlines())
    return found


def schemas(engine: sa.Engine) -> set[str]:
    with engine.connect() as connection:
        return set(sa.inspect(connection).get_schema_names()) - {"public", "information_schema"}


def sha256(file: Path) -> str:
    done = subprocess.run(["sha256sum", file], capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


def retold(file: Path, **changes: object) -> None:
    """Change what the manifest of a dump tells."""
    told = json.loads(manifest_of(file).read_text())
    manifest_of(file).write_text(json.dumps(told | changes))


@pytest.mark.parametrize("opened", [False, True], ids=["no store", "a store without anything"])
def test_a_restored_store_is_the_one_that_was_backed_up(
    stored: Store, dump: Path, empty: sa.Engine, opened: bool
) -> None:
    if opened:
        open_store(at(empty.url)).close()
    told = restore(empty, dump, {})
    before, after = content(stored.engine), content(empty)
    (line,) = set(after["access.audit"]) - set(before["access.audit"])
    assert f'"sha256": "{told.sha256}"' in line
    after["access.audit"].remove(line)
    assert after == before
    assert {name: table.rows for name, table in told.tables.items()} == {k: len(v) for k, v in before.items()}
    assert len(before["layer.parcel"]) == PARCELS
    with open_store(at(empty.url)) as again:
        with again.engine.connect() as connection:
            assert differences(connection) == []
        parcels = again.read("parcel")
        assert_geodataframe_equal(parcels, stored.read("parcel"))
        ids = parcels["parcel_id"].tolist()
        for found, expected in zip(again.result_rows(ids), stored.result_rows(ids), strict=True):
            assert found.equals(expected)
        assert again.access() == stored.access()
        assert again.reading_as("open").engine.connect().close() is None
        # Numbers go on where they were.
        run, facts = again.latest_run(), again.result_rows(ids)
        assert run is not None
        assert again.save_results(*facts, run_record(PARCELS)) == (run.run_id or 0) + 1


def test_files_are_whole_closed_to_others_and_alone(dump: Path) -> None:
    assert sorted(os.listdir(dump.parent)) == [dump.name, f"{dump.name}.json"]
    for file in dump.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told = Manifest.model_validate_json(manifest_of(dump).read_bytes())
    assert told.schema_revision == HEAD
    assert told.sha256 == sha256(dump)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ("UPDATE layer.district SET name = name", True),  # puts the rows into another order
        ("DELETE FROM layer.district; INSERT INTO layer.district SELECT * FROM kept ORDER BY 1 DESC", True),
        (
            "UPDATE layer.district SET name = 'x' WHERE district_id = (SELECT min(district_id) FROM kept)",
            False,
        ),
        ("UPDATE layer.district SET remark = CASE WHEN remark IS NULL THEN '' ELSE remark END", False),
        ("UPDATE layer.district SET name = remark, remark = name", False),
        ("DELETE FROM layer.district WHERE district_id LIKE '%3-甲'", False),
        ("UPDATE layer.district SET geom = ST_Translate(geom, 1e-9, 0)", False),
    ],
)
def test_a_checksum_tells_rows_and_not_their_order(stored: Store, change: str, same: bool) -> None:
    with stored.engine.connect() as connection:
        table = {"layer.district": stored_tables(connection)["layer.district"]}
        connection.exec_driver_sql("UPDATE layer.district SET remark = NULL, name = district_id")
        before = checksums(connection, table)
        connection.exec_driver_sql("CREATE TEMP TABLE kept AS SELECT * FROM layer.district")
        connection.execute(sa.text(change))
        assert (checksums(connection, table) == before) is same
        connection.rollback()


def test_a_backup_is_of_one_moment(stored: Store, empty: sa.Engine, tmp_path: Path) -> None:
    file, changed = tmp_path / "moment.dump", layer_frame("heat_project", 2, seed=9)
    before = stored.read("heat_project")

    def meanwhile(done: int, total: int, label: str) -> None:
        if (done, label) == (0, "Checksums"):
            stored.write_layer("heat_project", changed, mode="replace", **LOAD)

    try:
        told = back_up(stored.engine, file, meanwhile)
    finally:
        after = stored.read("heat_project")
        stored.write_layer("heat_project", before, mode="replace", **LOAD)
    assert len(after) == 2
    assert told.tables["layer.heat_project"].rows == PARCELS
    restore(empty, file, {})
    with open_store(at(empty.url)) as again:
        assert_geodataframe_equal(again.read("heat_project"), before)


def test_a_backup_of_an_earlier_schema_is_upgraded(
    stored: Store, empty: sa.Engine, new_database: NewDatabase, tmp_path: Path
) -> None:
    url, file = new_database("of_before"), tmp_path / "old.dump"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        migrated(connection, "0009")
        before = filled(connection, stored.engine)
    assert back_up(engine, file).schema_revision == "0009"
    engine.dispose()
    restore(empty, file, {})
    with empty.connect() as connection:
        assert differences(connection) == []
        after = rows(connection, lasting(before, "0009"))
    for name in after:
        then, now = in_common(before, after, name)
        assert now == then, name


def _cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _flip(file: Path) -> None:
    with file.open("r+b") as spoilt:
        spoilt.seek(file.stat().st_size // 2)
        bits = spoilt.read(8)
        spoilt.seek(-8, os.SEEK_CUR)
        spoilt.write(bytes(255 - b for b in bits))


def _agreed(spoil: Callable[[Path], None]) -> Callable[[Path], None]:
    """Spoil a dump and let the manifest agree with it."""

    def spoilt(file: Path) -> None:
        spoil(file)
        digest = subprocess.run(
            ["sha256sum", file], capture_output=True, text=True, check=True
        ).stdout.split()
        retold(file, sha256=digest[0], bytes=file.stat().st_size)

    return spoilt


def _another_sum(file: Path) -> None:
    tables = json.loads(manifest_of(file).read_text())["tables"]
    tables["layer.parcel"]["checksum"] = "0" * 32
    retold(file, tables=tables)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda f: f.unlink(), r"store.dump cannot be read \(No such file"),
        (lambda f: manifest_of(f).unlink(), r"store.dump.json cannot be read.*belongs beside store.dump"),
        (lambda f: manifest_of(f).write_text("{}"), "is not the manifest of a backup"),
        (lambda f: retold(f, sha256="0" * 64), "is not the dump that store.dump.json tells of"),
        (lambda f: retold(f, schema_revision="ffff", onemap="9.9"), r"OneMap 9.9 with schema revision ffff"),
        (_cut, "is cut off"),
        (_flip, "is damaged or another one"),
        (_agreed(_cut), "pg_restore failed"),
        (_agreed(_flip), "pg_restore failed"),
        (_agreed(lambda f: f.write_bytes(b"no dump at all" * 99)), "pg_restore failed: input file does not"),
        (_another_sum, "table layer.parcel out of .* is not what its manifest tells"),
    ],
)  # fmt: skip
def test_a_spoilt_backup_is_refused_and_nothing_is_kept(
    copied: Path, empty: sa.Engine, spoil: Callable[[Path], None], told: str
) -> None:
    spoil(copied)
    with pytest.raises(OneMapError, match=told) as caught:
        restore(empty, copied, {})
    assert "\n" not in str(caught.value)
    assert schemas(empty) == set()


def test_what_holds_something_is_not_restored_into(stored: Store, dump: Path, empty: sa.Engine) -> None:
    before = content(stored.engine)
    with pytest.raises(StoreError, match=r"stored .*is not empty \(\w+\.\w+ has rows\)"):
        restore(stored.engine, dump, {})
    assert content(stored.engine) == before
    with empty.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA meta; CREATE TABLE meta.theirs (a int)")
    with pytest.raises(StoreError, match=r"tables that are not of OneMap.*meta.theirs"):
        restore(empty, dump, {})
    with pytest.raises(StoreError, match="holds no store"):
        back_up(empty, dump.with_name("none.dump"))
    with pytest.raises(InputError, match="is there already"):
        back_up(stored.engine, dump)
    assert schemas(empty) == {"meta"}


def test_a_limit_on_the_size_of_files(stored: Store, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        with pytest.raises(InputError, match=r"store.dump cannot be written \(File too large\)"):
            back_up(stored.engine, tmp_path / "store.dump")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_a_password_is_on_no_command_line(
    stored: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "pg_dump"
    program.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/line; echo "$PGPASSWORD" > {tmp_path}/secret; exit 3'
    )
    program.chmod(0o755)
    monkeypatch.setattr("gis.store.backup.client_folder", lambda server, at_least: (tmp_path, 15))
    url = stored.engine.url.set(password="geheim").update_query_dict({"sslpassword": "geheim"})
    with (
        open_store(at(url), migrate=False) as store,
        pytest.raises(StoreError, match="pg_dump failed: it ended with code 3"),
    ):
        back_up(store.engine, tmp_path / "store.dump")
    assert (tmp_path / "secret").read_text() == "geheim\n"
    line = (tmp_path / "line").read_text()
    assert "dbname=stored" in line
    assert "geheim" not in line


@pytest.mark.parametrize(
    ("options", "told"), [("size=1m", "No space left on device"), ("ro", "Read-only file system")]
)
def test_a_folder_that_takes_no_backup(stored: Store, tmp_path: Path, options: str, told: str) -> None:
    with mounted_disk(tmp_path / "small", options) as folder:
        with pytest.raises(InputError, match=rf"store.dump cannot be written \({told}\): free space"):
            back_up(stored.engine, folder / "store.dump")
        assert os.listdir(folder) == []


def test_a_full_disk_of_the_database(store: Store, dump: Path, shared_dir: Path) -> None:
    owner = (shared_dir / "data" / "store").stat().st_uid
    with (
        mounted_disk(shared_dir / "tablespace", f"size=14m,uid={owner},mode=700") as folder,
        store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
    ):
        connection.exec_driver_sql(f"CREATE TABLESPACE small LOCATION '{folder}'")
        connection.exec_driver_sql("CREATE DATABASE crowded TEMPLATE template0 TABLESPACE small")
        engine = sa.create_engine(store.engine.url.set(database="crowded"))
        try:
            with pytest.raises(StoreError, match=r"the disk of the database is full \(.*; free space"):
                restore(engine, dump, {})
            assert schemas(engine) == set()
        finally:
            engine.dispose()
            connection.exec_driver_sql("DROP DATABASE crowded WITH (FORCE)")
            connection.exec_driver_sql("DROP TABLESPACE small")


def test_a_database_that_only_reads_is_backed_up_and_not_written_to(
    stored: Store, dump: Path, empty: sa.Engine, tmp_path: Path
) -> None:
    with empty.begin() as connection:
        connection.exec_driver_sql(
            f"ALTER DATABASE {empty.url.database} SET default_transaction_read_only = on"
        )
    empty.dispose()
    told = r"the database only reads \(cannot execute .* in a read-only transaction\); use the one"
    with pytest.raises(StoreError, match=told):
        restore(empty, dump, {})
    with pytest.raises(StoreError, match=told):
        open_store(at(empty.url))
    reading = stored.engine.url.update_query_dict({"options": "-c default_transaction_read_only=on"})
    with open_store(at(reading), migrate=False) as read_only:
        found = back_up(read_only.engine, tmp_path / "read.dump")
    with stored.engine.connect() as connection:
        assert found.tables == checksums(connection, stored_tables(connection))


def test_programs_that_are_missing_or_too_old(
    stored: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_folders", lambda: iter(()))
    monkeypatch.setattr(binaries.shutil, "which", lambda name: None)
    with pytest.raises(StoreError, match=r"this machine has none: install the package postgresql-client-\d"):
        back_up(stored.engine, tmp_path / "none.dump")
    assert list(tmp_path.iterdir()) == []
    for major in (15, 17, 18):
        folder = tmp_path / str(major)
        folder.mkdir()
        for name in ("pg_dump", "pg_restore"):
            (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {major}.1'\n")
            (folder / name).chmod(0o755)
    monkeypatch.setattr(binaries, "_folders", lambda: (tmp_path / str(m) for m in (15, 18, 17)))
    assert binaries.client_folder(17, 17) == (tmp_path / "17", 17)
    assert binaries.client_folder(16, 16) == (tmp_path / "18", 18)
    assert binaries.client_folder(15, 17) == (tmp_path / "18", 18)
    with pytest.raises(StoreError, match=r"PostgreSQL 19 or newer, and this machine has 15, 18, 17"):
        binaries.client_folder(19, 19)


def test_a_database_without_connections_left_and_one_that_stops(stored: Store) -> None:
    reader = READERS["open"]
    with stored.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER ROLE {reader} CONNECTION LIMIT 0")
    try:
        url = stored.engine.url.set(username=reader)
        with pytest.raises(StoreError, match=r"takes no more connections \(.*too many connections"):
            open_store(at(url))
    finally:
        with stored.engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER ROLE {reader} CONNECTION LIMIT -1")
    with (
        pytest.raises(StoreError, match=r"Asking failed: the database was stopped or is starting"),
        clear_errors("Asking failed"),
        stored.engine.connect() as connection,
    ):
        # So a stop of the server ends the sessions of all programs.
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")


def _held(url: sa.URL, *arguments: str) -> subprocess.Popen[str]:
    """Start a program that stops in the middle of its work, and wait until it is there."""
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(at(url).database_url), *arguments],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert program.stdout is not None
    assert program.stdout.readline().strip() == arguments[-1]
    return program


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_backup_that_is_stopped_leaves_nothing_under_its_name(
    stored: Store, tmp_path: Path, stop: signal.Signals
) -> None:
    file = tmp_path / "store.dump"
    program = _held(stored.engine.url, "backup", str(file), "Writing the dump")
    children = psutil.Process(program.pid).children(recursive=True)
    assert [child.name() for child in children] == ["pg_dump"]
    program.send_signal(stop)
    program.communicate(timeout=20)
    assert psutil.wait_procs(children, timeout=20)[1] == []
    left = [path.name for path in tmp_path.iterdir()]
    # Only what was killed outright leaves what it had begun, under a hidden name.
    assert [name[:12] for name in left] == ([] if stop == signal.SIGINT else [".store.dump."])


def test_a_killed_restore_leaves_an_empty_database(dump: Path, empty: sa.Engine) -> None:
    program = _held(empty.url, "restore", str(dump), "Making indexes")
    children = psutil.Process(program.pid).children(recursive=True)
    program.kill()
    program.communicate(timeout=20)
    assert psutil.wait_procs(children, timeout=20)[1] == []
    told = restore(empty, dump, {})  # waits for the turn of the one that is gone
    assert told.rows == sum(len(found) for found in content(empty).values()) - 1
