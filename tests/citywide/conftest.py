"""The sample city matched once, with all that the answer was made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pytest
import sqlalchemy as sa

from gis.citywide import Match, match_store
from gis.facts.surroundings import Surroundings
from gis.rules import RuleSet, load_ruleset
from gis.store import Store, open_store
from tests.conftest import at


@dataclass(frozen=True)
class City:
    """A store with its parcels, layers and the run of the base scenario."""

    store: Store
    parcels: gpd.GeoDataFrame
    around: Surroundings
    ruleset: RuleSet
    base: Match


@pytest.fixture(scope="session")
def matched(new_database: Callable[..., sa.URL], sample: str) -> Iterator[City]:
    """The sample city, imported and matched; runs of other scenarios may be added."""
    with open_store(at(new_database("matched", sample))) as store:
        ruleset = load_ruleset()
        base = match_store(store, ruleset)
        yield City(store, store.read("parcel"), Surroundings(store.resources()), ruleset, base)


@pytest.fixture(scope="session")
def told() -> Callable[[Match], dict[str, Any]]:
    """Function that returns allocated kW by technology."""
    return lambda found: {row["technology"]: row["allocated_kw"] for row in found.summary["technologies"]}
