"""Suppositions are rule sets and bundles like any others, and comparisons count what they change."""

from __future__ import annotations

from collections import Counter

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import gis
from gis.errors import InputError, OneMapError, RuleError
from gis.rules.loader import parse_ruleset
from gis.vocabulary import OPTIONS, TECHNOLOGIES

MAIN = "reclaimed_water_pipeline"


def text_of(rules: gis.RuleSet, file: str) -> str:
    return str(rules.content[file])


def test_a_changed_figure_makes_a_rule_set_of_its_own():
    rules = gis.load_ruleset()
    what = gis.WhatIf("longer reach", {"reclaimed_water.main_reach_m": 5000, "minimum_share_frac": 0.2})
    changed = what.ruleset(rules)
    again = parse_ruleset({n: str(t).encode() for n, t in changed.content.items()}, changed.as_of)
    assert changed.hash == again.hash != rules.hash
    reach = changed.options["reclaimed_water"].parameters["main_reach_m"]
    assert (reach.value, reach.unit, reach.low, reach.source.kind) == (5000.0, "m", None, "assumption")
    assert "longer reach" in reach.source.text
    assert rules.options["reclaimed_water"].parameters["main_reach_m"].source.text in reach.source.text
    share = changed.parameters["minimum_share_frac"]
    assert (share.value, share.source.kind, share.source.clause) == (0.2, "assumption", None)
    assert "longer reach" in changed.title.zh
    untouched = set(rules.content) - {"ruleset.yaml", "reclaimed_water.yaml"}
    assert all(changed.content[n] == rules.content[n] for n in untouched)
    assert changed.clauses == rules.clauses


def test_all_but_the_changed_lines_stay_as_they_were_written():
    rules = gis.load_ruleset()
    changed = gis.WhatIf("x", {"reclaimed_water.main_reach_m": 5000}).ruleset(rules)
    pairs = zip(
        text_of(rules, "reclaimed_water.yaml").splitlines(),
        text_of(changed, "reclaimed_water.yaml").splitlines(),
        strict=True,
    )
    assert [old.split(":")[0].strip() for old, new in pairs if old != new] == ["values", "source"]


def test_every_figure_can_be_supposed():
    """Each parameter of the set, given the value that it has, leaves all values as they are."""
    rules = gis.load_ruleset()
    named = rules.named_parameters()
    whole = gis.WhatIf("as it is", {n: p.value for n, p in named.items()}).ruleset(rules)
    assert {n: p.value for n, p in whole.named_parameters().items()} == {n: p.value for n, p in named.items()}
    assert {p.source.kind for p in whole.named_parameters().values()} == {"assumption"}


def test_values_written_as_blocks_are_changed_too():
    rules = gis.load_ruleset()
    flow = "values: [{from: 2023-10-09, value: 1000, low: 500, high: 1000}]"
    block = (
        "values:\n      - from: 2020-01-01\n        value: 700\n      - from: 2023-10-09\n        value: 1000"
    )
    texts = {n: str(t).replace(flow, block).encode() for n, t in rules.content.items()}
    written = parse_ruleset(texts, rules.as_of)
    changed = gis.WhatIf("x", {"reclaimed_water.main_reach_m": 5000}).ruleset(written)
    assert changed.options["reclaimed_water"].number("main_reach_m") == 5000
    assert "value: 700" in text_of(changed, "reclaimed_water.yaml")


def test_the_order_is_supposed():
    order = tuple(reversed(TECHNOLOGIES))
    changed = gis.WhatIf("turned round", order=order).ruleset(gis.load_ruleset())
    assert changed.order == order


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"name": " ", "without": ("district",)}, InputError, "needs a name"),
        ({"name": "x"}, InputError, "changes nothing"),
        ({"name": "x", "without": "district"}, InputError, "as a tuple"),
        ({"name": "x", "without": ("volcano",)}, InputError, "none of the layers"),
        ({"name": "x", "layers": {"parcel": "p.gpkg"}}, InputError, "none of the layers"),
        ({"name": "x", "layers": {"district": "d"}, "without": ("district",)}, InputError, "both changes"),
        ({"name": "x", "order": ("air_source",)}, InputError, "each of"),
        ({"name": "x", "parameters": {"main_reach_m": 1}}, RuleError, "is reclaimed_water.main_reach_m"),
        ({"name": "x", "parameters": {"reclaimed_water.main_reach": 1}}, RuleError, "no parameter"),
        ({"name": "x", "parameters": {"ruleset.minimum_share_frac": 1}}, RuleError, "no parameter"),
        ({"name": "x", "parameters": {"minimum_share_frac": "much"}}, RuleError, "is not a number"),
        ({"name": "x", "parameters": {"minimum_share_frac": True}}, RuleError, "is not a number"),
        ({"name": "x", "parameters": {"reclaimed_water.main_reach_m": [1]}}, RuleError, "is not a number"),
        ({"name": "x", "without": ("ground_temperature",)}, InputError, "never loaded"),
        ({"name": "x", "layers": {"district": "nowhere.gpkg"}}, InputError, "no such file"),
    ],
)
def test_what_cannot_be_supposed_is_told(result, how, error, words):
    with pytest.raises(error, match=words) as told:
        result.what_if(gis.WhatIf(**how))
    assert "\n" not in str(told.value)


def test_a_what_if_does_not_change():
    what = gis.WhatIf("x", {"minimum_share_frac": np.float64(0.2)})
    assert type(what.parameters["minimum_share_frac"]) is float
    with pytest.raises(TypeError):
        what.parameters["minimum_share_frac"] = 0.3  # type: ignore[index]


def test_the_same_parcels_are_scored_under_other_rules_and_layers(result, parcels, bundle):
    mains = bundle.frames[MAIN]
    west, south, east, north = parcels.total_bounds
    line = shapely.LineString([(west, south), (east, north)])
    longer = pd.concat([mains, mains.iloc[:1].assign(**{f"{MAIN}_id": "NEW"}, geometry=line)])
    what = gis.WhatIf(
        "wide", {"reclaimed_water.main_reach_m": 3000}, layers={MAIN: longer}, without=("data_centre",)
    )
    found = result.what_if(what)
    plain = bundle.without("data_centre").replace(MAIN, gis.read_mapped(MAIN, longer).frame)
    expected = gis.score(parcels, plain, what.ruleset(result.ruleset))
    pd.testing.assert_frame_equal(found.facts, expected.facts)
    pd.testing.assert_frame_equal(found.verdicts, expected.verdicts)
    assert found.data_versions[MAIN] == 2
    assert "data_centre" not in found.data_versions


def test_an_emptied_layer_is_there_and_holds_nothing(result, bundle):
    found = result.what_if(gis.WhatIf("no mains", layers={MAIN: bundle.frames[MAIN].iloc[:0]}))
    expected = gis.score(result.parcels, bundle.replace(MAIN, bundle.frames[MAIN].iloc[:0]), result.ruleset)
    pd.testing.assert_frame_equal(found.verdicts, expected.verdicts)


def test_counts_are_those_of_a_plain_count(result):
    after = result.what_if(gis.WhatIf("no heat source", without=("data_centre", MAIN)))
    told = gis.compare(result, after)
    ways: Counter[tuple[str, str]] = Counter()
    load: Counter[tuple[str, str]] = Counter()
    changed = []
    for key in result.verdicts.index:
        old, new = result.verdicts.loc[key], after.verdicts.loc[key]
        way = (old["recommended"] or "none", new["recommended"] or "none")
        ways[way] += 1
        kw = result.facts.loc[key, "heat_load_kw"]
        load[way] += 0 if np.isnan(kw) else kw
        names = [f"{o.id}_{part}" for o in OPTIONS for part in ("status", "score", "capacity_kw")]
        if any(
            not (pd.isna(old[n]) and pd.isna(new[n])) and old[n] != new[n] for n in ("recommended", *names)
        ):
            changed.append(key)
    assert len(changed) > 0
    assert told.counts.stack().loc[lambda n: n > 0].to_dict() == dict(ways)
    for way, kw in load.items():
        assert np.isnan(told.heat_load_kw.loc[way]) or told.heat_load_kw.loc[way] == pytest.approx(kw)
    assert told.parcels.index.tolist() == changed
    assert told.unchanged_count == len(result.verdicts) - len(changed)
    assert told.summary()["changed_count"] == len(changed)
    assert {tuple(r) for r in told.causes[["kind", "name"]].to_numpy()} == {
        ("layer", "data_centre"),
        ("layer", MAIN),
    }
    one = told.parcels.iloc[0]
    assert one["recommended_before"] == result.verdicts.loc[one.name, "recommended"]
    assert told.parcels.attrs["units"]["recommended_capacity_kw_after"] == "kW"
    assert set(" ".join(told.parcels["changed_options"]).split()) <= {o.id for o in OPTIONS}


def test_what_lies_on_one_side_only_is_told(result, parcels, bundle):
    before = gis.score(parcels.iloc[:20], bundle, result.ruleset)
    after = gis.score(parcels.iloc[10:30], bundle, result.ruleset)
    told = gis.compare(before, after)
    assert told.only_before == tuple(parcels["parcel_id"].iloc[:10])
    assert told.only_after == tuple(parcels["parcel_id"].iloc[20:30])
    assert (told.unchanged_count, len(told.parcels), len(told.causes)) == (10, 0, 0)


def test_parameters_that_differ_are_causes(result):
    told = gis.compare(result, result.what_if(gis.WhatIf("x", {"minimum_share_frac": 0.5})))
    (row,) = told.causes[told.causes["kind"] == "parameter"].to_dict("records")
    assert row == {
        "kind": "parameter",
        "name": "minimum_share_frac",
        "before": 0.3,
        "after": 0.5,
        "unit": "1",
    }


def test_results_that_cannot_be_compared_are_refused(result, parcels, bundle):
    few = gis.score(parcels.iloc[:3], bundle, result.ruleset)
    rest = gis.score(parcels.iloc[3:6], bundle, result.ruleset)
    with pytest.raises(InputError, match="no parcel in common"):
        gis.compare(few, rest)
    abroad = gpd.GeoDataFrame(
        {"parcel_id": ["1"]}, geometry=[shapely.box(5e5, 5e6, 5e5 + 9, 5e6 + 9)], crs=25832
    )
    with pytest.raises(OneMapError, match="one result is in"):
        gis.compare(few, gis.score(abroad, gis.Resources({}, {}, crs="EPSG:25832"), result.ruleset))
