"""What the command line tells while it works: sentences, and bars on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from tqdm import tqdm


def say(sentence: str, file: TextIO | None = None) -> None:
    """Print one sentence at once; to stderr, which keeps stdout for results."""
    print(sentence, file=file or sys.stderr, flush=True)
