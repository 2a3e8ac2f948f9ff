"""Data folders with a server of their own: what is killed, stopped or filled with it is nobody else's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa

from gis.store import Cluster
from tests.disks import mounted_disk
from tests.faults.bench import Bench, Fault, Outcome, ending, of_today
from tests.faults.cases import Case
from tests.faults.city import City
from tests.faults.programs import Ended, Program, broken
from tests.faults.state import State, faults

DISK_MB = 900


class Homes:
    """Makes data folders, each with the city in an embedded server that is down.

    `data` is a data folder with the databases of the city, whose server is down.
    """

    def __init__(self, city: City, data: Path, folder: Path, seed: int) -> None:
        self._city, self._folder = city, folder
        self._bench = Bench(city, folder / "cycle", seed)
        self._known: dict[str, tuple[State, State, float]] = {}
        folder.mkdir()
        self._all = _copied(data, folder / "all")

    @property
    def home(self) -> Path:
        """The data folder of a cycle."""
        return self._bench.folder / "data"

    def _template(self, begins: str) -> Path:
        """Return the folder that those of cycles are copies of, with one database."""
        home = self._folder / begins
        if not home.exists():
            _copied(self._all, home)
            with _running(home) as url:
                there = City(url.set(database="postgres"), self._city.files)
                for name in {"onemap", there.scored, there.moved, there.old} - {begins}:
                    there.drop(name)
                there.execute(f"ALTER DATABASE {begins} RENAME TO onemap")
        return home

    def begin(self, case: Case) -> None:
        """Make the data folder of a cycle, and the empty folder that its command works in."""
        for folder in (self.home, self._bench.work):
            shutil.rmtree(folder, ignore_errors=True)
        self._bench.work.mkdir(parents=True)
        _copied(self._template(case.begins), self.home)

    def start(self, case: Case) -> Program:
        """Start the command of a case on the data folder."""
        settings = {"ONEMAP_DATA_DIR": str(self.home)}
        return Program(case.arguments, settings, self._bench.work, self._folder / "said")

    def undisturbed(self, case: Case) -> tuple[State, State, float]:
        """Return old state, new state and duration of a command on a data folder."""
        key = of_today(case)
        if key not in self._known:
            self.begin(case)
            old = self._state(case)
            ended = self.start(case).ended()
            assert ended.code == 0, ended.said
            self._known[key] = old, self._state(case), ended.took_s
        return self._known[key]

    def _state(self, case: Case) -> State:
        with _running(self.home) as url:
            return self._bench.state(case, url)

    def cycle(self, kind: str, case: Case, fault: Fault) -> Outcome:
        """Break a command, or its server, at a random moment, and look at what is left."""
        took_s = self.undisturbed(case)[2]
        self.begin(case)
        after_s = self._bench.random.uniform(0.0, took_s)
        ended, hit = broken(self.start(case), after_s, lambda program: fault(program, self._city.server))
        outcome = Outcome(kind, f"{case.name}, own server", hit)
        if kind == "Ctrl-C":
            outcome.wrong += self._servers() + self._bench.strays(case)
        self._judge(outcome, case, ended)
        return outcome

    def kill_server(self, program: Program, url: sa.URL) -> None:
        """Kill the server of the data folder, if it runs."""
        pid = Cluster(self.home).status().pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def full(self, case: Case, free_kb: int) -> Outcome:
        """Run a command where the disk is full soon, for data and for what it writes; then make room."""
        self.undisturbed(case)
        disk = self._bench.folder
        shutil.rmtree(disk)
        with mounted_disk(disk, f"size={DISK_MB}m,mode=755"):
            self.begin(case)
            filled = _filled(disk, free_kb)
            ended = self.start(case).ended()
            outcome = Outcome("full disk", f"{case.name}, {free_kb:,} kB free", ended.code != 0)
            outcome.wrong += self._servers() + self._bench.strays(case)
            filled.unlink()
            self._judge(outcome, case, ended)
        return outcome

    def _servers(self) -> list[str]:
        status = Cluster(self.home).status()
        return [f"the server {status.pid} is left"] if status.running else []

    def _judge(self, outcome: Outcome, case: Case, ended: Ended) -> None:
        """Hold what is left against what was before and what is to be, and run the command again."""
        old, new, _ = self._known[of_today(case)]
        outcome.wrong += ending(outcome.kind, ended)
        with _running(self.home) as url:
            found = self._bench.state(case, url)
            outcome.side, outcome.lost = found.side(old, new), found.lost(old, new)
            outcome.wrong += faults(url, old) + [outcome.side] * (outcome.side not in ("old", "new"))
        if outcome.side == "old":
            again = self.start(case).ended()
            same = again.code == 0 and self._state(case).units == new.units
            outcome.rerun = "as undisturbed" if same else f"rerun ends with {again.code}: {again.said[-300:]}"
            outcome.wrong += [outcome.rerun] * (not same)


def _filled(disk: Path, free_kb: int) -> Path:
    """Fill a disk but for some space, and return the file that does."""
    room, path = os.statvfs(disk), disk / "filled"
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - free_kb * 1024)
    return path


@contextmanager
def _running(home: Path) -> Iterator[sa.URL]:
    cluster = Cluster(home)
    cluster.join()
    try:
        yield cluster.url()
    finally:
        cluster.leave()


def _copied(source: Path, target: Path) -> Path:
    with suppress(FileNotFoundError):
        shutil.rmtree(target)
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
    return target
