"""The sample's totals stay within what can be explained beside the published ones."""

from __future__ import annotations

import math

import pytest

from gis.store import Store
from tests.sanity.citywide import Total, lines, target, totals


@pytest.fixture(scope="module")
def found(scored: Store) -> dict[str, Total]:
    return {total.item: total for total in totals(scored)}


@pytest.mark.parametrize(
    "item",
    [
        "reclaimed_capacity", "reclaimed_heat", "field_area", "heated_area",
        "heat_per_area", "shallow_area", "borehole_heat", "data_centre_area",
    ],
)  # fmt: skip
def test_total_is_explained(found: dict[str, Total], item: str) -> None:
    total = found[item]
    ratio = total.ours / target(item)[0]
    assert math.isfinite(ratio)
    assert total.low <= ratio <= total.high, f"{item}: {total.ours:,.4g}, ratio {ratio:.3g}; {total.why}"


def test_every_figure_has_a_source(found: dict[str, Total]) -> None:
    table = lines(list(found.values()))
    assert len(table) == 2 + len(found)
    assert all(target(item)[2] for item in found)
