"""What the store was on another day is what it told then, bit for bit."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from gis.errors import InputError, NotFoundError
from gis.resources import Raster
from gis.rules import load_ruleset
from gis.rules.loader import content_json
from gis.runs import Runs, ruleset_of
from gis.store import Store, open_store
from gis.store.versions import when
from layers import LAYERS
from tests.conftest import NewDatabase, at
from tests.runs.days import Told, flat
from tests.store.frames import LOAD


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Make sure that two tables are the same, bit for bit."""
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    for name in one.select_dtypes("float64"):
        bits = one[name].to_numpy().view(np.uint64), other[name].to_numpy().view(np.uint64)
        missing = one[name].isna().to_numpy()
        assert np.array_equal(bits[0][~missing], bits[1][~missing]), name


def test_every_day_is_had_again(past_city: Store, days: list[Told]) -> None:
    assert len({day.run.ruleset_hash for day in days}) == 4
    partly = [day for day in days if day.run.scored_count < day.run.parcel_count]
    assert len(partly) > 5
    assert len({day.run.run_id for day in days}) > 15
    for day in days:
        with past_city.past(day.at) as past:
            assert past.run == day.run
            assert past.current
            assert {layer for layer in past.versions if layer in LAYERS} == set(day.layers)
            for layer, frame in day.layers.items():
                same(flat(past.layer(layer)), frame)
            for found, then in zip(past.results(), day.results, strict=True):
                same(found, then)
        assert content_json(ruleset_of(past_city, day.run)) == day.rules


def test_a_run_is_had_by_its_number(past_city: Store, days: list[Told]) -> None:
    for day in days[::7]:
        with past_city.past(int(day.run.run_id or 0)) as past:
            assert {k: v.version for k, v in past.versions.items()} == day.run.layer_versions
            some = day.results[0].index[::97]
            for found, then in zip(past.results([*some, "nowhere"]), day.results, strict=True):
                same(found, then.loc[some])
    with pytest.raises(NotFoundError, match="no run 999"), past_city.past(999):
        pass


def test_one_feature_is_had_by_its_id_and_by_what_it_says(past_city: Store, days: list[Told]) -> None:
    then = days[3].layers["reclaimed_water_pipeline"]
    key = str(then["reclaimed_water_pipeline_id"].iloc[4])
    with past_city.past(days[3].at) as past:
        same(flat(past.layer("reclaimed_water_pipeline", ids=[key])), then.iloc[[4]].reset_index(drop=True))
        alike = then[then["medium"] == then["medium"].iloc[4]].reset_index(drop=True)
        found = past.layer("reclaimed_water_pipeline", where={"medium": then["medium"].iloc[4]})
        same(flat(found), alike)


def test_before_anything_there_is_nothing(past_city: Store, days: list[Told]) -> None:
    with past_city.past(datetime(2000, 1, 1, tzinfo=UTC)) as past:
        assert (past.versions, past.run, past.current) == ({}, None, False)
        with pytest.raises(NotFoundError, match="parcel was not loaded yet at 2000-01-01 08:00:00"):
            past.layer("parcel")
        with pytest.raises(NotFoundError, match="no results yet"):
            past.results()


def test_the_log_tells_who_did_what_in_its_order(past_city: Store, days: list[Told]) -> None:
    log = past_city.versions([*LAYERS, "beijing"], 1000)
    assert all(one.at > other.at for one, other in pairwise(log))
    runs = [line for line in log if line.kind == "run"]
    assert len(runs) == len({day.run.run_id for day in days})
    assert len([line for line in log if line.kind == "rules"]) == 4
    loads = [line for line in log if line.kind == "import" and line.change_count is not None]
    assert len(loads) >= 20
    assert {line.author for line in log} == {f"cli:{getpass.getuser()}"}
    assert [line.at for line in past_city.versions([*LAYERS, "beijing"], 5, before=log[7].at)] == [
        line.at for line in log[8:13]
    ]
    assert {line.target for line in past_city.versions(["parcel"], 10)} == {"parcel"}


def test_a_clock_that_was_set_back_does_not_turn_the_order(new_database: NewDatabase, small: str) -> None:
    with open_store(at(new_database("clock", small))) as store:
        with store.engine.begin() as connection:
            ahead = sa.text("UPDATE meta.layer_version SET loaded_at = now() + interval '2 days'")
            connection.execute(ahead.execution_options())
        mains = store.read("heat_network")
        first = store.write_layer("heat_network", mains.iloc[:5], mode="upsert", **LOAD)
        run = Runs(store).score(load_ruleset())
        assert first.loaded_at > datetime.now(UTC) + timedelta(days=1)
        assert run.finished_at is not None
        assert run.finished_at > first.loaded_at


def test_a_raster_is_had_as_it_was(new_database: NewDatabase, small: str) -> None:
    source: dict[str, Any] = {"source_name": "a.tif", "source_sha256": "0" * 64, "report": {}}
    with open_store(at(new_database("rasters", small))) as store:
        times = []
        for value in (11.0, 12.0, 13.0):
            raster = Raster(np.array([[value, np.nan]]), (0.0, 0.0, 2.0, 1.0), "EPSG:4548")
            times.append(store.write_raster("ground_temperature", raster, **source).loaded_at)
        for value, time in zip((11.0, 12.0, 13.0), times, strict=True):
            with store.past(time) as past:
                assert past.resources().rasters["ground_temperature"].values[0, 0] == value


def test_what_an_older_store_did_not_keep_is_told(new_database: NewDatabase, small: str) -> None:
    with open_store(at(new_database("older", small))) as store:
        Runs(store).score(load_ruleset())
        run = store.latest_run()
        assert run is not None
        before = datetime.now(UTC)
        store.write_layer("parcel", store.read("parcel").iloc[1:], mode="replace", **LOAD)
        with store.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE meta.run SET whole = NULL")
            connection.exec_driver_sql("UPDATE meta.layer_version SET undoable = false")
        with store.past(before) as past:
            with pytest.raises(NotFoundError, match=r"layer parcel was at .* is not kept"):
                past.layer("parcel")
            with pytest.raises(NotFoundError, match="results of run 1 are not kept"):
                past.results()
        again = Runs(store).score(load_ruleset())
        assert (again.why, again.whole) == (["what the results were is kept from this run on"], True)
        with store.past(datetime.now(UTC)) as past:
            assert len(past.layer("parcel")) == len(past.results()[0]) == 899


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01", "run", "run -1", "7", "9999-12-31", "2026-1-1"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no time: write a day as 2026-03-01"):
        when(text)


def test_a_day_ends_at_midnight_of_beijing() -> None:
    assert when("2026-03-01") == datetime(2026, 3, 1, 16, tzinfo=UTC)
    assert when("2026-03-01T12:30Z") == datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    assert when("run 7") == 7
