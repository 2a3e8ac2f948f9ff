"""The form of projects.yaml: states of heat projects, the pre-check of applications, and support."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gis.rules.model import Name, Parameter, Source, _Strict
from layers import LAYERS, Text

_FIELDS = {f.name: f for f in LAYERS["heat_project"].fields}
STATES = tuple(c.value for c in _FIELDS["status"].choices)
INVESTORS = tuple(c.value for c in _FIELDS["investor_kind"].choices)


def _known(names: tuple[str, ...]) -> None:
    unknown = [n for n in names if n not in _FIELDS]
    if unknown:
        raise ValueError(f"the layer heat_project has no field {unknown[0]!r}")


class Cited(Source):
    """A source that names its clause, an assumption too: officials are told what a rule rests on."""

    clause: str


class Need(_Strict):
    """What a project in a state must tell: any one of some fields."""

    fields: Annotated[tuple[str, ...], Field(min_length=1)]
    source: Cited

    @model_validator(mode="after")
    def _known_fields(self) -> Need:
        _known(self.fields)
        return self


class ProjectState(_Strict):
    """A state with those that may follow it."""

    id: str
    next: tuple[str, ...]
    needs: tuple[Need, ...] = ()
    source: Cited


class DateOrder(_Strict):
    """Dates of which none may lie before one that stands earlier in the list."""

    fields: Annotated[tuple[str, ...], Field(min_length=2)]
    source: Cited

    @model_validator(mode="after")
    def _dates(self) -> DateOrder:
        _known(self.fields)
        other = [n for n in self.fields if _FIELDS[n].type != "date"]
        if other:
            raise ValueError(f"{other[0]} is no date")
        return self


class Faults(_Strict):
    """What is said of a project, or of a change, that breaks the rules of the register."""

    transition: Text
    lost: Text
    missing: Text
    order: Text
    over_installed: Text
    source: Cited
    """Why parts cannot exceed the whole; the others cite the rule that they break."""


Answer = Literal["met", "missing", "failed", "unknown"]
Judgement = Literal["given", "share", "scope", "closed_loop", "funding", "route"]


class PreCheckItem(_Strict):
    """An item of the pre-check of an application: how it is judged, by which clause, what is said."""

    id: Name
    judged: Judgement
    clause: str
    title: Text
    fields: Annotated[tuple[str, ...], Field(min_length=1)]
    either: bool = False
    """Whether any one of the fields will do."""
    said: dict[str, Text]
    """Answer -> sentence; the route has one for every kind of investor instead of `met`, and a share that
    cannot be judged one for each cause instead of `unknown`."""

    @model_validator(mode="after")
    def _complete(self) -> PreCheckItem:
        _known(self.fields)
        met = INVESTORS if self.judged == "route" else ("met",)
        also: dict[Judgement, tuple[str, ...]] = {
            "share": ("failed", "contradictory", "not_in_force"),
            "scope": ("failed", "unknown"),
            "closed_loop": ("unknown",),
            "funding": ("failed",),
        }
        wanted = {*met, "missing", *also.get(self.judged, ())}
        if set(self.said) != wanted:
            raise ValueError(
                f"{self.id} says {', '.join(sorted(self.said))}, not {', '.join(sorted(wanted))}"
            )
        return self


class Said(Text):
    """A sentence with the clause that it rests on."""

    clause: str


class SupportReasons(_Strict):
    """Why support has its rate, or none."""

    full: Said
    part: Said
    multi_energy: Said
    new_technology: Said
    new_technology_unknown: Said
    below: Said
    share_unknown: Said
    double: Said
    double_unknown: Said
    out_of_scope: Said
    technology_unknown: Said
    groundwater: Said
    government: Said
    investor_unknown: Said
    investment_unknown: Said
    not_in_force: Said


class Support(_Strict):
    """The parameters of portfolio.yaml that support is computed by, and its reasons."""

    full_from: Name
    part_from: Name
    full: Name
    part: Name
    reasons: SupportReasons


class ProjectFile(_Strict):
    """Rules of the register of heat projects."""

    parameters: dict[Name, Parameter]
    states: tuple[ProjectState, ...]
    date_order: DateOrder
    faults: Faults
    precheck: Annotated[tuple[PreCheckItem, ...], Field(min_length=1)]
    support: Support

    @model_validator(mode="after")
    def _consistent(self) -> ProjectFile:
        ids = tuple(s.id for s in self.states)
        if sorted(ids) != sorted(STATES):
            raise ValueError(f"states are {', '.join(STATES)}, once each")
        for state in self.states:
            if not set(state.next) <= set(ids) - {state.id}:
                raise ValueError(f"{state.id} is followed by a state that is none, or by itself")
        items = [i.id for i in self.precheck]
        if len(set(items)) != len(items):
            raise ValueError("an id of the pre-check is used twice")
        return self
