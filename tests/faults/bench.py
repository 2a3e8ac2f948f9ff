"""One cycle: a copy of a store, a program that is broken in its work, and what is left of both."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from random import Random

import sqlalchemy as sa

from gis.export.model import MANIFEST
from tests.conftest import at
from tests.faults.cases import OUT, Case
from tests.faults.city import City
from tests.faults.programs import Ended, Program, broken, warm
from tests.faults.state import State, faults, quiet, state_of

RESUMED = f".{OUT}.unfinished"
"""What `onemap score` of files keeps on purpose: it goes on there."""


@dataclass(frozen=True)
class Undisturbed:
    """The state before a command and after it, when nothing happens to it."""

    old: State
    new: State


@dataclass
class Outcome:
    """What came of one fault; `wrong` tells all that must not be."""

    kind: str
    case: str
    hit: bool
    side: str = ""
    lost: int = 0
    rerun: str = ""
    wrong: list[str] = field(default_factory=list)
    quiet_s: float = 0.0


Fault = Callable[[Program, sa.URL], None]


def kill(program: Program, url: sa.URL) -> None:
    """Kill a program and all its processes."""
    program.signal(signal.SIGKILL)


def interrupt(program: Program, url: sa.URL) -> None:
    """Press Ctrl-C."""
    program.signal(signal.SIGINT)


def disconnect(program: Program, url: sa.URL) -> None:
    """End the sessions of a program."""
    engine = sa.create_engine(url.set(database="postgres"), poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(
            sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
            {"name": url.database},
        )


def of_today(case: Case) -> str:
    """Return what a command gives today is known by: the rules are those of the day."""
    return f"{case.name} {date.today()}"


class Bench:
    """Breaks programs on copies of the databases of a city; they work in the folder `work`."""

    def __init__(self, city: City, folder: Path, seed: int, name: str = "faults_cycle") -> None:
        self.city, self.folder, self.random, self.name = city, folder, Random(seed), name
        self.work = folder / "work"
        warm()
        self._known: dict[str, Undisturbed] = {}
        self._took_s: dict[str, float] = {}
        self._done_twice: dict[str, tuple[State, int]] = {}

    def begin(self, case: Case) -> sa.URL:
        """Make the store and the empty folder of a cycle."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        return self.city.copy(case.begins, self.name)

    def start(self, case: Case, url: sa.URL, name: str = "said") -> Program:
        """Start the command of a case; what it says comes into a file of that name."""
        settings = {
            "ONEMAP_DATABASE_URL": str(at(url).database_url), "ONEMAP_DATA_DIR": str(self.folder / "data"),
        }  # fmt: skip
        return Program(case.arguments, settings, self.work, self.folder / name)

    def state(self, case: Case, url: sa.URL) -> State:
        """Return what is in the store, and what the command has written."""
        found = state_of(url)
        if case.writes is None:
            return found
        files = {"files": self._written(case)}
        return (
            State(files, found.layers, {}) if case.only_files else replace(found, units=found.units | files)
        )

    def _written(self, case: Case) -> str:
        target = self.work / str(case.writes)
        files = (
            sorted(p for p in target.rglob("*") if p.is_file())
            if target.is_dir()
            else [target] * target.exists()
        )
        told = [f"{p.relative_to(self.work)} {_told(p)}" for p in files]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12] if told else ""

    def alone(self) -> Bench:
        """Return a bench beside this one, for what is done while a cycle is under way."""
        return Bench(self.city, self.folder / "alone", 0, f"{self.name}_alone")

    def undisturbed(self, case: Case) -> Undisturbed:
        """Return what a case does when nothing happens."""
        key = of_today(case)
        if key not in self._known:
            url = self.begin(case)
            old = self.state(case, url)
            first = self.start(case, url).ended()
            assert first.code == 0, f"{case.name}: {first.said}"
            new = self.state(case, url)
            assert new.units != old.units, f"{case.name} changes nothing"
            assert faults(url, old) == [], case.name
            self._known[key] = Undisturbed(old, new)
            self._took_s[case.name] = first.took_s
        return self._known[key]

    def took_s(self, case: Case) -> float:
        """Return how long a command took when it was last left alone: machines are busy now and then."""
        return self._took_s[case.name]

    def _twice(self, case: Case) -> tuple[State, int]:
        """Return the state after a command that was done twice, and the second exit code."""
        key = of_today(case)
        if key not in self._done_twice:
            alone = self.alone()
            url = alone.begin(case)
            ended = [alone.start(case, url).ended() for _ in range(2)]
            self._done_twice[key] = alone.state(case, url), ended[1].code
        return self._done_twice[key]

    def cycle(self, kind: str, case: Case, fault: Fault) -> Outcome:
        """Break a command at a random moment, and look at what is left."""
        known = self.undisturbed(case)
        url = self.begin(case)
        # Some after the end: what is told to be done has to be there.
        after_s = self.random.uniform(0.0, self.took_s(case) * 1.05)
        ended, hit = broken(self.start(case, url), after_s, lambda program: fault(program, url))
        outcome = Outcome(kind, case.name, hit)
        self.judge(outcome, case, url, known, ended)
        return outcome

    def judge(self, outcome: Outcome, case: Case, url: sa.URL, known: Undisturbed, ended: Ended) -> None:
        """Hold what a program left against what was before and what is to be after, and run it again."""
        outcome.wrong += ending(outcome.kind, ended)
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            outcome.quiet_s = quiet(connection)
        found = self.state(case, url)
        outcome.side = found.side(known.old, known.new)
        outcome.lost = found.lost(known.old, known.new)
        if outcome.side not in ("old", "new"):
            outcome.wrong.append(outcome.side)
        elif ended.code == 0 and outcome.side == "old":
            outcome.wrong.append("told as done, and is not")
        outcome.wrong += faults(url, known.old)
        if outcome.kind != "kill -9":
            outcome.wrong += self.strays(case)
        self._again(outcome, case, url, known)

    def strays(self, case: Case) -> list[str]:
        """Return what is left in the folder of a cycle that is not what the command writes."""
        kept = {case.writes, RESUMED if case.name == "score files" else None}
        return [f"{path.name} is left" for path in self.work.iterdir() if path.name not in kept]

    def _again(self, outcome: Outcome, case: Case, url: sa.URL, known: Undisturbed) -> None:
        ended = self.start(case, url).ended()
        found = self.state(case, url)
        if ended.code == 0:
            self._took_s[case.name] = ended.took_s
        wanted, code = (known.new, 0) if outcome.side == "old" else self._twice(case)
        if (found.units, ended.code) == (wanted.units, code) and (code == 0 or ended.sentence):
            outcome.rerun = "as undisturbed"
        else:
            parts = [name for name in found.units if found.units[name] != wanted.units.get(name)]
            outcome.rerun = f"rerun ends with {ended.code}, other: {parts}: {ended.said[-300:]}"
            outcome.wrong.append(outcome.rerun)


def ending(kind: str, ended: Ended) -> list[str]:
    """Return what is wrong with the end of a program that was broken in a way."""
    limit_s = time.monotonic() + 3.0
    left = set(ended.left)
    while left and time.monotonic() < limit_s:
        left = {pid for pid in left if Path(f"/proc/{pid}").exists()}
        time.sleep(0.01)
    wrong = [f"{len(left)} processes are left"] if left else []
    fine = {
        "kill -9": ended.code in (0, -signal.SIGKILL),
        "Ctrl-C": ended.code in (0, 130) or (ended.code == 1 and ended.sentence),
    }.get(kind, ended.code == 0 or (ended.code == 1 and ended.sentence))
    return wrong if fine else [*wrong, f"ends with {ended.code}: {ended.said[-600:]}"]


def _told(path: Path) -> str:
    """Return the content of a file; of forms that hold times, whether it is as its manifest says."""
    if path.suffix in (".parquet", ".tif", ".csv"):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    if path.name == MANIFEST:
        told = json.loads(path.read_text(encoding="utf-8"))["files"]
        there = [hashlib.sha256((path.parent / one["path"]).read_bytes()).hexdigest() for one in told]
        return "whole" if there == [one["sha256"] for one in told] else "other files than it says"
    return "filled" if path.stat().st_size else "empty"
