"""Judging rows of facts by the rules of one option: vectorised, and the same for one row as for millions.

A row is one parcel, or one parcel with one source that may serve it; of several
rows the best one is the parcel's verdict. A further source can therefore only help.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gis.facts.columns import Words, named
from gis.facts.table import Facts
from gis.rules import Check, Note, OptionRules
from gis.rules.model import LOCAL_FACTS, Comparison
from gis.rules.ruleset import Combination, Rules
from gis.scoring.kernels import (
    CONDITIONAL,
    FAILED,
    MET,
    MISSING,
    NOT_APPLICABLE,
    OPERATORS,
    SUITABLE,
    UNKNOWN,
    UNSUITABLE,
    best_rows,
    carried,
    combine,
    compare,
    score,
)
from gis.vocabulary import Status

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[Any]  # whole numbers; outcomes are int8
FactOf = Callable[[str], npt.NDArray[Any]]

# Ordered from worst to best, as the numbers in `kernels`.
ORDERED: tuple[Status, ...] = ("unsuitable", "unknown", "conditional", "suitable")

CODE_SUFFIX = {MET: "met", FAILED: "failed", MISSING: "missing"}


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to judge: the parcel of each, its own facts and the distance of its source (m).

    Rows are in ascending order of parcel, at least one a parcel; among equals the
    first one wins. `parcel` is None where every parcel has exactly one row. Many rows have
    few sources: `source_facts` has one value a source, `source` is that of each row, and
    `features` tells which features of the map they are.
    `influence_m` tells by layer how near to each parcel a change would change its rows.
    """

    parcel: Ints | None
    facts: Facts
    distance_m: Floats | None = None
    source: Ints | None = None
    source_facts: Facts = field(default_factory=dict)
    influence_m: Mapping[str, Floats] = field(default_factory=dict)
    features: Any = None

    def of_parcel(self, values: Any) -> Any:
        """Return, for every row, the value of its parcel."""
        return values if self.parcel is None else values[self.parcel]

    @property
    def sources(self) -> Rows:
        """The sources as rows of their own."""
        return Rows(None, self.source_facts)

    def taken(self, rows: Any) -> Facts:
        """Return the facts of some rows, those of their sources among them."""
        facts = {name: values[rows] for name, values in self.facts.items()}
        if self.source is not None:
            source = self.source[rows]
            facts = {name: values[source] for name, values in self.source_facts.items()} | facts
        return facts


@dataclass(frozen=True, eq=False)
class Judgement:
    """One verdict a parcel, and the row behind it; `status` is a position in `ORDERED`."""

    status: Ints
    score: Floats
    capacity_kw: Floats
    share_frac: Floats
    reasons: Words
    facts: Facts


def judge(fact: View, rules: OptionRules) -> Judgement:
    """Return the verdict of every parcel.

    The facts of the rows hold what is known and modelled of each, `capacity_kw` among it.
    """
    rows = fact.rows
    capacity = fact("capacity_kw")
    share = rows.facts["installed_share_frac"] = share_frac(capacity, fact("heat_load_kw"))
    outcomes = outcomes_of(rules, fact)
    kinds, verdicts = combinations(outcomes, rules)
    status = np.array([v.status for v in verdicts], dtype=np.int8)[kinds]
    points = _score(status, outcomes, rules, fact)
    reasons = Words(kinds, named([v.reasons for v in verdicts]))
    best: Any = slice(None)
    if rows.parcel is not None:
        distance = np.zeros(len(status)) if rows.distance_m is None else rows.distance_m
        best = best_rows(rows.parcel, status, points, distance, capacity)
    return Judgement(status[best], points[best], capacity[best], share[best], reasons[best], rows.taken(best))


def share_frac(capacity_kw: Floats, load_kw: Floats) -> Floats:
    """Return the share of the design load that a capacity can carry; NaN where there is no load."""
    return carried(np.ascontiguousarray(capacity_kw), np.ascontiguousarray(load_kw))


def open_to(fact: View, rules: OptionRules) -> npt.NDArray[np.bool_]:
    """Return where no check excludes the option or leaves it unknown: where it is conditional or suitable."""
    holds = np.ones(len(fact("capacity_kw")), dtype=bool)
    for check in rules.checks:
        holds &= np.logical_not(shuts(check, outcome(check, rules, fact)))
    return holds


def shuts(check: Check, result: Any) -> Any:
    """Return whether an outcome of a check, or each of many, excludes the option or leaves it unknown."""
    failed = check.effect == "excludes" and result == FAILED
    return failed | (check.missing == "unknown" and result == MISSING)


@dataclass(frozen=True, eq=False)
class View:
    """Facts by row: the row's own, else its source's, else its parcel's."""

    rows: Rows
    parcel_facts: Facts
    known: dict[Any, tuple[Any, Ints]] = field(default_factory=dict)
    """Comparisons of parcels that were made before: options ask much the same."""

    def __call__(self, name: str) -> Any:
        """Return a fact, one value a row."""
        rows = self.rows
        if name in rows.facts:
            return rows.facts[name]
        if name in rows.source_facts:
            return rows.source_facts[name][rows.source]
        return rows.of_parcel(self.parcel_facts[name])

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
        # What is not known to apply is at least MISSING, and NOT_APPLICABLE goes before all.
        result = np.maximum(result, APPLIES[compared(part, rules, fact)])
    return result


APPLIES = np.array([MET, NOT_APPLICABLE, MISSING], dtype=np.int8)
"""What an outcome of `when` makes of a condition: MET leaves it as it is."""


def compared(part: Comparison, rules: Rules, fact: View) -> Ints:
    """Return MET, FAILED or MISSING for every row; not to be written to."""
    rows, name = fact.rows, part.threshold
    asked = {part.fact} if name in rules.parameters else {part.fact, name}
    if rows.source is not None and asked <= rows.source_facts.keys() - rows.facts.keys():
        of_source: Ints = _compared(part, rules, View(rows.sources, {}))[rows.source]
        return of_source
    if not asked.isdisjoint(rows.facts) or not asked.isdisjoint(rows.source_facts):
        return _compared(part, rules, fact)
    values = fact.parcel_facts[part.fact]
    limit = rules.parameters[name].value if name in rules.parameters else name
    known = fact.known.get((part.fact, part.operator, limit))
    if known is None or known[0] is not values:
        parcels = View(Rows(None, {}), fact.parcel_facts)
        known = fact.known[part.fact, part.operator, limit] = values, _compared(part, rules, parcels)
    result: Ints = fact.rows.of_parcel(known[1])
    return result


def _compared(part: Comparison, rules: Rules, fact: View) -> Ints:
    name = part.threshold
    if part.operator in ("in", "not_in"):
        words, allowed, wanted = fact.words(part.fact), rules.texts(name), part.operator == "in"
        known = [MET if (word in allowed) == wanted else FAILED for word in words.names[:-1]]
        found: Ints = np.array([*known, MISSING], dtype=np.int8)[words.codes]
        return found
    numbers = np.ascontiguousarray(fact(part.fact))
    limits = np.array([rules.number(name)]) if name in rules.parameters else np.ascontiguousarray(fact(name))
    result = np.empty(len(numbers), dtype=np.int8)
    compare(numbers, limits, OPERATORS[part.operator], result)
    return result


def holds(part: Comparison, rules: Rules, values: Mapping[str, Any]) -> int:
    """Return MET, FAILED or MISSING for one row of plain values, None where missing, as `compared` does."""
    name, value = part.threshold, values[part.fact]
    if part.operator in ("in", "not_in"):
        if value is None:
            return MISSING
        return MET if (value in rules.texts(name)) == (part.operator == "in") else FAILED
    limit = rules.number(name) if name in rules.parameters else values[name]
    if value is None or limit is None:
        return MISSING
    return MET if ON_NUMBERS[part.operator](value, limit) else FAILED


def outcome_of_one(condition: Check | Note, rules: Rules, values: Mapping[str, Any]) -> int:
    """Return the outcome for one row of plain values, as `outcome` does for many."""
    result = holds(condition, rules, values)
    for part in condition.when:
        result = max(result, int(APPLIES[holds(part, rules, values)]))
    return result


ON_NUMBERS: dict[str, Callable[[float, float], bool]] = {
    "ge": operator.ge,
    "gt": operator.gt,
    "le": operator.le,
    "lt": operator.lt,
}


def outcomes_of(rules: Rules, fact: View) -> Ints:
    """Return the outcomes of all checks, then of all notes: (condition, row), int8."""
    conditions: tuple[Check | Note, ...] = (*rules.checks, *rules.notes)
    return np.stack([outcome(c, rules, fact) for c in conditions])


def _score(status: Ints, outcomes: Ints, rules: OptionRules, fact: FactOf) -> Floats:
    """0 to 100; 0 where excluded, NaN where unknown, scaled down where conditional."""
    terms = np.stack([fact(term.fact) for term in rules.score])
    curves = [
        (*map(rules.number, (term.start, term.end, term.weight)), term.curve == "rising")
        for term in rules.score
    ]
    place = {note.id: i for i, note in enumerate(rules.notes, len(rules.checks))}
    return score(
        status,
        terms,
        np.array(curves, dtype=np.float64),
        np.array([rules.number(b.points) for b in rules.bonuses], dtype=np.float64),
        outcomes[[place[b.note] for b in rules.bonuses]],
        rules.number("conditional_score_frac"),
    )


def combinations(outcomes: Ints, rules: Rules) -> tuple[Ints, list[Combination]]:
    """Return the combination of outcomes of every row by number, and what each combination means."""
    kinds, distinct = combine(outcomes, len(rules.checks))
    known = rules.combinations
    for number in distinct.tolist():
        if number not in known:
            known[number] = _combination(number, rules)
    return kinds, [known[number] for number in distinct.tolist()]


def _combination(number: int, rules: Rules) -> Combination:
    spoken = [bool(number >> bit & 1) for bit in reversed(range(len(rules.notes)))]
    number >>= len(rules.notes)
    outcomes = [number >> 2 * place & 3 for place in reversed(range(len(rules.checks)))]
    return Combination(_status(outcomes, spoken, rules), _codes(outcomes, spoken, rules))


def _status(outcomes: list[int], spoken: list[bool], rules: Rules) -> int:
    """Worst effect wins: excluded, then unknown, then conditional."""
    worst = SUITABLE
    for check, result in zip(rules.checks, outcomes, strict=True):
        if result == FAILED:
            worst = min(worst, UNSUITABLE if check.effect == "excludes" else CONDITIONAL)
        elif result == MISSING:
            worst = min(worst, UNKNOWN if check.missing == "unknown" else CONDITIONAL)
    if any(note.effect == "conditions" for note, holds in zip(rules.notes, spoken, strict=True) if holds):
        worst = min(worst, CONDITIONAL)
    return worst


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
