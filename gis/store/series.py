"""Reading measured values: the series of a feature, and the monthly totals of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import sqlalchemy as sa

from gis.periods import PERIODS, STEP_S, Period, hours_of, step_count, step_h
from gis.store.copy import raw
from gis.store.monitoring_tables import BLOCK, PAIR

Floats = npt.NDArray[np.float64]

_ARROW: dict[type, pa.DataType] = {
    sa.Text: pa.string(),
    sa.Date: pa.date32(),
    sa.Integer: pa.int64(),
    sa.Double: pa.float64(),
}


@dataclass(frozen=True, eq=False)
class Series:
    """One variable of one feature over whole months, step by step in Beijing time.

    variable  name in `gis.monitoring.variables.VARIABLES`
    period    the step
    start     first step, datetime64[s]
    values    (step,) in the variable's unit, NaN where nothing was measured
    """

    variable: str
    period: Period
    start: np.datetime64
    values: Floats

    def times(self) -> npt.NDArray[np.datetime64]:
        """Return when the steps begin, datetime64[s]."""
        count = np.arange(len(self.values))
        if self.period == "P1M":
            months = self.start.astype("datetime64[M]") + count
            return np.asarray(months, dtype="datetime64[s]")
        step = np.timedelta64(STEP_S[self.period], "s")
        return np.asarray(self.start + count * step, dtype="datetime64[s]")

    def between(self, start: np.datetime64, end: np.datetime64) -> Series:
        """Return the steps that begin in [start, end)."""
        times = self.times()
        kept = (times >= start) & (times < end)
        return Series(self.variable, self.period, times[kept][0] if kept.any() else start, self.values[kept])


def read_series(
    connection: sa.Connection, layer: str, feature_id: str, variables: Sequence[str], first: date, last: date
) -> list[Series]:
    """Return the measured series of a feature in the months from that of `first` to that of `last`.

    One a variable and period of which there is a value, in the order of `variables`, the finest period
    first; steps without a value are NaN.
    """
    table = BLOCK[layer].c
    months = np.arange(np.datetime64(first, "M"), np.datetime64(last, "M") + 1)
    query = sa.select(table.variable, table.period, table.month, table["values"]).where(
        table.feature_id == feature_id,
        table.variable.in_(list(variables)),
        table.month.between(months[0].astype(date), months[-1].astype(date)),
    )
    compiled = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    found: dict[tuple[str, Period], dict[np.datetime64, list[float]]] = {}
    with raw(connection).cursor(binary=True) as cursor:
        # Arrays are read in their binary form, at a tenth of the time.
        for variable, period, month, values in cursor.execute(str(compiled), compiled.params):
            found.setdefault((variable, period), {})[np.datetime64(month, "M")] = values
    order = sorted(found, key=lambda key: (variables.index(key[0]), PERIODS.index(key[1])))
    return [
        Series(v, p, months[0].astype("datetime64[s]"), _joined(p, months, found[v, p])) for v, p in order
    ]


def _joined(
    period: Period, months: npt.NDArray[np.datetime64], blocks: dict[np.datetime64, list[float]]
) -> Floats:
    parts = [
        np.asarray(blocks[month]) if month in blocks else np.full(step_count(period, month), np.nan)
        for month in months
    ]
    return np.concatenate(parts)


def month_totals(
    connection: sa.Connection,
    layer: str,
    first: date,
    last: date,
    feature_ids: Sequence[str] | None = None,
    variables: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return what was measured in every month from that of `first` to that of `last`, of all features.

    All of them and all variables, where none are named.

    One row a feature, variable and month: columns feature_id, variable, month (its first, datetime64[s]),
    period, total (a sum; for means the sum of the values), value_count, lowest, highest, covered_h and
    possible_h. Where a month was measured in several periods the one that covers more counts, then the finer.
    """
    table = BLOCK[layer].c
    columns = ("feature_id", "variable", "period", "month", "value_count", "total", "lowest", "highest")
    query = sa.select(*(table[name] for name in columns)).where(
        table.month.between(first.replace(day=1), last.replace(day=1)), table.value_count > 0
    )
    if feature_ids is not None:
        query = query.where(table.feature_id.in_(list(feature_ids)))
    if variables is not None:
        query = query.where(table.variable.in_(list(variables)))
    found = _frame(connection, query)
    months = np.asarray(found["month"].to_numpy(), dtype="datetime64[M]")
    hours, rank = np.zeros(len(found)), np.zeros(len(found), dtype=np.int64)
    for place, period in enumerate(PERIODS):
        here = (found["period"] == period).to_numpy()
        hours[here], rank[here] = step_h(period, months[here]), place
    found["month"] = months.astype("datetime64[s]")
    found["covered_h"], found["possible_h"] = hours * found["value_count"], hours_of(months)
    # Numbers are sorted at a tenth of the time that texts take.
    of, what = (pd.factorize(found[name], sort=True)[0] for name in ("feature_id", "variable"))
    order = np.lexsort((rank, -found["covered_h"].to_numpy(), months, what, of))
    keys = np.stack([of, what, months.astype(np.int64)], axis=1)[order]
    first_of_key = np.concatenate([[True], (np.diff(keys, axis=0) != 0).any(axis=1)])[: len(order)]
    return pd.DataFrame(found.iloc[order[first_of_key]]).reset_index(drop=True)


def _frame(connection: sa.Connection, query: sa.Select[Any]) -> pd.DataFrame:
    """Return the rows of a query of texts, days and numbers; numbers that are missing are NaN."""
    compiled = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    columns = [(column.name, _ARROW[type(column.type)]) for column in query.selected_columns]
    command = f"COPY ({compiled}) TO STDOUT (FORMAT csv)"
    with raw(connection).cursor() as cursor, cursor.copy(command, compiled.params) as copy:
        content = b"".join(bytes(block) for block in copy)
    if not content:
        return pd.DataFrame(pa.table({name: pa.array([], kind) for name, kind in columns}).to_pandas())
    table = pyarrow.csv.read_csv(
        pa.py_buffer(content),
        read_options=pyarrow.csv.ReadOptions(column_names=[name for name, _ in columns]),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(column_types=dict(columns)),
    )
    return pd.DataFrame(table.to_pandas())


def month_pairs(
    connection: sa.Connection, first: date, last: date, feature_ids: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return heat and electricity of projects over the steps in which both are known, by month.

    Columns feature_id, month (datetime64[s]), heat_kwh, electricity_kwh, paired_h.
    """
    table = PAIR.c
    query = sa.select(PAIR).where(table.month.between(first.replace(day=1), last.replace(day=1)))
    if feature_ids is not None:
        query = query.where(table.feature_id.in_(list(feature_ids)))
    found = _frame(connection, query.order_by(table.feature_id, table.month))
    found["month"] = np.asarray(found["month"].to_numpy(), dtype="datetime64[M]").astype("datetime64[s]")
    return found
