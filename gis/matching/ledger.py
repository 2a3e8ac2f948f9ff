"""The capacity ledger's arithmetic: what of a source is taken, what is kept back, what remains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TAKEN: tuple[str | None, ...] = ("approved", "construction", "running", None)
"""States of a heat project that commit its source; one whose state is not told is taken to run."""
KEPT: tuple[str, ...] = ("idea",)
"""States of a heat project for which its source is kept back."""


@dataclass(frozen=True, eq=False)
class Claims:
    """What is claimed of every source, in kW: by projects that run or are approved, and by ideas.

    A source of which nothing is recorded is not claimed. NaN where a project that claims it
    names no capacity: how much remains is then not known.
    """

    committed_kw: Floats
    reserved_kw: Floats


def claims(
    own_committed_kw: Floats,
    parent: Ints,
    project_source: Ints,
    project_state: Sequence[str | None],
    project_kw: Floats,
) -> Claims:
    """Return what is claimed of every source.

    own_committed_kw  (source,) what the source's own record says, NaN where it says nothing
    parent            (source,) position of the source that it draws on (a main on its plant), -1: none
    project_source    (project,) position of the source that it names, -1: none of these
    project_state     (project,) `status` of the layer heat_project
    project_kw        (project,) what it takes at the design load, NaN where that is not known

    The record of a source counts in its projects, and the claims on what it feeds: the larger of its
    figure and their sum is committed.
    """
    count, fed = len(own_committed_kw), parent >= 0

    def total(states: tuple[str | None, ...]) -> Floats:
        chosen = np.array([state in states for state in project_state], dtype=bool) & (project_source >= 0)
        return _summed(project_kw[chosen], project_source[chosen], count)

    recorded = np.where(np.isnan(own_committed_kw), 0.0, own_committed_kw)
    projects, kept = total(TAKEN), total(KEPT)
    own = np.maximum(recorded, projects)
    committed = np.maximum(recorded, projects + _summed(own[fed], parent[fed], count))
    return Claims(committed, kept + _summed(kept[fed], parent[fed], count))


def _summed(values: Floats, place: Ints, count: int) -> Floats:
    found = np.zeros(count)
    np.add.at(found, place, values)
    return found


def remaining_kw(exploitable_kw: Floats, claimed: Claims) -> Floats:
    """Return what is left of every source, not below zero; NaN where something of it is not known."""
    return np.maximum(exploitable_kw - claimed.committed_kw - claimed.reserved_kw, 0.0)
