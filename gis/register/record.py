"""The record of a heat project: what is told of it, and what follows of its capacities."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_DOWN, Decimal
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from gis.vocabulary import Technology
from gis.wording import Language
from layers import LAYERS, Text

PROJECT = "heat_project"
SPEC = LAYERS[PROJECT]
ProjectStatus = Literal["idea", "approved", "construction", "running", "ended"]
TECHNOLOGIES: tuple[Technology, ...] = (
    "shallow_ground_source", "reclaimed_water", "geothermal", "waste_heat", "air_source", "biomass",
)  # fmt: skip


@dataclass(frozen=True)
class Said:
    """A sentence in both languages with the clause that it rests on."""

    clause_id: str
    zh: str
    en: str


@dataclass(frozen=True, eq=False)
class Project:
    """A heat project as the register has it; `values` has every field of the layer, None where not told."""

    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def id(self) -> str:
        """The key."""
        return str(self.values[SPEC.key])

    @property
    def status(self) -> str | None:
        """The state."""
        return None if self.values["status"] is None else str(self.values["status"])

    @cached_property
    def technology_kw(self) -> dict[Technology, float]:
        """Installed kW by technology, as far as told."""
        told = {t: self.values[f"{t}_kw"] for t in TECHNOLOGIES}
        return {t: float(kw) for t, kw in told.items() if kw is not None}

    @cached_property
    def installed_technologies(self) -> tuple[Technology, ...]:
        """The technologies of which something is installed."""
        return tuple(t for t, kw in self.technology_kw.items() if kw > 0)

    @cached_property
    def technologies(self) -> tuple[Technology, ...]:
        """The main technology, where it is told, and all others of which something is installed."""
        main = () if self.values["technology"] is None else (self.values["technology"],)
        return tuple(dict.fromkeys((*main, *self.installed_technologies)))

    @cached_property
    def new_energy_kw(self) -> float | None:
        """Installed kW of all new-energy technologies.

        None where no technology tells its own, or the main one does not: what that holds is then not known.
        Another technology that tells nothing is not part of the project.
        """
        main = self.values["technology"]
        if not self.technology_kw or (main is not None and main not in self.technology_kw):
            return None
        return math.fsum(self.technology_kw.values())

    @cached_property
    def new_energy_share_frac(self) -> float | None:
        """New-energy kW over the installed kW.

        None where one is not known or nothing is installed, and where the parts exceed the whole: one of
        them is wrong then.
        """
        installed, new = self.values["installed_kw"], self.new_energy_kw
        if installed is None or new is None or installed <= 0 or new > installed:
            return None
        return float(new / installed)

    def told(self) -> dict[str, Any]:
        """Return the fields with what follows of them: new_energy_kw and new_energy_share_frac."""
        return dict(self.values) | {
            "new_energy_kw": self.new_energy_kw,
            "new_energy_share_frac": self.new_energy_share_frac,
        }


def project_of(row: Mapping[str, Any]) -> Project:
    """Return the record of a row of the layer heat_project; a field that the row lacks is not told."""
    return Project({f.name: _plain(row.get(f.name), f.type) for f in SPEC.fields})


def _plain(value: Any, kind: str) -> Any:
    """Return a value without numpy and pandas; None for every kind of missing value."""
    if value is None or value is pd.NA or value is pd.NaT or value == "":
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    if kind == "date":
        if isinstance(value, str):
            return date.fromisoformat(value)
        return value.date() if isinstance(value, datetime) else value
    return value


def said(clause: str, text: Text, words: Callable[[Language], Mapping[str, Any]] = lambda _: {}) -> Said:
    """Return a sentence of the rules with its words filled in, which `words` gives by language."""
    return Said(
        clause,
        text.zh.format(clause=clause, **words("zh")),
        text.en.format(clause=clause, **words("en")),
    )


def share_text(share: float) -> str:
    """Return a share in per cent with two decimals, the rest cut off: 0.59999 is not yet 60 %."""
    hundredths = (Decimal(repr(share)) * 100).quantize(Decimal("0.01"), ROUND_DOWN)
    return f"{hundredths:f}".rstrip("0").rstrip(".") + " %"


def field_titles(names: Iterable[str], language: Language, *, either: bool = False) -> str:
    """Return the titles of fields as one text; `either` where any one of them will do."""
    between = {"zh": ("、", "或"), "en": (" and ", " or ")}[language][either]
    return between.join(getattr(SPEC.field(n).title, language) for n in names)


def choice_title(field: str, value: str | None, language: Language) -> str:
    """Return the title of a coded value."""
    if value is None:
        return {"zh": "未填", "en": "not told"}[language]
    return str(next(getattr(c.title, language) for c in SPEC.field(field).choices if c.value == value))


def value_text(project: Project, name: str, language: Language) -> str:
    """Return a field's value as people write it, with its unit."""
    value, field = project[name], SPEC.field(name)
    if field.choices:
        return choice_title(name, value, language)
    if field.type == "boolean":
        return {"zh": ("否", "是"), "en": ("no", "yes")}[language][bool(value)]
    if field.type == "float":
        units = {"CNY": {"zh": "元", "en": "CNY"}[language], "m2": "m²", "1": ""}
        return f"{value:,.12g} {units.get(field.unit or '', field.unit)}".rstrip()
    return str(value)
