"""The rules of the register held against projects that are imported or edited."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from gis.errors import BodyError
from gis.ingest.mapping import Mapped
from gis.ingest.values import Problems
from gis.register import Project, present_faults, project_of, state_faults
from gis.register.record import PROJECT, SPEC
from gis.rules import RuleSet
from gis.store import Store
from gis.store.rulesets import ruleset_of


class RegisterCheck:
    """Refuses rows of an import that change a project as the register does not allow.

    A project that the register does not hold yet may be an old record, whose gaps are told as a warning; so
    are the gaps of one whose state stays. `seen` is the version that the rows were held against.
    """

    def __init__(self, store: Store) -> None:
        version = store.layer_versions().get(PROJECT)
        self.seen = 0 if version is None else version.version
        self._held = None if version is None else store.read(PROJECT)
        self._ruleset = ruleset_of(store, store.latest_run())
        self._refused: set[str] = set()
        self._gaps: list[str] = []

    def __call__(self, fields: pd.DataFrame, good: np.ndarray[Any, np.dtype[np.bool_]]) -> Problems:
        """Return why rows are refused, and remember what is only to be warned of."""
        held = {} if self._held is None else {p.id: p for p in _projects(self._held.drop(columns="geometry"))}
        problems: Problems = {}
        for i, new in zip(np.flatnonzero(good), _projects(fields[good]), strict=True):
            old = held.get(new.id)
            if old is not None and (faults := state_faults(old, new, self._ruleset)):
                problems[int(i)] = "; ".join(f"{f.field}: {f.en}" for f in faults)
                self._refused.add(new.id)
            elif faults := present_faults(new, self._ruleset):
                self._gaps.append(f"row {i + 1} ({new.id}): {faults[0].en}")
        return problems

    def settled(self, mapped: Mapped, mode: str) -> Mapped:
        """Return the rows to be stored: where a layer is replaced, projects whose change is refused stay."""
        report = mapped.report
        if self._gaps:
            report.warnings.append(
                f"Projects that are not complete by the register's rules: {len(self._gaps):,} of "
                f"{report.rows_accepted:,}; {self._gaps[0]}."
            )
        if mode != "replace" or not self._refused or self._held is None:
            return mapped
        report.warnings.append(
            f"Projects that stay as they were, their change refused: {len(self._refused):,}."
        )
        kept = self._held[self._held[SPEC.key].isin(self._refused)]
        attrs = mapped.frame.attrs
        frame = gpd.GeoDataFrame(pd.concat([mapped.frame, kept[mapped.frame.columns]]), crs=mapped.frame.crs)
        frame = frame.sort_values(SPEC.key, kind="stable").reset_index(drop=True)
        frame.attrs = attrs
        return replace(mapped, frame=frame)


def check_edit(
    held: gpd.GeoDataFrame | None, frame: gpd.GeoDataFrame, ruleset: RuleSet, correction: str | None
) -> None:
    """Raise BodyError, with the field, for a project that the register does not take as it is sent.

    held        the project as it is, None for a new one
    correction  why a state entered by mistake is set against the order of states: that is allowed then
    """
    [old] = [None] if held is None else _projects(held.drop(columns="geometry"))
    [new] = _projects(frame.drop(columns="geometry"))
    faults = state_faults(old, new, ruleset)
    if correction is not None:
        faults = [f for f in faults if f.field != "status"]
    if faults:
        told = "; ".join(f.en for f in faults)
        raise BodyError(f"The project cannot be stored: {told}.", f"/properties/{faults[0].field}")


def _projects(table: pd.DataFrame) -> list[Project]:
    return [project_of({str(n): v for n, v in row.items()}) for row in table.to_dict("records")]
