"""How a range of rows is shared among the cores."""

from __future__ import annotations

import threading

import pytest

from gis import compiled
from gis.compiled import in_blocks, workers


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "CORES", 2)


def test_blocks_are_in_order_and_on_all_cores():
    both = threading.Barrier(2, timeout=30)

    def run(start: int, stop: int) -> tuple[int, int]:
        both.wait()  # passed only if another block is under way
        return start, stop

    assert in_blocks(run, 13, 4) == [(0, 4), (4, 8), (8, 12), (12, 13)]


def test_what_runs_on_all_cores_already_is_not_shared_out_again():
    def threads() -> set[int]:
        return set(in_blocks(lambda start, stop: threading.get_ident(), 10, 1)) - {threading.get_ident()}

    with workers() as pool:
        assert pool.submit(threads).result() == set()
    assert threads() != set()
