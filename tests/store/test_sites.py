"""Sites in the database: replaced scenario by scenario, read in order, with what is missing left missing."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from gis.errors import BusyError, NotFoundError
from gis.matching.columns import SITE_COLUMNS
from gis.store import Store
from gis.store.loading import claim
from gis.store.sites import SitingRecord, save_sites, sites_of, sitings


def record(scenario: str) -> SitingRecord:
    """Return the record of an answer."""
    own = {"settings": {"order": "priority"}, "plan": {"count": 2}, "summary": {"gain_kw": 1.5}}
    rules = {"ruleset_id": "beijing", "ruleset_hash": "ab", "as_of": date(2026, 11, 22)}
    return SitingRecord(
        scenario, **own, **rules, layer_versions={"parcel": 1}, finished_at=None, software="test"
    )


def candidates(**columns: list[object]) -> pd.DataFrame:
    """Return candidates with some columns, the others missing."""
    count = len(columns["site_id"])
    missing = {"float": np.full(count, np.nan), "text": np.full(count, None)}
    return pd.DataFrame({c.name: columns.get(c.name, missing[c.type]) for c in SITE_COLUMNS})


def test_the_last_answer_of_every_scenario_is_kept(empty_store: Store) -> None:
    assert sitings(empty_store) == []
    save_sites(empty_store, record("dry"), candidates(site_id=["x"]))
    save_sites(empty_store, record("base"), candidates(site_id=["old", "older"]))
    saved = save_sites(empty_store, record("base"), candidates(site_id=["new"]))
    assert saved.finished_at is not None
    assert [r.scenario for r in sitings(empty_store)] == ["base", "dry"]
    found, places = sites_of(empty_store, "base")
    assert found == saved
    assert places["site_id"].tolist() == ["new"]
    assert sites_of(empty_store, "dry")[1]["site_id"].tolist() == ["x"]


def test_the_chosen_come_first_and_the_excluded_last_and_missing_stays_missing(empty_store: Store) -> None:
    rows = candidates(
        site_id=["out", "b", "a", "second", "first"],
        site_name=[None, "", "名称, \"quoted\"\nand broken", None, None],
        rank=[np.nan, np.nan, np.nan, 2.0, 1.0],
        gain_kw=[np.nan, np.nan, np.nan, 0.0, 1e-9],
        exclusion=["too_small", None, None, None, None],
    )  # fmt: skip
    save_sites(empty_store, record("base"), rows)
    _, places = sites_of(empty_store, "base")
    assert places["site_id"].tolist() == ["first", "second", "a", "b", "out"]
    by_id = places.set_index("site_id")
    assert by_id.loc["a", "site_name"] == "名称, \"quoted\"\nand broken"  # fmt: skip
    assert by_id.loc["b", "site_name"] == ""
    assert pd.isna(by_id.loc["out", "site_name"])
    assert by_id["gain_kw"].isna().tolist() == [False, False, True, True, True]
    assert by_id.loc["second", "gain_kw"] == 0.0
    assert by_id["mean_length_m"].isna().all()


def test_an_answer_that_fails_leaves_the_last_one(empty_store: Store) -> None:
    save_sites(empty_store, record("base"), candidates(site_id=["kept"]))
    with pytest.raises(Exception, match="Saving the sites failed"):
        save_sites(empty_store, record("base"), candidates(site_id=["twice", "twice"]))
    assert sites_of(empty_store, "base")[1]["site_id"].tolist() == ["kept"]


def test_who_saves_meanwhile_is_told_to_wait(empty_store: Store) -> None:
    with empty_store.engine.begin() as connection:
        claim(connection, "sites", "taken")
        with pytest.raises(BusyError, match="try again"):
            save_sites(empty_store, record("base"), candidates(site_id=["a"]))


def test_a_scenario_without_sites_is_not_found(empty_store: Store) -> None:
    with pytest.raises(NotFoundError, match="no sites for the scenario 'nobody'"):
        sites_of(empty_store, "nobody")
    with empty_store.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM result.site")) == 0
