"""Judging rows of facts by the rules of one option: vectorised, and the same for one row as for millions.

A row is one parcel, or one parcel with one source that may serve it; of several
rows the best one is the parcel's verdict. A further source can therefore only help.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gis.facts.columns import absent
from gis.facts.table import Facts
from gis.rules import Check, Note, OptionRules
from gis.rules.model import LOCAL_FACTS
from gis.vocabulary import Status

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
FactOf = Callable[[str], npt.NDArray[Any]]

# Ordered from worst to best.
ORDERED: tuple[Status, ...] = ("unsuitable", "unknown", "conditional", "suitable")
UNSUITABLE, UNKNOWN, CONDITIONAL, SUITABLE = range(4)
MET, FAILED, MISSING = range(3)

COMPARE = {"ge": np.greater_equal, "gt": np.greater, "le": np.less_equal, "lt": np.less}
CODE_SUFFIX = {MET: "met", FAILED: "failed", MISSING: "missing"}


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to judge: the parcel of each, its own facts, its heat capacity (kW), the source's distance (m).

    Rows are in ascending order of parcel; among equals the first one wins.
    """

    parcel: Ints
    facts: Facts
    capacity_kw: Floats
    distance_m: Floats


@dataclass(frozen=True, eq=False)
class Judgement:
    """One verdict a parcel, and the row behind it; `status` is a position in `ORDERED`."""

    status: Ints
    score: Floats
    capacity_kw: Floats
    share_frac: Floats
    reasons: npt.NDArray[np.object_]
    row: Ints


def judge(rows: Rows, parcel_facts: Facts, local: Facts, rules: OptionRules) -> Judgement:
    """Return the verdict of every parcel; every parcel has at least one row.

    `parcel_facts` and `local` hold one value a parcel, `rows.facts` one a row.
    """
    load_kw = parcel_facts["heat_load_kw"][rows.parcel].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(load_kw > 0, np.minimum(rows.capacity_kw / load_kw, 1.0), np.nan)

    def fact(name: str) -> npt.NDArray[Any]:
        if name == "capacity_kw":
            return rows.capacity_kw
        if name == "installed_share_frac":
            return share
        if name in rows.facts:
            return rows.facts[name]
        return (local[name] if name in local else parcel_facts[name])[rows.parcel]

    outcomes = [outcome(fact(c.fact), c, rules, fact) for c in rules.checks]
    spoken = [outcome(fact(n.fact), n, rules, fact) == MET for n in rules.notes]
    status = _status(outcomes, spoken, rules, len(rows.parcel))
    score = _score(status, rules, fact)
    best = _best(rows, status, score)
    chosen = [o[best] for o in outcomes], [s[best] for s in spoken]
    return Judgement(
        status[best], score[best], rows.capacity_kw[best], share[best], _reasons(*chosen, rules), best
    )


def outcome(values: npt.NDArray[Any], condition: Check | Note, rules: OptionRules, fact: FactOf) -> Ints:
    """Return MET, FAILED or MISSING for every row; a missing fact or threshold is MISSING, never a number."""
    name, operator = condition.threshold, condition.operator
    if operator in ("in", "not_in"):
        allowed = rules.parameters[name].value
        missing = absent(values)
        inside = np.isin(np.where(missing, "", values).astype(str), np.asarray(allowed, dtype=str))
        holds = inside if operator == "in" else ~inside
    else:
        numbers = np.asarray(values, dtype=np.float64)
        missing = np.isnan(numbers)
        limit: Any = rules.number(name) if name in rules.parameters else None
        if limit is None:
            limit = np.asarray(fact(name), dtype=np.float64)
            missing |= np.isnan(limit)
        holds = COMPARE[operator](numbers, limit)
    result = np.where(holds, MET, FAILED)
    result[missing] = MISSING
    return result


def _status(outcomes: list[Ints], spoken: list[npt.NDArray[np.bool_]], rules: OptionRules, n: int) -> Ints:
    """Worst effect wins: excluded, then unknown, then conditional."""
    excluded, unknown, conditional = (np.zeros(n, dtype=bool) for _ in range(3))
    for check, result in zip(rules.checks, outcomes, strict=True):
        failed, missing = result == FAILED, result == MISSING
        if check.effect == "excludes":
            excluded |= failed
        else:
            conditional |= failed
        if check.missing == "unknown":
            unknown |= missing
        else:
            conditional |= missing
    for note, holds in zip(rules.notes, spoken, strict=True):
        if note.effect == "conditions":
            conditional |= holds
    return np.select([excluded, unknown, conditional], [UNSUITABLE, UNKNOWN, CONDITIONAL], SUITABLE).astype(
        np.int64
    )


def _score(status: Ints, rules: OptionRules, fact: FactOf) -> Floats:
    """0 to 100; 0 where excluded, NaN where unknown, scaled down where conditional."""
    points, total = np.zeros(len(status)), 0.0
    for term in rules.score:
        start, end, weight = rules.number(term.start), rules.number(term.end), rules.number(term.weight)
        part = np.clip((fact(term.fact).astype(np.float64) - start) / (end - start), 0.0, 1.0)
        points += weight * (part if term.curve == "rising" else 1.0 - part)
        total += weight
    score = 100.0 * points / total
    score = np.where(status == CONDITIONAL, score * rules.number("conditional_score_frac"), score)
    return np.select([status == UNSUITABLE, status == UNKNOWN], [0.0, np.nan], score)


def _best(rows: Rows, status: Ints, score: Floats) -> Ints:
    """Return the row of every parcel with the best status, then score, then the nearest, then the largest."""
    if len(rows.parcel) and len(rows.parcel) == rows.parcel[-1] + 1:
        return np.arange(len(rows.parcel))  # one row each
    order = np.lexsort(
        (
            -np.nan_to_num(rows.capacity_kw, nan=-1.0),
            np.nan_to_num(rows.distance_m, nan=np.inf),
            -np.nan_to_num(score, nan=-1.0),
            -status,
            rows.parcel,
        )
    )
    parcel = rows.parcel[order]
    return order[np.r_[True, parcel[1:] != parcel[:-1]]] if len(order) else order


def _reasons(
    outcomes: list[Ints], spoken: list[npt.NDArray[np.bool_]], rules: OptionRules
) -> npt.NDArray[np.object_]:
    """Return the reason codes of every parcel, the weightiest first; equal combinations share one list."""
    key = np.zeros(len(outcomes[0]), dtype=np.int64)
    for result in outcomes:
        key = key * 3 + result
    for holds in spoken:
        key = key * 2 + holds
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    lists = np.empty(len(first), dtype=object)
    for i, row in enumerate(first):
        lists[i] = _codes([int(o[row]) for o in outcomes], [bool(s[row]) for s in spoken], rules)
    return lists[inverse]


def _codes(outcomes: list[int], spoken: list[bool], rules: OptionRules) -> list[str]:
    """What excludes stands alone; otherwise everything is said, a missing fact once.

    A capacity of nothing, or an unknown one, follows from something else: that is named.
    """
    checks = sorted(zip(rules.checks, outcomes, strict=True), key=lambda pair: pair[0].fact in LOCAL_FACTS)
    excluding = [c for c, result in checks if c.effect == "excludes" and result == FAILED]
    if excluding:
        roots = [c for c in excluding if c.fact not in LOCAL_FACTS] or excluding
        return [f"{c.id}.{CODE_SUFFIX[FAILED]}" for c in roots]
    ranked: list[tuple[int, str]] = []
    missing: set[str] = set()
    for check, result in checks:
        if result == MET and check.met is None:
            continue
        if result == MISSING:
            if check.fact in missing or (missing and check.fact in LOCAL_FACTS):
                continue
            missing.add(check.fact)
        ranked.append((EFFECT_RANK[check_effect(check, result)], f"{check.id}.{CODE_SUFFIX[result]}"))
    for note, holds in zip(rules.notes, spoken, strict=True):
        if holds:
            ranked.append((EFFECT_RANK[note.effect], note.id))
    return [code for _, code in sorted(ranked, key=lambda item: item[0])]


EFFECT_RANK = {"excludes": 0, "missing": 1, "conditions": 2, "supports": 3, "assumes": 4}


def check_effect(check: Check, result: int) -> str:
    """Return the effect of a check's outcome as it is shown in a reason."""
    return {MET: "supports", FAILED: check.effect, MISSING: "missing"}[result]
