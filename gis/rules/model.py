"""The form of a rule file, and the rule set that results on one day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gis.vocabulary import FACT, Technology
from layers import Text

Kind = Literal["policy", "standard", "study", "assumption"]
Operator = Literal["ge", "gt", "le", "lt", "in", "not_in"]
Curve = Literal["rising", "falling"]
Unit = Literal[
    "1", "m", "m2", "d", "a", "h", "kW", "degC", "K", "W/m2", "W/(m K)", "m K/W", "MJ/(m3 K)",
    "K/km", "kg/s", "m3/d", "MWh/(m a)", "m2/person", "points", "list",
]  # fmt: skip
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Value = float | tuple[float, ...] | tuple[str, ...]

LOCAL_FACTS: dict[str, tuple[str, str, str | None]] = {
    "capacity_kw": ("供热能力", "capacity", "kW"),
    "installed_share_frac": ("装机占比", "installed share", "1"),
    "earlier_suitable_count": ("排序在前的适宜技术数", "earlier technologies that are suitable", "1"),
    "earlier_unknown_count": ("排序在前而资料不足的技术数", "earlier technologies that stay unknown", "1"),
}
"""Facts that exist only while one technology is judged: name -> (zh, en, unit)."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Strict):
    """Where a value comes from; a recalled or chosen figure is an assumption and says so."""

    kind: Kind
    text: Annotated[str, Field(min_length=3)]
    clause: str | None = None

    @model_validator(mode="after")
    def _policy_has_clause(self) -> Source:
        if self.kind == "policy" and not self.clause:
            raise ValueError("a source of kind policy names its clause")
        return self


class DatedValue(_Strict):
    """A value from a day on; `low` and `high` are its declared range."""

    from_: Annotated[date, Field(alias="from")]
    value: Value
    low: float | None = None
    high: float | None = None


class Parameter(_Strict):
    """One figure of the rule set with its unit, its history and its source."""

    title: Text
    unit: Unit
    values: Annotated[tuple[DatedValue, ...], Field(min_length=1)]
    source: Source


class Condition(_Strict):
    """A fact compared with a parameter, or with another fact."""

    id: Name
    fact: Name
    operator: Operator
    threshold: Name

    @model_validator(mode="after")
    def _known_fact(self) -> Condition:
        if self.fact not in FACT and self.fact not in LOCAL_FACTS:
            raise ValueError(f"unknown fact {self.fact!r}")
        return self


class Check(Condition):
    """A condition that must hold; `effect` says what its failure does, `missing` what not knowing does."""

    effect: Literal["excludes", "conditions"]
    missing: Literal["unknown", "conditional"] = "unknown"
    clause: str
    failed: Text
    met: Text | None = None

    @model_validator(mode="after")
    def _missing_is_never_better(self) -> Check:
        if self.effect == "excludes" and self.missing == "conditional":
            raise ValueError("a check that excludes cannot pass as conditional when its fact is missing")
        return self


class Note(Condition):
    """Something to say when a condition holds; effect `conditions` also makes the verdict conditional."""

    effect: Literal["supports", "assumes", "conditions"]
    clause: str | None = None
    text: Text


class ScoreTerm(_Strict):
    """A part of the score: 0 to 1 between two parameters, times its weight in points."""

    fact: Name
    curve: Curve
    start: Name
    end: Name
    weight: Name


class TechnologyFile(_Strict):
    """One rule file: a technology, or one variant of it."""

    option: Name
    parameters: dict[Name, Parameter] = {}
    checks: tuple[Check, ...]
    notes: tuple[Note, ...] = ()
    score: Annotated[tuple[ScoreTerm, ...], Field(min_length=1)]
    evidence: tuple[Name, ...]

    @model_validator(mode="after")
    def _consistent(self) -> TechnologyFile:
        ids = [c.id for c in (*self.checks, *self.notes)]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"the id {twice[0]!r} is used twice")
        unknown = [f for f in self.evidence if f not in FACT]
        if unknown:
            raise ValueError(f"unknown fact {unknown[0]!r} in evidence")
        return self


class LandUse(_Strict):
    """A class of land use: whether it is heated, and the parameters with its indices."""

    codes: Annotated[tuple[str, ...], Field(min_length=1)]
    heated: bool
    heat_index: dict[Literal["none", "saving", "high", "nzeb"], Name] = {}
    cooling_index: Name | None = None


class DemandFile(_Strict):
    """The figures behind heat and cooling demand."""

    parameters: dict[Name, Parameter]
    land_use: dict[Name, LandUse]
    default_standard: Literal["none", "saving", "high", "nzeb"]
    mixed_heat_index: Name


class RuleSetFile(_Strict):
    """The head of a rule set: its name, the order of technologies, shared figures and checks."""

    id: Name
    title: Text
    order: tuple[Technology, ...]
    parameters: dict[Name, Parameter]
    checks: tuple[Check, ...]

    @model_validator(mode="after")
    def _order_is_complete(self) -> RuleSetFile:
        if len(set(self.order)) != len(self.order):
            raise ValueError("order names a technology twice")
        return self


@dataclass(frozen=True)
class ParameterValue:
    """A parameter as it stands on the rule set's day."""

    name: str
    value: Value
    unit: str
    title: Text
    source: Source
    valid_from: date

    def number(self) -> float:
        """Return the value of a numeric parameter."""
        if not isinstance(self.value, float):
            raise TypeError(f"parameter {self.name} is a list")
        return self.value


@dataclass(frozen=True)
class OptionRules:
    """The rules of one option on the rule set's day; shared checks come first."""

    option: str
    parameters: Mapping[str, ParameterValue]
    checks: tuple[Check, ...]
    notes: tuple[Note, ...]
    score: tuple[ScoreTerm, ...]
    evidence: tuple[str, ...]

    def number(self, name: str) -> float:
        """Return a numeric parameter of the option or of the whole set."""
        return self.parameters[name].number()

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return a parameter that is a list of numbers."""
        return tuple(float(v) for v in self._list(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a parameter that is a list of words."""
        return tuple(str(v) for v in self._list(name))

    def _list(self, name: str) -> tuple[float, ...] | tuple[str, ...]:
        value = self.parameters[name].value
        if isinstance(value, float):
            raise TypeError(f"parameter {name} is a number, not a list")
        return value


@dataclass(frozen=True)
class Clause:
    """A clause of the policy documents that reasons cite."""

    clause_id: str
    document: str
    section: str
    rule_in_short: str


@dataclass(frozen=True, eq=False)
class RuleSet:
    """All rules as they stand on `as_of`; `hash` names the content of the files."""

    id: str
    title: Text
    as_of: date
    hash: str
    order: tuple[Technology, ...]
    parameters: Mapping[str, ParameterValue]
    options: Mapping[str, OptionRules]
    demand: DemandFile
    demand_parameters: Mapping[str, ParameterValue]
    clauses: Mapping[str, Clause]
    content: Mapping[str, object]
