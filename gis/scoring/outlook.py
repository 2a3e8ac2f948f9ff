"""How sure a capacity is, and what would make an option feasible: the models run again on one parcel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from gis.facts.columns import Floats
from gis.facts.table import Facts
from gis.rules import OptionRules, ParameterValue, RuleSet
from gis.scoring.chain import Chain, parts_of
from gis.scoring.demand import heat_index
from gis.scoring.levers import AREAS, changes
from gis.scoring.row import Row
from gis.scoring.technologies import FEW, Models, drillable_area
from gis.vocabulary import ELIGIBLE, Option

SAMPLES = 64
# Positions in the sorted samples: exceeded by 90, 50 and 10 of 100.
P90, P50, P10 = round(0.1 * SAMPLES), SAMPLES // 2, round(0.9 * SAMPLES) - 1


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
    row, models = Row(facts), Models(ruleset)
    least = ruleset.parameters["minimum_share_frac"].number()
    found_index = heat_index(facts, ruleset)
    index = found_index.name if found_index else None
    found = {}
    for option in options:
        outlook = found[option.id] = Outlook()
        if verdict[f"{option.id}_capacity_kw"] is not None and facts["heat_load_kw"]:
            _spread(outlook, option.id, row, models, index)
        share = verdict[f"{option.id}_installed_share_frac"]
        feasible = verdict[f"{option.id}_status"] in ELIGIBLE and share is not None and share >= least
        if not feasible and facts["heat_load_kw"]:
            capacity_kw = verdict[f"{option.id}_capacity_kw"]
            values = {**facts, "capacity_kw": capacity_kw, "installed_share_frac": share}
            outlook.changes = changes(option.id, row, values, models, least)
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

    def index_frac(self, ruleset: RuleSet, index: str | None) -> Any:
        """Return samples of a heat index over its value; 1 where it has no range."""
        if index is None or ruleset.demand_parameters[index].low is None:
            return 1.0
        parameter = ruleset.demand_parameters[index]
        return self._samples(parameter, 0) / parameter.number()

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


@lru_cache(maxsize=2048)
def _of_few(option: str, models: Models, place: int, asked: bytes) -> Facts:
    """Return what a model gives with samples of its parameters, kept for parcels that ask the same."""
    part, values = parts_of(option, models)[place], np.frombuffer(asked)
    row = {name: values[i : i + 1] for i, name in enumerate(sorted(part.asks))}
    return part.model(row.__getitem__, sampled(models.ruleset, option), models)


@dataclass(frozen=True)
class Spread:
    """Quantiles of a capacity, and of what it is over the relative heat index of each sample."""

    capacity_kw: dict[str, float]
    per_load_kw: dict[str, float]

    @classmethod
    def of(cls, capacity_kw: Floats, index_frac: Any) -> Spread | None:
        """Return the spread of samples; None where one of them is not known."""
        capacity = np.broadcast_to(capacity_kw, SAMPLES)
        if np.isnan(capacity).any():
            return None
        return cls(_quantiles(capacity), _quantiles(capacity / index_frac))


@lru_cache(maxsize=2048)
def _of_source(option: str, models: Models, asked: bytes, index: str | None) -> Spread | None:
    """Return the spread of an option whose capacity asks of nothing but the source, kept as `_of_few`."""
    place = next(i for i, part in enumerate(parts_of(option, models)) if "capacity_kw" in part.gives)
    capacity_kw = _of_few(option, models, place, asked)["capacity_kw"]
    return Spread.of(capacity_kw, sampled(models.ruleset, option).index_frac(models.ruleset, index))


class WithAreas(dict[str, Any]):
    """One parcel's facts, with samples of the areas for boreholes and wells where they are asked for."""

    def __init__(self, row: Row, ground: Sampled) -> None:
        super().__init__()
        self._row, self._ground = row, ground

    def __missing__(self, name: str) -> Any:
        if name not in AREAS:
            return self._row[name]
        self |= drillable_area(self._row.__getitem__, self._ground)
        return self[name]


def _spread(
    outlook: Outlook,
    option: str,
    row: Row,
    models: Models,
    index: str | None,
) -> None:
    """Run the models once more with samples in place of the parameters that have a range."""
    found = _spread_of(option, row, models, index)
    if found is None:
        return
    load_kw = row["heat_load_kw"].item()
    outlook.capacity_kw = dict(found.capacity_kw)
    outlook.share_frac = {name: min(value / load_kw, 1.0) for name, value in found.per_load_kw.items()}


def _spread_of(option: str, row: Row, models: Models, index: str | None) -> Spread | None:
    given: dict[int, Facts] = {}
    parts = parts_of(option, models)
    for place, part in enumerate(parts):
        if part.model in FEW:
            asked = np.concatenate([row[name] for name in sorted(part.asks)]).tobytes()
            if "capacity_kw" in part.gives:
                return _of_source(option, models, asked, index)
            given[place] = _of_few(option, models, place, asked)
    fact = WithAreas(row, sampled(models.ruleset, "shallow_ground_source")).__getitem__
    chain = Chain(parts, fact, sampled(models.ruleset, option), models)
    chain.given |= given
    return Spread.of(chain("capacity_kw"), sampled(models.ruleset, option).index_frac(models.ruleset, index))


def _quantiles(values: Floats) -> dict[str, float]:
    values = np.sort(values)
    return {"p90": float(values[P90]), "p50": float(values[P50]), "p10": float(values[P10])}
