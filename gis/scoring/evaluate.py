"""From facts to verdicts: the heat models, the judgement of every option, and the portfolio."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from gis.facts.columns import Words, named
from gis.facts.table import Facts
from gis.heat.demand import coverage_frac
from gis.rules import RuleSet
from gis.scoring.engine import (
    CONDITIONAL,
    ORDERED,
    SUITABLE,
    UNKNOWN,
    Judgement,
    Rows,
    View,
    judge,
)
from gis.scoring.inputs import Inputs
from gis.scoring.lists import lists_of
from gis.scoring.portfolio import portfolio
from gis.scoring.technologies import MODELS, Models, drillable_area
from gis.vocabulary import FACTS, OPTIONS, VERDICTS

Columns = dict[str, npt.NDArray[Any]]
CHUNK = 65_536
STATUS_NAMES = np.asarray(ORDERED, dtype=object)
VARIANT_NAMES = np.asarray(("hydrothermal", "closed_loop"), dtype=object)
PARTS = ("rank", "status", "score", "capacity_kw", "installed_share_frac", "energy_share_frac", "reasons")


def evaluate(inputs: Inputs, ruleset: RuleSet) -> tuple[Columns, Columns]:
    """Return the columns of facts and of verdicts, one value a parcel.

    Every parcel is judged by itself, so many are cut into pieces that fit a
    processor's cache and are shared among its cores; the answer is the same.
    """
    n = len(inputs.facts["area_m2"])
    if n <= CHUNK:
        return _evaluate(inputs, ruleset)
    starts = range(0, n, CHUNK)
    # What came from the map stays as it is: only what the models add is new.
    facts: Columns = {c.name: _empty(c.type, n) for c in FACTS if c.name not in inputs.facts}
    verdicts: Columns = {c.name: _empty(c.type, n) for c in VERDICTS}

    def run(start: int) -> None:
        found = _evaluate(_piece(inputs, start, min(start + CHUNK, n)), ruleset)
        for columns, part in zip((facts, verdicts), found, strict=True):
            for name, values in columns.items():
                values[start : start + CHUNK] = part[name]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in [pool.submit(run, start) for start in starts]:
            done.result()
    return facts | _texts(inputs.facts), verdicts


def _empty(kind: str, n: int) -> npt.NDArray[Any]:
    return np.empty(n, dtype=np.float64 if kind == "float" else object)


def _texts(facts: Facts) -> Columns:
    """Return the facts with texts in place of codes."""
    return {name: v.texts() if isinstance(v, Words) else v for name, v in facts.items()}


def _piece(inputs: Inputs, start: int, stop: int) -> Inputs:
    """Return the inputs of a run of parcels."""
    rows = {}
    for option, all_rows in inputs.rows.items():
        parcel = all_rows.parcel
        span = slice(start, stop)
        if parcel is not None:
            span = slice(*np.searchsorted(parcel, (start, stop)))
        facts = {name: values[span] for name, values in all_rows.facts.items()}
        distance = None if all_rows.distance_m is None else all_rows.distance_m[span]
        rows[option] = Rows(None if parcel is None else parcel[span] - start, facts, distance)
    return Inputs({name: values[start:stop] for name, values in inputs.facts.items()}, rows)


def _evaluate(inputs: Inputs, ruleset: RuleSet) -> tuple[Columns, Columns]:
    facts = dict(inputs.facts)
    facts |= drillable_area(lambda name: facts[name], ruleset.options["shallow_ground_source"])
    judged = judge_all(facts, inputs.rows, ruleset)
    columns: Columns = {}
    for option, verdict in judged.items():
        columns |= _option_columns(option, verdict)
    better = _better(judged["geothermal_hydrothermal"], judged["geothermal_closed_loop"])
    _energy_shares(columns, facts, ruleset)
    for part in PARTS:
        pair = columns[f"geothermal_closed_loop_{part}"], columns[f"geothermal_hydrothermal_{part}"]
        columns[f"geothermal_{part}"] = np.where(better, *pair)
    columns["geothermal_second"] = better
    columns["geothermal_variant"] = VARIANT_NAMES[better.view(np.int8)]
    columns |= _recommendation(columns, ruleset)
    columns |= portfolio(facts, columns, ruleset).columns
    return _texts(facts), columns


def judge_all(facts: Facts, rows: Mapping[str, Rows], ruleset: RuleSet) -> dict[str, Judgement]:
    """Judge the options in the statutory order; the facts of the winning rows join `facts`."""
    n = len(facts["area_m2"])
    models = Models(ruleset)
    facts["earlier_suitable_count"], facts["earlier_unknown_count"] = np.zeros(n), np.zeros(n)
    judged: dict[str, Judgement] = {}
    known: dict[Any, Any] = {}
    for technology in ruleset.order:
        best = np.zeros(n, dtype=np.int8)
        # The closed loop uses the field that the hydrothermal variant settled on, so OPTIONS' order counts.
        for option in (o.id for o in OPTIONS if o.technology == technology):
            judged[option] = judge_option(option, rows[option], facts, models, known)
            facts |= judged[option].facts
            best = np.maximum(best, judged[option].status)
        facts["earlier_suitable_count"] = facts["earlier_suitable_count"] + (best == SUITABLE)
        facts["earlier_unknown_count"] = facts["earlier_unknown_count"] + (best == UNKNOWN)
    return judged


def judge_option(option: str, rows: Rows, facts: Facts, models: Models, known: dict[Any, Any]) -> Judgement:
    """Run the model of one option over its rows and judge them; `known` is kept from option to option."""
    rules = models.ruleset.options[option]
    if rows.parcel is not None and len(rows.parcel) == len(facts["area_m2"]):
        rows = Rows(None, rows.facts, rows.distance_m)  # one source each: nothing to look up
    modelled = MODELS[option](View(rows, facts), rules, models)
    return judge(View(Rows(rows.parcel, rows.facts | modelled, rows.distance_m), facts, known), rules)


def _option_columns(prefix: str, verdict: Judgement) -> Columns:
    return {
        f"{prefix}_rank": verdict.status,
        f"{prefix}_status": STATUS_NAMES[verdict.status],
        f"{prefix}_score": verdict.score,
        f"{prefix}_capacity_kw": verdict.capacity_kw,
        f"{prefix}_installed_share_frac": verdict.share_frac,
        f"{prefix}_reasons": verdict.reasons,
    }


def _energy_shares(columns: Columns, facts: Facts, ruleset: RuleSet) -> None:
    """Add the share of the year's heat that each option could carry alone as the base load."""
    climate = Models(ruleset).climate(facts["season_d"])
    peak = ruleset.parameters["actual_peak_frac"].number()
    prefixes = [o.id for o in OPTIONS]
    shares = np.stack([columns[f"{prefix}_installed_share_frac"] for prefix in prefixes])
    covered = coverage_frac(shares, climate, actual_peak_frac=peak)
    columns |= {f"{prefix}_energy_share_frac": covered[i] for i, prefix in enumerate(prefixes)}


def _better(first: Judgement, second: Judgement) -> npt.NDArray[np.bool_]:
    """Return where the second variant is better than the first."""
    better = (second.status > first.status) | ((second.status == first.status) & (second.score > first.score))
    return np.asarray(better, dtype=np.bool_)


def _recommendation(columns: Columns, ruleset: RuleSet) -> Columns:
    """First technology in the order that is suitable or conditional and reaches the least share."""
    n = len(columns["air_source_rank"])
    least = ruleset.parameters["minimum_share_frac"].number()
    chosen = np.full(n, -1, dtype=np.int8)
    status, score = np.zeros(n, dtype=np.int8), np.full(n, np.nan)
    unknown_before: list[tuple[str, Any]] = []
    for place, technology in enumerate(ruleset.order):
        rank = columns[f"{technology}_rank"]
        take = (chosen < 0) & (rank >= CONDITIONAL) & (columns[f"{technology}_installed_share_frac"] >= least)
        np.copyto(chosen, place, where=take)
        np.copyto(status, rank, where=take)
        np.copyto(score, columns[f"{technology}_score"], where=take)
        unknown_before.append((technology, (chosen < 0) & (rank == UNKNOWN)))
    some = chosen >= 0
    variant = some & (chosen == ruleset.order.index("geothermal"))
    out: Columns = {
        "recommended": named(ruleset.order)[chosen],
        "recommended_variant": columns["geothermal_variant"].copy(),
        "recommended_status": STATUS_NAMES[status],
        "recommended_score": score,
    }
    out["recommended_variant"][~variant] = None
    out["recommended_status"][~some] = None
    return out | {"undecided": lists_of(unknown_before, n)}
