"""The sample city matched once, with all that the answer was made from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gis.citywide import Match
from tests.conftest import MatchedCity


@pytest.fixture(scope="session")
def matched(matched_city: MatchedCity) -> MatchedCity:
    """The sample city, imported and matched."""
    return matched_city


@pytest.fixture(scope="session")
def told() -> Callable[[Match], dict[str, Any]]:
    """Function that returns allocated kW by technology."""
    return lambda found: {row["technology"]: row["allocated_kw"] for row in found.summary["technologies"]}
