"""A part of the sample that runs are quick on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import pytest

from gis.rules import load_ruleset
from gis.rules.loader import BUILT_IN
from gis.runs import Runs
from gis.store import Store, open_store
from tests.conftest import NewDatabase, at
from tests.runs.days import Told, told
from tests.runs.edits import edit, thinned


@pytest.fixture(scope="session")
def small(new_database: NewDatabase, sample: str) -> str:
    """The name of a database with a part of the sample, to be copied."""
    url = new_database("small", sample)
    with open_store(at(url)) as store:
        thinned(store)
    return str(url.database)


@pytest.fixture(scope="session")
def past_city(new_database: NewDatabase, small: str) -> Iterator[Store]:
    """A part of the sample."""
    with open_store(at(new_database("past", small))) as store:
        thinned(store, 300)
        yield store


@pytest.fixture(scope="session")
def days(past_city: Store, tmp_path_factory: pytest.TempPathFactory) -> list[Told]:
    """What it told after each of 20 random edits and 3 changes of the rules, each followed by a run."""
    random, runs = np.random.default_rng(10), Runs(past_city)
    ruleset = load_ruleset(as_of=date(2026, 11, 1))
    runs.score(ruleset)
    found = [told(past_city)]
    for number in range(20):
        done = [edit(past_city, random)]
        if number in (5, 11, 16):
            folder = tmp_path_factory.mktemp("rules")
            for file in (BUILT_IN / "beijing").iterdir():
                text = file.read_text(encoding="utf-8")
                told_m = f"value: {900 - 10 * number}, low: 500"
                (folder / file.name).write_text(text.replace("value: 1000, low: 500", told_m))
            ruleset = load_ruleset(folder, date(2026, 11, 1))
            done.append("rules")
        runs.score(ruleset)
        found.append(told(past_city, *done))
    return found
