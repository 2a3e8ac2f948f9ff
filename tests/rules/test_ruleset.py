"""The rule set of Beijing loads, and a broken one says in which file and line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from gis.errors import RuleError
from gis.rules import load_ruleset
from gis.rules.loader import parse_ruleset

DAY = date(2026, 11, 21)


def changed(texts: dict[str, bytes], name: str, old: str, new: str) -> dict[str, bytes]:
    text = texts[name].decode()
    assert old in text
    return texts | {name: text.replace(old, new, 1).encode()}


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("ruleset.yaml", "    unit: kW\n", "", "parameters.no_load_kw.unit"),
        ("ruleset.yaml", "unit: kW", "unit: horsepower", "parameters.no_load_kw.unit"),
        ("ruleset.yaml", "kind: policy, clause: P1309-3.6-b, ", "kind: policy, ", "names its clause"),
        ("ruleset.yaml", "kind: policy", "kind: rumour", "parameters.minimum_share_frac.source.kind"),
        ("air_source.yaml", "clause: P1309-3.6-a\n", "clause: P1309-9.9\n", "P1309-9.9"),
        ("air_source.yaml", "    clause: P1309-3.6-a\n", "", "checks.0.clause"),
        ("air_source.yaml", "operator: le", "operator: roughly", "checks.0.operator"),
        ("air_source.yaml", "fact: earlier_suitable_count", "fact: mood", "unknown fact 'mood'"),
        ("air_source.yaml", "threshold: unit_kw", "threshold: unit_mw", "unknown parameter 'unit_mw'"),
        ("ruleset.yaml", "from: 2023-10-09, value: 300}", "from: 2099-01-01, value: 300}", "no value"),
        ("air_source.yaml", "option: air_source", "option: air_sauce", "option"),
        ("air_source.yaml", "evidence:", "opinions: 1\nevidence:", "opinions"),
        ("air_source.yaml", "- {fact: air_source_cop_design", "- {fact: heat_network_distance_m", "no check"),
        ("air_source.yaml", "checks:", "checks: [", "not YAML"),
        ("reclaimed_water.yaml", "operator: in", "operator: ge", "does not fit"),
        ("demand.yaml", 'codes: ["0801"', 'codes: ["07", "0801"', "stands in residential and in office"),
        ("demand.yaml", "index: cooling_shop_w_per_m2", "index: cold", "unknown parameter 'cold'"),
        ("ruleset.yaml", "air_source]", "waste_heat]", "order names a technology twice"),
        ("checklists.yaml", "biomass, air_source]", "air_sauce]", "unknown option 'air_sauce'"),
        ("portfolio.yaml", "  biomass: {capex", "  bio_mass: {capex", "economics of biomass are missing"),
        ("portfolio.yaml", "capex: capex_biomass_cny_per_kw", "capex: free", "unknown parameter 'free'"),
        ("portfolio.yaml", "  life_a:", "  least_cop:", "already a parameter of ruleset.yaml"),
        ("areas.yaml", "part: east", "part: upper", "areas.2.part"),
        ("projects.yaml", "[approved_on]", "[approved]", "the layer heat_project has no field 'approved'"),
        ("projects.yaml", "fields: [applied_on,", "fields: [name,", "name is no date"),
        ("projects.yaml", "next: [approved, ended]", "next: [idea]", "by a state that is none, or by itself"),
        ("projects.yaml", "  - id: idea", "  - id: dream", "states are idea, approved, construction,"),
        ("projects.yaml", "full: subsidy_full_frac", "full: all", "portfolio.yaml has no parameter 'all'"),
        ("projects.yaml", "missing: {zh: \"缺资金来源\"", "gone: {zh: \"缺\"", "fund_source says gone, met"),
        ("projects.yaml", "  - id: scheme", "  - id: size", "an id of the pre-check is used twice"),
        ("waste_heat.yaml", "effect: excludes", "missing: conditional\n    effect: excludes", "cannot"),
    ],
)  # fmt: skip
def test_a_broken_file_names_its_line(texts, name, old, new, says):
    with pytest.raises(RuleError) as error:
        parse_ruleset(changed(texts, name, old, new), DAY)
    assert says in str(error.value)
    assert f"{name} line " in str(error.value)


def test_more_outcomes_than_can_be_told_apart_are_refused(texts):
    data = yaml.safe_load(texts["waste_heat.yaml"])
    data["notes"] += [{**data["notes"][0], "id": f"more_{i}"} for i in range(60)]
    with pytest.raises(RuleError, match=r"waste_heat\.yaml line \d+: too many checks"):
        parse_ruleset(texts | {"waste_heat.yaml": yaml.safe_dump(data, allow_unicode=True).encode()}, DAY)


def test_a_missing_file_is_named(texts):
    with pytest.raises(RuleError, match=r"waste_heat\.yaml"):
        parse_ruleset({n: t for n, t in texts.items() if n != "waste_heat.yaml"}, DAY)
    with pytest.raises(RuleError, match=r"holds no rule set"):
        load_ruleset(Path("nowhere"))


def test_values_are_those_of_the_day(texts):
    dated = changed(
        texts,
        "ruleset.yaml",
        "[{from: 2023-10-09, value: 300}]",
        "[{from: 2023-10-09, value: 300}, {from: 2027-01-01, value: 500}]",
    )
    assert parse_ruleset(dated, DAY).options["air_source"].number("unit_kw") == 300
    assert parse_ruleset(dated, date(2027, 1, 1)).options["air_source"].number("unit_kw") == 500


def test_the_hash_follows_the_content(texts):
    same, other = parse_ruleset(texts, DAY), changed(texts, "ruleset.yaml", "value: 300", "value: 301")
    assert same.hash == parse_ruleset(dict(reversed(texts.items())), DAY).hash
    assert same.hash != parse_ruleset(other, DAY).hash
