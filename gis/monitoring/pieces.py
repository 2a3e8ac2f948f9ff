"""The values of one variable in a batch, each row judged: taken, or refused with the code of a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gis.monitoring.columns import Roles, unit_of, variable_of
from gis.monitoring.parsing import Times, Words, numbers, texts_at, times, words
from gis.monitoring.variables import MOST_OVER_INSTALLED, Variable
from gis.periods import STEP_S, Period, first_second, step_h
from layers import Text

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Reasons = npt.NDArray[np.int8]

REASONS: Mapping[str, Text] = MappingProxyType(
    {
        "variable": Text(zh="不是该图层监测的指标", en="no variable that is measured at this layer"),
        "unit": Text(zh="单位不明或与指标不符", en="the unit is missing or is not one of this variable"),
        "feature": Text(zh="编号为空或图层中没有该对象", en="the layer has no feature of this id"),
        "time": Text(zh="时间为空或无法识别", en="the time is missing or cannot be read"),
        "number": Text(zh="数值无法识别", en="the value is no number"),
        "off_step": Text(zh="时间不在计量步长的起点", en="the time does not begin a step"),
        "future": Text(zh="时间在将来", en="the time lies in the future"),
        "past": Text(
            zh="时间早于 2000 年，采集时钟可能未校准",
            en="the time lies before 2000; the clock may not be set",
        ),
        "range": Text(
            zh="数值超出可信范围，单位可能有误", en="the value is beyond its bounds; the unit may be wrong"
        ),
        "installed": Text(
            zh="数值明显超过装机容量，单位可能有误",
            en="the value is far above the installed capacity; the unit may be wrong",
        ),
        "contradicts": Text(
            zh="同一文件中该时刻已有不同数值", en="the same delivery holds another value of this time"
        ),
    }
)
"""Why a value is refused, in the order in which it is asked."""
CODES = tuple(REASONS)
_EARLIEST_S = 946_684_800
"""2000-01-01 (assumed): a meter whose clock was never set tells 1970 or 1980."""


@dataclass(frozen=True, eq=False)
class Known:
    """What rows are judged by.

    layer     whose features were measured
    places    id of a feature -> its place in `ids`
    ids       all features of the layer
    limit_kw  variable -> (feature,) power that it is held against, NaN where not known
    period    step of the delivery
    until_s   first second that lies in the future
    """

    layer: str
    places: Mapping[str, int]
    ids: tuple[str, ...]
    limit_kw: Mapping[str, Floats]
    period: Period
    until_s: int


@dataclass(frozen=True, eq=False)
class Taken:
    """Values of one variable that are taken: row of the delivery, place of the feature, second, value."""

    variable: str
    rows: Ints
    features: Ints
    seconds: Ints
    values: Floats


@dataclass(frozen=True, eq=False)
class Refused:
    """Values that are not taken, as they were delivered, each with a reason."""

    variable: str
    rows: Ints
    reasons: list[str]
    features: list[str | None]
    times: list[str | None]
    values: list[str | None]
    units: list[str | None]


@dataclass(frozen=True, eq=False)
class Piece:
    """One variable of a batch: what is taken and refused, and how many values were empty."""

    taken: Taken
    refused: Refused
    empty_count: int


@dataclass(frozen=True, eq=False)
class _Lines:
    """Rows of a batch with whose they are and when; `places` of known features, -1 for others."""

    batch: pa.RecordBatch
    roles: Roles
    first_row: int
    places: Ints
    when: Times
    month: npt.NDArray[np.datetime64]


def pieces(batch: pa.RecordBatch, roles: Roles, first_row: int, known: Known) -> Iterator[Piece]:
    """Yield the variables of a batch whose first row has the number `first_row` in the delivery."""
    named = words(batch.column(roles.key))
    of_text = np.array([known.places.get(text, -1) for text in named.texts] or [-1], dtype=np.int64)
    places = np.where(named.places >= 0, of_text[named.places], -1)
    when = times(batch.column(roles.time))
    month = when.seconds.astype("datetime64[s]").astype("datetime64[M]")
    lines = _Lines(batch, roles, first_row, places, when, month)
    for wide in roles.wide:
        every = np.arange(batch.num_rows)
        yield _piece(lines, known, every, wide.variable.name, wide.variable, wide.unit, wide.column)
    if roles.long:
        yield from _long(lines, known)


def _long(lines: _Lines, known: Known) -> Iterator[Piece]:
    """Yield the pieces of a batch whose rows name their own variable and unit."""
    long = lines.roles.long
    variables = words(lines.batch.column(long["variable"]))
    none = Words(np.full(lines.batch.num_rows, -1, dtype=np.int64), [])
    units = words(lines.batch.column(long["unit"])) if "unit" in long else none
    code = (variables.places + 1) * (len(units.texts) + 1) + units.places + 1
    for one in np.unique(code):
        v, u = divmod(int(one), len(units.texts) + 1)
        name = variables.texts[v - 1] if v else ""
        unit = units.texts[u - 1] if u else ""
        yield _piece(lines, known, np.flatnonzero(code == one), name, variable_of(name), unit, long["value"])


def _piece(
    lines: _Lines, known: Known, rows: Ints, name: str, variable: Variable | None, unit: str, column: str
) -> Piece:
    """Return some rows of a batch that hold one variable in one unit."""
    delivered = lines.batch.column(column)
    whole = len(rows) == lines.batch.num_rows
    told = numbers(delivered if whole else delivered.take(pa.array(rows)))
    rows, values, read = rows[~told.empty], told.values[~told.empty], told.read[~told.empty]
    reasons = np.full(len(rows), -1, dtype=np.int8)
    factor, offset = 1.0, 0.0
    if variable is None or known.layer not in variable.layers:
        reasons[:] = CODES.index("variable")
    elif (conversion := unit_of(variable, unit)) is None:
        reasons[:] = CODES.index("unit")
    else:
        factor, offset = conversion
    values = values * factor + offset
    _judge(reasons, "feature", lines.places[rows] < 0)
    _judge(reasons, "time", ~lines.when.read[rows])
    _judge(reasons, "number", ~read)
    seconds, months = lines.when.seconds[rows], lines.month[rows]
    _judge(reasons, "off_step", _off_step(seconds, months, known.period))
    _judge(reasons, "future", seconds >= known.until_s)
    _judge(reasons, "past", seconds < _EARLIEST_S)
    if variable is not None:
        _bounds(reasons, variable, known, lines.places[rows], values, months)
    good = reasons < 0
    stored = variable.name if variable is not None else name
    taken = Taken(stored, rows[good] + lines.first_row, lines.places[rows[good]], seconds[good], values[good])
    return Piece(
        taken, _refused(lines, stored, unit, column, rows[~good], reasons[~good]), int(told.empty.sum())
    )


def _judge(reasons: Reasons, code: str, wrong: npt.NDArray[np.bool_]) -> None:
    """Note a reason where none stands yet."""
    reasons[(reasons < 0) & wrong] = CODES.index(code)


def _off_step(seconds: Ints, months: npt.NDArray[np.datetime64], period: Period) -> npt.NDArray[np.bool_]:
    within = seconds - first_second(months)
    return np.asarray(within != 0 if period == "P1M" else within % STEP_S[period] != 0)


def _bounds(
    reasons: Reasons,
    variable: Variable,
    known: Known,
    places: Ints,
    values: Floats,
    months: npt.NDArray[np.datetime64],
) -> None:
    """Note values that no meter gives: amounts are held against what an hour can give, by the hours."""
    hours = step_h(known.period, months) if variable.kind == "sum" else np.ones(len(values))
    with np.errstate(invalid="ignore"):
        _judge(reasons, "range", (values < variable.low) | (values > variable.high * hours))
        if (limit := known.limit_kw.get(variable.name)) is not None:
            most = MOST_OVER_INSTALLED * limit[places] * hours
            _judge(reasons, "installed", values > most)


def _refused(lines: _Lines, variable: str, unit: str, column: str, rows: Ints, reasons: Reasons) -> Refused:
    roles, batch = lines.roles, lines.batch
    return Refused(
        variable,
        rows + lines.first_row,
        [CODES[reason] for reason in reasons],
        texts_at(batch.column(roles.key), rows),
        texts_at(batch.column(roles.time), rows),
        texts_at(batch.column(column), rows),
        [unit[:60] or None] * len(rows),
    )


def contradicting(taken: Taken, at: Ints, batch: pa.RecordBatch, roles: Roles, first_row: int) -> Refused:
    """Return values, by their places in `taken`, that an earlier row of the delivery says otherwise."""
    rows = taken.rows[at] - first_row
    units: list[str | None] = [None] * len(rows)
    if roles.long:
        column = roles.long["value"]
        if "unit" in roles.long:
            units = texts_at(batch.column(roles.long["unit"]), rows)
    else:
        wide = next(w for w in roles.wide if w.variable.name == taken.variable)
        column, units = wide.column, [wide.unit] * len(rows)
    return Refused(
        taken.variable,
        taken.rows[at],
        ["contradicts"] * len(rows),
        texts_at(batch.column(roles.key), rows),
        texts_at(batch.column(roles.time), rows),
        texts_at(batch.column(column), rows),
        units,
    )
