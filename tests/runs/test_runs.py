"""Loading the sample, and scoring what is stored."""

from __future__ import annotations

import pytest

from gis.errors import InputError
from gis.ingest import import_file
from gis.rules import load_ruleset
from gis.runs import Runs, load_sample, wants_sample
from gis.store import Store


def test_an_interrupted_sample_is_loaded_again(empty_store: Store):
    class Stop(Exception):
        pass

    def interrupt(done: int, total: int, label: str) -> None:
        if done == 4:
            raise Stop

    assert wants_sample(empty_store)
    with pytest.raises(Stop):
        load_sample(empty_store, interrupt)
    assert 0 < len(empty_store.layer_versions()) < 5
    assert wants_sample(empty_store)
    load_sample(empty_store)
    assert not wants_sample(empty_store)
    assert empty_store.layer_versions()["parcel"].feature_count == 12_000


def test_a_store_with_data_of_its_own_gets_no_sample(empty_store: Store, shared_dir):
    own = shared_dir / "my_plants.csv"
    own.write_text("名称,lon,lat\n甲厂,116.4,39.9\n", encoding="utf-8")
    import_file(empty_store, "wastewater_plant", own, source_crs="EPSG:4326")
    assert not wants_sample(empty_store)


def test_scoring_needs_parcels_and_a_sample_needs_its_files(empty_store: Store, shared_dir):
    with pytest.raises(InputError, match="no parcels"):
        Runs(empty_store).score(load_ruleset())
    with pytest.raises(InputError, match=r"manifest\.json"):
        load_sample(empty_store, folder=shared_dir)


def test_batches_do_not_change_an_answer(scored: Store, monkeypatch: pytest.MonkeyPatch):
    import gis.store.arrow

    monkeypatch.setattr(gis.store.arrow, "_BATCH_BYTES", 1_000_000)
    ids = list(scored.read("parcel")["parcel_id"])
    facts, verdicts = scored.result_rows(ids)
    run = Runs(scored).score(load_ruleset(), everything=True)
    again = scored.result_rows(ids)
    assert facts.equals(again[0])
    assert verdicts.equals(again[1])
    assert run.parcel_count == 12_000
    assert run.layer_versions.keys() >= {"parcel", "district", "water_intake_zone"}
