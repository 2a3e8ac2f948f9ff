"""Bodies of /api/projects."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import BaseModel, Field, create_model

from api.schemas import Body
from gis.register.document import LISTED
from gis.register.precheck import Outcome
from gis.register.record import SPEC, ProjectStatus
from gis.rules.model_projects import Answer
from layers import Text

_TYPES: dict[str, Any] = {"text": str, "float": float, "boolean": bool, "date": date}
_FOLLOWS: dict[str, Any] = {
    "new_energy_kw": (
        float | None,
        Field(description="installed kW of all new-energy technologies; null where that of the main is"),
    ),
    "new_energy_share_frac": (float | None, Field(description="new_energy_kw over installed_kw")),
}


def _fields(names: tuple[str, ...]) -> dict[str, Any]:
    """Return the declared fields, of which all but the key may be null, with what follows of them."""
    declared = {}
    for field in SPEC.fields:
        kind = _TYPES[field.type]
        unit = f", {field.unit}" if field.unit else ""
        told = Field(description=f"{field.title.zh} ({field.title.en}{unit})")
        declared[field.name] = (kind if field.name == SPEC.key else kind | None, told)
    both = declared | _FOLLOWS
    return {name: both[name] for name in names}


def _model(name: str, doc: str, names: tuple[str, ...]) -> type[BaseModel]:
    return create_model(name, __base__=Body, __doc__=doc, **_fields(names))


ProjectRow = _model("ProjectRow", "A heat project as lists have it; what is not told is null.", LISTED)
ProjectRecord = _model(
    "ProjectRecord",
    "All that is told of a heat project; what is not is null.",
    (*(f.name for f in SPEC.fields), *_FOLLOWS),
)


class Projects(Body):
    """Some heat projects by key, and how many there are in all."""

    projects: list[ProjectRow]  # type: ignore[valid-type]
    numberMatched: int = Field(description="how many fulfil the conditions, on this page or not")


class Sentence(Body):
    """A sentence in Chinese and English with its clause."""

    clause_id: str
    zh: str
    en: str


class ProjectFault(Sentence):
    """What the register's rules do not allow, at a field."""

    field: str


class NextState(Body):
    """A state that may follow."""

    status: ProjectStatus
    title: Text
    needs: list[ProjectFault] = Field(description="what is still to be told for it")


class MissingField(Body):
    """A field that an application is to tell."""

    field: str
    title: Text


class CheckedItem(Sentence):
    """One item of the pre-check."""

    id: str
    title: Text
    result: Answer
    value: float | str | None
    threshold: float | None


class ProjectPreCheck(Body):
    """The pre-check of an application by the rules in force on a day."""

    as_of: date = Field(description="the day of application, today where none is told")
    result: Outcome
    missing: list[MissingField]
    items: list[CheckedItem]


class ProjectSubsidy(Body):
    """Municipal investment support; null where there is none, or where it cannot be told."""

    as_of: date = Field(description="the day of application, today where none is told")
    rate_frac: float | None
    amount_cny: float | None
    reasons: list[Sentence]


class ProjectDetail(Body):
    """A heat project and what the register's rules say of it."""

    project: ProjectRecord  # type: ignore[valid-type]
    next_states: list[NextState]
    faults: list[ProjectFault]
    precheck: ProjectPreCheck
    subsidy: ProjectSubsidy
