"""Every fault is found, alone and by its own code; what is right gives no finding."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from gis.health import LayerCheck, check_store
from gis.health.check import OF_LAYERS, OF_RASTERS
from gis.health.findings import codes
from gis.store import Store
from layers import LAYERS
from tests.health.faults import FAULTS, Fault

OF_FIELDS = {
    "H-AGE-2", "H-AGE-3", "H-VAL-1", "H-NUM-1", "H-NUM-2", "H-TMP-1", "H-REF-1", "H-REF-2"
}  # fmt: skip
"""Codes that tell of fields one by one."""


def checked(store: Store, layer: str) -> LayerCheck:
    """Return the check of one layer."""
    [found] = check_store(store, [layer])
    return found


def test_what_is_right_has_no_finding(town: Store) -> None:
    found = check_store(town)
    assert [one.layer for one in found] == list(LAYERS)
    assert {one.layer: [f.told.en for f in one.findings] for one in found} == {layer: [] for layer in LAYERS}
    made = {(c.code, one.layer) for one in found for c in one.checks if c.checked_count}
    # Every check is made somewhere; of those that need a version before, none is.
    assert {code for code, _ in made} == set(OF_LAYERS) - {"H-CHG-1"}
    assert [c.code for one in found for c in one.checks if c.failed_count] == []


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_found_by_its_code(town: Store, fault: Fault) -> None:
    if isinstance(fault.put, str):
        with town.engine.begin() as connection:
            connection.execute(sa.text(fault.put))
    else:
        fault.put(town)
    check = checked(town, fault.layer)
    assert {f.code for f in check.findings} == {fault.code} | fault.also
    [found] = [f for f in check.findings if f.code == fault.code]
    assert (found.count, found.severity) == (fault.count, codes()[fault.code].level)
    assert list(found.ids) == fault.named or fault.code == "H-DTM-1"
    assert found.field == (fault.field if fault.code in OF_FIELDS else None)
    assert "{" not in found.told.zh + found.told.en + found.todo.zh + found.todo.en
    [made] = [c for c in check.checks if c.code == fault.code]
    assert (made.failed_count, made.not_checked) == (fault.count, None)


def test_every_code_is_declared_once_and_has_a_fault() -> None:
    assert list(codes()) == list(OF_LAYERS)
    assert set(OF_RASTERS) < set(OF_LAYERS)
    assert {fault.code for fault in FAULTS} == set(codes())
