"""Evaluations of what a store holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import sqlalchemy as sa

from gis.errors import NotFoundError, RuleError
from gis.evaluation.calendar import Season, season_of, year_from
from gis.evaluation.ground import Drift, drift
from gis.evaluation.measured import fullest
from gis.evaluation.season import Evaluation, Project, evaluate
from gis.monitoring.variables import VARIABLES
from gis.rules import RuleSet
from gis.rules.ruleset import EvaluationRules
from gis.store.monitoring_tables import BLOCK
from gis.store.series import Series, read_series
from gis.store.tables import LAYER_TABLES

_VARIABLES = tuple(v.name for v in VARIABLES.values() if "heat_project" in v.layers)
_ENERGIES = ("heat_kwh", "electricity_kwh")
_OF_YEAR = ("heat_kwh", "cooling_kwh", "electricity_kwh", "source_supply_degc")
_MOST_SEASONS = 12


def rules_of(ruleset: RuleSet) -> EvaluationRules:
    """Return the rules of evaluation; RuleError for a rule set from before there were any."""
    if ruleset.evaluation is None:
        raise RuleError(f"The rule set {ruleset.id} has no evaluation.yaml: use one that has.")
    return ruleset.evaluation


def project_of(connection: sa.Connection, project_id: str) -> Project:
    """Return what the register tells of a project; NotFoundError where there is none of this id."""
    table = LAYER_TABLES["heat_project"].c
    query = sa.select(*(table[name] for name in Project.__dataclass_fields__))
    row = connection.execute(query.where(table.heat_project_id == project_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no heat project {project_id[:64]!r}.")
    return Project(**row._mapping)


def seasons_of(connection: sa.Connection, project: Project, rules: EvaluationRules) -> list[Season]:
    """Return the heating seasons in which heat or electricity of a project was measured, the last first.

    Of the months that lie in a season in part it is looked whether the values do.
    """
    block = BLOCK["heat_project"].c
    query = (
        sa.select(block.month)
        .where(
            block.feature_id == project.heat_project_id,
            block.variable.in_(_ENERGIES),
            block.value_count > 0,
        )
        .distinct()
    )
    months = np.array(list(connection.scalars(query)), dtype="datetime64[M]")
    years = {int(year) for year in months.astype("datetime64[Y]").astype(np.int64) + 1970}
    seasons = [season_of(year, project.district, rules) for year in years | {year - 1 for year in years}]
    found = [
        season
        for season in seasons
        if np.isin(season.months[1:-1], months).any()
        or (np.isin(season.months, months).any() and _measured(connection, project, season, _ENERGIES))
    ]
    return sorted(found, key=lambda season: season.year, reverse=True)


def _measured(
    connection: sa.Connection, project: Project, season: Season, variables: Sequence[str]
) -> dict[str, Series]:
    """Return the fullest series of variables in a season."""
    id_ = project.heat_project_id
    found = read_series(connection, "heat_project", id_, variables, season.first, season.last)
    return fullest(found, season)


def evaluated(connection: sa.Connection, project_id: str, year: int | None, ruleset: RuleSet) -> Evaluation:
    """Return the evaluation of a project in the season that begins in `year`, by default its last.

    Raises NotFoundError where there is no such project, or nothing was measured of it then.
    """
    rules = rules_of(ruleset)
    project = project_of(connection, project_id)
    seasons = seasons_of(connection, project, rules)
    if not seasons:
        raise NotFoundError(f"Nothing was measured of the heat project {project_id!r} in a heating season.")
    chosen = next((season for season in seasons if year is None or season.year == year), None)
    told = None if chosen is None else _evaluated(connection, project, chosen, seasons, ruleset, rules)
    if told is None:
        known = ", ".join(str(season.year) for season in seasons)
        raise NotFoundError(
            f"Nothing was measured of the heat project {project_id!r} in the heating season {year}; "
            f"there are values of {known}."
        )
    return told


def _evaluated(
    connection: sa.Connection,
    project: Project,
    season: Season,
    seasons: Sequence[Season],
    ruleset: RuleSet,
    rules: EvaluationRules,
) -> Evaluation | None:
    id_, ground = project.heat_project_id, project.technology == "shallow_ground_source"
    found = read_series(connection, "heat_project", id_, _VARIABLES, season.first, season.last)
    year = year_from(season)
    of_year = read_series(connection, "heat_project", id_, _OF_YEAR, year.first, year.last) if ground else ()
    before = [one for one in seasons if one.year <= season.year]
    of_ground = _drift(connection, project, before, rules) if ground else None
    told = evaluate(project, season, found, ruleset, rules, of_year, of_ground)
    if told is None:
        return None
    years = tuple(one.year for one in seasons)
    return replace(told, delivery_ids=_delivered(connection, project, told.season), seasons=years)


def _delivered(connection: sa.Connection, project: Project, season: Season) -> tuple[int, ...]:
    """Return the deliveries that wrote the months of a season last, in the order in which they came."""
    block = BLOCK["heat_project"].c
    query = sa.select(block.delivery_id).where(
        block.feature_id == project.heat_project_id,
        block.month.between(season.first.replace(day=1), season.last),
    )
    return tuple(connection.scalars(query.distinct().order_by(block.delivery_id)))


def _drift(
    connection: sa.Connection, project: Project, seasons: Sequence[Season], rules: EvaluationRules
) -> Drift | None:
    wanted = ("source_supply_degc", "heat_kwh")
    by_season = {}
    for season in seasons[:_MOST_SEASONS]:
        own = _measured(connection, project, season, wanted)
        if len(own) == len(wanted):
            by_season[season.year] = own["source_supply_degc"], own["heat_kwh"]
    return drift(by_season, rules)
