"""What must hold for every verdict, whatever the parcel and its surroundings."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gis
from gis.facts.surroundings import Surroundings
from gis.ingest.values import convert
from gis.scoring import evaluate, suitability_documents
from gis.scoring.engine import ORDERED
from gis.vocabulary import OPTIONS, STATUSES
from layers import LAYERS
from tests.scoring.conftest import TOWN, box, layer, point
from tests.scoring.strategies import (
    IDS,
    RULES,
    SOURCES,
    often,
    parcels,
    place,
    place_in_order,
    rank,
    shares,
    towns,
    verdicts,
)


@often(12)
@given(parcels(most=3), towns())
def test_every_verdict_is_complete(table, town):
    result = gis.score(table, town, RULES)
    for parcel_id in table["parcel_id"]:
        document = result.explain(parcel_id)
        json.dumps(document, allow_nan=False)
        shown = [t["technology"] for t in document["technologies"]]
        # Biomass is told of only where a source may serve the parcel.
        assert shown == [o.technology for o in OPTIONS if o.id != "biomass" or "biomass" in shown]
        for technology in document["technologies"]:
            effects = {r["effect"] for r in technology["reasons"]}
            status = technology["status"]
            assert status in STATUSES
            assert technology["reasons"]
            assert all(r["clause_id"] in RULES.clauses and r["zh"] and r["en"] for r in technology["reasons"])
            assert (status == "unsuitable") == ("excludes" in effects)
            assert status != "unknown" or "missing" in effects
            assert status != "conditional" or effects & {"conditions", "missing"}
            assert (technology["score"] is None) == (status == "unknown")
            assert technology["score"] is None or 0 <= technology["score"] <= 100
            assert status != "unsuitable" or technology["score"] == 0
            chosen = (document["recommended"], document["recommended_variant"])
            own = (technology["technology"], technology["variant"])
            assert (technology["why_not"] is None) == (chosen == own)


@often(12)
@given(parcels(), towns())
def test_the_recommendation_is_the_first_that_holds(table, town):
    frame = verdicts(table, town)
    for _, row in frame.iterrows():
        fits = [
            t
            for t in RULES.order
            if row[f"{t}_status"] in ("suitable", "conditional") and row[f"{t}_installed_share_frac"] >= 0.3
        ]
        assert row["recommended"] == (fits[0] if fits else None)
        before = RULES.order[: RULES.order.index(fits[0])] if fits else RULES.order
        assert row["undecided"] == [t for t in before if row[f"{t}_status"] == "unknown"]


@often(10)
@given(parcels(least=2), towns(), st.randoms(use_true_random=False))
def test_neither_order_nor_company_changes_an_answer(table, town, random):
    whole = verdicts(table, town)
    order = list(range(len(table)))
    random.shuffle(order)
    shuffled = verdicts(table.iloc[order].reset_index(drop=True), town)
    pd.testing.assert_frame_equal(shuffled.loc[whole.index], whole, check_exact=True)
    alone = verdicts(table.iloc[[0]], town)
    pd.testing.assert_frame_equal(alone, whole.iloc[[0]], check_exact=True)


@often(5)
@given(parcels(least=3, most=4), towns())
def test_a_batch_in_pieces_and_a_single_parcel_give_the_same_bytes(table, town):
    whole = gis.score(table, town, RULES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "CHUNK", 2)
        pieces = gis.score(table, town, RULES)
    shapes = np.asarray(table.geometry, dtype=object)
    untabled = suitability_documents(table, shapes, Surroundings(town), RULES)
    for i, parcel_id in enumerate(table["parcel_id"]):
        alone = gis.score(table.iloc[[i]], town, RULES).explain(parcel_id)
        answers = [whole.explain(parcel_id), pieces.explain(parcel_id), untabled[i], alone]
        assert len({json.dumps(a, ensure_ascii=False, allow_nan=False) for a in answers}) == 1


@often(16)
@given(parcels(most=1), st.data(), st.sampled_from(sorted(SOURCES)), st.floats(0, 1))
def test_a_nearer_source_is_never_worse(table, data, layer_id, step):
    source = data.draw(SOURCES[layer_id])
    others = data.draw(st.lists(SOURCES[layer_id], max_size=2))
    here, goal = source["geometry"], table.geometry.iloc[0].centroid
    nearer = point(0, 0).__class__(here.x + step * (goal.x - here.x), here.y + step * (goal.y - here.y))
    before, after = (
        verdicts(
            table,
            gis.Resources(
                TOWN | {layer_id: layer(layer_id, {**source, "geometry": g}, *others)},
                dict.fromkeys(TOWN, 1),
            ),
        ).iloc[0]
        for g in (here, nearer)
    )
    for option in IDS:
        then, now = (ORDERED.index(row[f"{option}_status"]) for row in (before, after))
        assert now >= then
        if now == then and not np.isnan(before[f"{option}_score"]):
            assert after[f"{option}_score"] >= before[f"{option}_score"] - 1e-9
    assert place_in_order(after) <= place_in_order(before)


@often(10)
@given(parcels(), towns(), st.data(), st.sampled_from(sorted(SOURCES)))
def test_one_more_source_never_makes_it_worse(table, town, data, layer_id):
    if layer_id not in town.frames:
        return
    more = pd.concat([town.frames[layer_id], layer(layer_id, data.draw(SOURCES[layer_id]))])
    more = more.reset_index(drop=True).assign(**{f"{layer_id}_id": [f"S{i}" for i in range(len(more))]})
    before, after = verdicts(table, town), verdicts(table, town.replace(layer_id, more))
    for option in set(IDS) - {"air_source"}:
        assert (rank(after[f"{option}_status"]) >= rank(before[f"{option}_status"])).all(), option


@often(10)
@given(parcels(), towns(), st.sampled_from(["prohibited", "restricted", "reserve"]), place, place)
def test_more_restriction_is_never_better(table, town, zone_class, x, y):
    if "water_intake_zone" not in town.frames:
        return
    zone = layer("water_intake_zone", {"zone_class": zone_class, "geometry": box(x, y, 2_000)})
    before, after = verdicts(table, town), verdicts(table, town.replace("water_intake_zone", zone))
    assert (
        rank(after["geothermal_hydrothermal_status"]) <= rank(before["geothermal_hydrothermal_status"])
    ).all()
    for option in set(IDS) - {"geothermal_hydrothermal", "air_source"}:
        assert list(after[f"{option}_status"]) == list(before[f"{option}_status"])


@often(10)
@given(parcels(), towns(), place, place, st.sampled_from([100, 2_000]))
def test_more_drilling_exclusion_is_never_better(table, town, x, y, size):
    if "drilling_exclusion" not in town.frames:
        return
    barred = layer("drilling_exclusion", {"geometry": box(x, y, size)})
    before, after = verdicts(table, town), verdicts(table, town.replace("drilling_exclusion", barred))
    for option in ("shallow_ground_source", "geothermal_closed_loop"):
        assert (rank(after[f"{option}_status"]) <= rank(before[f"{option}_status"])).all(), option
        assert (shares(after, option) <= shares(before, option)).all(), option


@often(10)
@given(parcels(), st.data(), st.sampled_from(sorted(SOURCES)), st.sampled_from([300.0, 5e4]))
def test_more_of_a_source_committed_is_never_better(table, data, layer_id, more_kw):
    source = data.draw(SOURCES[layer_id])
    before, after = (
        verdicts(
            table,
            gis.Resources(
                TOWN | {layer_id: layer(layer_id, {**source, "committed_kw": kw})}, dict.fromkeys(TOWN, 1)
            ),
        )
        for kw in (source["committed_kw"], (source["committed_kw"] or 0.0) + more_kw)
    )
    for option in ("reclaimed_water", "waste_heat", "biomass"):
        assert (rank(after[f"{option}_status"]) <= rank(before[f"{option}_status"])).all(), option
        assert (shares(after, option) <= shares(before, option)).all(), option


@often(12)
@given(parcels(), towns(), st.sampled_from(sorted(TOWN)))
def test_removing_a_layer_never_gives_a_better_verdict(table, town, gone):
    before, after = verdicts(table, town), verdicts(table, town.without(gone))
    good = [ORDERED.index("conditional"), ORDERED.index("suitable")]
    for option in IDS:
        now, then = rank(after[f"{option}_status"]), rank(before[f"{option}_status"])
        assert ((now <= then) | ~np.isin(now, good)).all(), option


FULL = {
    "parcel_id": "P", "land_use_code": "0802", "floor_area_ratio": 1.5, "building_density_frac": 0.25,
    "building_status": "new", "population": 100.0,
}  # fmt: skip


@pytest.mark.parametrize(
    "field", ["land_use_code", "floor_area_ratio", "building_density_frac", "population", "building_status"]
)
def test_removing_an_attribute_never_gives_a_better_verdict(town, field):
    full = layer("parcel", {**FULL, "population": None, "geometry": box(0, 0, 200)})
    before, after = verdicts(full, town), verdicts(full.assign(**{field: None}), town)
    for option in IDS:
        assert (rank(after[f"{option}_status"]) <= rank(before[f"{option}_status"])).all()
        assert (shares(after, option) <= shares(before, option)).all()


NUMBERS = ("floor_area_ratio", "building_density_frac", "population")


@pytest.mark.parametrize("written", [np.float32, str, lambda v: f"{v * 100:g}%"], ids=["f4", "text", "%"])
def test_how_a_number_is_written_does_not_count(town, written):
    """A float32, a decimal text or (of a fraction) a percentage is read as the same number."""
    parcel = layer("parcel", {**FULL, "geometry": box(0, 0, 200)})
    columns = {}
    for name in NUMBERS:
        percent = written not in (np.float32, str)
        source = parcel[name].map(str if percent and not name.endswith("_frac") else written)
        columns[name], problems = convert(source, LAYERS["parcel"].field(name))
        assert not problems
    pd.testing.assert_frame_equal(verdicts(parcel.assign(**columns), town), verdicts(parcel, town))


@pytest.mark.parametrize("factor", [0.25, 8.0])
def test_shares_follow_the_ratio_of_supply_and_demand(factor):
    """Twice the heated area and twice the source leave the share as it was."""

    def share(k: float) -> pd.Series:
        around = {
            "wastewater_plant": {"winter_flow_m3_per_d": 4e4 * k, "committed_kw": 12_000.0 * k},
            "data_centre": {"it_load_kw": 3e3 * k},
            "waste_heat_source": {"kind": "biomass", "recoverable_heat_kw": 900.0 * k},
        }
        frames = TOWN | {n: layer(n, {**f, "geometry": point(300, 0)}) for n, f in around.items()}
        parcel = layer("parcel", {**FULL, "heated_area_m2": 6e4 * k, "geometry": box(0, 0, 200)})
        row = verdicts(parcel, gis.Resources(frames, dict.fromkeys(frames, 1))).iloc[0]
        return row[[f"{o}_installed_share_frac" for o in ("reclaimed_water", "waste_heat", "biomass")]]

    whole = share(1.0).astype(float)
    assert ((whole > 0.0) & (whole < 1.0)).all()
    np.testing.assert_allclose(share(factor).astype(float), whole, rtol=1e-12)


@often(5)
@given(parcels(least=3, most=9), towns())
def test_pieces_do_not_change_an_answer(table, town):
    import gis.scoring.result

    whole = gis.score(table, town, RULES)
    told: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gis.scoring.result, "PIECE", 2)
        pieces = gis.score(table, town, RULES, lambda done, total, label: told.append(done))
    assert pieces.facts.equals(whole.facts)
    assert pieces.verdicts.equals(whole.verdicts)
    assert told == list(range(0, len(table), 2))
