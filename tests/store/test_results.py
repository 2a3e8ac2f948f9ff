"""Results, runs and rule sets."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
import sqlalchemy as sa

from gis.errors import BusyError, InputError, NotFoundError
from gis.store import Store
from gis.store.loading import claim
from tests.store.frames import LOAD, layer_frame, results, run_record


@pytest.fixture
def parcel_ids(empty_store: Store) -> list[str]:
    frame = layer_frame("parcel", 50)
    empty_store.write_layer("parcel", frame, mode="replace", **LOAD)
    return [str(i) for i in frame["parcel_id"]]


def test_results_come_back_exactly(empty_store: Store, parcel_ids: list[str]) -> None:
    assert empty_store.latest_run() is None
    facts, verdicts = results(parcel_ids)
    assert empty_store.save_results(facts, verdicts, run_record(50)) == 1
    asked = [parcel_ids[7], "nowhere", parcel_ids[3], parcel_ids[20]]
    got_facts, got_verdicts = empty_store.result_rows(asked)
    kept = [asked[0], asked[2], asked[3]]
    pd.testing.assert_frame_equal(got_facts, facts.loc[kept], check_exact=True)
    pd.testing.assert_frame_equal(got_verdicts, verdicts.loc[kept], check_exact=True)
    all_facts, _ = empty_store.result_rows(parcel_ids)
    for name in facts.columns[facts.dtypes == "float64"]:
        assert all_facts[name].to_numpy().tobytes() == facts[name].to_numpy().tobytes()


def test_no_results_yet(empty_store: Store) -> None:
    facts, verdicts = empty_store.result_rows(["a"])
    assert len(facts) == len(verdicts) == 0
    assert facts.index.name == "parcel_id"


def test_a_new_run_replaces_the_results(empty_store: Store, parcel_ids: list[str]) -> None:
    empty_store.save_results(*results(parcel_ids), run_record(50))
    facts, verdicts = results(parcel_ids[:5], seed=12)
    assert empty_store.save_results(facts, verdicts, run_record(5)) == 2
    got, _ = empty_store.result_rows(parcel_ids)
    pd.testing.assert_frame_equal(got, facts, check_exact=True)
    run = empty_store.latest_run()
    assert run is not None
    assert (run.run_id, run.parcel_count, run.as_of) == (2, 5, dt.date(2026, 11, 1))
    assert run.layer_versions == {"parcel": 1}
    assert run.finished_at is not None


def test_tiles_carry_the_parcels_in_web_mercator(empty_store: Store, parcel_ids: list[str]) -> None:
    facts, verdicts = results(parcel_ids)
    empty_store.save_results(facts, verdicts, run_record(50))
    query = sa.text(
        "SELECT t.parcel_id, t.recommended, t.recommended_status, t.recommended_score, "
        "ST_SRID(t.geom) AS srid, "
        "ST_HausdorffDistance(ST_Transform(t.geom, 4548), p.geom) AS off_m "
        "FROM result.parcel_tile t JOIN layer.parcel p USING (parcel_id) ORDER BY 1"
    )
    with empty_store.engine.connect() as connection:
        tiles = pd.read_sql(query, connection)
    assert list(tiles["parcel_id"]) == parcel_ids
    assert set(tiles["srid"]) == {3857}
    assert tiles["off_m"].max() < 1e-3
    for name in ("recommended", "recommended_status", "recommended_score"):
        pd.testing.assert_series_equal(
            tiles[name], verdicts[name].reset_index(drop=True), check_dtype=False, check_exact=True
        )


def test_wrong_results_change_nothing(empty_store: Store, parcel_ids: list[str]) -> None:
    facts, verdicts = results(parcel_ids)
    empty_store.save_results(facts, verdicts, run_record(50))
    with pytest.raises(InputError, match="area_m2 is missing"):
        empty_store.save_results(facts.drop(columns="area_m2"), verdicts, run_record(50))
    with pytest.raises(InputError, match="column extra is not declared"):
        empty_store.save_results(facts, verdicts.assign(extra=1), run_record(50))
    with pytest.raises(InputError, match="same parcels"):
        empty_store.save_results(facts, verdicts.iloc[::-1], run_record(50))
    doubled = [pd.concat([frame, frame.iloc[:1]]) for frame in (facts, verdicts)]
    with pytest.raises(InputError, match="occurs more than once"):
        empty_store.save_results(doubled[0], doubled[1], run_record(51))
    with empty_store.engine.begin() as other:
        claim(other, "results", "busy")
        with pytest.raises(BusyError, match="Another run"):
            empty_store.save_results(facts, verdicts, run_record(50))
    pd.testing.assert_frame_equal(empty_store.result_rows(parcel_ids)[0], facts, check_exact=True)
    run = empty_store.latest_run()
    assert run is not None
    assert run.run_id == 1


def test_rule_sets_are_kept_word_for_word(empty_store: Store) -> None:
    content = {"z": 1.0, "a": {"名称": "浅层地热", "numbers": [0.1, 1e-9, 3]}, "none": None}
    for _ in range(2):
        empty_store.save_ruleset("abc", "beijing", dt.date(2026, 1, 1), content)
    got = empty_store.ruleset_content("abc")
    assert got == content
    assert list(got) == ["z", "a", "none"]
    with pytest.raises(NotFoundError, match="hash xyz"):
        empty_store.ruleset_content("xyz")
