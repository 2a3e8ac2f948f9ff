"""Items worked on several at once and handed on in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

from gis.compiled import CORES

S = TypeVar("S")
T = TypeVar("T")


def in_order(pool: ThreadPoolExecutor, work: Callable[[S], T], items: Generator[S]) -> Generator[T]:
    """Yield what `work` makes of the items, in their order; some are under way in the pool meanwhile."""
    with closing(ahead(items)) as coming:
        under_way: deque[Future[T]] = deque()
        for item in coming:
            under_way.append(pool.submit(work, item))
            if len(under_way) > CORES:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def ahead(items: Generator[S]) -> Generator[S]:
    """Yield the same; the next one is read while this one is made use of."""
    with closing(items), ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = reader.submit(next, items, None)
            yield item
