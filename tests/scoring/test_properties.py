"""What must hold for every parcel and every surrounding, whatever the figures."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gis
from gis.scoring.engine import ORDERED
from gis.vocabulary import OPTIONS, STATUSES, TECHNOLOGIES
from tests.scoring.conftest import TOWN, box, layer, point

IDS = [o.id for o in OPTIONS]
RULES = gis.load_ruleset("beijing")
place = st.integers(-3_000, 3_000)
maybe = st.booleans()
often = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


@st.composite
def parcels(draw, least: int = 1, most: int = 6) -> gpd.GeoDataFrame:
    """Parcels with any attribute missing."""
    rows = []
    for i in range(draw(st.integers(least, most))):
        rows.append(
            {
                "parcel_id": f"P{i}",
                "geometry": box(draw(place), draw(place), draw(st.sampled_from([50, 200, 600]))),
                "land_use_code": draw(st.sampled_from(["0701", "0806", "0901", "1207", "1001", None])),
                "floor_area_ratio": draw(st.sampled_from([0.0, 0.4, 2.5, None])),
                "population": draw(st.sampled_from([0.0, 300.0, None])),
                "building_density_frac": draw(st.sampled_from([0.1, 0.6, 1.0, None])),
            }
        )
    return layer("parcel", *rows)


@st.composite
def plants(draw) -> dict[str, object]:
    """One plant with any attribute missing."""
    return {
        "geometry": point(draw(place), draw(place)),
        "winter_flow_m3_per_d": draw(st.sampled_from([500.0, 2e4, 3e5, None])),
        "winter_temperature_degc": draw(st.sampled_from([3.0, 12.0, None])),
        "committed_kw": draw(st.sampled_from([0.0, 4e3, None])),
    }


@st.composite
def towns(draw) -> gis.Resources:
    """The town with other plants, and any layer never loaded."""
    frames = TOWN | {"wastewater_plant": layer("wastewater_plant", *draw(st.lists(plants(), max_size=3)))}
    gone = draw(st.sets(st.sampled_from(sorted(TOWN)), max_size=3))
    return gis.Resources(frames, dict.fromkeys(frames, 1)).without(*gone)


def verdicts(table: gpd.GeoDataFrame, town: gis.Resources) -> pd.DataFrame:
    return gis.score(table, town, RULES).verdicts


def rank(statuses: pd.Series) -> np.ndarray:
    return np.array([ORDERED.index(s) for s in statuses])


@often
@given(parcels(), towns())
def test_every_verdict_is_complete(table, town):
    result = gis.score(table, town, RULES)
    for parcel_id in table["parcel_id"]:
        document = result.explain(parcel_id)
        json.dumps(document, allow_nan=False)
        assert [t["technology"] for t in document["technologies"]] == [o.technology for o in OPTIONS]
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


@often
@given(parcels(), towns())
def test_the_recommendation_is_the_first_that_holds(table, town):
    frame = verdicts(table, town)
    for _, row in frame.iterrows():
        fits = [
            t
            for t in TECHNOLOGIES
            if row[f"{t}_status"] in ("suitable", "conditional") and row[f"{t}_installed_share_frac"] >= 0.3
        ]
        assert row["recommended"] == (fits[0] if fits else None)
        before = TECHNOLOGIES[: TECHNOLOGIES.index(fits[0])] if fits else TECHNOLOGIES
        assert row["undecided"] == [t for t in before if row[f"{t}_status"] == "unknown"]


@often
@given(parcels(least=2), towns(), st.randoms(use_true_random=False))
def test_neither_order_nor_company_changes_an_answer(table, town, random):
    whole = verdicts(table, town)
    order = list(range(len(table)))
    random.shuffle(order)
    shuffled = verdicts(table.iloc[order].reset_index(drop=True), town)
    pd.testing.assert_frame_equal(shuffled.loc[whole.index], whole, check_exact=True)
    alone = verdicts(table.iloc[[0]], town)
    pd.testing.assert_frame_equal(alone, whole.iloc[[0]], check_exact=True)


@often
@given(parcels(), plants(), st.lists(plants(), max_size=2), st.floats(0, 1))
def test_a_nearer_plant_never_lowers_a_score(table, plant, others, step):
    parcel = table.geometry.iloc[0]
    here, goal = plant["geometry"], parcel.centroid
    nearer = point(0, 0).__class__(here.x + step * (goal.x - here.x), here.y + step * (goal.y - here.y))
    before, after = (
        verdicts(
            table.iloc[[0]],
            gis.Resources(
                TOWN | {"wastewater_plant": layer("wastewater_plant", {**plant, "geometry": g}, *others)},
                dict.fromkeys(TOWN, 1),
            ),
        ).iloc[0]
        for g in (here, nearer)
    )
    for option in IDS:
        assert ORDERED.index(after[f"{option}_status"]) >= ORDERED.index(before[f"{option}_status"])
        if not np.isnan(before[f"{option}_score"]) and not np.isnan(after[f"{option}_score"]):
            assert after[f"{option}_score"] >= before[f"{option}_score"] - 1e-9


@often
@given(parcels(), towns(), plants())
def test_one_more_source_never_makes_it_worse(table, town, plant):
    if "wastewater_plant" not in town.frames:
        return
    more = pd.concat([town.frames["wastewater_plant"], layer("wastewater_plant", plant)], ignore_index=True)
    more["wastewater_plant_id"] = [f"W{i}" for i in range(len(more))]
    before, after = verdicts(table, town), verdicts(table, town.replace("wastewater_plant", more))
    assert (rank(after["reclaimed_water_status"]) >= rank(before["reclaimed_water_status"])).all()


@often
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


@often
@given(parcels(), towns(), st.sampled_from(sorted(TOWN)))
def test_removing_a_layer_never_gives_a_better_verdict(table, town, gone):
    before, after = verdicts(table, town), verdicts(table, town.without(gone))
    good = [ORDERED.index("conditional"), ORDERED.index("suitable")]
    for option in IDS:
        now, then = rank(after[f"{option}_status"]), rank(before[f"{option}_status"])
        assert ((now <= then) | ~np.isin(now, good)).all(), option


@pytest.mark.parametrize(
    "field", ["land_use_code", "floor_area_ratio", "building_density_frac", "population"]
)
def test_removing_an_attribute_never_gives_a_better_verdict(town, field):
    full = layer(
        "parcel",
        {
            "parcel_id": "P", "geometry": box(0, 0, 200), "land_use_code": "0802", "floor_area_ratio": 1.5,
            "building_density_frac": 0.3,
        },
    )  # fmt: skip
    before, after = verdicts(full, town), verdicts(full.assign(**{field: None}), town)
    for option in IDS:
        assert (rank(after[f"{option}_status"]) <= rank(before[f"{option}_status"])).all()
