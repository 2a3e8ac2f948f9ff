"""What would make an option feasible: the least change of each lever that alone does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from gis.facts.columns import Floats, Words
from gis.rules import Check, OptionRules
from gis.rules.model import LOCAL_FACTS, Lever
from gis.scoring.chain import Chain, Part, moved, parts_of
from gis.scoring.engine import Rows, View, outcome, outcome_of_one, share_frac, shuts
from gis.scoring.reasons import filled
from gis.scoring.row import Row
from gis.scoring.technologies import Models, drillable_area
from gis.vocabulary import FACT

# Two rounds of many steps: what a round costs is its calls, not its rows.
GRID = 160
FIRST, SECOND = np.geomspace(1e-5, 1.0, GRID), np.linspace(0.0, 1.0, GRID)
AREAS = frozenset({"drillable_open_area_m2", "drillable_green_area_m2"})
AREAS_FOLLOW_FROM = frozenset(
    {"area_m2", "building_density_frac", "drilling_exclusion_frac", "green_space_area_m2"}
)


@dataclass(frozen=True)
class Asked:
    """A check that can stand in the way, and the facts that it asks for."""

    check: Check
    names: frozenset[str]

    @classmethod
    def of(cls, check: Check) -> Asked:
        """Return a check with what it asks for."""
        parts = (check, *check.when)
        return cls(check, frozenset(name for part in parts for name in (part.fact, part.threshold)))


@dataclass(frozen=True)
class Plan:
    """What each lever of an option moves, by its fact, and the checks that can stand in the way."""

    parts: tuple[Part, ...]
    moved: Mapping[str, frozenset[str]]
    checks: tuple[Asked, ...]
    given: frozenset[str]
    """All that models give."""
    standing: dict[tuple[str, frozenset[str]], tuple[Check, ...]]
    """The checks that a lever, with what is worked out again, does not move; filled as they are asked for."""

    def not_moved(self, fact: str, redone: frozenset[str]) -> tuple[Check, ...]:
        """Return the checks that moving a fact leaves as they are."""
        known = self.standing.get((fact, redone))
        if known is None:
            moves = self.moved[fact] | redone
            known = tuple(a.check for a in self.checks if moves.isdisjoint(a.names))
            self.standing[fact, redone] = known
        return known


@lru_cache(maxsize=64)
def plan_of(option: str, models: Models) -> Plan:
    """Return what the levers of an option move."""
    rules, parts = models.ruleset.options[option], parts_of(option, models)
    moves = {}
    for lever in rules.levers:
        areas = AREAS if lever.fact in AREAS_FOLLOW_FROM else frozenset[str]()
        moves[lever.fact] = moved(parts, areas | {lever.fact})
        if "capacity_kw" in moves[lever.fact] or "heat_load_kw" in moves[lever.fact]:
            moves[lever.fact] |= {"installed_share_frac"}
    checks = (Asked.of(c) for c in rules.checks if c.effect == "excludes" or c.missing == "unknown")
    given = frozenset[str]().union(*(part.gives for part in parts), {"installed_share_frac"})
    return Plan(parts, moves, tuple(checks), given, {})


NOTHING_BEFORE = {"earlier_suitable_count": 0.0, "earlier_unknown_count": 0.0}


def changes(
    option: str, row: Row, values: Mapping[str, Any], models: Models, least_share: float
) -> list[dict[str, Any]]:
    """Return, for each lever that alone makes the option feasible, the least change that does.

    `values` are the parcel's facts and those of the option's verdict, `row` the facts as arrays of one value.
    """
    rules, plan = models.ruleset.options[option], plan_of(option, models)
    values = {**values, **NOTHING_BEFORE}
    # What a model gave may have been infinite, which is not kept: then it is worked out again.
    redone = frozenset(name for name in plan.given if values[name] is None)
    levers = [
        lever
        for lever in rules.levers
        if values[lever.fact] is not None and _may_help(plan, lever.fact, redone, values, rules, least_share)
    ]
    if not levers:
        return []
    moves = redone.union(*(plan.moved[lever.fact] for lever in levers))
    checks = tuple(a.check for a in plan.checks if not moves.isdisjoint(a.names))
    still = plan.given - moves - LOCAL_FACTS.keys()
    question = Question(option, row, models, plan.parts, moves, still, checks, least_share)
    now = np.array([values[v.fact] for v in levers])
    span = np.array([rules.number(v.limit) for v in levers]) - now
    least = _least_steps(question, levers, now, span)
    return [
        _change(lever, value, step * width, width, values, rules)
        for lever, value, step, width in zip(levers, now.tolist(), least.tolist(), span.tolist(), strict=True)
        if step > 0
    ]


def _may_help(
    plan: Plan,
    fact: str,
    redone: frozenset[str],
    values: Mapping[str, Any],
    rules: OptionRules,
    least_share: float,
) -> bool:
    """Return whether all that a lever does not move lets the option be feasible."""
    share = values["installed_share_frac"]
    moves_share = "installed_share_frac" in plan.moved[fact] or "installed_share_frac" in redone
    if not moves_share and not share >= least_share:
        return False
    standing = plan.not_moved(fact, redone)
    return not any(shuts(check, outcome_of_one(check, rules, values)) for check in standing)


def _least_steps(question: Question, levers: Sequence[Lever], now: Floats, span: Floats) -> Floats:
    """Return the part of each lever's span that is enough; NaN where the whole of it is not."""
    steps = np.tile(FIRST, (len(levers), 1))
    low, high = np.zeros(len(levers)), np.full(len(levers), np.nan)
    each = np.arange(len(levers))
    for turn in range(2):
        works = question.feasible(levers, now[:, None] + steps * span[:, None])
        first = np.argmax(works, axis=1)
        found = works[each, first]
        if turn == 0 and not found.any():
            break
        high = np.where(found, steps[each, first], np.nan if turn == 0 else high)
        low = np.where(found & (first > 0), steps[each, first - 1], low)
        steps = low[:, None] + (high - low)[:, None] * SECOND
    return high


@dataclass(frozen=True)
class Question:
    """Whether an option is feasible on one parcel, asked again with other values of a lever."""

    option: str
    row: Row
    models: Models
    parts: tuple[Part, ...]
    moves: frozenset[str]
    still: frozenset[str]
    checks: tuple[Check, ...]
    least_share: float

    def feasible(self, levers: Sequence[Lever], values: Floats) -> npt.NDArray[np.bool_]:
        """Judge the option with each lever at each of its values; (lever, value) flags."""
        rules = self.models.ruleset.options[self.option]
        given = Moved(self.row, levers, values, self.moves, self.models)
        modelled = Chain(self.parts, given.__getitem__, rules, self.models, self.still)
        wide = Wide(modelled, values.size)
        works: npt.NDArray[np.bool_] = np.ones(values.size, dtype=bool)
        if "installed_share_frac" in self.moves:
            wide["installed_share_frac"] = share_frac(wide["capacity_kw"], wide["heat_load_kw"])
            works = wide["installed_share_frac"] >= self.least_share
        if not works.any():
            return works.reshape(values.shape)
        view = View(Rows(None, {}), wide)
        for check in self.checks:
            works &= np.logical_not(shuts(check, outcome(check, rules, view)))
        return works.reshape(values.shape)


class Moved(dict[str, Any]):
    """One parcel's facts: what levers move is repeated for each of their values, the rest is one value."""

    def __init__(
        self, row: Row, levers: Sequence[Lever], values: Floats, moves: frozenset[str], models: Models
    ) -> None:
        super().__init__()
        self._row, self._moves, self._models, self._size = row, moves, models, values.size
        self._own = [
            (lever.fact, slice(i * GRID, (i + 1) * GRID), values[i]) for i, lever in enumerate(levers)
        ]

    def __missing__(self, name: str) -> Any:
        if name not in self._moves:
            return self._row[name]
        if name in AREAS and any(fact in AREAS_FOLLOW_FROM for fact, _, _ in self._own):
            ground = self._models.ruleset.options["shallow_ground_source"]
            found = drillable_area(self.__getitem__, ground)[name]
        else:
            found = self._row[name]
        self[name] = np.full(self._size, found)
        for fact, rows, changed in self._own:
            if fact == name:
                self[name][rows] = changed
        return self[name]


class Wide(dict[str, Any]):
    """Facts as rules ask for them: one value a row of all numbers."""

    def __init__(self, fact: Chain, size: int) -> None:
        super().__init__({name: np.full(size, value) for name, value in NOTHING_BEFORE.items()})
        self._fact, self._size = fact, size

    def __missing__(self, name: str) -> Any:
        values = self._fact(name)
        if not isinstance(values, Words) and len(values) != self._size:
            values = np.full(self._size, values)
        self[name] = values
        return values


def _change(
    lever: Lever, value: float, change: float, span: float, facts: Mapping[str, Any], rules: OptionRules
) -> dict[str, Any]:
    """Return a change, rounded away from the present value to three figures."""
    digits = 2 - math.floor(math.log10(abs(change)))
    amount = min(math.ceil(abs(change) * 10.0**digits) / 10.0**digits, abs(span))
    goal = value + math.copysign(amount, change)
    unit = FACT[lever.fact].unit
    named = (("change", amount), ("goal", goal), ("value", value))
    shown = {name: (lever.fact, v, unit) for name, v in named}
    zh, en = filled((lever.text.zh, lever.text.en), shown, facts, rules)
    return {
        "fact": lever.fact,
        "from": value,
        "to": goal,
        "change": amount,
        "unit": unit,
        "clause_id": lever.clause,
        "zh": zh,
        "en": en,
    }
