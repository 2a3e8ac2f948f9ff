"""What the command line tells while it works: sentences, and bars on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from tqdm import tqdm

Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all, and what is being done."""


def say(sentence: str, file: TextIO | None = None) -> None:
    """Print one sentence at once; to stderr unless told, which keeps stdout for results."""
    print(sentence, file=file or sys.stderr, flush=True)


@contextmanager
def bar() -> Iterator[Progress | None]:
    """Yield a progress function that draws a bar on stderr; None when that is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with tqdm(
        file=sys.stderr, leave=False, bar_format="{desc:24}{bar:30}{n_fmt}/{total_fmt} {elapsed}"
    ) as drawn:

        def advance(done: int, total: int, label: str) -> None:
            drawn.total, drawn.n = total, done
            drawn.set_description_str(label)

        yield advance
