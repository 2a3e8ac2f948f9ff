"""How a program ends: every error is one sentence on stderr and an exit code."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from gis.errors import OneMapError, UsageError

STOPS = (signal.SIGINT, signal.SIGTERM)
"""Signals that end a program in an orderly way."""

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


def stop(_signal: int, _frame: FrameType | None) -> None:
    """Take a signal like Ctrl-C."""
    raise KeyboardInterrupt


def end_clearly(work: Callable[[], object]) -> None:
    """Do `work`; exit with 1 after a clear error, 2 after wrong usage, 130 after Ctrl-C or SIGTERM."""
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
        work()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except UsageError as error:
        _say(error)
        sys.exit(2)
    except OneMapError as error:
        _say(error)
        sys.exit(1)
    except BrokenPipeError:
        # The reader went away; nothing more can be said on stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if _of_ctrl_c(error):
            sys.exit(INTERRUPTED)
        if "--debug" in sys.argv:
            raise
        _say(f"unexpected {type(error).__name__}: {error}; `onemap --debug COMMAND ...` shows where it arose")
        sys.exit(1)


def interrupted() -> NoReturn:
    """End the whole program after Ctrl-C without taking the interpreter apart.

    Threads may still be in compiled loops, which do not hear of Ctrl-C, and would meet freed memory.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(INTERRUPTED)


def _of_ctrl_c(error: BaseException | None) -> bool:
    """Return whether an error came of Ctrl-C, as a compiled loop that it meets ends with one of its own."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _say(message: object) -> None:
    print(f"error: {' '.join(str(message).split())}", file=sys.stderr)
