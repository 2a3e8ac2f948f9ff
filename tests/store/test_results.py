"""Results, runs and rule sets."""

from __future__ import annotations

import datetime as dt
import math
from contextlib import ExitStack
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa

import gis.store.transactions
from gis.errors import BusyError, InputError, NotFoundError
from gis.facts.columns import Words, named
from gis.store import Store, Touched
from gis.store.loading import claim
from gis.store.migrate import differences
from gis.store.tables import SLOTS
from gis.vocabulary import FACTS, VERDICTS
from gis.webmap.tiles import RESULT_LAYER, render_tile
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


def shown(store: Store, view: str) -> pd.DataFrame:
    """Return all rows of a view, as a user of the database sees them."""
    with store.engine.connect() as connection:
        rows = connection.execute(sa.text(f"SELECT * FROM result.{view} ORDER BY parcel_id")).mappings().all()
    return pd.DataFrame(rows)


def same_rows(seen: pd.DataFrame, frame: pd.DataFrame) -> bool:
    """Return whether the rows of a view are those of a frame, None where it has no value."""
    expected = frame.rename_axis("parcel_id").reset_index().astype(object)
    return seen.astype(object).where(seen.notna(), None).equals(expected.where(expected.notna(), None))


def test_the_views_show_what_went_in(empty_store: Store, parcel_ids: list[str]) -> None:
    facts, verdicts = results(parcel_ids)
    empty_store.save_results(facts, verdicts, run_record(50))
    for view, frame, columns in (
        ("parcel_fact", facts, FACTS),
        ("parcel_suitability", verdicts, VERDICTS),
    ):
        seen = shown(empty_store, view)
        assert same_rows(seen, frame)
        for name in frame.columns[frame.dtypes == "float64"]:
            assert seen[name].to_numpy(np.float64).tobytes() == frame[name].to_numpy().tobytes()
        types = {"float": "double precision", "text": "text", "text_list": "ARRAY"}
        query = sa.text(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = 'result' AND table_name = :view ORDER BY ordinal_position"
        )
        with empty_store.engine.connect() as connection:
            found = [tuple(row) for row in connection.execute(query, {"view": view})]
        assert found == [("parcel_id", "text"), *((c.name, types[c.type]) for c in columns)]


def test_one_parcel_is_told_as_it_was_stored(empty_store: Store, parcel_ids: list[str]) -> None:
    with pytest.raises(NotFoundError, match="no results yet"):
        empty_store.scored_parcel(parcel_ids[0])
    facts, verdicts = results(parcel_ids)
    empty_store.save_results(facts, verdicts, run_record(50))
    for parcel_id in parcel_ids:
        found = empty_store.scored_parcel(parcel_id)
        assert found.run == empty_store.latest_run()
        for told, frame in ((found.facts, facts), (found.verdict, verdicts)):
            row = frame.loc[parcel_id].astype(object)
            assert told == {"parcel_id": parcel_id} | row.where(row.notna(), None).to_dict()
    with pytest.raises(NotFoundError, match="no scored parcel 'nowhere'"):
        empty_store.scored_parcel("nowhere")


def test_one_parcel_is_told_anew_after_a_run_and_after_its_connection_was_cut(
    empty_store: Store, parcel_ids: list[str]
) -> None:
    for seed in (11, 12):
        facts, verdicts = results(parcel_ids, seed=seed)
        empty_store.save_results(facts, verdicts, run_record(50))
        for parcel_id in parcel_ids[:9]:
            found = empty_store.scored_parcel(parcel_id)
            assert found.run == empty_store.latest_run()
            row = facts.loc[parcel_id].astype(object)
            assert found.facts == {"parcel_id": parcel_id} | row.where(row.notna(), None).to_dict()
    cut = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with empty_store.engine.connect() as connection:
        assert connection.scalar(sa.text(cut))
    assert empty_store.scored_parcel(parcel_ids[8]) == found


def columns_of(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the columns of a frame as scoring has them: texts and lists by codes, some names twice."""
    out: dict[str, Any] = {}
    for name, values in frame.items():
        if values.dtype == "float64":
            out[str(name)] = values.to_numpy()
            continue
        texts = [None if v is None or v != v else v for v in values]
        names = [t for t in texts if t is not None]
        codes = np.full(len(texts), -1, dtype=np.int16)
        codes[[t is not None for t in texts]] = np.arange(len(names))
        out[str(name)] = Words(codes, named([*names, "not used"]))
    return out


def test_batches_of_columns_are_stored_as_one_run(empty_store: Store, parcel_ids: list[str]) -> None:
    facts, verdicts = results(parcel_ids)
    facts.iloc[3, facts.columns.get_loc("heat_load_kw")] = np.inf
    facts.iloc[4, facts.columns.get_loc("borehole_count")] = -np.inf
    with empty_store.writing_results() as writer:
        writer.clear()
        for part in (slice(0, 1), slice(1, 20), slice(20, 20), slice(20, 50)):
            ids = pa.chunked_array([pa.array(parcel_ids, pa.string())[part]], type=pa.string())
            writer.add(ids, columns_of(facts.iloc[part]), columns_of(verdicts.iloc[part]))
        saved = writer.finish(run_record(50))
    assert saved == empty_store.latest_run()
    got_facts, got_verdicts = empty_store.result_rows(parcel_ids)
    assert got_facts.equals(facts.replace([np.inf, -np.inf], np.nan))
    assert got_verdicts.equals(verdicts)
    with empty_store.engine.connect() as connection:
        words = connection.scalars(sa.text("SELECT word FROM result.word")).all()
        shared = connection.execute(sa.text("SELECT numbers::text, words FROM result.shared")).all()
    assert len(words) == len(set(words))
    assert len(shared) == len({(numbers, tuple(words)) for numbers, words in shared})
    assert "not used" not in words


def test_some_parcels_are_scored_anew(empty_store: Store, parcel_ids: list[str]) -> None:
    old_facts, old_verdicts = results(parcel_ids)
    new_facts, new_verdicts = results(["new-甲", *parcel_ids[:9]], seed=12)
    empty_store.save_results(old_facts, old_verdicts, run_record(50))
    with empty_store.writing_results() as writer:
        writer.remove(Touched([*parcel_ids[:10], "nowhere"], {}))
        writer.add(list(new_facts.index), columns_of(new_facts), columns_of(new_verdicts))
        saved = writer.finish(run_record(50))
    assert saved.run_id == 2
    facts, verdicts = empty_store.result_rows(["new-甲", *parcel_ids])
    for found, new, old in ((facts, new_facts, old_facts), (verdicts, new_verdicts, old_verdicts)):
        assert found.iloc[:10].equals(new)
        assert found.iloc[10:].equals(old.iloc[10:])


def test_readers_see_the_old_results_until_the_end(empty_store: Store, parcel_ids: list[str]) -> None:
    for seed in (11, 12, 13):
        old = empty_store.result_rows(parcel_ids)[0]
        facts, verdicts = results(parcel_ids[seed - 11 :], seed)
        with empty_store.writing_results() as writer:
            writer.clear()
            writer.add(facts.index, columns_of(facts), columns_of(verdicts))
            assert empty_store.result_rows(parcel_ids)[0].equals(old)
            with (
                pytest.raises(BusyError, match="Another run"),
                empty_store.writing_results(),
            ):
                pass
            writer.finish(run_record(len(facts)))
            assert empty_store.result_rows(parcel_ids)[0].equals(old)
        assert empty_store.result_rows(parcel_ids)[0].equals(facts)


def indexed(store: Store) -> list[bool]:
    """Return of both tables of rows whether a parcel is found by an index."""
    query = "SELECT count(*) FROM pg_index WHERE indrelid = to_regclass(:name) AND indisunique AND indisvalid"
    with store.engine.connect() as connection:
        names = [table.fullname for table in SLOTS]
        return [connection.scalar(sa.text(query), {"name": name}) == 1 for name in names]


@pytest.mark.parametrize("held_up", [True, False])
def test_results_are_indexed_at_the_end_of_every_run(
    empty_store: Store, parcel_ids: list[str], monkeypatch: pytest.MonkeyPatch, held_up: bool
) -> None:
    frames = results(parcel_ids)
    for _ in range(3):
        empty_store.save_results(*frames, run_record(50))
        assert indexed(empty_store) == [True, True]

    def break_off() -> None:
        with empty_store.writing_results() as writer:
            writer.clear()
            assert indexed(empty_store) == [True, False]

    with pytest.raises(RuntimeError, match="not finished"):
        break_off()
    with ExitStack() as stack:
        if held_up:  # a table left without index cannot be emptied then
            monkeypatch.setattr(gis.store.transactions, "_LOCK_WAIT_S", 0.05)
            reader = stack.enter_context(empty_store.engine.connect())
            assert reader.scalar(sa.text("SELECT count(*) FROM result.parcel_fact")) == 50
        doubled = [pd.concat([frame, frame.iloc[:1]]) for frame in frames]
        with pytest.raises(InputError, match="occurs more than once"):
            empty_store.save_results(doubled[0], doubled[1], run_record(51))
        empty_store.save_results(*frames, run_record(50))
    assert indexed(empty_store) == [True, True]
    with empty_store.engine.connect() as connection:
        assert differences(connection) == []


@pytest.mark.parametrize("clear", [True, False])
def test_an_interrupted_run_leaves_the_old_results(
    empty_store: Store, parcel_ids: list[str], clear: bool
) -> None:
    class Stop(Exception):
        pass

    facts, verdicts = results(parcel_ids)
    empty_store.save_results(facts, verdicts, run_record(50))
    others, judged = results(parcel_ids, seed=12)

    def write(interrupted: bool) -> None:
        with empty_store.writing_results() as writer:
            if clear:
                writer.clear()
            else:
                writer.remove(Touched(parcel_ids, {}))
            writer.add(others.index, columns_of(others), columns_of(judged))
            if interrupted:
                raise Stop

    with pytest.raises(Stop):
        write(interrupted=True)
    with pytest.raises(RuntimeError, match="not finished"):
        write(interrupted=False)
    found = empty_store.result_rows(parcel_ids)
    assert found[0].equals(facts)
    assert found[1].equals(verdicts)
    empty_store.save_results(others, judged, run_record(50))
    assert empty_store.result_rows(parcel_ids)[1].equals(judged)


def test_a_long_reader_holds_no_run_up(
    empty_store: Store, parcel_ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gis.store.transactions, "_LOCK_WAIT_S", 0.05)
    generations = [results(parcel_ids, seed) for seed in (1, 2, 3)]
    for frames in generations[:2]:
        empty_store.save_results(*frames, run_record(50))
    with empty_store.engine.connect() as reader:
        assert reader.scalar(sa.text("SELECT count(*) FROM result.parcel_fact")) == 50
        empty_store.save_results(*generations[2], run_record(50))
    assert empty_store.result_rows(parcel_ids)[0].equals(generations[2][0])


def test_a_word_of_no_vocabulary_is_refused(empty_store: Store, parcel_ids: list[str]) -> None:
    facts, verdicts = results(parcel_ids)
    verdicts["air_source_status"] = "splendid"
    with pytest.raises(InputError, match="'splendid' in air_source_status is none of suitable"):
        empty_store.save_results(facts, verdicts, run_record(50))
    assert empty_store.latest_run() is None


def test_tiles_carry_the_parcels_in_web_mercator(empty_store: Store, parcel_ids: list[str]) -> None:
    later = layer_frame("parcel", 60, seed=8)
    empty_store.write_layer("parcel", later.iloc[40:], mode="upsert", **LOAD)
    query = sa.text(
        "SELECT t.parcel_id, ST_SRID(t.geom) AS srid, "
        "ST_HausdorffDistance(ST_Transform(t.geom, 4548), p.geom) AS off_m "
        "FROM result.parcel_tile t FULL JOIN layer.parcel p USING (parcel_id) ORDER BY 1"
    )
    with empty_store.engine.connect() as connection:
        tiles = pd.read_sql(query, connection)
    assert list(tiles["parcel_id"]) == list(later["parcel_id"])
    assert set(tiles["srid"]) == {3857}
    assert tiles["off_m"].max() < 1e-3
    empty_store.write_layer("parcel", later.iloc[:7], mode="replace", **LOAD)
    empty_store.write_layer("parcel", later.iloc[9:10], mode="append", **LOAD)
    with empty_store.engine.connect() as connection:
        tiles = pd.read_sql(query, connection)
    assert list(tiles["parcel_id"]) == [*later["parcel_id"][:7], later["parcel_id"][9]]
    assert tiles["off_m"].max() < 1e-3


def drawn(store: Store, frame: gpd.GeoDataFrame, z: int) -> bytes:
    """Return the tile of the results in which the first parcel lies."""
    place = gpd.GeoSeries(frame.geometry.iloc[:1], crs=4548).to_crs(4326).iloc[0].representative_point()
    x = int((place.x + 180) / 360 * 2**z)
    y = int((1 - math.asinh(math.tan(math.radians(place.y))) / math.pi) / 2 * 2**z)
    with store.engine.connect() as connection:
        return render_tile(connection, RESULT_LAYER, z, x, y, "base")


@pytest.mark.parametrize("z", [10, 16])
def test_tiles_show_parcels_without_results(empty_store: Store, parcel_ids: list[str], z: int) -> None:
    frame = layer_frame("parcel", 50)
    without = drawn(empty_store, frame, z)
    assert b"waste_heat" not in without
    assert (parcel_ids[0].encode() if z == 16 else b"parcel_count") in without
    facts, verdicts = results(parcel_ids)
    verdicts["recommended"], verdicts["recommended_status"] = "waste_heat", "suitable"
    empty_store.save_results(facts, verdicts, run_record(50))
    assert b"waste_heat" in drawn(empty_store, frame, z)


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
