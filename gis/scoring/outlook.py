"""How sure a capacity is, and what would make an option feasible: the models run again on one parcel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from gis.facts.columns import Floats
from gis.facts.table import Facts
from gis.rules import OptionRules, ParameterValue, RuleSet
from gis.rules.model import Lever
from gis.scoring.demand import heat_index
from gis.scoring.engine import Rows, View, open_to, share_frac
from gis.scoring.reasons import both, filled
from gis.scoring.row import arrays
from gis.scoring.technologies import Models, drillable_area, model
from gis.vocabulary import ELIGIBLE, FACTS, Option

SAMPLES = 64
# Positions in the sorted samples: exceeded by 90, 50 and 10 of 100.
P90, P50, P10 = round(0.1 * SAMPLES), SAMPLES // 2, round(0.9 * SAMPLES) - 1
# Two rounds of many steps: what a round costs is its calls, not its rows.
GRID = 160
ROUNDS = 2


@dataclass
class Outlook:
    """Ranges of capacity and share, and the changes each of which alone makes the option feasible."""

    capacity_kw: dict[str, float] | None = None
    share_frac: dict[str, float] | None = None
    changes: list[dict[str, Any]] = field(default_factory=list)


def look(
    options: Sequence[Option], facts: Mapping[str, Any], verdict: Mapping[str, Any], ruleset: RuleSet
) -> dict[str, Outlook]:
    """Return the outlook of every option; `facts` and `verdict` are one row as plain values."""
    row = arrays(facts)
    models = Models(ruleset)
    before = {"earlier_suitable_count": 0.0, "earlier_unknown_count": 0.0}
    row |= {name: np.array([value]) for name, value in before.items()}
    least = ruleset.parameters["minimum_share_frac"].number()
    index = heat_index(facts, ruleset)
    found = {}
    for option in options:
        outlook = found[option.id] = Outlook()
        rules = ruleset.options[option.id]
        if verdict[f"{option.id}_capacity_kw"] is not None and facts["heat_load_kw"]:
            _spread(outlook, option.id, row, models, index)
        share = verdict[f"{option.id}_installed_share_frac"]
        feasible = verdict[f"{option.id}_status"] in ELIGIBLE and share is not None and share >= least
        if not feasible and facts["heat_load_kw"]:
            outlook.changes = _changes(option.id, row, facts, rules, models, least)
    return found


class Sampled:
    """The numbers of an option, each with a declared range replaced by samples of it.

    Triangular between low and high with the value as its mode; the points are an
    additive recurrence (Roberts' R sequence), the same at every call.
    """

    def __init__(self, rules: OptionRules) -> None:
        self._rules = rules
        self._made: dict[str, Floats] = {}
        ranged = [n for n, p in rules.parameters.items() if isinstance(p.value, float) and p.low is not None]
        self._place = {name: i for i, name in enumerate(sorted(ranged), 1)}

    def number(self, name: str) -> Any:
        """Return the samples of a parameter with a range, the number of one without."""
        value = self._rules.number(name)
        if name not in self._place:
            return value
        return self._samples(self._rules.parameters[name], self._place[name])

    def index_frac(self, index: ParameterValue | None) -> Any:
        """Return samples of a heat index over its value; 1 where it has no range."""
        if index is None or index.low is None:
            return 1.0
        return self._samples(index, 0) / index.number()

    def _samples(self, parameter: ParameterValue, place: int) -> Floats:
        if parameter.name not in self._made:
            self._made[parameter.name] = self._sample(parameter, place)
        return self._made[parameter.name]

    def _sample(self, parameter: ParameterValue, place: int) -> Floats:
        value = parameter.number()
        low = value if parameter.low is None else parameter.low
        high = value if parameter.high is None else parameter.high
        return triangular(_uniform(1 + len(self._place))[place], low, value, high)

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return a list of numbers; lists have no range."""
        return self._rules.numbers(name)


@lru_cache(maxsize=64)
def sampled(ruleset: RuleSet, option: str) -> Sampled:
    """Return the samples of an option, which are made once."""
    return Sampled(ruleset.options[option])


@lru_cache
def _uniform(dimensions: int) -> Floats:
    """Return evenly spread points in the unit cube, one row a dimension."""
    root = 2.0
    for _ in range(40):
        root = (1.0 + root) ** (1.0 / (dimensions + 1))
    steps = root ** -np.arange(1.0, dimensions + 1.0)
    points: Floats = (0.5 + np.outer(steps, np.arange(1, SAMPLES + 1))) % 1.0
    return points


def triangular(u: Floats, low: float, mode: float, high: float) -> Floats:
    """Return the quantiles `u` of a triangular distribution; a range of nothing is its value."""
    if high <= low:
        return np.full_like(u, mode)
    split = (mode - low) / (high - low)
    rising = low + np.sqrt(u * (high - low) * (mode - low))
    falling = high - np.sqrt((1.0 - u) * (high - low) * (high - mode))
    return np.where(u < split, rising, falling)


def _spread(
    outlook: Outlook,
    option: str,
    row: Facts,
    models: Models,
    index: ParameterValue | None,
) -> None:
    """Run the model once more with samples in place of the parameters that have a range."""
    ground = sampled(models.ruleset, "shallow_ground_source")
    wide = row | drillable_area(row.__getitem__, ground)
    samples = sampled(models.ruleset, option)
    found = model(option, wide.__getitem__, samples, models)["capacity_kw"]
    capacity = np.broadcast_to(found, SAMPLES)
    if np.isnan(capacity).any():
        return
    load_kw = row["heat_load_kw"] * samples.index_frac(index)
    outlook.capacity_kw = _quantiles(capacity)
    outlook.share_frac = _quantiles(np.minimum(capacity / load_kw, 1.0))


def _quantiles(values: Floats) -> dict[str, float]:
    values = np.sort(values)
    return {"p90": float(values[P90]), "p50": float(values[P50]), "p10": float(values[P10])}


def _changes(
    option: str,
    row: Facts,
    facts: Mapping[str, Any],
    rules: OptionRules,
    models: Models,
    least_share: float,
) -> list[dict[str, Any]]:
    """Return, for each lever that alone makes the option feasible, the least change that does."""
    levers = [v for v in rules.levers if facts[v.fact] is not None]
    if not levers:
        return []
    now = np.array([facts[v.fact] for v in levers])
    span = np.array([rules.number(v.limit) for v in levers]) - now
    steps = np.tile(np.geomspace(1e-5, 1.0, GRID), (len(levers), 1))
    low, high = np.zeros(len(levers)), np.full(len(levers), np.nan)
    for turn in range(ROUNDS):
        values = now[:, None] + steps * span[:, None]
        works = _feasible(option, row, levers, values, rules, models, least_share)
        first = np.argmax(works, axis=1)
        each = np.arange(len(levers))
        found = works[each, first]
        if turn == 0 and not found.any():
            return []
        high = np.where(found, steps[each, first], np.nan if turn == 0 else high)
        low = np.where(found & (first > 0), steps[each, first - 1], low)
        steps = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, GRID)
    return [
        _change(lever, value, step * width, width, facts, rules)
        for lever, value, step, width in zip(levers, now.tolist(), high.tolist(), span.tolist(), strict=True)
        if step > 0
    ]


class Widened(dict[str, Any]):
    """One parcel's facts, each repeated when it is asked for."""

    def __init__(self, row: Facts, n: int) -> None:
        super().__init__()
        self._row, self._n = row, n

    def __missing__(self, name: str) -> Any:
        self[name] = self._row[name][np.zeros(self._n, dtype=np.intp)]
        return self[name]


def _feasible(
    option: str,
    row: Facts,
    levers: list[Lever],
    values: Floats,
    rules: OptionRules,
    models: Models,
    least_share: float,
) -> Any:
    """Judge the option with each lever at each of its values; (lever, value) flags."""
    own = [(lever.fact, slice(i * GRID, (i + 1) * GRID), values[i]) for i, lever in enumerate(levers)]
    facts = Widened(row, values.size)
    for name, rows, changed in own:
        facts[name][rows] = changed
    area = drillable_area(facts.__getitem__, models.ruleset.options["shallow_ground_source"])
    for name, area_m2 in area.items():
        facts[name] = area_m2
    for name, rows, changed in own:
        # Once more: the area may be changed itself, not only what it follows from.
        facts[name][rows] = changed
    modelled = model(option, facts.__getitem__, rules, models)
    modelled["installed_share_frac"] = share_frac(modelled["capacity_kw"], facts["heat_load_kw"])
    works = modelled["installed_share_frac"] >= least_share
    works &= open_to(View(Rows(None, modelled), facts), rules)
    return works.reshape(values.shape)


def _change(
    lever: Lever, value: float, change: float, span: float, facts: Mapping[str, Any], rules: OptionRules
) -> dict[str, Any]:
    """Return a change, rounded away from the present value to three figures."""
    digits = 2 - math.floor(math.log10(abs(change)))
    amount = min(math.ceil(abs(change) * 10.0**digits) / 10.0**digits, abs(span))
    goal = value + math.copysign(amount, change)
    unit = next(c.unit for c in FACTS if c.name == lever.fact)
    shown = {
        name: both(lever.fact, v, unit) for name, v in (("change", amount), ("goal", goal), ("value", value))
    }
    return {
        "fact": lever.fact,
        "from": value,
        "to": goal,
        "change": amount,
        "unit": unit,
        "clause_id": lever.clause,
        "zh": filled(lever.text.zh, 0, shown, facts, rules),
        "en": filled(lever.text.en, 1, shown, facts, rules),
    }
