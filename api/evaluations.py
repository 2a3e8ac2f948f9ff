"""/api/evaluations: the city's measured projects by year, ranked, and beside the models' parameters."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import pandas as pd
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.access import reading, reads
from api.problems import documented
from api.responses import ORJSON
from api.schemas_evaluations import Evaluations, RankedProject, Yearly
from gis.errors import NotFoundError
from gis.evaluation.city import GRIDS, PROJECT, Basis, factors, measured_years, months_of, read_city, yearly
from gis.evaluation.ranking import VARIABLES, ranking, ranking_rules_of
from gis.evaluation.reading import rules_of
from gis.heat.economics import boiler_kg_per_kwh
from gis.store.connection import clear_errors

router = APIRouter(tags=["projects"], dependencies=[reads(PROJECT)])

_FAILED = "Reading measured values failed"
_PROJECT_FIELDS = tuple(name for name in RankedProject.model_fields if name != "reasons")


@router.get("/api/evaluations", responses={200: {"model": Evaluations}, **documented(404, 422, 503)})
def get_evaluations(
    request: Request,
    season: Annotated[
        int | None,
        Query(
            ge=2000, le=2100, description="heating year from July of this year to June; the last by default"
        ),
    ] = None,
) -> ORJSON:
    """Rank the projects measured in a heating year by COP, and show them beside the models' parameters.

    What is far from its peers or not possible is marked with the reason. No parameter is ever changed by it.
    """
    ruleset = request.app.state.scorer.of_measured()
    rules, limits = rules_of(ruleset), ranking_rules_of(ruleset)
    with clear_errors(_FAILED), reading(request).engine.connect() as connection:
        seasons = measured_years(connection, rules)
        if not seasons:
            raise NotFoundError(
                "No heat or electricity of a heat project was measured yet in a heating season."
            )
        year = seasons[-1] if season is None else season
        if year not in seasons:
            raise NotFoundError(
                f"Nothing was measured in the heating season {year}; there are values of the seasons "
                f"{', '.join(map(str, seasons))}."
            )
        months = months_of(year, "heating").astype(date)
        city = read_city(connection, VARIABLES, (months[0], months[-1]))
    found = ranking(city, year, ruleset, rules, limits)
    projects = _rows(found.projects[list(_PROJECT_FIELDS)])
    for told, reasons in zip(projects, found.projects["reasons"], strict=True):
        told["rank"] = None if told["rank"] is None else int(told["rank"])
        told["reasons"] = [reason.model_dump() for reason in reasons]
    return ORJSON(
        {
            "ruleset": ruleset.told(),
            "season": year,
            "seasons": seasons,
            "least_coverage_frac": rules.number("least_coverage_frac"),
            "projects": projects,
            "distributions": found.distributions,
        }
    )


@router.get(
    "/api/evaluations/yearly",
    responses={
        200: {"model": Yearly, "content": {"text/csv": {"schema": {"type": "string"}}}},
        **documented(404, 422, 503),
    },
)
def get_yearly(
    request: Request,
    basis: Annotated[
        Basis, Query(description="calendar years, or heating years from July to June named by their first")
    ] = "calendar",
    format: Annotated[Literal["json", "csv"], Query(description="CSV has one line a row of `rows`")] = "json",
) -> Response:
    """Add up what was measured of heat projects by year, technology and district, with CO2.

    Electricity counts by the emission factor of its calendar year, the last one known where it has none of
    its own: `factors` tell which. Where nothing was measured there are no rows.
    """
    ruleset = request.app.state.scorer.of_measured()
    rules = rules_of(ruleset)
    with clear_errors(_FAILED), reading(request).engine.connect() as connection:
        city = read_city(connection)
    table = yearly(city, basis, ruleset, rules)
    if format == "csv":
        body = table.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")
        name = f"onemap-yearly-{basis}.csv"
        return Response(
            body,
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
    p = ruleset.portfolio.number
    found = factors(city, rules)
    return ORJSON(
        {
            "ruleset": ruleset.told(),
            "basis": basis,
            "boiler_kg_per_kwh": boiler_kg_per_kwh(p("gas_kg_per_kwh"), p("gas_boiler_efficiency_frac")),
            "factors": [
                {
                    "name": name,
                    "title": rules.emission[name].title.model_dump(),
                    "columns": [f"{grid}co2_t", f"{grid}avoided_t"],
                    "by_year": [
                        {"year": f.year, "of_year": f.of_year, "kg_per_kwh": f.kg_per_kwh}
                        for f in found[grid]
                    ],
                }
                for grid, name in GRIDS.items()
            ],
            "rows": _rows(table),
        }
    )


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as plain data; None where a value is not known."""
    told = table.to_dict("records")
    return [{str(n): None if pd.isna(value) else value for n, value in row.items()} for row in told]
