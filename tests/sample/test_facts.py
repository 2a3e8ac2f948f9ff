"""Known facts arrive in the layers unchanged, with their source."""

from __future__ import annotations

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

Layer = Callable[[str], gpd.GeoDataFrame]
Known = Callable[[str], pd.DataFrame]


def test_every_known_plant_is_there_with_capacity_and_status(layer: Layer, known: Known) -> None:
    facts = known("wastewater_plants").set_index("name_zh")
    plants = layer("wastewater_plant").set_index("name")
    assert set(plants.index) == set(facts.index)
    assert len(plants) == 29
    plants = plants.reindex(facts.index)
    assert (plants["design_capacity_m3_per_d"] == facts["design_capacity_m3_per_d"]).all()
    for name, row in facts.iterrows():
        assert row["coord_status"] in plants.loc[name, "source"]
        assert row["capacity_status"] in plants.loc[name, "source"]
        assert "近似" in plants.loc[name, "remark"]
    at = gpd.GeoSeries(gpd.points_from_xy(facts["lon_approx"], facts["lat_approx"]), crs=4326).to_crs(4548)
    assert shapely.distance(at.to_numpy(), plants.geometry.to_numpy()).max() < 0.01


def test_a_plant_without_a_known_winter_value_has_none(layer: Layer, known: Known) -> None:
    facts = known("wastewater_plants").set_index("name_zh")
    plants = layer("wastewater_plant").set_index("name").reindex(facts.index)
    for column in ("winter_flow_m3_per_d", "winter_temperature_degc"):
        assert (plants[column].isna() == facts[column].isna()).all()
    assert plants["winter_temperature_degc"].notna().sum() == 1


def test_the_ten_fields_have_their_ranges_and_the_published_total_area(layer: Layer, known: Known) -> None:
    table = known("geothermal_fields").set_index("name_zh")
    facts = table.drop(index="(all ten)")
    fields = layer("geothermal_field").set_index("name").reindex(facts.index)
    assert len(fields) == 10
    low, high = fields["temperature_min_degc"], fields["temperature_max_degc"]
    assert (low == facts["temp_c_min"].astype(float)).all()
    assert (high == facts["temp_c_max"].astype(float)).all()
    assert (fields["temperature_degc"] == (low + high) / 2).all()
    assert fields["remark"].str.contains("推算").all()
    assert fields.loc["延庆地热田", "yield_m3_per_d"] == 2_900
    assert fields["reservoir_thickness_m"].isna().all()
    assert fields["conductivity_w_per_m_k"].isna().all()
    area_km2 = pd.Series(shapely.area(fields.geometry.to_numpy()) / 1e6, index=fields.index)
    stated = facts["area_km2"].astype(float).dropna()
    assert np.allclose(area_km2[stated.index], stated, rtol=0.01)
    assert area_km2.sum() == pytest.approx(float(table.loc["(all ten)", "area_km2"]), rel=0.01)
    overlap = area_km2.sum() - shapely.area(shapely.union_all(fields.geometry.to_numpy())) / 1e6
    assert overlap < 0.5


def test_data_centres_add_up_to_the_middle_of_their_cluster(layer: Layer, known: Known) -> None:
    centres = layer("data_centre")
    facts = known("data_centre_clusters").dropna(subset=["it_load_mw_order"])
    for _, row in facts.iterrows():
        low, high = (float(part) for part in row["it_load_mw_order"].split("-"))
        mine = centres[centres["remark"].str.contains(row["cluster"], regex=False)]
        assert len(mine) >= 2
        assert mine["it_load_kw"].sum() == pytest.approx(1_000 * (low + high) / 2)
    assert (centres["utilisation_frac"] == 0.55).all()
    watched = centres["monitored_power_kw"].notna()
    assert 0 < watched.sum() < len(centres) / 2
    assert (centres["monitored_at"].notna() == watched).all()


def test_known_projects_keep_their_source(layer: Layer, known: Known) -> None:
    facts, projects = known("heat_projects").set_index("name_zh"), layer("heat_project").set_index("name")
    for name, row in facts.iterrows():
        mine = projects.loc[name]
        assert mine["source"] == row["source"]
        assert mine["heated_area_m2"] == row["heated_area_m2"]
        assert not mine["synthetic"]
        assert pd.isna(mine["committed_kw"]) == pd.isna(row["committed_kw"])
