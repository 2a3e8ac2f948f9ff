"""GET /api/summary: counts and sums of the stored results by city, district or township."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.access import reading, reads
from api.problems import documented
from api.responses import ORJSON
from api.schemas_summary import Summary
from api.standings import Standings, standings
from api.suitability import Scorer
from api.summary_csv import csv_of
from gis.access import RESULTS
from gis.errors import NotFoundError
from gis.rules import RuleSet
from gis.store import Store
from gis.store.place_sums import By, Place, Sums, place_row, read_sums

router = APIRouter(tags=["results"], dependencies=[reads(RESULTS)])

_TARGETS = ("target_2025_area_m2", "target_2025_share_frac", "target_2030_share_frac")
_TARGET_NOTE = {
    "zh": "目标为全市累计，未分解到区。各行是已导入地块按组合方案测算的潜力，不是已建成的新能源供热；"
    "各口径所计内容见口径说明。",
    "en": "The targets are for the whole city, not for its districts. The rows are what the portfolios of "
    "the loaded parcels could give, not what is built; `bases` tell what each figure counts.",
}


def _rows(sums: Sums, held: Standings, by: By) -> Iterator[dict[str, Any]]:
    """Give the row of every place, the city's alone where that is the place."""
    if by == "city":
        yield from (_row(place, sums, held) for place in sums.places if not place)
        return
    # Where something is known but no parcel was loaded, there is a row too.
    further = sorted(held.places - sums.places.keys(), key=lambda place: (place[0] is None, place[0] or ""))
    for place in (*(p for p in sums.places if p), *further):
        yield _row(place, sums, held)


def _row(place: Place, sums: Sums, held: Standings) -> dict[str, Any]:
    told = place_row(place, sums)
    return {**told, "standings": held.of(place, told["heated_area_m2"])}


def summary_of(store: Store, by: By, scorer: Scorer) -> dict[str, Any]:
    """Return the body of GET /api/summary; NotFoundError before the first run."""
    run = store.latest_run()
    if run is None:
        raise NotFoundError("There are no results yet; import parcels and run `onemap score`.")
    ruleset = scorer.ruleset(run)
    with store.engine.connect() as connection:
        sums = read_sums(connection, by, ruleset.portfolio.number("new_build_share_frac"))
    held = standings(store, run, ruleset, by, sums.places)
    total = _row((), sums, held)
    return {
        "by": by,
        "as_of": run.as_of,
        "targets": _targets(ruleset, total["heated_area_m2"]),
        "bases": held.bases(),
        "total": total,
        "rows": list(_rows(sums, held, by)),
    }


def _targets(ruleset: RuleSet, loaded_m2: float | None) -> dict[str, Any]:
    parameters = ruleset.portfolio.parameters
    city = parameters["city_heated_area_m2"]
    return {
        **{name: parameters[name].number() for name in _TARGETS},
        "clause_id": parameters[_TARGETS[0]].source.clause,
        "note": _TARGET_NOTE,
        "city_heated_area": {
            "heated_area_m2": city.number(),
            "valid_from": city.valid_from,
            "kind": city.source.kind,
            "source": city.source.text,
            "loaded_share_frac": None if loaded_m2 is None else loaded_m2 / city.number(),
        },
    }


@router.get(
    "/api/summary",
    responses={
        200: {
            "model": Summary,
            "description": "One document, or one line a place as a table in UTF-8",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
        **documented(404, 422, 503),
    },
)
def get_summary(
    request: Request,
    by: Annotated[By, Query(description="size of the places", examples=["district"])] = "city",
    format: Annotated[Literal["json", "csv"], Query(description="the document, or a table")] = "json",
) -> Response:
    """Sum the stored results, and hold what could be, is matched and runs against the city's targets."""
    found = summary_of(reading(request), by, request.app.state.scorer)
    if format == "json":
        return ORJSON(found)
    name = f"onemap-summary-{by}-{found['as_of']}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(csv_of(found), media_type="text/csv; charset=utf-8", headers=headers)
