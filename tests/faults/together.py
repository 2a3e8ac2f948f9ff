"""Two programs at once, and clocks that are set back: what comes of it is what some order gives."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Sequence
from dataclasses import replace

import pyogrio
import sqlalchemy as sa

from gis.export.model import MANIFEST
from gis.store import Store, open_store
from tests.conftest import at
from tests.faults.bench import Bench, Outcome
from tests.faults.cases import OUT, Case
from tests.faults.programs import Ended
from tests.faults.state import State, faults
from tests.store.frames import LOAD

_VERSIONS = "SELECT loaded_at FROM meta.layer_version UNION ALL SELECT finished_at FROM meta.run ORDER BY 1"
LOADED = ("data_centre", "heat_network", "green_space")
"""Layers that are loaded at once."""
PAIRS = (
    ("two imports into one layer", "import replace", "import upsert parcels"),
    ("two imports into two layers", "import replace", "import upsert"),
    ("import during scoring", "score all", "import upsert"),
    ("import during a part's scoring", "score part", "import replace"),
    ("two scorings", "score all", "score all"),
    ("import during match", "match", "import upsert parcels"),
    ("two matches", "match", "match"),
    ("import during export", "export gpkg", "import replace"),
    ("two upgrades", "migrate", "migrate"),
)
"""What is done at once, by the names of the cases; it begins where the first does."""


class Together:
    """Starts two programs at once, and holds what is left against the same done one after the other."""

    def __init__(self, bench: Bench, cases: Sequence[Case]) -> None:
        self._bench = bench
        self._cases = {case.name: case for case in cases}
        self._known: dict[tuple[str, ...], State] = {}

    def pair(self, name: str, *pair: str) -> Outcome:
        """Start two commands, the second at some moment of the first; return what came of it."""
        bench, (one, other) = self._bench, (self._cases[case] for case in pair)
        old = bench.undisturbed(one).old
        url = bench.begin(one)
        first = bench.start(one, url)
        first.wait(bench.random.uniform(0.0, bench.took_s(one) * 0.7))
        hit = first.running()
        other = replace(other, writes=None)
        second = bench.start(other, url, "second")
        ended = [first.ended(), second.ended()]
        outcome = Outcome("two at once", name, hit)
        done = [case for case, end in zip(pair, ended, strict=True) if end.code == 0]
        outcome.wrong += [f"{end.code}: {end.said[-600:]}" for end in ended if end.code and not _waits(end)]
        found = bench.state(self._cases[done[0]], url) if done else bench.state(one, url)
        orders = list(itertools.permutations(done))
        if not any(self._same(found, self._after(one.begins, order)) for order in orders):
            outcome.wrong.append(f"as after no order of {done}: {found.units}")
        outcome.wrong += faults(url, old) + (self._one_moment(one) if one.kind == "export" else [])
        outcome.side = "new"
        outcome.rerun = self._refused_again(one.begins, pair, ended, url)
        outcome.wrong += [outcome.rerun] * (outcome.rerun not in ("", "as undisturbed"))
        return outcome

    def _refused_again(self, begins: str, pair: Sequence[str], ended: Sequence[Ended], url: sa.URL) -> str:
        """Do what was refused once more: then both are done."""
        refused = [case for case, end in zip(pair, ended, strict=True) if end.code]
        if not refused:
            return ""
        again = self._bench.start(self._cases[refused[0]], url).ended()
        order = [case for case in pair if case not in refused or pair[0] == pair[1]]
        wanted = (*order[:1], refused[0])
        if again.code == 0 and self._same(
            self._bench.state(self._cases[refused[0]], url), self._after(begins, wanted)
        ):
            return "as undisturbed"
        return f"rerun ends with {again.code}: {again.said[-300:]}"

    @staticmethod
    def _same(found: State, wanted: State) -> bool:
        return all(found.units[unit] == wanted.units[unit] for unit in wanted.units if unit != "files")

    def _after(self, begins: str, order: tuple[str, ...]) -> State:
        """Return the state after some commands one after the other."""
        key = (begins, *order)
        if key not in self._known:
            alone = self._bench.alone()
            url = alone.begin(replace(self._cases[order[0]], begins=begins))
            for name in order:
                ended = alone.start(self._cases[name], url).ended()
                assert ended.code == 0, f"{name}: {ended.said}"
            self._known[key] = alone.state(self._cases[order[-1]], url)
        return self._known[key]

    def _one_moment(self, case: Case) -> list[str]:
        """Hold the rows of a package against the version that it names."""
        package = self._bench.work / OUT
        told = json.loads((package / MANIFEST).read_text(encoding="utf-8"))["tables"][0]
        origin, part = told["origins"][0], told["parts"][0]
        rows = pyogrio.read_info(package / part["file"], layer=part["layer"])["features"]
        counts = {rows, part["feature_count"], origin["feature_count"]}
        return [] if len(counts) == 1 else [f"a package of two moments: {counts}"]


def _waits(ended: Ended) -> bool:
    return ended.code == 1 and ended.sentence and "try again when it has finished" in ended.said


def set_ahead(url: sa.URL, days: int) -> None:
    """Let all versions be of later: so they look to a clock that was set back since."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for table, column in (
            ("layer_version", "loaded_at"),
            ("run", "finished_at"),
            ("match", "finished_at"),
        ):
            later = f"UPDATE meta.{table} SET {column} = {column} + interval '{days} days'"
            connection.exec_driver_sql(later)


def versions_in_order(store: Store, rounds: int) -> list[str]:
    """Load three layers at once again and again while somebody looks; return what was seen out of order.

    Whoever looks sees the versions up to some time, all of them: in the order of their times they came.
    """
    seen: list[list[object]] = []
    ended = threading.Event()
    wrong: list[str] = []

    def look() -> None:
        while not ended.is_set():
            with store.engine.connect() as connection:
                seen.append([row[0] for row in connection.exec_driver_sql(_VERSIONS)])

    def load(layer: str) -> None:
        frame = store.read(layer).iloc[:3]
        for number in range(rounds):
            moved = frame.set_geometry(frame.translate(float(number + 1), 0.0))
            store.write_layer(layer, moved, mode="upsert", **LOAD)

    loading = [threading.Thread(target=load, args=(layer,)) for layer in LOADED]
    looking = threading.Thread(target=look)
    for thread in (looking, *loading):
        thread.start()
    for thread in loading:
        thread.join()
    ended.set()
    looking.join()
    with store.engine.connect() as connection:
        final = [row[0] for row in connection.exec_driver_sql(_VERSIONS)]
    if len(set(final)) != len(final):
        wrong.append("two versions have one time")
    wrong += ["a version came after a later one" for times in seen if times != final[: len(times)]][:1]
    return wrong if len({len(times) for times in seen}) > rounds else [*wrong, "nobody looked in between"]


def clock_set_back(bench: Bench, case: Case) -> Outcome:
    """Set the clock back before a command, and look whether its version is later than all before."""
    known = bench.undisturbed(case)
    url = bench.begin(case)
    set_ahead(url, 400)
    with open_store(at(url), migrate=False) as store, store.engine.connect() as connection:
        before = [row[0] for row in connection.exec_driver_sql(_VERSIONS)]
    outcome = Outcome("clock set back", case.name, True)
    bench.judge(outcome, case, url, known, bench.start(case, url).ended())
    with open_store(at(url), migrate=False) as store, store.engine.connect() as connection:
        after = [row[0] for row in connection.exec_driver_sql(_VERSIONS)]
    if after[: len(before)] != before or len(after) <= len(before):
        outcome.wrong.append("versions are not in the order in which they came")
    return outcome
