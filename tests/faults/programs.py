"""Programs that are broken on purpose: `onemap` in a process group of its own, killed or stopped in its work.

Most are forked from a process that has imported the program already: of their time, nearly all is work.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.process import BaseProcess
from pathlib import Path

from api.ending import STOPS

LIMIT_S = 120.0

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.faults.imported"])


def warm() -> None:
    """Import the program that all others are forked from, before anything is timed."""
    first = _FORKS.Process(target=os.getpid)
    first.start()
    first.join()


@dataclass(frozen=True)
class Ended:
    """How a program ended: exit code (below 0: the signal that ended it), what it said, how long it ran."""

    code: int
    said: str
    took_s: float
    left: tuple[int, ...]
    """Processes of its group that are still there."""

    @property
    def sentence(self) -> bool:
        """Whether it ended with one clear sentence."""
        lines = [line for line in self.said.splitlines() if line.startswith("error: ")]
        return (
            len(lines) == 1 and not lines[0].startswith("error: unexpected ") and "Traceback" not in self.said
        )


class Program:
    """A running `onemap COMMAND ...` with some settings, in a folder."""

    def __init__(self, arguments: Sequence[str], settings: dict[str, str], folder: Path, out: Path) -> None:
        self._out = out
        out.unlink(missing_ok=True)
        self._began_s = time.monotonic()
        work = (list(arguments), settings, str(folder), str(out))
        self._process: BaseProcess = _FORKS.Process(target=_run, args=work)
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def signal(self, number: int) -> None:
        """Send a signal to the group of the program; nothing happens where it has ended."""
        while self._process.is_alive():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)
                return
            time.sleep(0.001)  # not yet a group of its own

    def wait(self, until_s: float) -> None:
        """Wait until it has run so long, or ended."""
        self._process.join(max(0.0, self._began_s + until_s - time.monotonic()))

    def running(self) -> bool:
        """Return whether it has not ended."""
        return self._process.is_alive()

    def ended(self) -> Ended:
        """Wait for its end, and tell."""
        self._process.join(LIMIT_S)
        took_s = time.monotonic() - self._began_s
        if self._process.exitcode is None:
            self.signal(signal.SIGKILL)
            self._process.join()
            raise AssertionError(f"onemap does not end: {self._out.read_text(errors='replace')}")
        said = self._out.read_text(encoding="utf-8", errors="replace") if self._out.exists() else ""
        return Ended(self._process.exitcode, said, took_s, tuple(_of_group(self.pid)))


def broken(program: Program, after_s: float, breaks: Callable[[Program], None]) -> tuple[Ended, bool]:
    """Break a program some time after its start; return how it ended, and whether it was still at work."""
    program.wait(after_s)
    hit = program.running()
    breaks(program)
    return program.ended(), hit


def _of_group(group: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                state, _, of = entry.joinpath("stat").read_text().rpartition(")")[2].split()[:3]
                if int(of) == group and state != "Z":
                    found.append(int(entry.name))
    return found


def _run(arguments: list[str], settings: dict[str, str], folder: str, out: str) -> None:
    # What comes before the program takes signals waits for it.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [name for name in os.environ if name.startswith("ONEMAP_")]:
        del os.environ[name]
    os.environ.update(settings)
    os.chdir(folder)
    said = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(said, 1)
    os.dup2(said, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    sys.argv = ["onemap", *arguments]
    import_module("api.cli").main()
