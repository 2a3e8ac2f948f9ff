"""`onemap site`: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json
import subprocess

import pandas as pd
import pytest

from gis.store.sites import sites_of, sitings
from tests.api.test_cli_match import onemap

__all__ = ["onemap"]


def collection(*places: tuple[dict[str, object], list[float]]) -> str:
    """Return places as GeoJSON points."""
    return json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "properties": own, "geometry": {"type": "Point", "coordinates": xy}}
                for own, xy in places
            ],
        }
    )


@pytest.fixture
def clean(city):
    """The city, without its sites at the end."""
    yield city
    with city.engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE result.site, meta.siting")


def test_sites_of_a_grid_are_printed_and_written_as_files_that_gdal_reads(onemap, clean, tmp_path):
    out = tmp_path / "sites"
    code, printed, _ = onemap("site", "--count", 3, "--technology", "biomass", "--out", out)
    assert code == 0
    assert "3 of 300 places chosen" in printed
    assert "% of the best possible gain" in printed
    assert sorted(f.name for f in out.iterdir()) == ["sites.csv", "sites.gpkg", "summary.json"]
    told = json.loads((out / "summary.json").read_text())
    record, places = sites_of(clean, "base")
    assert (told["scenario"], told["plan"]) == ("base", record.plan)
    assert told["gain_kw"] == record.summary["gain_kw"] > 0
    listed = subprocess.run(
        ["ogrinfo", "-ro", "-al", "-so", out / "sites.gpkg"], capture_output=True, text=True, check=True
    ).stdout
    assert "Layer name: site" in listed
    assert "Geometry: Point" in listed
    assert f"Feature Count: {len(places)}" in listed
    assert "CGCS2000 / 3-degree Gauss-Kruger CM 117E" in listed
    rows = pd.read_csv(out / "sites.csv")
    assert rows["site_id"].tolist() == places["site_id"].tolist()
    assert rows["rank"].head(4).tolist()[:3] == [1.0, 2.0, 3.0]
    assert rows["gain_kw"].isna().sum() == len(rows) - 3, "what is not chosen has no gain"


def test_sites_of_a_file_tell_what_is_left_out_and_why_fewer_are_chosen(onemap, clean, tmp_path):
    file = tmp_path / "places.geojson"
    file.write_text(
        collection(
            (
                {"编号": "east", "名称": "东站", "technology": "waste_heat", "capacity_kw": 5000},
                [116.5, 39.9],
            ),
            ({"编号": "small", "capacity_kw": 100}, [116.5, 39.9]),
            ({"编号": "well", "technology": "geothermal"}, [115.6, 39.95]),
            ({"编号": "far", "technology": "waste_heat"}, [115.55, 40.0]),
        )
    )
    code, printed, _ = onemap("site", "--count", 3, "--candidates", file)
    assert code == 0
    assert "1 of 4 places chosen" in printed
    assert "1  east  waste_heat  +5.000 MW" in printed
    assert "东站" in printed
    assert "fewer than 3: no further candidate may be built" in printed
    _, places = sites_of(clean, "base")
    out = places[places["exclusion"].notna()]
    assert dict(zip(out["site_id"], out["exclusion"], strict=True)) == {
        "small": "too_small",
        "well": "outside_fields",
        "far": "no_parcel",
    }
    # What a well outside every field could give is not known.
    assert places.loc[places["capacity_kw"].isna(), "site_id"].tolist() == ["well"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--count", "0"], "from 1 to 200, not 0"),
        (["--count", "many"], "Invalid value for '--count'"),
        (["--count", "1", "--technology", "air_source"], "Invalid value for '--technology'"),
        (["--count", "1", "--capacity-kw", "-1"], "capacity must be from 1 to 10,000,000 kW, not -1"),
        (["--count", "1", "--reach-m", "nan"], "reach must be from 1 to 20,000 m, not nan"),
        (["--count", "1", "--spacing-m", "5"], "spacing must be from 100 to 20,000 m, not 5"),
        (["--count", "1", "--source-crs", "gcj02"], "give it with --candidates"),
        ([], "Missing option '--count'"),
    ],
)
def test_wrong_usage_ends_with_2(onemap, arguments, told):
    code, _, said = onemap("site", *arguments)
    assert code == 2
    assert told in said


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (collection(({"technology": "coal"}, [116.5, 39.9])), "row 1: technology: 'coal' is not one of"),
        (collection(({"capacity_kw": -1}, [116.5, 39.9])), "row 1: capacity_kw"),
        (collection(({"id": "a"}, [116.5, 39.9]), ({"id": "a"}, [116.6, 39.9])), "'a'"),
        (collection(({"id": "a"}, [2.3, 48.8])), "row 1"),
        ('{"type": "FeatureCollection", "features": []}', "holds no features"),
        ("{", "broken JSON"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_sentence(onemap, city, tmp_path, content, told):
    file = tmp_path / "places.geojson"
    file.write_text(content)
    code, _, said = onemap("site", "--count", 1, "--candidates", file)
    assert code == 1
    assert told in said
    assert said.count("\n") == 1
    assert sitings(city) == []


def test_a_table_without_shapes_and_a_file_that_is_not_there(onemap, tmp_path):
    file = tmp_path / "places.csv"
    file.write_text("id,lon,lat\na,116.5,39.9\n")
    code, _, said = onemap("site", "--count", 1, "--candidates", file)
    assert (code, "holds no shapes" in said) == (1, True)
    code, _, said = onemap("site", "--count", 1, "--candidates", tmp_path / "nothing.gpkg")
    assert (code, "there is no such file" in said) == (1, True)


def test_a_scenario_without_a_run_is_refused(onemap):
    code, _, said = onemap("site", "--count", 1, "--scenario", "nobody")
    assert (code, "no matching run 'nobody'" in said) == (1, True)


def test_a_folder_that_holds_something_is_left_alone(onemap, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    code, _, told = onemap("site", "--count", 1, "--out", tmp_path)
    assert code == 1
    assert "not an empty folder" in told
    assert [f.name for f in tmp_path.iterdir()] == ["mine.txt"]
