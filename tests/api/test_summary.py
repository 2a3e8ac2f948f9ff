"""The summary beside the city's targets: every figure against plain SQL and pandas over what is stored."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.main import create_app
from api.schemas_summary import Summary
from gis.rules import load_ruleset
from gis.settings import Settings
from gis.store import Store, open_store
from tests.conftest import MatchedCity, NewDatabase, at

BASES = ["potential", "potential_without_air", "matched", "matched_without_air", "running"]
CITY_M2, TARGET_M2 = 1.45e9, 1.45e8


@pytest.fixture(scope="module")
def matched(matched_city: MatchedCity) -> Iterator[TestClient]:
    """A client on the matched sample city."""
    with TestClient(create_app(matched_city.store, Settings(anonymous="editor"))) as client:
        yield client


@pytest.fixture(scope="module")
def patchy(scored: Store, new_database: NewDatabase) -> Iterator[Store]:
    """The scored sample, not matched; heat projects are restricted, some of unknown area or district."""
    scored.engine.dispose()  # a database that is in use cannot be copied
    settings = at(new_database("patchy", "scored")).model_copy(
        update={"layer_access": {"heat_project": "restricted"}}
    )
    with open_store(settings) as store:
        with store.engine.begin() as connection:
            for change in (
                "heated_area_m2 = NULL WHERE heat_project_id = 'HP-004'",
                "district = NULL WHERE heat_project_id IN ('HP-001', 'HP-004')",
                "heated_area_m2 = NULL WHERE district = '石景山区'",
            ):
                connection.execute(sa.text(f"UPDATE layer.heat_project SET {change}"))
            store.fit_access(connection)
        yield store


def read(client: TestClient, by: str) -> Summary:
    """Return the answer, which holds what is declared and nothing else."""
    return Summary.model_validate_json(client.get("/api/summary", params={"by": by}).content)


def figures(row: Any) -> dict[str, tuple[float | None, int | None]]:
    """Return area and unknown count of a row by basis."""
    return {s.basis: (s.heated_area_m2, s.unknown_count) for s in row.standings}


@pytest.mark.parametrize("by", ["city", "district", "township"])
def test_potential_is_the_share_of_each_parcel(client: TestClient, city: Store, by: str) -> None:
    names = ["district", "township"]
    query = f"""
        SELECT {", ".join(names)}, heated_area_m2 AS area, heat_load_kw AS load,
          portfolio_installed_share_frac AS share, portfolio_share_without_air_frac AS without
        FROM result.parcel_fact JOIN result.parcel_suitability USING (parcel_id)
    """
    parcels = pd.read_sql(query, city.engine)
    told = read(client, by)
    assert [b.id for b in told.bases] == BASES
    for row in (told.total, *told.rows):
        here = parcels
        for name in names:
            if (place := getattr(row, name)) is not None:
                here = here[here[name] == place]
        if row is not told.total and by != "city" and row.district is None:
            here = parcels[parcels["district"].isna()]
        known = here.dropna(subset=["area", "share"])
        found = figures(row)
        if len(known):
            assert found["potential"][0] == pytest.approx((known["area"] * known["share"]).sum())
            assert found["potential_without_air"][0] == pytest.approx(
                (known["area"] * known["without"]).sum()
            )
        else:
            assert found["potential"][0] is None
        # A parcel without load needs no portfolio; one whose load is not known may.
        unknown = here["load"].ne(0) & (here["area"].isna() | here["share"].isna())
        if row.parcel_count:
            assert found["potential"][1] == found["potential_without_air"][1] == unknown.sum()
        assert row.unknown_heat_load_count == here["load"].isna().sum()
        assert sum(r.unknown_heated_area_count for r in row.recommended) == row.unknown_heated_area_count


def test_the_city_is_the_sum_of_its_districts(matched: TestClient) -> None:
    told = read(matched, "district")
    alone = read(matched, "city")
    assert alone.rows == [alone.total]
    for name in ("parcel_count", "heated_area_m2", "heat_load_kw", "unknown_heated_area_count"):
        total = sum(getattr(row, name) or 0 for row in told.rows)
        assert getattr(told.total, name) == pytest.approx(total)
        assert getattr(alone.total, name) == pytest.approx(total)
    for basis in BASES:
        parts = [figures(row)[basis][0] or 0.0 for row in told.rows]
        assert figures(told.total)[basis][0] == pytest.approx(sum(parts))
        assert sum(parts) > 0


def test_matching_is_told_as_its_run_is_stored(matched: TestClient, matched_city: MatchedCity) -> None:
    parcels = matched_city.store.match_part("parcels", "base")
    technologies = [c for c in parcels if c.endswith("_kw") and c.removesuffix("_kw") in load_ruleset().order]
    # The area of a parcel by the part of its load that is served.
    area = parcels["heated_area_m2"] / parcels["heat_load_kw"].where(parcels["heat_load_kw"] > 0)
    parcels["all"] = area * parcels[technologies].sum(axis=1)
    parcels["without_air"] = parcels["all"] - area * parcels["air_source_kw"]
    told = read(matched, "district")
    for row in (told.total, *told.rows):
        here = parcels if row is told.total else parcels[parcels["district"] == row.district]
        found = figures(row)
        if row.parcel_count:
            assert found["matched"][0] == pytest.approx(here["all"].sum(), rel=1e-9)
            assert found["matched_without_air"][0] == pytest.approx(here["without_air"].sum(), rel=1e-6)
        else:
            assert found["matched"] == (None, None)
    assert [b.current for b in told.bases] == [True] * 5
    townships = read(matched, "township")
    assert all(figures(row)[basis] == (None, None) for row in townships.rows for basis in BASES[2:])
    assert figures(townships.total)["matched"] == figures(told.total)["matched"]
    assert figures(townships.total)["running"] == figures(told.total)["running"]


def test_shares_are_of_what_is_loaded_and_of_the_dated_total(matched: TestClient) -> None:
    told = read(matched, "district")
    city = told.targets.city_heated_area
    assert (city.heated_area_m2, city.valid_from.year, city.kind) == (CITY_M2, 2025, "assumption")
    assert "未核" in city.source
    assert city.loaded_share_frac == pytest.approx((told.total.heated_area_m2 or 0) / CITY_M2)
    for row in (told.total, *told.rows):
        for standing in row.standings:
            area = standing.heated_area_m2
            loaded = None if area is None or not row.heated_area_m2 else area / row.heated_area_m2
            assert standing.loaded_share_frac == pytest.approx(loaded)
            assert standing.city_share_frac == pytest.approx(None if area is None else area / CITY_M2)
            assert standing.target_2025_frac == pytest.approx(None if area is None else area / TARGET_M2)


def test_running_projects_by_district(patchy: Store) -> None:
    query = """
        SELECT COALESCE(p.district, d.name) AS district, p.heated_area_m2 FROM layer.heat_project AS p
        LEFT JOIN layer.district AS d ON ST_Contains(d.geom, p.geom) WHERE p.status = 'running'
    """
    running = pd.read_sql(query, patchy.engine)
    assert running["heated_area_m2"].isna().sum() == 2
    with TestClient(create_app(patchy, Settings(anonymous="editor"))) as client:
        told = read(client, "district")
    assert figures(told.total)["running"] == (running["heated_area_m2"].sum(), 2)
    by_name = {row.district: figures(row)["running"] for row in told.rows}
    for district, here in running.groupby("district", dropna=False):
        area = here["heated_area_m2"].sum(min_count=1)
        name = None if pd.isna(district) else district
        assert by_name.pop(name) == (None if pd.isna(area) else area, here["heated_area_m2"].isna().sum())
    # Of the others it is known that they have none. The airport lies in no outline: a row without parcels.
    assert set(by_name.values()) == {(0.0, 0)}
    outside = told.rows[-1]
    assert (outside.district, outside.parcel_count, outside.heated_area_m2) == (None, 0, None)
    assert outside.recommended == []
    assert outside.new_energy_share_frac is None


def test_who_may_not_see_projects_sees_no_sum_of_them(patchy: Store, matched_city: MatchedCity) -> None:
    for format in ("json", "csv"):
        for store, status in ((patchy, 401), (matched_city.store, 200)):
            with TestClient(create_app(store, Settings(anonymous="viewer"))) as client:
                answer = client.get("/api/summary", params={"format": format})
            assert answer.status_code == status
            assert ("running" in answer.text) == (status == 200)


def test_what_is_missing_is_told_and_not_zero(patchy: Store) -> None:
    with TestClient(create_app(patchy, Settings(anonymous="editor"))) as client:
        told = read(client, "district")
        with patchy.engine.begin() as connection:
            connection.execute(sa.text("DELETE FROM meta.layer_version WHERE layer = 'heat_project'"))
        unloaded = read(client, "district")
    missing = {b.id: b.missing for b in told.bases}
    assert [b for b, why in missing.items() if why] == ["matched", "matched_without_air"]
    for basis in ("matched", "matched_without_air"):
        assert "base" in missing[basis].zh
        assert all(figures(row)[basis] == (None, None) for row in (told.total, *told.rows))
    [running] = [b for b in unloaded.bases if b.id == "running"]
    assert "尚未导入" in running.missing.zh
    assert running.made_at is None
    # Neither figures nor the row that only a project would bring.
    assert all(figures(row)["running"] == (None, None) for row in (unloaded.total, *unloaded.rows))
    assert all(row.parcel_count for row in unloaded.rows)
    assert [b.current for b in unloaded.bases if b.id == "potential"] == [False]


def test_the_table_has_the_same_figures(matched: TestClient) -> None:
    answer = matched.get("/api/summary", params={"by": "district", "format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "onemap-summary-district-" in answer.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    told = read(matched, "district")
    assert [line["scope"] for line in lines] == ["city", *["district"] * len(told.rows)]
    for line, row in zip(lines, (told.total, *told.rows), strict=True):
        assert line["district"] == (row.district or "")
        for name in ("parcel_count", "heated_area_m2", "heat_load_kw", "new_energy_share_frac"):
            value = getattr(row, name)
            assert line[name] == "" if value is None else float(line[name]) == pytest.approx(value)
        for standing in row.standings:
            cell = line[f"{standing.basis}_city_share_frac"]
            share = standing.city_share_frac
            assert cell == "" if share is None else float(cell) == pytest.approx(share)
        counts = [
            int(v) for name, v in line.items() if name.startswith("recommended_") and "_parcel_" in name
        ]
        assert sum(counts) == row.parcel_count
        areas = [v for k, v in line.items() if k.startswith("recommended_") and k.endswith("heated_area_m2")]
        if row.parcel_count:
            assert sum(float(v) for v in areas) == pytest.approx(row.heated_area_m2)
        else:
            assert set(areas) == {""}


def test_other_formats_are_refused(client: TestClient) -> None:
    assert client.get("/api/summary", params={"format": "xlsx"}).status_code == 422
