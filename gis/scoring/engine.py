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
import pandas as pd

from gis.facts.columns import Words
from gis.facts.table import Facts
from gis.rules import Check, Note, OptionRules
from gis.rules.model import LOCAL_FACTS, Comparison
from gis.rules.ruleset import Rules
from gis.vocabulary import Status

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[Any]  # whole numbers; outcomes are int8
FactOf = Callable[[str], npt.NDArray[Any]]

# Ordered from worst to best.
ORDERED: tuple[Status, ...] = ("unsuitable", "unknown", "conditional", "suitable")
UNSUITABLE, UNKNOWN, CONDITIONAL, SUITABLE = range(4)
MET, FAILED, MISSING, NOT_APPLICABLE = range(4)

COMPARE = {"ge": np.greater_equal, "gt": np.greater, "le": np.less_equal, "lt": np.less}
CODE_SUFFIX = {MET: "met", FAILED: "failed", MISSING: "missing"}


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to judge: the parcel of each, its own facts and the distance of its source (m).

    Rows are in ascending order of parcel, at least one a parcel; among equals the
    first one wins. `parcel` is None where every parcel has exactly one row.
    """

    parcel: Ints | None
    facts: Facts
    distance_m: Floats | None = None

    def of_parcel(self, values: Any) -> Any:
        """Return, for every row, the value of its parcel."""
        return values if self.parcel is None else values[self.parcel]


@dataclass(frozen=True, eq=False)
class Judgement:
    """One verdict a parcel, and the row behind it; `status` is a position in `ORDERED`."""

    status: Ints
    score: Floats
    capacity_kw: Floats
    share_frac: Floats
    reasons: npt.NDArray[np.object_]
    facts: Facts


def judge(fact: View, rules: OptionRules) -> Judgement:
    """Return the verdict of every parcel.

    The facts of the rows hold what is known and modelled of each, `capacity_kw` among it.
    """
    rows = fact.rows
    capacity = rows.facts["capacity_kw"]
    load_kw = fact("heat_load_kw")
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(load_kw > 0, np.minimum(capacity / load_kw, 1.0), np.nan)
    rows.facts["installed_share_frac"] = share
    outcomes = [outcome(c, rules, fact) for c in rules.checks]
    spoken = [outcome(n, rules, fact) == MET for n in rules.notes]
    status = _status(outcomes, spoken, rules, len(share))
    score = _score(status, spoken, rules, fact)
    if rows.parcel is None:
        reasons = reason_codes(outcomes, spoken, rules)
        return Judgement(status, score, capacity, share, reasons, rows.facts)
    best = _best(rows.parcel, rows.distance_m, capacity, status, score)
    if len(best) == len(share):
        return Judgement(status, score, capacity, share, reason_codes(outcomes, spoken, rules), rows.facts)
    reasons = reason_codes([o[best] for o in outcomes], [s[best] for s in spoken], rules)
    facts = {name: values[best] for name, values in rows.facts.items()}
    return Judgement(status[best], score[best], capacity[best], share[best], reasons, facts)


@dataclass(frozen=True, eq=False)
class View:
    """Facts by row: the row's own, else its parcel's."""

    rows: Rows
    parcel_facts: Facts

    def __call__(self, name: str) -> Any:
        """Return a fact, one value a row."""
        own = self.rows.facts
        return own[name] if name in own else self.rows.of_parcel(self.parcel_facts[name])

    def words(self, name: str) -> Words:
        """Return a text fact by codes."""
        values = self(name)
        return values if isinstance(values, Words) else Words.of(values)


def outcome(condition: Check | Note, rules: Rules, fact: View) -> Ints:
    """Return MET, FAILED, MISSING or NOT_APPLICABLE for every row.

    A missing fact or threshold is MISSING, never a number; so is a condition of
    which it is not known whether it applies.
    """
    result = compared(condition, rules, fact)
    for part in condition.when:
        applies = compared(part, rules, fact)
        result[(applies == MISSING) & (result != NOT_APPLICABLE)] = MISSING
        result[applies == FAILED] = NOT_APPLICABLE
    return result


def compared(part: Comparison, rules: Rules, fact: View) -> Ints:
    """Return MET, FAILED or MISSING for every row."""
    name = part.threshold
    if part.operator in ("in", "not_in"):
        words, allowed, wanted = fact.words(part.fact), rules.texts(name), part.operator == "in"
        known = [MET if (word in allowed) == wanted else FAILED for word in words.names[:-1]]
        return np.array([*known, MISSING], dtype=np.int8)[words.codes]
    numbers = fact(part.fact)
    fixed = name in rules.parameters
    limit: Any = rules.number(name) if fixed else fact(name)
    # FAILED is one more than MET.
    result: Ints = np.logical_not(COMPARE[part.operator](numbers, limit)).view(np.int8)
    result[np.isnan(numbers) if fixed else np.isnan(numbers) | np.isnan(limit)] = MISSING
    return result


def _status(outcomes: list[Ints], spoken: list[npt.NDArray[np.bool_]], rules: Rules, n: int) -> Ints:
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
    status = np.full(n, SUITABLE, dtype=np.int8)
    for place, flag in ((CONDITIONAL, conditional), (UNKNOWN, unknown), (UNSUITABLE, excluded)):
        status[flag] = place
    return status


def _score(status: Ints, spoken: list[npt.NDArray[np.bool_]], rules: OptionRules, fact: FactOf) -> Floats:
    """0 to 100; 0 where excluded, NaN where unknown, scaled down where conditional."""
    points, total = np.zeros(len(status)), 0.0
    for term in rules.score:
        start, end, weight = rules.number(term.start), rules.number(term.end), rules.number(term.weight)
        part = np.minimum(np.maximum((fact(term.fact) - start) / (end - start), 0.0), 1.0)
        points += weight * (part if term.curve == "rising" else 1.0 - part)
        total += weight
    score = 100.0 * points / total
    for bonus in rules.bonuses:
        holds = spoken[[n.id for n in rules.notes].index(bonus.note)]
        score = np.minimum(score + rules.number(bonus.points) * holds, 100.0)
    score[status == CONDITIONAL] *= rules.number("conditional_score_frac")
    score[status == UNSUITABLE] = 0.0
    score[status == UNKNOWN] = np.nan
    return score


def _best(parcel: Ints, distance_m: Floats | None, capacity_kw: Floats, status: Ints, score: Floats) -> Ints:
    """Return the row of every parcel with the best status, then score, then the nearest, then the largest."""
    starts = np.flatnonzero(np.r_[True, parcel[1:] != parcel[:-1]])
    counts = np.diff(np.r_[starts, len(parcel)])
    if len(starts) == len(parcel):
        return starts
    nearness = np.zeros(len(parcel)) if distance_m is None else -np.nan_to_num(distance_m, nan=np.inf)
    left = np.ones(len(parcel), dtype=bool)
    for key in (status, np.nan_to_num(score, nan=-1.0), nearness, np.nan_to_num(capacity_kw, nan=-1.0)):
        # Of the rows that are left only those with their parcel's largest key stay.
        held = np.where(left, key, -np.inf)
        left &= held == np.repeat(np.maximum.reduceat(held, starts), counts)
    rows = np.flatnonzero(left)
    return rows[np.r_[True, parcel[rows[1:]] != parcel[rows[:-1]]]]


def reason_codes(
    outcomes: list[Ints], spoken: list[npt.NDArray[np.bool_]], rules: Rules
) -> npt.NDArray[np.object_]:
    """Return the reason codes of every parcel, the weightiest first; equal combinations share one list."""
    key = np.zeros(len((*outcomes, *spoken)[0]), dtype=np.int64)
    for result in outcomes:
        key <<= 2
        key |= result
    for holds in spoken:
        key <<= 1
        key |= holds
    inverse, distinct = pd.factorize(key)
    lists = np.empty(len(distinct), dtype=object)
    for i, combination in enumerate(distinct.tolist()):
        known = rules.reasons.get(combination)
        if known is None:
            known = rules.reasons[combination] = _codes(*_apart(combination, rules), rules)
        lists[i] = known
    return lists[inverse]


def _apart(combination: int, rules: Rules) -> tuple[list[int], list[bool]]:
    """Return the outcomes of checks and notes that a combination stands for."""
    spoken = [bool(combination >> bit & 1) for bit in reversed(range(len(rules.notes)))]
    combination >>= len(rules.notes)
    return [combination >> 2 * place & 3 for place in reversed(range(len(rules.checks)))], spoken


def _codes(outcomes: list[int], spoken: list[bool], rules: Rules) -> list[str]:
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
        if result == NOT_APPLICABLE or (result == MET and check.met is None):
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
