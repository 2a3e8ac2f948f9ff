"""A rule set as it stands on one day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from gis.rules.model import (
    Bonus,
    Check,
    ChecklistItem,
    DemandFile,
    Economics,
    Lever,
    Note,
    Parameter,
    PolicyArea,
    ScoreTerm,
    Source,
    Value,
)
from gis.rules.model_projects import DateOrder, Faults, PreCheckItem, ProjectState, Support
from gis.vocabulary import Technology
from layers import Text


@dataclass(frozen=True)
class ParameterValue:
    """A parameter as it stands on the rule set's day."""

    name: str
    value: Value
    unit: str
    title: Text
    source: Source
    valid_from: date
    low: float | None = None
    high: float | None = None
    bound: bool = False

    @cached_property
    def entry(self) -> Mapping[str, object]:
        """The parameter as it is listed among the assumptions of an answer."""
        return {
            "parameter": self.name,
            "title": self.title.model_dump(),
            "value": list(self.value) if isinstance(self.value, tuple) else self.value,
            "low": self.low,
            "high": self.high,
            "unit": None if self.unit == "list" else self.unit,
            "source": self.source.text,
        }

    def number(self) -> float:
        """Return the value of a numeric parameter."""
        if not isinstance(self.value, float):
            raise TypeError(f"parameter {self.name} is not one number")
        return self.value


@dataclass(frozen=True)
class Combination:
    """One combination of outcomes of checks and notes: the status it gives and the reasons for it."""

    status: int
    reasons: list[str]


@dataclass(frozen=True)
class Rules:
    """Parameters with the checks and notes that use them, on the rule set's day."""

    parameters: Mapping[str, ParameterValue]
    checks: tuple[Check, ...]
    notes: tuple[Note, ...]
    own: frozenset[str]
    """Names of the parameters that are not shared by the whole set."""
    combinations: dict[int, Combination] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What combinations of outcomes mean, filled as they occur."""
    kinds: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What reasons of one code have in common, by the code; filled as they occur."""

    @cached_property
    def assumed(self) -> tuple[ParameterValue, ...]:
        """The parameters used here that no policy, standard or study fixes."""
        named = {part.threshold for c in (*self.checks, *self.notes) for part in (c, *c.when)}
        return tuple(
            p
            for p in self.parameters.values()
            if p.source.kind == "assumption" and not p.bound and (p.name in self.own or p.name in named)
        )

    def number(self, name: str) -> float:
        """Return a numeric parameter of these rules or of the whole set."""
        return self.parameters[name].number()

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return a parameter that is a list of numbers."""
        return tuple(float(v) for v in self._list(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a parameter that is a list of words."""
        return tuple(str(v) for v in self._list(name))

    def _list(self, name: str) -> tuple[float, ...] | tuple[str, ...]:
        value = self.parameters[name].value
        if not isinstance(value, tuple):
            raise TypeError(f"parameter {name} is not a list")
        return value


@dataclass(frozen=True, kw_only=True)
class OptionRules(Rules):
    """The rules of one option; checks that all options share come first."""

    option: str
    score: tuple[ScoreTerm, ...]
    bonuses: tuple[Bonus, ...]
    levers: tuple[Lever, ...]
    evidence: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PortfolioRules(Rules):
    """The rules of the portfolio; `economics` is by option."""

    economics: Mapping[str, Economics]


@dataclass(frozen=True, kw_only=True)
class Checklists(Rules):
    """The checklist items with the parameters that their conditions use."""

    items: tuple[ChecklistItem, ...]


@dataclass(frozen=True, kw_only=True)
class ProjectRules(Rules):
    """The rules of the register of heat projects.

    states   by id, each with those that may follow it and what a project in it must tell
    items    the pre-check of an application
    support  which parameters support is computed by, and what is said of it
    dated    the parameters of projects.yaml and those of `support` by name, with all their values: an
             application is judged by those in force on its day
    """

    states: Mapping[str, ProjectState]
    date_order: DateOrder
    faults: Faults
    items: tuple[PreCheckItem, ...]
    support: Support
    dated: Mapping[str, Parameter]

    def number_on(self, name: str, day: date) -> float | None:
        """Return the value of a numeric parameter that is in force on a day, None before the first."""
        value = self._value_on(name, day)
        if value is not None and not isinstance(value, float):
            raise TypeError(f"parameter {name} is not one number")
        return value

    def texts_on(self, name: str, day: date) -> tuple[str, ...] | None:
        """Return the list of words that is in force on a day, None before the first."""
        value = self._value_on(name, day)
        if value is not None and not isinstance(value, tuple):
            raise TypeError(f"parameter {name} is not a list")
        return None if value is None else tuple(str(v) for v in value)

    def _value_on(self, name: str, day: date) -> Value | None:
        found = self.dated[name].on(day)
        return None if found is None else found.value


@dataclass(frozen=True, kw_only=True)
class EvaluationRules(Rules):
    """What measured projects are evaluated by.

    emission  the grid's emission factors of portfolio.yaml by name, with the values of all years
    """

    emission: Mapping[str, Parameter]

    def by_district(self, name: str) -> Mapping[str, float]:
        """Return a parameter that is one number a district."""
        value = self.parameters[name].value
        if not isinstance(value, dict):
            raise TypeError(f"parameter {name} is not given by district")
        return value


@dataclass(frozen=True)
class Clause:
    """A clause of the policy documents that reasons cite.

    `rule_in_short_zh` is in the policy's own words; None in rule sets that were kept before they had it.
    """

    clause_id: str
    document: str
    section: str
    rule_in_short: str
    rule_in_short_zh: str | None = None


@dataclass(frozen=True, eq=False)
class RuleSet:
    """All rules as they stand on one day.

    id                 the name of the set
    title              what it is called (zh, en)
    as_of              the day
    hash               SHA-256 of the files, hexadecimal
    order              the technologies from first to last
    parameters         those of the whole set by name, each with unit, source and range
    options            option -> its rules, with the parameters that they add
    demand             land uses and their indices
    demand_parameters  the figures behind demand by name
    portfolio          what the technologies of a parcel must reach together
    checklists         what an applicant must show
    areas              the pilot and focus areas that the policy names
    projects           the register of heat projects; None in rule sets that were kept before they had it
    evaluation         how measured projects are evaluated; None likewise
    ranking            how they are held against each other, and what goes into the layers; None likewise
    clauses            clause id -> where it stands and what it says in short
    content            file -> its text
    """

    id: str
    title: Text
    as_of: date
    hash: str
    order: tuple[Technology, ...]
    parameters: Mapping[str, ParameterValue]
    options: Mapping[str, OptionRules]
    demand: DemandFile
    demand_parameters: Mapping[str, ParameterValue]
    portfolio: PortfolioRules
    checklists: Checklists
    areas: tuple[PolicyArea, ...]
    projects: ProjectRules | None
    evaluation: EvaluationRules | None
    ranking: Rules | None
    clauses: Mapping[str, Clause]
    content: Mapping[str, object]

    def named_parameters(self) -> dict[str, ParameterValue]:
        """Return every parameter as `gis.WhatIf` names it: `file.parameter`, those of the whole set alone."""
        files: dict[str, Rules] = {**self.options, "portfolio": self.portfolio, "checklists": self.checklists}
        if self.projects is not None:
            files["projects"] = self.projects
        if self.evaluation is not None:
            files["evaluation"] = self.evaluation
        if self.ranking is not None:
            files["ranking"] = self.ranking
        own = {f"{f}.{n}": r.parameters[n] for f, r in files.items() for n in r.parameters if n in r.own}
        return {**self.parameters, **own, **{f"demand.{n}": p for n, p in self.demand_parameters.items()}}

    def told(self) -> dict[str, str]:
        """Return what names the rule set in tables and files: id, as_of (ISO 8601) and hash."""
        return {"id": self.id, "as_of": self.as_of.isoformat(), "hash": self.hash}

    def by_district(self, name: str) -> Mapping[str, float]:
        """Return a shared parameter that is one number a district."""
        value = self.parameters[name].value
        if not isinstance(value, dict):
            raise TypeError(f"parameter {name} is not given by district")
        return value
