"""What was measured, written into the layers: heat projects and data centres (P1309-5.4, P182-16).

Waste heat of data centres is worked out of their monitored power, so that scoring and matching follow what
is published as they follow any new version of a layer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import sqlalchemy as sa

from gis.evaluation.measured import hours
from gis.periods import STEP_S, hours_of
from gis.rules import RuleSet
from gis.rules.ruleset import Rules
from gis.store import Store
from gis.store.connection import clear_errors
from gis.store.monitoring_tables import BLOCK, DELIVERY
from gis.store.series import Series, month_totals, read_series
from layers import LAYERS

PROJECT, CENTRE = "heat_project", "data_centre"
_YEAR = 12
_LOOK_BACK = 13
"""Months in which the power of a data centre is looked for, with the last one that was measured."""
_DAY = np.timedelta64(1, "D")
_FIELDS = {"heat_kwh": "monitored_heat_mwh_per_a", "electricity_kwh": "monitored_electricity_mwh_per_a"}
_DECIMALS = 3
_FAILED = "Reading measured values failed"


@dataclass(frozen=True)
class Measured:
    """A value of a feature that was measured; `of` is the time that it is of, in words of ISO 8601."""

    feature_id: str
    field: str
    value: float | datetime
    of: str


@dataclass(frozen=True)
class Published:
    """What came of a layer.

    values   those that are other than the layer has them
    version  the new version of the layer, None where nothing was written
    """

    layer: str
    values: list[Measured]
    version: int | None


def publish(store: Store, ruleset: RuleSet, rules: Rules, *, dry_run: bool = False) -> list[Published]:
    """Write what was measured into heat projects and data centres, as a new version of each that it changes.

    Heat projects get heat and electricity of their last twelve months of which `published_coverage_frac` is
    known, data centres the mean power of the last `published_power_d` days of which that is. What does not
    reach it leaves the layer as it is, and nothing is extrapolated.

    Raises BusyError where a layer is loaded meanwhile.
    """
    loaded = store.layer_versions()
    with clear_errors(_FAILED), store.engine.connect() as connection:
        found = {PROJECT: list(_of_projects(connection, rules)), CENTRE: list(_of_centres(connection, rules))}
        delivery = connection.scalar(
            sa.select(sa.func.max(DELIVERY.c.delivery_id)).where(DELIVERY.c.finished_at.is_not(None))
        )
    return [
        _published(store, layer, values, f"measured values up to delivery {delivery or 0}", ruleset, dry_run)
        for layer, values in found.items()
        if layer in loaded
    ]


def _of_projects(connection: sa.Connection, rules: Rules) -> Iterator[Measured]:
    least = rules.number("published_coverage_frac")
    totals = month_totals(connection, PROJECT, date.min, date.max, variables=list(_FIELDS))
    if totals.empty:
        return
    totals["month"] = np.asarray(totals["month"].to_numpy(), dtype="datetime64[M]").astype(np.int64)
    for feature_id, own in totals.groupby("feature_id", sort=True):
        by = own.pivot(index="month", columns="variable", values=["total", "covered_h", "possible_h"])
        for variable, last in _windows(by, least):
            sums = by["total"][variable].loc[last - _YEAR + 1 : last].sum()
            first, end = (np.datetime64(m, "M") for m in (last - _YEAR + 1, last))
            value = round(float(sums) / 1000.0, _DECIMALS)
            yield Measured(str(feature_id), _FIELDS[variable], value, f"{first}/{end}")


def _windows(by: pd.DataFrame, least: float) -> Iterator[tuple[str, int]]:
    """Yield heat and electricity with the last month of the twelve that are published.

    Both are of the same months: the last twelve of which both are known, or else heat is. Without heat, no
    electricity is told. The last of them is known as well as all are: a month that is still under way would
    stand for a whole one, and in winter it holds a tenth of the year's heat and more.
    """
    months = np.arange(by.index.min(), by.index.max() + 1)
    covered = {}
    for variable in _FIELDS:
        if variable not in by["covered_h"]:
            covered[variable] = np.zeros(len(months), dtype=bool)
            continue
        own_h = by["covered_h"][variable].reindex(months).fillna(0.0)
        known_h = own_h.rolling(_YEAR).sum()
        whole = months.astype("datetime64[M]")
        possible_h = (
            (whole + 1).astype("datetime64[h]") - (whole - _YEAR + 1).astype("datetime64[h]")
        ).astype(float)
        ended = own_h.to_numpy() >= least * hours_of(whole)
        covered[variable] = (known_h.to_numpy() >= least * possible_h) & ended
    heat, electricity = covered["heat_kwh"], covered["electricity_kwh"]
    both = heat & electricity
    chosen = np.flatnonzero(both if both.any() else heat)
    if len(chosen):
        last = int(months[chosen[-1]])
        yield "heat_kwh", last
        if both.any():
            yield "electricity_kwh", last


def _of_centres(connection: sa.Connection, rules: Rules) -> Iterator[Measured]:
    table = BLOCK[CENTRE].c
    last_of = (
        sa.select(table.feature_id, sa.func.max(table.month))
        .where(table.variable == "electricity_kwh", table.value_count > 0)
        .group_by(table.feature_id)
        .order_by(table.feature_id)
    )
    days, least = int(rules.number("published_power_d")), rules.number("published_coverage_frac")
    for feature_id, last in connection.execute(last_of).tuples().all():
        first = (np.datetime64(last, "M") - _LOOK_BACK + 1).astype(date)
        found = read_series(connection, CENTRE, feature_id, ["electricity_kwh"], first, last)
        powers = [power for one in found if (power := _power(one, days, least)) is not None]
        if powers:
            end, kw, length = max(powers, key=lambda power: power[0])
            yield Measured(feature_id, "monitored_power_kw", round(kw, _DECIMALS), f"{length}/{end}")
            yield Measured(feature_id, "monitored_at", end.astype(datetime), f"{length}/{end}")


def _power(series: Series, days: int, least: float) -> tuple[np.datetime64, float, str] | None:
    """Return the end of the last so many days that are covered, their mean power and length; of months, one.

    The mean is over the hours that are known. A window ends with a day of which something is known.
    """
    known = ~np.isnan(series.values)
    if series.period == "P1M":
        if not known.any():
            return None
        at = int(np.flatnonzero(known)[-1])
        end = series.times()[at].astype("datetime64[M]") + 1
        return end.astype("datetime64[s]"), float(series.values[at] / hours(series)[at]), "P1M"
    steps = int(86400 // STEP_S[series.period])
    daily = np.where(known, series.values, 0.0).reshape(-1, steps).sum(axis=1)
    known_h = known.reshape(-1, steps).sum(axis=1) * (24.0 / steps)
    window = np.ones(days)
    sums, sums_h = (np.convolve(of, window)[days - 1 : len(daily)] for of in (daily, known_h))
    good = (sums_h >= least * days * 24.0) & (known_h[days - 1 :] > 0.0)
    if not good.any():
        return None
    at = int(np.flatnonzero(good)[-1])
    return series.start + (at + days) * _DAY, float(sums[at] / sums_h[at]), f"P{days}D"


def _published(
    store: Store, layer: str, values: list[Measured], source: str, ruleset: RuleSet, dry_run: bool
) -> Published:
    """Write the values that are other than the layer has them."""
    version, key = store.layer_versions()[layer], LAYERS[layer].key
    frame = store.read(layer, ids=[v.feature_id for v in values]).set_index(key, drop=False)
    changed = [v for v in values if v.feature_id in frame.index and _other(frame, v)]
    if not changed or dry_run:
        return Published(layer, changed, None)
    for one in changed:
        frame.loc[one.feature_id, one.field] = one.value
    rows = gpd.GeoDataFrame(frame.loc[list(dict.fromkeys(v.feature_id for v in changed))]).reset_index(
        drop=True
    )
    told: list[dict[str, Any]] = [{**vars(v), "value": str(v.value)} for v in changed]
    made = store.write_layer(
        layer,
        rows,
        mode="upsert",
        source_name=source,
        source_sha256=hashlib.sha256(repr(told).encode()).hexdigest(),
        report={"published": told, "ruleset": ruleset.told()},
        rejects=pd.DataFrame(),
        seen=version.version,
    )
    return Published(layer, changed, made.version)


def _other(frame: pd.DataFrame, one: Measured) -> bool:
    held: Any = frame.loc[one.feature_id, one.field]
    return bool(pd.isna(held) or held != one.value)
