"""A part of the sample that runs are quick on."""

from __future__ import annotations

import pytest

from gis.store import open_store
from tests.conftest import NewDatabase, at
from tests.runs.edits import thinned


@pytest.fixture(scope="session")
def small(new_database: NewDatabase, sample: str) -> str:
    """The name of a database with a part of the sample, to be copied."""
    with open_store(at(new_database("small", sample))) as store:
        thinned(store)
    return "small"
