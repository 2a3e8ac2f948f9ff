"""The cases of tests/cases, and that they leave out no clause on which the rules act."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gis
from tests.scoring.cases import Case, CaseError, Expectation, Plan, all_cases, read_cases

CASES = all_cases()
RULES = gis.load_ruleset("beijing")


def by_code(entries: list[dict[str, Any]], key: str = "code") -> dict[str, dict[str, Any]]:
    return {entry[key]: entry for entry in entries}


def codes(checks: Any, notes: Any) -> set[str]:
    return {f"{c.id}.{s}" for c in checks for s in ("met", "failed", "missing")} | {n.id for n in notes}


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.fields.name.en)
def test_case(case: Case) -> None:
    expect, result, document = case.fields.expect, case.result, case.document
    cited = technologies(document, expect, result.ruleset)
    cited |= plan(document["portfolio"], expect.portfolio, result.ruleset)
    cited |= checklist(document, expect, result.ruleset)
    cited |= areas(document["location"], expect, result.ruleset)
    if "recommended" in expect.model_fields_set:
        assert document["recommended"] == expect.recommended
    if expect.undecided is not None:
        assert document["undecided"] == expect.undecided
    facts = result.facts.iloc[0]
    for name, value in expect.facts.items():
        assert facts[name] == pytest.approx(value), name
    assert case.fields.clause in cited, "the expected reasons, findings and items do not cite the clause"


def technologies(document: dict[str, Any], expect: Expectation, rules: gis.RuleSet) -> set[str]:
    """Check what is expected of the options; return the clauses of what is expected."""
    shown = {f"{t['technology']}_{t['variant']}" if t["variant"] else t["technology"]: t for t in
             document["technologies"]}  # fmt: skip
    cited: set[str] = set()
    for option_id, wanted in expect.options.items():
        if wanted.listed is not None:
            assert (option_id in shown) == wanted.listed
            if not wanted.listed:
                continue
        got, own = shown[option_id], rules.options[option_id]
        said = by_code(got["reasons"])
        assert {*wanted.reasons, *wanted.without} <= codes(own.checks, own.notes), option_id
        assert wanted.status in (None, got["status"]), f"{option_id} is {got['status']}: {list(said)}"
        assert set(wanted.reasons) <= set(said), f"{option_id} says {list(said)}"
        assert not set(wanted.without) & set(said), f"{option_id} says {list(said)}"
        for words in wanted.says:
            assert any(words in r["zh"] for r in said.values()), [r["zh"] for r in said.values()]
        share = got["installed_share_frac"]
        assert wanted.share_at_least is None or share >= wanted.share_at_least, share
        assert wanted.share_below is None or share < wanted.share_below, share
        cited |= {said[code]["clause_id"] for code in wanted.reasons}
    for option_id, fact in expect.changes.items():
        found = by_code(shown[option_id]["changes"], "fact")
        assert fact in found, f"{option_id} offers {list(found)}"
        cited.add(found[fact]["clause_id"])
    for option_id in expect.no_changes:
        assert not shown[option_id]["changes"]
    return cited


def plan(got: dict[str, Any] | None, wanted: Plan, rules: gis.RuleSet) -> set[str]:
    """Check what is expected of the portfolio; return the clauses of what is expected."""
    if wanted == Plan():
        return set()
    assert got is not None
    said = by_code(got["findings"])
    assert {*wanted.findings, *wanted.without} <= codes(rules.portfolio.checks, rules.portfolio.notes)
    assert set(wanted.findings) <= set(said), list(said)
    assert not set(wanted.without) & set(said), list(said)
    if wanted.technologies is not None:
        assert [t["technology"] for t in got["technologies"]] == wanted.technologies
    share = got["installed_share_frac"]
    assert wanted.installed_share_at_least is None or share >= wanted.installed_share_at_least, share
    assert wanted.installed_share_below is None or share < wanted.installed_share_below, share
    cited = {said[code]["clause_id"] for code in wanted.findings}
    if wanted.subsidy_frac is not None:
        assert got["subsidy"]["rate_frac"] == wanted.subsidy_frac
        cited.add(got["subsidy"]["clause_id"])
    if wanted.subsidy_valid_from is not None:
        assert got["subsidy"]["valid_from"] == wanted.subsidy_valid_from.isoformat()
    return cited


def checklist(document: dict[str, Any], expect: Expectation, rules: gis.RuleSet) -> set[str]:
    """Check what is expected on the checklist; return the clauses of what is expected."""
    items = by_code(document["checklist"], "id")
    assert {*expect.checklist, *expect.not_on_checklist} <= {i.id for i in rules.checklists.items}
    assert set(expect.checklist) <= set(items), list(items)
    assert not set(expect.not_on_checklist) & set(items), list(items)
    return {items[name]["clause_id"] for name in expect.checklist}


def areas(location: dict[str, Any], expect: Expectation, rules: gis.RuleSet) -> set[str]:
    """Check in which areas of the policy the parcel lies; return the clauses that name them."""
    for kind, area in expect.areas.items():
        assert location[kind] == area, kind
    return {a.clause for a in rules.areas if a.id in expect.areas.values()}


def test_there_are_enough_cases_with_names_of_their_own() -> None:
    assert len(CASES) >= 48
    for language in ("zh", "en"):
        names = [getattr(c.fields.name, language) for c in CASES]
        assert len(set(names)) == len(names)


def test_every_clause_that_the_rules_act_on_has_a_case() -> None:
    every = (*RULES.options.values(), RULES.portfolio)
    acted = {c.clause for r in every for c in (*r.checks, *r.notes)}
    acted |= {lever.clause for r in RULES.options.values() for lever in r.levers}
    acted |= {item.clause for item in RULES.checklists.items} | {area.clause for area in RULES.areas}
    cited = {c.fields.clause for c in CASES}
    assert acted <= cited
    assert cited <= set(RULES.clauses)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("  clauses: P1309-3.1-a\n    expect: {}", "clauses"),
        ("  clause: P1309-3.1-a\n    parcel: {far: 2}\n    expect: {}", "far"),
        ("  clause: P1309-3.1-a\n    surroundings: {volcano: {}}\n    expect: {}", "volcano"),
        ("  clause: P1309-3.1-a\n    surroundings: {data_centre: {distance: 2}}\n    expect: {}", "distance"),
        ("  clause: P1309-3.1-a\n    rules: {air_source.supply: 55}\n    expect: {}", "air_source.supply"),
        ("  clause: P1309-3.1-a\n    expect: {air_source: {state: unknown}}", "state"),
        ("  clause: P1309-3.1-a\n    expect: {portfolio: {share: 1}}", "share"),
        ("  clause: P1309-3.1-a\n    expect: {biogas: {status: unknown}}", "biogas"),
    ],
)
def test_an_unknown_key_names_file_and_case(tmp_path: Path, written: str, key: str) -> None:
    head = "about: {zh: 甲, en: a}\ncases:\n  - name: {zh: 乙, en: the second}\n  "
    (tmp_path / "odd.yaml").write_text(head + written, encoding="utf-8")
    with pytest.raises(CaseError, match=f"odd.yaml: the second: .*{key}"):
        list(read_cases(tmp_path))
