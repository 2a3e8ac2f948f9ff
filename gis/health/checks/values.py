"""Values of the fields: filled, of their list, within their range, and like the others."""

from __future__ import annotations

from psycopg import sql

from gis.health.findings import Fault, FieldShare, Outcome, not_checked
from gis.health.loaded import Loaded, figure, listed, share
from gis.wording import Language, Wording
from layers import FieldSpec, RasterSpec, Text

LANGUAGES: tuple[Language, ...] = ("zh", "en")

TIMES_MEDIAN = 1_000.0
LEAST_VALUES = 5
"""Values that a field needs before their median tells what is usual."""
SELDOM_FRAC = 0.5
_FREE = ("source", "synthetic", "remark")
"""Fields that say nothing of the resource itself: `sourceless` looks at the first."""


def field_shares(at: Loaded) -> tuple[FieldShare, ...]:
    """Return how much of every field is filled."""
    return tuple(
        FieldShare(
            field=field.name,
            title=field.title,
            required=field.required or field.name == at.spec.key,
            filled_frac=at.filled[field.name] / at.count if at.count else None,
        )
        for field in at.spec.fields
    )


def unused_fields(at: Loaded) -> Outcome | None:
    """Fields without any value."""
    asked = _optional(at)
    gone = [f.title for f in asked if not at.filled[f.name]]
    return _of_fields(at, len(asked), gone)


def seldom_filled(at: Loaded) -> Outcome | None:
    """Fields that are filled for few features."""
    asked = [f for f in _optional(at) if at.filled[f.name]]
    shares = {f: at.filled[f.name] / at.count for f in asked}
    few = [
        Text(zh=f"{f.title.zh}（{share(part)}）", en=f"{f.title.en} ({share(part)})")
        for f, part in shares.items()
        if part < SELDOM_FRAC
    ]
    return _of_fields(at, len(asked), few)


def _optional(at: Loaded) -> list[FieldSpec]:
    return [f for f in at.spec.fields if f.name not in _FREE and f.name != at.spec.key]


def _of_fields(at: Loaded, asked: int, found: list[Text]) -> Outcome | None:
    if not at.count:
        return None
    return Outcome(asked, [Fault(len(found), values={"fields": listed(found)})] if found else [])


def off_list(at: Loaded) -> Outcome | None:
    """Coded values that the list of their field does not have."""
    coded = [f for f in at.spec.fields if f.choices]
    if not coded:
        return None
    faults = []
    for field in coded:
        name = {"field": sql.Identifier(field.name)}
        allowed = [c.value for c in field.choices]
        count, ids, values = at.failing("{field} <> ALL(%(allowed)s)", name, "{field}", allowed=allowed)
        if count:
            said = {"field": field.title, "example": _quoted(ids[0], values[0])}
            faults.append(Fault(count, ids, said, field.name))
    return Outcome(sum(at.filled[f.name] for f in coded), faults)


def far_from_median(at: Loaded) -> Outcome | None:
    """Numbers that are `TIMES_MEDIAN` times the median of the positive ones, or its inverse; 0 is none."""
    fields = [f for f in at.numbers() if f.unit != "degC"]
    if not fields:
        return None
    checked, faults = 0, []
    for field in fields:
        name = {"field": sql.Identifier(field.name)}
        [(count, median)] = at.rows(
            "SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY {field}) FROM {table} "
            "WHERE {field} > 0 AND {field} < 'Infinity'",
            name,
        )
        if count < LEAST_VALUES:
            continue
        checked += count
        condition = "{field} > 0 AND {field} < 'Infinity' AND ({field} > %(high)s OR {field} < %(low)s)"
        limits = {"high": median * TIMES_MEDIAN, "low": median / TIMES_MEDIAN}
        found, ids, values = at.failing(condition, name, "{field}", **limits)
        if found:
            said = {"median": figure(median, field.unit), "example": example(ids[0], values[0], field.unit)}
            faults.append(Fault(found, ids, {"field": field.title, **said}, field.name))
    if not checked:
        return not_checked(
            f"每个字段至少要有 {LEAST_VALUES} 个数值", f"no field has the {LEAST_VALUES} values that it takes"
        )
    return Outcome(checked, faults)


def out_of_range(at: Loaded) -> Outcome | None:
    """Numbers outside their declared range, and what is no finite number."""
    return _ranged(at, [f for f in at.numbers() if f.unit != "degC"])


def impossible_temperatures(at: Loaded) -> Outcome | None:
    """Temperatures outside of what is physically possible: their declared range."""
    return _ranged(at, [f for f in at.numbers() if f.unit == "degC"])


def _ranged(at: Loaded, fields: list[FieldSpec]) -> Outcome | None:
    if not fields:
        return None
    faults = []
    for field in fields:
        # To PostgreSQL NaN is the greatest number.
        condition = "{field} < %(low)s OR {field} > %(high)s OR {field} IN ('Infinity', '-Infinity', 'NaN')"
        low = float("-inf") if field.minimum is None else field.minimum
        high = float("inf") if field.maximum is None else field.maximum
        count, ids, values = at.failing(
            condition, {"field": sql.Identifier(field.name)}, "{field}", low=low, high=high
        )
        if count:
            said = {"range": range_of(field), "example": example(ids[0], values[0], field.unit)}
            faults.append(Fault(count, ids, {"field": field.title, **said}, field.name))
    return Outcome(sum(at.filled[f.name] for f in fields), faults)


def range_of(spec: FieldSpec | RasterSpec) -> Text:
    """Return a declared range in words."""
    low, high = ("" if end is None else f"{end:g}" for end in (spec.minimum, spec.maximum))
    zh, en = (Wording(language).unit(spec.unit or "1") for language in LANGUAGES)
    if not low and not high:
        return Text(zh="为有限的数", en="a finite number")
    if not high:
        return Text(zh=f"不小于 {low} {zh}".rstrip(), en=f"at least {low} {en}".rstrip())
    if not low:
        return Text(zh=f"不大于 {high} {zh}".rstrip(), en=f"at most {high} {en}".rstrip())
    return Text(zh=f"在 {low} 至 {high} {zh}".rstrip() + "之间", en=f"{low} to {high} {en}".rstrip())


def example(id_: str, value: float, unit: str | None) -> Text:
    """Return a feature with its value."""
    said = figure(value, unit)
    return Text(zh=f"{id_} 的 {said.zh}", en=f"{said.en} of {id_}")


def _quoted(id_: str, value: str) -> Text:
    return Text(zh=f"{id_} 的“{value}”", en=f'"{value}" of {id_}')
