"""After any edit a run works out what the edit can touch, and the results are those of a full run.

Longer: `python -m tests.runs.test_incremental 1000` makes as many edits.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import sqlalchemy as sa

from gis.crs import STORAGE_EPSG
from gis.errors import InputError
from gis.resources import Raster
from gis.rules import RuleSet, load_ruleset
from gis.rules.loader import BUILT_IN
from gis.runs import Runs, load_sample
from gis.settings import Settings
from gis.store import Store, influence, open_store
from gis.store.changes import MOST
from gis.vocabulary import FACTS
from layers import LAYERS
from tests.conftest import NewDatabase, at
from tests.runs.edits import ACTING, all_results, edit, thinned
from tests.store.frames import LOAD

SAME = 1e-9
"""Part by which a number may differ: that far rounding depends on what else is in a layer."""


@pytest.fixture
def city(
    new_database: NewDatabase, small: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    """A part of the sample, not yet scored, to be edited; its influences lie in many blocks."""
    monkeypatch.setattr(influence, "BLOCK", 40)
    with open_store(at(new_database(request.node.name[:60], small))) as store:
        yield store


def assert_full(store: Store, runs: Runs, ruleset: RuleSet, what: str) -> None:
    """Make sure that the results are those of a run over all parcels."""
    found = all_results(store)
    assert list(found[0].index) == sorted(store.read("parcel")["parcel_id"]), what
    runs.score(ruleset, everything=True)
    for part, whole in zip(found, all_results(store), strict=True):
        for name in whole:
            if whole[name].dtype == object:
                assert part[name].equals(whole[name]), f"{name} after {what}"
            else:
                assert np.allclose(part[name], whole[name], rtol=SAME, atol=0, equal_nan=True), (
                    f"{name} after {what}"
                )


def play(store: Store, count: int, seed: int) -> Counter[str]:
    """Make edits, one to three between two runs, and hold every run against a full one."""
    random, runs, told = np.random.default_rng(seed), Runs(store), Counter[str]()
    ruleset = load_ruleset(as_of=date(2026, 11, 1))
    runs.score(ruleset)
    for number in range(count):
        done = [edit(store, random) for _ in range(random.integers(1, 4))]
        if random.random() < 0.1:
            ruleset = load_ruleset(as_of=date(2023, 11, 1 + int(random.integers(20))))
            done.append(f"as of {ruleset.as_of}")
        # Sometimes as a new process would, that has nothing in memory.
        runs = Runs(store) if random.random() < 0.3 else runs
        run = runs.score(ruleset)
        told["all" if run.scored_count == run.parcel_count else "part"] += 1
        assert_full(store, runs, ruleset, f"step {number}: {done}, {run.why}")
    return told


def test_any_edits_give_what_a_full_run_gives(city: Store):
    told = play(city, 25, 7)
    assert told["part"] > 10


def one_main(city: Store, east_m: float) -> gpd.GeoDataFrame:
    row = city.read("reclaimed_water_pipeline").iloc[[3]].reset_index(drop=True)
    return row.set_geometry(row.geometry.translate(east_m, 0))


def test_a_moved_main_touches_what_is_in_reach(city: Store):
    runs, ruleset = Runs(city), load_ruleset()
    assert runs.score(ruleset).scored_count == 900
    city.write_layer("reclaimed_water_pipeline", one_main(city, 300.0), mode="upsert", **LOAD)
    run = runs.score(ruleset)
    assert 0 < run.scored_count < 400
    assert run.why == ["layer reclaimed_water_pipeline: 1 change up to version 2"]
    assert_full(city, runs, ruleset, "a moved main")


def test_without_a_change_there_is_no_run(city: Store):
    runs, ruleset = Runs(city), load_ruleset()
    first = runs.score(ruleset)
    assert runs.score(ruleset) == first
    assert Runs(city).score(ruleset) == first
    # The same file once more is a new version of the layer, of which results have to tell.
    city.write_layer("heat_network", city.read("heat_network"), mode="replace", **LOAD)
    run = runs.score(ruleset)
    assert (run.run_id, run.scored_count) == ((first.run_id or 0) + 1, 0)
    assert run.layer_versions["heat_network"] == 2
    assert run.why == ["nothing that results follow from changed"]


def test_parcels_come_and_go(city: Store):
    runs, ruleset = Runs(city), load_ruleset()
    runs.score(ruleset)
    parcels = city.read("parcel")
    fewer = parcels.iloc[5:].reset_index(drop=True)
    fewer.loc[0, "floor_area_ratio"] = 9.0
    city.write_layer("parcel", fewer, mode="replace", **LOAD)
    run = runs.score(ruleset)
    assert (run.scored_count, run.parcel_count) == (1, 895)
    assert run.why == ["layer parcel: 6 changes up to version 3"]
    city.write_layer("parcel", parcels.iloc[:5], mode="append", **LOAD)
    assert runs.score(ruleset).scored_count == 5
    assert_full(city, runs, ruleset, "parcels that came and went")


def test_a_layer_that_held_nothing_is_noticed_everywhere(city: Store):
    runs, ruleset = Runs(city), load_ruleset()
    networks = city.read("heat_network")
    city.write_layer("heat_network", networks.iloc[:0], mode="replace", **LOAD)
    runs.score(ruleset)
    city.write_layer("heat_network", networks, mode="replace", **LOAD)
    run = runs.score(ruleset)
    # From every parcel one looked as far as there is no limit.
    assert (run.scored_count, run.why[0]) == (900, "layer heat_network: 26 changes up to version 3")
    assert_full(city, runs, ruleset, "an empty layer")


def test_a_change_of_a_raster_is_a_full_run(city: Store):
    source: dict[str, Any] = {"source_name": "地温.tif", "source_sha256": "0" * 64, "report": {}}
    box = city.extent("parcel")
    assert box is not None
    runs, ruleset = Runs(city), load_ruleset()
    runs.score(ruleset)
    before = all_results(city)[0]["ground_temperature_degc"]
    for degc, why in ((11.0, "is new"), (12.0, "changed as a whole (version 2)")):
        # The western half only: where it has no value, the zones' stays.
        raster = Raster(np.array([[degc, np.nan]]), box, f"EPSG:{STORAGE_EPSG}")
        city.write_raster("ground_temperature", raster, **source)
        run = runs.score(ruleset)
        assert (run.scored_count, run.why) == (900, [f"layer ground_temperature {why}"])
        found = all_results(city)[0]["ground_temperature_degc"]
        changed = found == degc
        assert 100 < changed.sum() < 800
        assert found[~changed].equals(before[~changed])
    # What did not change is neither read nor worked out again.
    with city.moment() as moment:
        known = moment.resources()
        assert moment.resources(known).rasters["ground_temperature"] is known.rasters["ground_temperature"]
    assert runs.score(ruleset) == run
    # Nor does it keep other changes from touching few parcels.
    city.write_layer("reclaimed_water_pipeline", one_main(city, 300.0), mode="upsert", **LOAD)
    assert 0 < runs.score(ruleset).scored_count < 400
    assert_full(city, runs, ruleset, "a moved main beside a raster")


def test_another_rule_set_is_a_full_run(city: Store, tmp_path: Path):
    runs = Runs(city)
    runs.score(load_ruleset())
    for file in (BUILT_IN / "beijing").iterdir():
        text = file.read_text(encoding="utf-8")
        (tmp_path / file.name).write_text(text.replace("value: 1000, low: 500", "value: 900, low: 500"))
    other = load_ruleset(tmp_path)
    run = runs.score(other)
    assert (run.scored_count, run.why) == (900, ["rule set beijing changed"])


def test_a_day_matters_where_its_rules_differ(city: Store):
    runs = Runs(city)
    first = runs.score(load_ruleset(as_of=date(2026, 11, 1)))
    later = runs.score(load_ruleset(as_of=date(2026, 11, 2)))
    assert (later.scored_count, later.as_of) == (0, date(2026, 11, 2))
    assert later.run_id != first.run_id
    before = runs.score(load_ruleset(as_of=date(2023, 11, 1)))
    assert (before.scored_count, before.why) == (900, ["rules of 2023-11-01 differ from those of 2026-11-02"])


def test_a_zone_that_comes_into_force_is_a_change(city: Store):
    runs = Runs(city)
    zones = city.read("water_intake_zone")
    drawn = zones[zones.geometry.notna()].iloc[[0]].reset_index(drop=True)
    drawn["effective_from"] = date(2026, 11, 10)
    city.write_layer("water_intake_zone", drawn, mode="upsert", **LOAD)
    runs.score(load_ruleset(as_of=date(2026, 11, 1)))
    ruleset = load_ruleset(as_of=date(2026, 11, 20))
    run = runs.score(ruleset)
    assert 0 < run.scored_count < 900
    assert_full(city, runs, ruleset, "a zone in force")


def test_results_of_other_code_are_worked_out_again(city: Store):
    runs, ruleset = Runs(city), load_ruleset()
    runs.score(ruleset)
    with city.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE meta.run SET software = 'heat-onemap 0.0.1'")
    run = runs.score(ruleset)
    assert run.scored_count == 900
    assert run.why[0].startswith("the results were made by heat-onemap 0.0.1, this is heat-onemap")


def test_of_blocks_out_of_reach_nothing_is_read(city: Store, monkeypatch: pytest.MonkeyPatch):
    runs, ruleset = Runs(city), load_ruleset()
    runs.score(ruleset)
    with city.engine.begin() as connection:
        blocks = connection.scalar(sa.text("SELECT count(*) FROM result.influence"))
    opened = []
    monkeypatch.setattr(
        influence, "_opened", lambda content, real=influence._opened: opened.append(1) or real(content)
    )
    city.write_layer("reclaimed_water_pipeline", one_main(city, 300.0), mode="upsert", **LOAD)
    assert 0 < runs.score(ruleset).scored_count < 900
    assert 0 < len(opened) < blocks == 23


def test_influences_that_are_lost_cost_a_full_run(city: Store):
    runs, ruleset = Runs(city), load_ruleset()
    runs.score(ruleset)
    with city.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM result.influence")
    city.write_layer("reclaimed_water_pipeline", one_main(city, 300.0), mode="upsert", **LOAD)
    run = runs.score(ruleset)
    assert (run.scored_count, run.why[-1]) == (900, "what the stored results looked at is not known")


def test_an_interrupted_run_leaves_results_and_changes(city: Store):
    class Stop(Exception):
        pass

    def interrupt(done: int, total: int, label: str) -> None:
        if done:
            raise Stop

    runs, ruleset = Runs(city), load_ruleset()
    first = runs.score(ruleset)
    before = all_results(city)
    city.write_layer("reclaimed_water_pipeline", one_main(city, 300.0), mode="upsert", **LOAD)
    with pytest.raises(Stop):
        runs.score(ruleset, interrupt)
    assert city.latest_run() == first
    assert all_results(city)[1].equals(before[1])
    assert runs.score(ruleset).scored_count > 0
    assert_full(city, runs, ruleset, "an interrupted run")


def test_of_too_many_changes_only_that_is_told(city: Store, monkeypatch: pytest.MonkeyPatch):
    import gis.store.changes

    monkeypatch.setattr(gis.store.changes, "MOST", 3)
    assert MOST > 1_000
    mains = city.read("reclaimed_water_pipeline")
    Runs(city).score(load_ruleset())
    city.write_layer(
        "reclaimed_water_pipeline", mains.set_geometry(mains.translate(1, 0)), mode="upsert", **LOAD
    )
    run = Runs(city).score(load_ruleset())
    assert run.why == ["layer reclaimed_water_pipeline changed as a whole (version 2)"]


def test_every_layer_that_facts_ask_for_is_known_to_act():
    """A layer that is read anywhere in the engine has to be one whose changes are followed.

    Matching runs read everything anew, so what only they ask for need not be followed.
    """
    texts = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("facts", "scoring")
        for path in sorted((Path(__file__).parents[2] / "gis" / folder).glob("*.py"))
        if path.name not in ("supply.py", "offers.py")
    )
    asked = {layer for layer in LAYERS if f'"{layer}"' in texts}
    assert asked - set(ACTING) == set()
    assert {"green_space", "district", "heat_network"} <= asked
    assert len(FACTS) > 20


def test_no_parcels_no_run(empty_store: Store):
    with pytest.raises(InputError, match="no parcels"):
        Runs(empty_store).score(load_ruleset())
    assert empty_store.latest_run() is None


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with open_store(Settings(database_url=None, data_dir=Path(folder) / "data")) as opened:
            load_sample(opened)
            thinned(opened)
            print(dict(play(opened, int(sys.argv[1]), seed=2026)))
