"""What a check of a layer tells: findings by code, and what could not be checked, in Chinese and English."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field

from gis.export.checks.findings import LEVELS, Code, Level, filled
from gis.export.model import Strict
from layers import Text

MOST_IDS = 10
"""Of the features that fail a check the first so many are named."""


@cache
def codes() -> Mapping[str, Code]:
    """Return all codes in the order in which they are told."""
    listed = yaml.safe_load(Path(__file__).with_name("codes.yaml").read_text(encoding="utf-8"))
    return {code: Code(**told) for code, told in listed.items()}


@dataclass(frozen=True)
class Fault:
    """What fails a check: how many features (or what the code counts), the first of them, and the figures."""

    count: int
    ids: Sequence[str] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    field: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of one check: how much was held against it, what fails, and why some or all could not be."""

    checked: int
    faults: Sequence[Fault] = ()
    unchecked: Text | None = None


def not_checked(zh: str, en: str) -> Outcome:
    """Return the outcome of a check that could not be made, with the reason."""
    return Outcome(0, unchecked=Text(zh=zh, en=en))


class Finding(Strict):
    """All that fails one check, of one field where it is about fields.

    `count` counts features, fields, districts or pairs as the code is about; `ids` are the first features.
    """

    code: str = Field(examples=["H-NUM-2"])
    severity: Level
    field: str | None = Field(examples=["design_capacity_m3_per_d"])
    count: int
    ids: tuple[str, ...] = Field(max_length=MOST_IDS, examples=[["WWTP-07"]])
    title: Text
    told: Text
    todo: Text


class Checked(Strict):
    """One check that applies to the layer; `not_checked` says why it, or a part of it, could not be made."""

    code: str
    severity: Level
    title: Text
    checked_count: int
    failed_count: int
    not_checked: Text | None


class FieldShare(Strict):
    """How much of a field is filled; null in a layer without features."""

    field: str
    title: Text
    required: bool
    filled_frac: float | None


class SourceCount(Strict):
    """How many features name a source; null of those that name none."""

    source: str | None
    feature_count: int


class DateSpan(Strict):
    """The first and the last day or time that a field of the layer tells."""

    field: str
    title: Text
    first: dt.date | dt.datetime
    last: dt.date | dt.datetime


class DistrictShare(Strict):
    """About what share of a district the layer covers."""

    district_id: str
    name: Text
    covered_frac: float


class Change(Strict):
    """How the layer differs from its version before; null where that was not kept."""

    before_version: int
    before_count: int
    added_count: int | None
    removed_count: int | None
    changed_count: int | None


class LayerCheck(Strict):
    """The check of one version of a layer or raster.

    `feature_count` counts features, or cells with a value; `city_covered_frac` is estimated on points (see
    `gis.health.city`), null for points and lines and where no districts are loaded; `synthetic_count` is
    null of rasters, which do not tell; `sources` are the most frequent; `change` is null for the first
    version, and of rasters.
    """

    layer: str
    kind: Literal["vector", "raster"]
    version: int
    checked_at: dt.datetime
    software: str
    feature_count: int
    age_days: int
    dates: tuple[DateSpan, ...]
    sources: tuple[SourceCount, ...]
    synthetic_count: int | None
    city_covered_frac: float | None
    districts: tuple[DistrictShare, ...]
    fields: tuple[FieldShare, ...]
    change: Change | None
    checks: tuple[Checked, ...]
    findings: tuple[Finding, ...]


def told(outcomes: Mapping[str, Outcome]) -> tuple[tuple[Checked, ...], tuple[Finding, ...]]:
    """Return checks in the order of the codes, and findings by severity."""
    named = [code for code in codes() if code in outcomes]
    checks = tuple(_checked(code, outcomes[code]) for code in named)
    findings = [_finding(code, fault) for code in named for fault in outcomes[code].faults]
    return checks, tuple(sorted(findings, key=lambda one: LEVELS.index(one.severity)))


def _checked(code: str, outcome: Outcome) -> Checked:
    return Checked(
        code=code,
        severity=codes()[code].level,
        title=codes()[code].title,
        checked_count=outcome.checked,
        failed_count=sum(fault.count for fault in outcome.faults),
        not_checked=outcome.unchecked,
    )


def counted(count: int, zh: str = "要素", en: str = "feature") -> Text:
    """Return a number of features, or of something else, in words."""
    return Text(zh=f"{count:,} 个{zh}", en=f"{count:,} {en}{'' if count == 1 else 's'}")


def _finding(code: str, fault: Fault) -> Finding:
    said = codes()[code]
    values = {"count": fault.count, "features": counted(fault.count), **fault.values}
    return Finding(
        code=code,
        severity=said.level,
        field=fault.field,
        count=fault.count,
        ids=tuple(fault.ids[:MOST_IDS]),
        title=said.title,
        told=filled(said.told, values),
        todo=filled(said.todo, values),
    )
