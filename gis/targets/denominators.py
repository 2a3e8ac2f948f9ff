"""The heated area of the whole city by the day from which each figure of it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from gis.rules import RuleSet
from gis.rules.files import RuleFile
from gis.rules.model import Kind, PortfolioFile

_FILE, _NAME = "portfolio.yaml", "city_heated_area_m2"


@dataclass(frozen=True)
class CityArea:
    """A figure of the city's heated area, from a day on until the next one."""

    valid_from: date
    heated_area_m2: float
    kind: Kind
    source: str


def city_areas(ruleset: RuleSet) -> tuple[CityArea, ...]:
    """Return every figure that a rule set has, the earliest first, later ones than its own day too."""
    return _read(str(ruleset.content[_FILE]))


def in_force(figures: Sequence[CityArea], day: date) -> CityArea | None:
    """Return the figure that holds on a day, None before the first."""
    return next((one for one in reversed(figures) if one.valid_from <= day), None)


@lru_cache(maxsize=4)
def _read(text: str) -> tuple[CityArea, ...]:
    parameter = RuleFile(_FILE, {_FILE: text.encode()}).parse(PortfolioFile).parameters.get(_NAME)
    if parameter is None:
        return ()
    source = parameter.source
    values = sorted(parameter.values, key=lambda one: one.from_)
    return tuple(
        CityArea(one.from_, float(one.value), source.kind, source.text)
        for one in values
        if isinstance(one.value, float)
    )
