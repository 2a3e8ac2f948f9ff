"""The processes behind `onemap serve`: forked from one warm program, and again at once when one dies.

The supervisor has imported all that its children run, and has no thread and no
connection: a child is there in a moment and shares the memory of the code.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import connection, parent_process
from multiprocessing.context import ForkProcess
from socket import socket
from threading import Thread
from typing import Any

from api.ending import STOPS, end_clearly

log = logging.getLogger("onemap.serve")

_FORK = multiprocessing.get_context("fork")
_APART_S = 1.0
"""A part that dies again and again is started once in this time."""
_MARGIN_S = 3.0
"""What a child has beyond the time for running requests before it is killed."""


@dataclass(frozen=True)
class Part:
    """One process: its name, the function that it runs until SIGTERM, and sockets that are not its own.

    It is started `wait_s` after the others: what they do first is more urgent.
    """

    name: str
    work: Callable[..., object]
    arguments: tuple[Any, ...] = ()
    foreign: tuple[socket, ...] = ()
    wait_s: float = 0.0

    def start(self) -> ForkProcess:
        """Return the part's process, started."""
        child = _FORK.Process(target=_child, args=(self,), name=f"onemap {self.name}")
        # A signal between the fork and the child's own handling would find half a process.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        try:
            child.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
        return child


def command(*arguments: str) -> None:
    """Run a command of `onemap` as the work of a part."""
    from api.cli import app

    # What it says of itself and of its errors names this command.
    sys.argv[1:] = arguments
    app(arguments, prog_name="onemap")


def when_orphaned(stop: Callable[[], object]) -> None:
    """Call `stop` in this child once its supervisor is gone, killed or not."""
    supervisor = parent_process()

    def watch() -> None:
        if supervisor is not None:
            supervisor.join()
            stop()

    Thread(target=watch, daemon=True).start()


def _child(part: Part) -> None:
    # Ctrl-C at the terminal is for the supervisor, which passes it on.
    os.setsid()
    for one in part.foreign:
        one.close()
    when_orphaned(partial(os.kill, os.getpid(), signal.SIGTERM))
    end_clearly(partial(part.work, *part.arguments))


@contextmanager
def running(part: Part, stop_timeout_s: float) -> Iterator[None]:
    """Run a part beside the block, and to its end; exit as it did unless it did well."""
    child = part.start()
    try:
        yield
        child.join()
    finally:
        _stop([child], stop_timeout_s)
    if child.exitcode:
        # It has said why on stderr, unless a signal ended it.
        if child.exitcode < 0:
            log.error("the %s was ended by %s", part.name, _ending(child.exitcode))
        sys.exit(child.exitcode if child.exitcode > 0 else 1)


class Supervisor:
    """Keeps one process per part running until SIGINT or SIGTERM, then stops them all.

    `listener` is the socket that they serve, closed first at a stop: a connection to it
    would wait for nobody. `on_end` is called with the id of every process that ended before.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        listener: socket,
        stop_timeout_s: float,
        on_end: Callable[[int], object],
    ) -> None:
        self._parts = parts
        self._listener = listener
        self._stop_timeout_s = stop_timeout_s
        self._on_end = on_end
        self._children: dict[int, ForkProcess] = {}
        self._due_s = [time.monotonic() + part.wait_s for part in parts]

    def run(self) -> None:
        """Return never: KeyboardInterrupt ends it, after the last child."""
        try:
            while True:
                self._start_missing()
                waiting = [due for i, due in enumerate(self._due_s) if i not in self._children]
                timeout_s = max(0.0, min(waiting) - time.monotonic()) if waiting else None
                connection.wait([child.sentinel for child in self._children.values()], timeout_s)
                self._bury()
        finally:
            self._listener.close()
            _stop(list(self._children.values()), self._stop_timeout_s)

    def _start_missing(self) -> None:
        for i, part in enumerate(self._parts):
            if i not in self._children and self._due_s[i] <= time.monotonic():
                self._due_s[i] = time.monotonic() + _APART_S
                self._children[i] = part.start()

    def _bury(self) -> None:
        for i, child in list(self._children.items()):
            if not child.is_alive():
                log.warning("process %s of %s ended (%s); another one is started", child.pid,
                            self._parts[i].name, _ending(child.exitcode or 0))  # fmt: skip
                del self._children[i]
                self._on_end(child.pid or 0)


def _ending(exitcode: int) -> str:
    return signal.Signals(-exitcode).name if exitcode < 0 else f"exit code {exitcode}"


def _stop(children: Sequence[ForkProcess], timeout_s: float) -> None:
    """Stop children in an orderly way, and kill what is left after the time, or at a second Ctrl-C."""
    limit = time.monotonic() + timeout_s + _MARGIN_S
    try:
        for child in children:
            child.terminate()
        for child in children:
            child.join(max(0.0, limit - time.monotonic()))
    finally:
        for child in children:
            child.kill()
            child.join()
