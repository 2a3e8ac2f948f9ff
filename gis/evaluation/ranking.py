"""Measured projects of a heating year held against each other, and beside the parameters of the models.

Everything is shown and nothing applied: a parameter changes where its rule file is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gis.errors import RuleError
from gis.evaluation.calendar import season_of
from gis.evaluation.city import City, in_season, years_of
from gis.evaluation.possible import least_work_frac, not_possible
from gis.heat.demand import full_load_hours
from gis.rules import RuleSet, load_ruleset
from gis.rules.ruleset import EvaluationRules, ParameterValue, Rules
from gis.vocabulary import FACT, OPTIONS
from layers import Text

VARIABLES = (
    "heat_kwh", "electricity_kwh", "supply_degc", "return_degc", "source_supply_degc", "outdoor_degc",
)  # fmt: skip
"""What has to be read of a city to be ranked."""
_MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation of a normal distribution."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """The measured projects of a heating year, July to June, named by its first.

    projects       a row a measured project: heat_project_id, name, technology, district, heat_kwh, cop,
                   kwh_per_m2, coverage_frac (hours of its season with heat), rank (1 is the best of its
                   technology), percentile_frac (share of the others of it with a lower COP), outlier,
                   reasons (texts); NaN is unknown, and unranked
    distributions  measured ones beside the parameters of the models
    """

    year: int
    projects: pd.DataFrame
    distributions: list[dict[str, Any]]


def with_ranking(stored: RuleSet) -> RuleSet:
    """Return a rule set, or the built-in one of today for one that was kept before there were such rules."""
    return load_ruleset() if stored.evaluation is None or stored.ranking is None else stored


def ranking_rules_of(ruleset: RuleSet) -> Rules:
    """Return the rules of ranking; RuleError for a rule set from before there were any."""
    if ruleset.ranking is None:
        raise RuleError(f"The rule set {ruleset.id} has no ranking.yaml: use one that has.")
    return ruleset.ranking


def ranking(city: City, year: int, ruleset: RuleSet, rules: EvaluationRules, limits: Rules) -> Ranking:
    """Return the projects that were measured in a heating year, ranked by technology.

    A project is ranked, and its heat by area told, where at least `least_coverage_frac` of the hours of its
    heating season is known; values that are not possible are marked and not ranked. Which hours of a month
    are known is not told by its sums: in the season's first and last month they count as its own.
    """
    found = _figures(city, year, rules)
    least = rules.number("least_coverage_frac")
    whole = found["coverage_frac"] >= least
    area = found["heated_area_m2"].where(found["heated_area_m2"] > 0.0)
    found["kwh_per_m2"] = (found["heat_kwh"] / area).where(whole)
    reasons: list[list[Text]] = [list(_impossible(row, limits)) for row in found.to_dict("records")]
    possible = np.array([not told for told in reasons], dtype=bool)
    comparable = possible & (found["paired_frac"] >= least).to_numpy(bool) & found["cop"].notna().to_numpy()
    found["ranked"], found["possible"] = comparable, possible
    groups = found[comparable].groupby("technology", dropna=False)["cop"]
    found["rank"] = groups.rank(ascending=False, method="min")
    others = groups.transform("count") - 1
    found["percentile_frac"] = (groups.rank(method="min") - 1) / others.where(others > 0)
    beyond = {name: _outliers(found, name, limits) for name in ("cop", "kwh_per_m2")}
    for i, row in enumerate(found.to_dict("records")):
        reasons[i] += [_beyond(name, row[name]) for name in beyond if beyond[name][i]]
    found["outlier"] = [bool(told) for told in reasons]
    for i, row in enumerate(found.to_dict("records")):
        reasons[i] += list(_unranked(row, least))
    found["reasons"] = pd.Series(reasons, index=found.index, dtype=object)
    order = found.sort_values(["technology", "rank", "heat_project_id"], na_position="last", kind="stable")
    return Ranking(year, order.reset_index(drop=True), list(_distributions(found, ruleset)))


def _figures(city: City, year: int, rules: EvaluationRules) -> pd.DataFrame:
    """Return a row a project that was measured in the year, with its sums and bounds."""
    totals = city.totals[years_of(city.totals["month"], "heating") == year]
    pairs = city.pairs[years_of(city.pairs["month"], "heating") == year]
    pairs = pairs[in_season(pairs["month"], rules)]
    heat = totals[totals["variable"] == "heat_kwh"]
    sums = pairs.groupby("feature_id")[["heat_kwh", "electricity_kwh"]].sum()
    metered = totals[totals["variable"].isin(["heat_kwh", "electricity_kwh"])]["feature_id"].unique()
    found = city.projects[city.projects["heat_project_id"].isin(metered)].reset_index(drop=True)
    id_ = found["heat_project_id"]
    found["heat_kwh"] = id_.map(heat.groupby("feature_id")["total"].sum())
    used = sums["electricity_kwh"]
    found["cop"] = id_.map(sums["heat_kwh"] / used.where(used > 0.0))
    season = _season_hours(year, found, rules)
    found["coverage_frac"] = id_.map(_season_share(heat, "covered_h", season)).fillna(0.0)
    found["paired_frac"] = id_.map(_season_share(pairs, "paired_h", season)).fillna(0.0)
    # A few hours of a month are no mean of it: those of a cold day may well exceed what is installed.
    whole = heat[heat["covered_h"] >= rules.number("least_coverage_frac") * heat["possible_h"]]
    load = whole.assign(kw=whole["total"] / whole["covered_h"])
    found["load_kw"] = id_.map(load.groupby("feature_id")["kw"].max())
    found["cop_most"] = id_.map(_most_cop(city.projects, totals, pairs))
    return found


def _season_hours(year: int, projects: pd.DataFrame, rules: EvaluationRules) -> pd.DataFrame:
    """Return a row a project and month of its heating season with the hours of it: feature_id, month, hours.

    The season is that of the project's district.
    """
    district = projects["district"].fillna("")
    parts = []
    for name in district.unique():
        season = season_of(year, name, rules)
        days = np.arange(np.datetime64(season.first), np.datetime64(season.last) + 1)
        months, counts = np.unique(days.astype("datetime64[M]"), return_counts=True)
        hours = pd.DataFrame({"month": months.astype("datetime64[s]"), "hours": counts * 24.0})
        parts.append(projects.loc[district == name, ["heat_project_id"]].merge(hours, how="cross"))
    if not parts:
        return pd.DataFrame(columns=["feature_id", "month", "hours"])
    return pd.DataFrame(pd.concat(parts)).rename(columns={"heat_project_id": "feature_id"})


def _season_share(known: pd.DataFrame, column: str, season: pd.DataFrame) -> pd.Series[Any]:
    """Return by project the share of its season that is known, of months with so many known hours."""
    at = season.merge(known[["feature_id", "month", column]], on=["feature_id", "month"], how="left")
    at["known"] = np.minimum(at[column].fillna(0.0), at["hours"])
    sums = at.groupby("feature_id")[["known", "hours"]].sum()
    return sums["known"] / sums["hours"]


def _most_cop(projects: pd.DataFrame, totals: pd.DataFrame, pairs: pd.DataFrame) -> pd.Series[Any]:
    """Return by project the COP that an ideal heat pump has between the measured temperatures.

    Over the months, by their means; the source of air source is outdoors. Only of projects of which all
    paired months are known; infinite where the source is warm enough.
    """
    key = ["feature_id", "month"]
    means = totals.assign(mean=totals["total"] / totals["value_count"]).pivot(
        index=key, columns="variable", values="mean"
    )
    at = pairs.merge(means.reindex(columns=list(VARIABLES[2:])).reset_index(), on=key, how="left")
    kind = at["feature_id"].map(projects.set_index("heat_project_id")["technology"])
    source = at["outdoor_degc"].where(kind == "air_source", at["source_supply_degc"])
    of = (column.to_numpy(float) for column in (at["supply_degc"], at["return_degc"], source))
    share = pd.Series(least_work_frac(*of), index=at.index)
    sums = at.assign(least=at["heat_kwh"] * share).groupby("feature_id")[["heat_kwh", "least"]]
    total = sums.sum(min_count=1)
    known = share.notna().groupby(at["feature_id"]).all()
    with np.errstate(divide="ignore", invalid="ignore"):
        return (total["heat_kwh"] / total["least"]).where(known)


def _impossible(row: dict[Any, Any], limits: Rules) -> Iterator[Text]:
    """Yield why the figures of a project cannot be right."""
    kw, installed = row["load_kw"], row["installed_kw"]
    beyond = not_possible(row["cop"], row["cop_most"], row["technology"], limits)
    if beyond is not None:
        yield beyond[1]
    if installed > 0.0 and kw > installed * limits.number("possible_load_frac"):
        yield Text(
            zh=f"月平均供热功率 {kw:,.0f} kW，高于总装机 {installed:,.0f} kW",
            en=f"the mean load of a month is {kw:,.0f} kW, above the {installed:,.0f} kW that are installed",
        )


def _outliers(found: pd.DataFrame, name: str, limits: Rules) -> npt.NDArray[np.bool_]:
    """Return which projects lie far from the median of their technology, by median absolute deviations.

    Of possible and covered values only; none where there are few of them, or most are alike.
    """
    usable = found["ranked"] if name == "cop" else found["possible"]
    values = found[name].where(usable)
    groups = values.groupby(found["technology"], dropna=False)
    away = (values - groups.transform("median")).abs()
    spread = away.groupby(found["technology"], dropna=False).transform("median") * _MAD_TO_SIGMA
    enough = groups.transform("count") >= limits.number("ranking_projects_count")
    far = away > limits.number("ranking_deviations") * spread
    return np.asarray((far & enough & (spread > 0.0)).to_numpy(bool))


def _beyond(name: str, value: float) -> Text:
    if name == "cop":
        return Text(
            zh=f"季节能效 {value:.2f}，远离同类项目",
            en=f"the seasonal COP of {value:.2f} is far from its peers",
        )
    return Text(
        zh=f"单位面积供热量 {value:.1f} kWh/m²，远离同类项目",
        en=f"the heat of {value:.1f} kWh/m² is far from that of its peers",
    )


def _unranked(row: dict[Any, Any], least: float) -> Iterator[Text]:
    """Yield why a project is not ranked, or its heat by area not told."""
    if row["coverage_frac"] < least:
        yield Text(
            zh=f"供热量监测覆盖率 {row['coverage_frac']:.1%}，低于 {least:.0%}，不给出单位面积供热量",
            en=f"heat is measured in {row['coverage_frac']:.1%} of the season, less than "
            f"{least:.0%}: heat by area is not told",
        )
    if row["possible"] and not row["ranked"]:
        yield Text(
            zh=f"供热量与耗电量同时有值的时数占 {row['paired_frac']:.1%}，低于 {least:.0%}，不参加排名",
            en=f"heat and electricity are both known in {row['paired_frac']:.1%} of the season, "
            f"less than {least:.0%}: not ranked",
        )


def _distributions(found: pd.DataFrame, ruleset: RuleSet) -> Iterator[dict[str, Any]]:
    """Yield measured distributions beside every seasonal performance and the heat index of the rules.

    The register does not tell hydrothermal from closed-loop geothermal: both parameters stand beside all.
    """
    p = ruleset.portfolio
    for option in OPTIONS:
        measured = found.loc[found["ranked"] & (found["technology"] == option.technology), "cop"]
        name = p.economics[option.id].scop
        if name is not None:
            yield _beside(measured, option.technology, p.parameters[name])
            continue
        fact = FACT["air_source_seasonal_cop"]
        title = Text(zh=f"{option.zh}{fact.zh}", en=f"{option.en}, {fact.en}")
        yield {
            "parameter": fact.name,
            "technology": option.technology,
            "title": title.model_dump(),
            "unit": "1",
        } | _of(measured, None, None, None)
    index = ruleset.demand_parameters[ruleset.demand.mixed_heat_index]
    q = ruleset.parameters
    hours = float(
        full_load_hours(
            *(q[n].number() for n in ("season_d", "indoor_degc", "mean_outdoor_degc", "design_outdoor_degc"))
        )
    )
    title = Text(zh=f"年耗热量（按{index.title.zh}）", en=f"heat of a year by the {index.title.en}")
    scaled = (
        None if value is None else value * hours / 1000.0 for value in (index.number(), index.low, index.high)
    )
    told = {"parameter": index.name, "technology": None, "title": title.model_dump(), "unit": "kWh/m2"}
    yield told | _of(found.loc[found["possible"], "kwh_per_m2"].dropna(), *scaled)


def _beside(measured: pd.Series[Any], technology: str, parameter: ParameterValue) -> dict[str, Any]:
    told = {"parameter": parameter.name, "technology": technology, "title": parameter.title.model_dump()}
    values = (parameter.number(), parameter.low, parameter.high)
    return told | {"unit": parameter.unit} | _of(measured, *values)


def _of(
    measured: pd.Series[Any], model: float | None, low: float | None, high: float | None
) -> dict[str, Any]:
    """Return quartiles beside a model's value; `within`: whether the median lies in the declared range."""
    quartiles: list[float | None] = [None, None, None]
    if len(measured):
        quartiles = np.quantile(measured.to_numpy(float), (0.25, 0.5, 0.75)).tolist()
    q1, median, q3 = quartiles
    within = None if median is None or low is None or high is None else low <= median <= high
    return {
        "n": len(measured), "q1": q1, "median": median, "q3": q3,
        "model": model, "low": low, "high": high, "within": within,
    }  # fmt: skip
