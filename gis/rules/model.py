"""The form of the rule files."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gis.vocabulary import FACT, PORTFOLIO, Technology
from layers import Text

Kind = Literal["policy", "standard", "study", "assumption"]
Operator = Literal["ge", "gt", "le", "lt", "in", "not_in"]
Curve = Literal["rising", "falling"]
Unit = Literal[
    "1", "m", "m2", "d", "a", "h", "kW", "degC", "K", "W/m2", "W/(m K)", "m K/W", "MJ/(m3 K)",
    "K/km", "kg/s", "m3/d", "MWh/(m a)", "m2/person", "points", "list", "by_district",
    "J/(m3 K)", "CNY/kW", "CNY/(kW m)", "CNY/kWh", "kg/kWh", "t/a",
]  # fmt: skip
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Value = float | tuple[float, ...] | tuple[str, ...] | dict[str, float]

LOCAL_FACTS: dict[str, tuple[str, str, str | None]] = {
    "capacity_kw": ("供热能力", "capacity", "kW"),
    "installed_share_frac": ("装机占比", "installed share", "1"),
    "earlier_suitable_count": ("排序在前的适宜技术数", "earlier technologies that are suitable", "1"),
    "earlier_unknown_count": ("排序在前而资料不足的技术数", "earlier technologies that stay unknown", "1"),
}
"""Facts that exist only while one technology is judged: name -> (zh, en, unit)."""

PORTFOLIO_FACTS = {c.name: (c.zh, c.en, c.unit) for c in PORTFOLIO if c.type != "text_list"}
"""Facts of the portfolio, for its own checks and the checklists."""

KNOWN_FACTS = {n: (c.zh, c.en, c.unit) for n, c in FACT.items()} | LOCAL_FACTS | PORTFOLIO_FACTS


class _Strict(BaseModel):
    # A limit that is no number, or beyond all, would decide every parcel alike.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


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
    bound: bool = False
    """A logical bound (nothing, everything, as far as is searched): no estimate, so not listed as assumed."""

    def on(self, day: date) -> DatedValue | None:
        """Return the value in force on a day, None before the first."""
        valid = [v for v in self.values if v.from_ <= day]
        return max(valid, key=lambda v: v.from_) if valid else None


class Comparison(_Strict):
    """A fact compared with a parameter, or with another fact."""

    fact: Name
    operator: Operator
    threshold: Name

    @model_validator(mode="after")
    def _known_fact(self) -> Comparison:
        if self.fact not in KNOWN_FACTS:
            raise ValueError(f"unknown fact {self.fact!r}")
        return self


class Condition(Comparison):
    """A comparison with a name, that applies where all of `when` hold."""

    id: Name
    when: tuple[Comparison, ...] = ()


class Nowhere(Text):
    """What is said instead where nothing of the kind is on the map: a distance without a value."""

    fact: Name


class Check(Condition):
    """A condition that must hold; `effect` says what its failure does, `missing` what not knowing does."""

    effect: Literal["excludes", "conditions"]
    missing: Literal["unknown", "conditional"] = "unknown"
    clause: str
    failed: Text
    met: Text | None = None
    nowhere: Nowhere | None = None

    @model_validator(mode="after")
    def _missing_is_never_better(self) -> Check:
        if self.effect == "excludes" and self.missing == "conditional":
            raise ValueError("a check that excludes cannot pass as conditional when its fact is missing")
        return self


class Note(Condition):
    """Something to say when a condition holds; effect `conditions` also makes the verdict conditional."""

    effect: Literal["supports", "assumes", "conditions"]
    clause: str
    text: Text


class ScoreTerm(_Strict):
    """A part of the score: 0 to 1 between two parameters, times its weight in points."""

    fact: Name
    curve: Curve
    start: Name
    end: Name
    weight: Name


class Bonus(_Strict):
    """Points for a preference of the policy: added, up to 100, where the note holds."""

    note: Name
    points: Name


class Lever(_Strict):
    """A fact that planning can change, up to `limit`, to make an option feasible."""

    fact: Name
    limit: Name
    clause: str
    text: Text


class TechnologyFile(_Strict):
    """One rule file: a technology, or one variant of it."""

    option: Name
    parameters: dict[Name, Parameter] = {}
    checks: tuple[Check, ...]
    notes: tuple[Note, ...] = ()
    score: Annotated[tuple[ScoreTerm, ...], Field(min_length=1)]
    bonuses: tuple[Bonus, ...] = ()
    levers: tuple[Lever, ...] = ()
    evidence: tuple[Name, ...]

    @model_validator(mode="after")
    def _consistent(self) -> TechnologyFile:
        _no_id_twice((*self.checks, *self.notes))
        unknown = [f for f in (*self.evidence, *(v.fact for v in self.levers)) if f not in FACT]
        if unknown:
            raise ValueError(f"unknown fact {unknown[0]!r} in evidence or levers")
        return self


def _no_id_twice(conditions: tuple[Condition, ...]) -> None:
    ids = [c.id for c in conditions]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise ValueError(f"the id {twice[0]!r} is used twice")


class Economics(_Strict):
    """The parameters behind cost and electricity of one option."""

    capex: Name
    scop: Name | None = None
    """None where the seasonal performance is a fact of the parcel."""


class PortfolioFile(_Strict):
    """What the technologies of a parcel must reach together, and what they cost and save."""

    parameters: dict[Name, Parameter]
    checks: tuple[Check, ...]
    notes: tuple[Note, ...] = ()
    economics: dict[Name, Economics]

    @model_validator(mode="after")
    def _consistent(self) -> PortfolioFile:
        _no_id_twice((*self.checks, *self.notes))
        return self


class ChecklistItem(_Strict):
    """Something the applicant must show or arrange, for some options and where all of `when` hold."""

    id: Name
    group: Literal["approval", "application", "survey", "water", "land", "planning", "operation"]
    options: Annotated[tuple[Name, ...], Field(min_length=1)]
    when: tuple[Comparison, ...] = ()
    clause: str
    text: Text


class ChecklistFile(_Strict):
    """Checklists per recommended technology, in the order in which they are shown."""

    parameters: dict[Name, Parameter] = {}
    items: Annotated[tuple[ChecklistItem, ...], Field(min_length=1)]


class PolicyArea(_Strict):
    """An area that the policy names: townships by the start of their names, or a part of a district."""

    id: Name
    title: Text
    kind: Literal["geothermal_pilot_area", "geothermal_focus_area", "data_centre_area"]
    districts: Annotated[tuple[str, ...], Field(min_length=1)]
    townships: tuple[str, ...] = ()
    part: Literal["east", "south_east", "south_west"] | None = None
    clause: str
    source: Source


class EvaluationFile(_Strict):
    """What measured projects are evaluated by."""

    parameters: dict[Name, Parameter]


class AreaFile(_Strict):
    """Pilot and focus areas by name."""

    areas: Annotated[tuple[PolicyArea, ...], Field(min_length=1)]


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
