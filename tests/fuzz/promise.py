"""The promise that every reader keeps: an answer or one clear sentence, and soon."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gis.errors import InputError, OneMapError, RuleError, UsageError

LONGEST_S = 20.0
"""Far beyond what a small input may take, and far below what a stuck reader would."""
MOST_MEMORY_KIB = 1 << 20
_MOST_CHARACTERS = 1_500


@contextmanager
def kept() -> Iterator[list[OneMapError]]:
    """Let what happens inside end well or in a clear sentence, which is in the list that is given."""
    refused: list[OneMapError] = []
    start, peak_kib = time.monotonic(), _peak_kib()
    try:
        yield refused
    except (InputError, UsageError, RuleError) as error:
        check_sentence(str(error))
        refused.append(error)
    took_s = time.monotonic() - start
    assert took_s < LONGEST_S, f"it took {took_s:.0f} s"
    grown_kib = _peak_kib() - peak_kib
    assert grown_kib < MOST_MEMORY_KIB, f"it took {grown_kib / 1024:.0f} MiB"


def _peak_kib() -> int:
    """Return the most memory that the process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def check_sentence(told: str) -> None:
    """Hold a message against what one is: a line of readable length that says something."""
    assert told.strip(), "the message is empty"
    assert "\n" not in told, f"the message has several lines: {told[:300]!r}"
    assert len(told) <= _MOST_CHARACTERS, f"the message has {len(told)} characters: {told[:300]!r}"
    assert "Traceback" not in told
    told.encode("utf-8")
