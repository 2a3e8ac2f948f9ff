"""The rule set of Beijing: every clause has its place, every figure its kind; the words fit the layers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import pytest
import yaml

from gis.rules import load_ruleset
from gis.rules.model import KNOWN_FACTS
from gis.rules.ruleset import Rules
from gis.vocabulary import OPTIONS
from layers import LAYERS, Text

DAY = date(2026, 11, 21)
PUBLISHED = date(2023, 10, 9)

# Clauses that are figures of a plan and no condition on a parcel.
FIGURES_ONLY = {"P1309-1.3-c": "targets of the city, held against the progress of districts"}


@pytest.fixture(scope="module")
def rules():
    return load_ruleset("beijing", DAY)


def parameters(texts: dict[str, bytes]) -> Iterator[tuple[str, str, dict]]:
    for name, raw in texts.items():
        if name.endswith(".yaml"):
            for key, parameter in yaml.safe_load(raw).get("parameters", {}).items():
                yield name, key, parameter


def test_every_clause_is_acted_on(rules):
    every = (*rules.options.values(), rules.portfolio)
    acted = {c.clause for r in every for c in (*r.checks, *r.notes)}
    acted |= {lever.clause for r in rules.options.values() for lever in r.levers}
    acted |= {item.clause for item in rules.checklists.items} | {area.clause for area in rules.areas}
    figures = {p.source.clause for r in (*every, rules.checklists) for p in r.parameters.values()}
    assert len(rules.clauses) == 32
    assert set(rules.clauses) - acted == set(FIGURES_ONLY)
    assert set(FIGURES_ONLY) <= figures


def test_every_option_has_rules_and_every_reason_a_clause(rules):
    assert set(rules.options) == {o.id for o in OPTIONS} == set(rules.portfolio.economics)
    for option in rules.options.values():
        for condition in (*option.checks, *option.notes):
            assert condition.clause in rules.clauses, condition.id


def test_the_order_is_the_policys_with_biomass_before_the_last_tier(rules):
    assert rules.order == (
        "shallow_ground_source", "reclaimed_water", "geothermal", "waste_heat", "biomass", "air_source",
    )  # fmt: skip


def test_the_set_holds_from_the_day_of_the_document():
    assert load_ruleset("beijing", PUBLISHED).as_of == PUBLISHED


@pytest.mark.parametrize("year", [2025, 2027])
def test_the_rates_of_support_stand_in_both_documents(texts, year):
    p = load_ruleset("beijing", date(year, 6, 1)).portfolio
    assert (p.number("subsidy_full_from_frac"), p.number("subsidy_full_frac")) == (0.6, 0.3)
    assert (p.number("subsidy_part_from_frac"), p.number("subsidy_part_frac")) == (0.3, 0.2)
    since = date(2023, 10, 9) if year == 2025 else date(2026, 3, 9)
    for name in (
        "subsidy_full_from_frac",
        "subsidy_full_frac",
        "subsidy_part_from_frac",
        "subsidy_part_frac",
    ):
        assert p.parameters[name].valid_from == since
        assert "京发改〔2026〕341号" in p.parameters[name].source.text


def test_dated_figures_are_those_of_the_day():
    grid = "grid_north_china_kg_per_kwh"
    assert load_ruleset("beijing", DAY).portfolio.number(grid) == 0.6361
    totals = [
        load_ruleset("beijing", date(y, 12, 31)).portfolio.number("city_heated_area_m2") for y in (2023, 2025)
    ]
    targets = load_ruleset("beijing", DAY).portfolio
    assert totals == [1.0e9, 1.45e9]
    assert targets.number("target_2025_area_m2") / totals[1] == targets.number("target_2025_share_frac")


def test_recalled_and_chosen_figures_are_assumptions(texts):
    for name, key, parameter in parameters(texts):
        if re.search("记忆值|选定|端点|未核|权重|常见值", parameter["source"]["text"]):
            assert parameter["source"]["kind"] == "assumption", f"{name}: {key}"
    for area in yaml.safe_load(texts["areas.yaml"])["areas"]:
        recalled = re.search("记忆值|选定|未核", area["source"]["text"])
        assert (area["source"]["kind"] == "assumption") == bool(recalled), area["id"]


def test_policy_and_standards_are_named(texts):
    for name, key, parameter in parameters(texts):
        kind, text = parameter["source"]["kind"], parameter["source"]["text"]
        if kind == "policy":
            assert re.match("京发改〔20(23〕1309|24〕182)号", text), f"{name}: {key}"
        if kind == "standard":
            assert re.search(r"GB|DB11|CJJ|管理办法", text), f"{name}: {key}"


def test_every_value_of_every_date_lies_in_its_range(texts):
    for name, key, parameter in parameters(texts):
        for dated in parameter["values"]:
            if "low" in dated or "high" in dated:
                assert dated["low"] <= dated["value"] <= dated["high"], f"{name}: {key}"
                assert dated["low"] < dated["high"], f"{name}: {key}"


def test_placeholders_of_all_texts_can_be_filled(rules):
    def unknown(text: Text, own: Rules, given: set[str]) -> set[str]:
        names = set(re.findall(r"\{(\w*)\}", text.zh + text.en))
        assert set(re.findall(r"\{(\w*)\}", text.zh)) == set(re.findall(r"\{(\w*)\}", text.en)), text
        return names - given - set(KNOWN_FACTS) - set(own.parameters)

    for own in (*rules.options.values(), rules.portfolio):
        said = (
            [c.failed for c in own.checks]
            + [c.met for c in own.checks if c.met]
            + [c.nowhere for c in own.checks if c.nowhere]
            + [n.text for n in own.notes]
        )
        for text in said:
            assert not unknown(text, own, {"value", "threshold"}), text
    for option in rules.options.values():
        for lever in option.levers:
            assert "{change}" in lever.text.zh or {"{value}", "{goal}"} <= set(
                re.findall(r"\{\w+\}", lever.text.zh)
            )
            assert not unknown(lever.text, option, {"change", "value", "goal"}), lever.text
    for item in rules.checklists.items:
        assert "{" not in item.text.zh + item.text.en


def test_listed_words_are_choices_of_the_layers(rules):
    def choices(layer_id: str, field_name: str) -> set[str]:
        layer = LAYERS[layer_id]
        return {c.value for f in layer.fields if f.name == field_name for c in f.choices}

    every = {**rules.portfolio.parameters}
    for option in rules.options.values():
        every |= {f"{option.option}.{n}": p for n, p in option.parameters.items()}
    kinds = choices("waste_heat_source", "kind")
    expected = {
        "new_build": choices("parcel", "building_status"),
        "not_new_build": choices("parcel", "building_status"),
        "shallow_ground_source.works": choices("parcel", "building_status"),
        "ecological_areas": choices("district", "planning_area"),
        "shallow_ground_source.focus_areas": choices("district", "planning_area"),
        "reclaimed": choices("reclaimed_water_pipeline", "medium"),
        "sewage": choices("reclaimed_water_pipeline", "medium"),
        "gas_plants": kinds,
        "waste_heat.kinds": kinds,
        "biomass.kinds": kinds,
        "biomass.incinerators": kinds,
        "biomass.biomass_plants": kinds,
        "residential": set(rules.demand.land_use),
    }
    for name, allowed in expected.items():
        assert set(every[name].value) <= allowed, name
    status = set(every["new_build"].value) | set(every["not_new_build"].value)
    assert status == choices("parcel", "building_status")
    assert not set(every["waste_heat.kinds"].value) & set(every["biomass.kinds"].value)


def test_lists_of_areas_name_all_areas_of_their_kind(rules):
    hydrothermal, waste_heat = rules.options["geothermal_hydrothermal"], rules.options["waste_heat"]
    listed = {
        "geothermal_pilot_area": hydrothermal.texts("pilot_areas"),
        "geothermal_focus_area": hydrothermal.texts("resource_focus_areas"),
        "data_centre_area": waste_heat.texts("data_centre_areas"),
    }
    for kind, ids in listed.items():
        assert ids == tuple(a.id for a in rules.areas if a.kind == kind)


def test_seasonal_performance_is_that_of_the_option(rules):
    for option, entry in rules.portfolio.economics.items():
        if entry.scop is None:
            assert option == "air_source"
        elif option != "biomass":  # heat as it comes: no heat pump
            own = rules.options[option].parameters[
                "cop_heating" if option == "shallow_ground_source" else "cop"
            ]
            scop = rules.portfolio.parameters[entry.scop]
            assert (scop.value, scop.low, scop.high) == (own.value, own.low, own.high), option
            assert scop.source == own.source


def test_months_are_twelve_and_share_out_the_whole_year(rules):
    ground = rules.options["shallow_ground_source"]
    for name in ("heat_month_frac", "cooling_month_frac"):
        assert len(ground.numbers(name)) == 12
        assert sum(ground.numbers(name)) == pytest.approx(1.0)
    assert not set(nonzero(ground.numbers("heat_month_frac"))) & set(
        nonzero(ground.numbers("cooling_month_frac"))
    )


def nonzero(values: tuple[float, ...]) -> list[int]:
    return [month for month, value in enumerate(values, start=1) if value]


def test_yanqing_has_its_own_season(rules):
    assert rules.by_district("season_by_district_d") == {"延庆区": 141.0}
    assert rules.parameters["season_d"].number() == 123


def test_the_ban_on_gas_asks_every_parcel_and_the_share_only_new_build(rules):
    checks = {c.id: c for c in rules.portfolio.checks}
    assert checks["gas_ban"].when == ()
    assert [(w.fact, w.threshold) for w in checks["new_build_share"].when] == [
        ("building_status", "new_build")
    ]
    for name in ("air_unit", "air_cop_rating", "air_cop_design"):
        assert [w.fact for w in checks[name].when] == ["portfolio_air_source_kw"]
    assert rules.portfolio.number("unit_kw") == 300
    assert rules.portfolio.number("least_cop") == 2.5


def test_the_checklists_cover_every_option_and_tests_by_area_do_not_overlap(rules):
    for option in OPTIONS:
        groups = {i.group for i in rules.checklists.items if option.id in i.options}
        assert {"approval", "application", "planning", "operation"} <= groups, option.id
    heated = {
        i.id: [(w.operator, rules.checklists.number(w.threshold)) for w in i.when]
        for i in rules.checklists.items
        if i.id in ("response_test_required", "response_test_advised", "balance")
    }
    assert heated == {
        "response_test_required": [("ge", 5000)],
        "response_test_advised": [("ge", 3000), ("lt", 5000)],
        "balance": [("lt", 3000)],
    }
