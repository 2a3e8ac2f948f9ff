"""From facts to verdicts: the heat models, the judgement of every option, and the portfolio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gis.compiled import in_blocks
from gis.facts.columns import Words, named
from gis.facts.table import Facts
from gis.heat.demand import coverage_frac
from gis.rules import RuleSet
from gis.scoring.engine import ORDERED, Judgement, Rows, View, judge
from gis.scoring.inputs import Inputs
from gis.scoring.kernels import SUITABLE, UNKNOWN, choose
from gis.scoring.lists import lists_of
from gis.scoring.portfolio import portfolio
from gis.scoring.technologies import OF_PARCEL, OF_SOURCE, Models, drillable_area, models_of, run
from gis.vocabulary import FACT, FACTS, OPTIONS, VERDICTS

Columns = dict[str, Any]
"""Columns by name: arrays of numbers, or texts and lists by codes (`Words`)."""
CHUNK = 65_536
STATUS_NAMES, VARIANT_NAMES = named(ORDERED), named(("hydrothermal", "closed_loop"))
PARTS = ("rank", "status", "score", "capacity_kw", "installed_share_frac", "energy_share_frac", "reasons")


def evaluate(inputs: Inputs, ruleset: RuleSet) -> tuple[Columns, Columns]:
    """Return the columns of facts and of verdicts, one value a parcel.

    Every parcel is judged by itself, so many are cut into pieces that fit a
    processor's cache and are shared among its cores; the answer is the same.
    """
    n = len(inputs.facts["area_m2"])
    if n <= CHUNK:
        return _evaluate(inputs, ruleset)
    # What came from the map stays as it is: only what the models add is new.
    added = [c.name for c in FACTS if c.name not in inputs.facts]
    facts: Columns = {name: np.empty(n) for name in added if FACT[name].type == "float"}
    verdicts: Columns = {c.name: np.empty(n) for c in VERDICTS if c.type == "float"}

    def run(start: int, stop: int) -> tuple[Columns, Columns]:
        found = _evaluate(_piece(inputs, start, stop), ruleset)
        for columns, part in zip((facts, verdicts), found, strict=True):
            for name, values in columns.items():
                values[start:stop] = part[name]
        return _words(found[0]), _words(found[1])

    words = in_blocks(run, n, CHUNK)
    facts |= {name: _together(words, 0, name) for name in added if name not in facts}
    verdicts |= {c.name: _together(words, 1, c.name) for c in VERDICTS if c.name not in verdicts}
    return inputs.facts | facts, verdicts


def _words(columns: Columns) -> Columns:
    return {name: values for name, values in columns.items() if isinstance(values, Words)}


def _together(pieces: Sequence[tuple[Columns, Columns]], which: int, name: str) -> Words:
    return Words.together([piece[which][name] for piece in pieces])


def _piece(inputs: Inputs, start: int, stop: int) -> Inputs:
    """Return the inputs of a run of parcels."""
    rows = {}
    for option, all_rows in inputs.rows.items():
        parcel = all_rows.parcel
        span = slice(start, stop)
        if parcel is not None:
            span = slice(*np.searchsorted(parcel, (start, stop)))
        rows[option] = replace(
            all_rows,
            parcel=None if parcel is None else parcel[span] - start,
            facts={name: values[span] for name, values in all_rows.facts.items()},
            distance_m=None if all_rows.distance_m is None else all_rows.distance_m[span],
            source=None if all_rows.source is None else all_rows.source[span],
        )
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
        first, second = columns[f"geothermal_hydrothermal_{part}"], columns[f"geothermal_closed_loop_{part}"]
        columns[f"geothermal_{part}"] = (
            first.instead(better, second) if isinstance(first, Words) else np.where(better, second, first)
        )
    columns["geothermal_second"] = better
    columns["geothermal_variant"] = Words(better.view(np.int8), VARIANT_NAMES)
    columns |= _recommendation(columns, ruleset)
    columns |= portfolio(facts, columns, ruleset)
    return facts, columns


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
    if rows.parcel is not None and len(rows.parcel) == len(facts["area_m2"]):
        rows = replace(rows, parcel=None)  # one source each: nothing to look up
    view = View(modelled(option, rows, facts, models), facts, known)
    return judge(view, models.ruleset.options[option])


def modelled(option: str, rows: Rows, facts: Facts, models: Models) -> Rows:
    """Return the rows of one option with what its model adds to their facts."""
    rules = models.ruleset.options[option]
    if rows.source is None:
        return replace(rows, facts=rows.facts | run(models_of(option), View(rows, facts), rules, models))
    # Many parcels have a source in common: what asks of nothing else is worked out once.
    of_source = OF_SOURCE[option](View(rows.sources, {}), rules, models) if option in OF_SOURCE else {}
    rows = replace(rows, source_facts=rows.source_facts | of_source)
    added = run(OF_PARCEL.get(option, ()), View(rows, facts), rules, models)
    return replace(rows, facts=rows.facts | added)


def _option_columns(prefix: str, verdict: Judgement) -> Columns:
    return {
        f"{prefix}_rank": verdict.status,
        f"{prefix}_status": Words(verdict.status, STATUS_NAMES),
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
    parts = ("rank", "installed_share_frac", "score")
    rank, share, score = (np.stack([columns[f"{t}_{part}"] for t in ruleset.order]) for part in parts)
    least = ruleset.parameters["minimum_share_frac"].number()
    chosen, status, points, unknown = choose(rank, share, score, least)
    geothermal = chosen == ruleset.order.index("geothermal")
    variant = np.where(geothermal, columns["geothermal_variant"].codes, -1)
    return {
        "recommended": Words(chosen, named(ruleset.order)),
        "recommended_variant": Words(variant, VARIANT_NAMES),
        "recommended_status": Words(np.where(chosen >= 0, status, -1), STATUS_NAMES),
        "recommended_score": points,
        "undecided": lists_of(ruleset.order, unknown),
    }
