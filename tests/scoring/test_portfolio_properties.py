"""What must hold for every portfolio, whatever the parcel and its surroundings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gis
from tests.scoring.conftest import TOWN
from tests.scoring.strategies import NO_AIR, RULES, often, parcels, towns, verdicts

rule_sets = st.sampled_from([RULES, NO_AIR])


def offered(verdict: pd.Series, technology: str) -> float:
    """Return the capacity in kW with which a technology takes part."""
    if verdict[f"{technology}_status"] not in ("suitable", "conditional"):
        return 0.0
    return np.inf if technology == "air_source" else verdict[f"{technology}_capacity_kw"]


@often(12)
@given(parcels(), towns(), rule_sets)
def test_the_load_is_filled_in_the_order_of_priority(table, town, rules):
    result = gis.score(table, town, rules)
    for parcel_id, verdict in result.verdicts.iterrows():
        load = result.facts.loc[parcel_id, "heat_load_kw"]
        plan = result.explain(parcel_id)["portfolio"]
        if not load > 0:
            assert plan is None
            assert np.isnan(verdict["portfolio_installed_share_frac"])
            continue
        parts = {t["technology"]: t for t in plan["technologies"]}
        assert list(parts) == [t for t in rules.order if t in parts] == verdict["portfolio_technologies"]
        rest = load
        for technology in rules.order:
            installed = parts[technology]["installed_kw"] if technology in parts else 0.0
            assert installed == pytest.approx(min(offered(verdict, technology), rest), abs=1e-6)
            rest -= installed
        assert rest == pytest.approx(plan["unmet_kw"], abs=1e-6)
        total = sum(t["installed_share_frac"] for t in parts.values())
        assert total == pytest.approx(plan["installed_share_frac"])
        assert total <= 1 + 1e-12
        assert total == pytest.approx(1 - plan["unmet_kw"] / load)


@often(12)
@given(parcels(), towns(), rule_sets)
def test_the_base_load_carries_more_heat_than_its_share_of_power(table, town, rules):
    frame = verdicts(table, town, rules)
    power, heat = (frame[f"portfolio_{n}_share_frac"].to_numpy() for n in ("installed", "energy"))
    known = ~np.isnan(power)
    assert (heat[known] >= power[known] - 1e-12).all()
    assert (heat[known] <= 1 + 1e-12).all()


@often(12)
@given(parcels(), towns(), rule_sets)
def test_support_and_findings_follow_the_share(table, town, rules):
    result = gis.score(table, town, rules)
    for parcel_id, verdict in result.verdicts.iterrows():
        share, rate = verdict["portfolio_installed_share_frac"], verdict["portfolio_subsidy_frac"]
        if np.isnan(share):
            assert np.isnan(rate)
            continue
        several = len(verdict["portfolio_technologies"]) > 1
        full = share >= 0.6 or (share >= 0.3 and several)
        assert rate == (0.3 if full else 0.2 if share >= 0.3 else 0.0)
        findings = set(verdict["portfolio_findings"])
        assert ("subsidy" in findings) == ("double_funding" in findings) == (rate > 0)
        assert ("gas_ban.met" in findings) == (verdict["portfolio_unmet_kw"] == 0)
        status = result.facts.loc[parcel_id, "building_status"]
        held = {"new": {"failed" if share < 0.6 else "met"}, "existing": set(), None: {"missing"}}[status]
        assert {f.partition(".")[2] for f in findings if f.startswith("new_build_share")} == held
        assert ("demonstration" in findings) == ("air_source" in verdict["portfolio_technologies"])


CHOSEN = ("reclaimed_source_id", "waste_heat_source_id", "biomass_source_id")


@often(16)
@given(parcels(), towns(most_gone=1), st.sampled_from(sorted(TOWN)), rule_sets)
def test_removing_a_layer_never_gives_a_larger_portfolio(table, town, gone, rules):
    """Of parcels that keep their sources: a parcel takes the source that scores best, not the largest."""
    before, after = gis.score(table, town, rules), gis.score(table, town.without(gone), rules)
    same = (before.verdicts["geothermal_variant"] == after.verdicts["geothermal_variant"]).to_numpy(copy=True)
    for name in CHOSEN:
        then, now = (result.facts[name].fillna("").to_numpy() for result in (before, after))
        same &= (then == now) | (now == "")
    then, now = (
        r.verdicts["portfolio_installed_share_frac"].fillna(0.0).to_numpy()[same] for r in (before, after)
    )
    assert (now <= then + 1e-12).all(), gone
