"""OneMap broken on purpose, in short: nothing is lost or half, and the same command again succeeds.

Longer: `python -m tests.faults.run` injects some hundreds of faults of all kinds.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, repeat
from pathlib import Path

import pytest
import sqlalchemy as sa

from api.ending import end_clearly
from gis.jobs import queue
from gis.store import Store, open_store
from tests.conftest import at
from tests.disks import mounted_disk
from tests.faults.bench import Bench, Outcome, disconnect, interrupt, kill
from tests.faults.cases import Case, all_cases
from tests.faults.city import City, made_city
from tests.faults.programs import Program
from tests.faults.state import faults, quiet, state_of
from tests.faults.together import LOADED, Together, set_ahead, versions_in_order

SEED = 20261122
KILLS = {"import replace": 4, "score part": 3, "migrate": 3}


@pytest.fixture(scope="module")
def city(store: Store, shared_dir: Path) -> Iterator[City]:
    """A small city in the cluster of the session."""
    made = made_city(store.engine.url.set(database="postgres"), shared_dir / "faults")
    yield made
    for name in (made.scored, made.moved, made.old):
        made.drop(name)


@pytest.fixture(scope="module")
def bench(city: City, shared_dir: Path) -> Bench:
    return Bench(city, shared_dir / "faults_bench", SEED)


@pytest.fixture(scope="module")
def cases(city: City) -> dict[str, Case]:
    return {case.name: case for case in all_cases(city)}


@pytest.fixture
def copied(city: City) -> Iterator[sa.URL]:
    """The scored city, to be damaged."""
    yield city.copy(city.scored, "faults_copied")
    city.drop("faults_copied")


def right(outcomes: list[Outcome]) -> list[Outcome]:
    """Make sure that nothing was wrong with any."""
    wrong = [(one.kind, one.case, one.wrong) for one in outcomes if one.wrong or one.lost]
    assert wrong == []
    return outcomes


def test_what_is_killed_leaves_the_old_state_or_the_new_one(bench: Bench, cases: dict[str, Case]):
    named = chain.from_iterable(repeat(name, count) for name, count in KILLS.items())
    found = right([bench.cycle("kill -9", cases[name], kill) for name in named])
    assert sum(one.hit for one in found) >= 3
    assert {one.side for one in found} <= {"old", "new"}


def test_what_is_interrupted_or_cut_off_ends_in_a_sentence(bench: Bench, cases: dict[str, Case]):
    right([bench.cycle("Ctrl-C", cases["export vct"], interrupt)])
    right([bench.cycle("connections dropped", cases["import replace"], disconnect)])


def test_two_imports_into_one_layer_come_one_after_the_other(bench: Bench, cases: dict[str, Case]):
    together = Together(bench, list(cases.values()))
    right([together.pair("two imports", "import replace", "import upsert parcels")])


def test_a_clock_that_was_set_back_turns_no_version_around(copied: sa.URL):
    set_ahead(copied, 400)
    with open_store(at(copied)) as store:
        last = max(version.loaded_at for version in store.layer_versions().values())
        assert versions_in_order(store, 4) == []
        loaded = [store.layer_versions()[layer] for layer in LOADED]
    assert last > datetime.now(UTC)
    assert [version.version for version in loaded] == [5, 5, 5]
    assert all(version.loaded_at > last for version in loaded)


def test_a_worker_that_died_before_the_clock_was_set_back_is_found(
    copied: sa.URL, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(queue, "STALLED_S", 0.2)
    with open_store(at(copied)) as store:
        with store.engine.begin() as connection:
            connection.exec_driver_sql(queue.SEARCH_PATH)
            later = "now() + interval '1 day'"
            add = f"INSERT INTO procrastinate_workers (last_heartbeat) VALUES ({later}) RETURNING id"
            worker = connection.scalar(sa.text(add))
            values = {"id": worker, "queue": queue.QUEUE, "task": queue.TASK}
            add = (
                "INSERT INTO procrastinate_jobs (queue_name, task_name, status, worker_id, attempts) "
                "VALUES (:queue, :task, 'doing', :id, 1) RETURNING id"
            )
            entry = connection.scalar(sa.text(add), values)
        found: list[int] = []
        limit_s = time.monotonic() + 5.0
        while not found and time.monotonic() < limit_s:
            with store.engine.begin() as connection:
                found = queue.stalled(connection)
    assert found == [entry]


def test_the_server_ends_what_a_killed_program_was_doing(
    bench: Bench, cases: dict[str, Case], copied: sa.URL
):
    with sa.create_engine(copied, poolclass=sa.NullPool).connect() as mine:
        sleeps = "'BEGIN PERFORM pg_sleep(60); RETURN NEW; END'"
        mine.exec_driver_sql(f"CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS {sleeps}")
        mine.exec_driver_sql(
            "CREATE TRIGGER slow BEFORE INSERT ON layer.parcel FOR EACH ROW EXECUTE FUNCTION slow()"
        )
        mine.commit()
        bench.work.mkdir(parents=True, exist_ok=True)
        program = bench.start(cases["import replace"], copied)
        asleep = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        limit_s = time.monotonic() + 60.0
        while not mine.scalar(asleep):
            mine.rollback()
            assert program.running()
            assert time.monotonic() < limit_s
        program.signal(signal.SIGKILL)
        program.ended()
        mine.rollback()
        assert quiet(mine) < 5.0


@pytest.mark.parametrize("name", ["export gpkg", "match files"])
def test_a_full_disk_ends_in_a_sentence_and_leaves_nothing(
    bench: Bench, cases: dict[str, Case], tmp_path: Path, name: str
):
    case, small = cases[name], tmp_path / "disk"
    url = bench.begin(case)
    settings = {"ONEMAP_DATABASE_URL": str(at(url).database_url), "ONEMAP_DATA_DIR": str(tmp_path / "data")}
    with mounted_disk(small, "size=1m,mode=755"):
        (small / "filled").write_bytes(bytes(2**20 - 40_000))
        ended = Program(case.arguments, settings, small, tmp_path / "said").ended()
        assert (ended.code, ended.sentence) == (1, True), ended.said
        assert {path.name for path in small.iterdir()} == {"filled"}


DAMAGE: dict[str, str] = {
    "parcels without tile, or tiles without parcel": "DELETE FROM result.parcel_tile WHERE parcel_id = "
    "(SELECT min(parcel_id) FROM layer.parcel)",
    "versions with gaps": "UPDATE meta.layer_version SET version = 3 WHERE layer = 'district'",
    "district has 15 features, not 16": "DELETE FROM layer.district WHERE district_id = "
    "(SELECT min(district_id) FROM layer.district)",
    "run of 300 parcels, 299 results, 300 kept": "DELETE FROM result.parcel_row WHERE parcel_id = "
    "(SELECT min(parcel_id) FROM layer.parcel)",
    "rights of onemap_open to layer.heat_network": "REVOKE ALL ON layer.heat_network FROM onemap_open",
}


def test_what_is_damaged_is_noticed(city: City, copied: sa.URL):
    whole = state_of(copied)
    assert faults(copied, whole) == []
    assert whole.side(whole, whole) == "new"
    engine = sa.create_engine(copied, poolclass=sa.NullPool)
    for what, command in DAMAGE.items():
        with engine.begin() as connection:
            connection.exec_driver_sql(command)
        assert what in faults(copied, whole), what
    damaged = state_of(copied)
    assert damaged.side(whole, whole) == "neither old nor new: layers, results"
    assert damaged.lost(whole, whole) == 3


def test_ctrl_c_in_a_compiled_loop_is_ctrl_c(capsys: pytest.CaptureFixture[str]):
    def meets() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as stop:
            raise SystemError("a loop returned a result with an exception set") from stop

    with pytest.raises(SystemExit) as ended:
        end_clearly(meets)
    assert ended.value.code == 130
    assert capsys.readouterr().err == ""
