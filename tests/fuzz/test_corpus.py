"""Every seed of the coverage-guided engine, and every input that once broke a reader, again."""

from __future__ import annotations

import pytest

from tests.fuzz.run import names
from tests.fuzz.targets import TARGETS, seeds


def test_every_target_has_a_corpus() -> None:
    assert names() == sorted(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_of(name: str) -> None:
    failed = []
    for title, data in seeds(name).items():
        try:
            TARGETS[name](data)
        except Exception as error:
            failed.append(f"{title}: {error!r:.300}")
    assert not failed, "\n".join(failed)
