"""What the command line tells while it works: sentences, and bars on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import orjson
from tqdm import tqdm

Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all, and what is being done."""


def say(sentence: str, file: TextIO | None = None) -> None:
    """Print one sentence at once; to stderr unless told, which keeps stdout for results."""
    print(sentence, file=file or sys.stderr, flush=True)


def say_json(document: Any) -> None:
    """Print a result as indented JSON on stdout."""
    say(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode(), file=sys.stdout)


@contextmanager
def bar() -> Iterator[Progress | None]:
    """Yield a function that draws a bar with rate and time left on stderr; None when that is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with tqdm(
        file=sys.stderr,
        leave=False,
        unit_scale=True,
        bar_format="{desc:28}{bar:24} {n_fmt}/{total_fmt} {rate_noinv_fmt} {remaining} left",
    ) as drawn:

        def advance(done: int, total: int, label: str) -> None:
            if drawn.desc != label:
                # A new stage has a rate and an end of its own.
                drawn.reset(total)
                drawn.set_description_str(label, refresh=False)
            drawn.update(done - drawn.n)

        yield advance
