"""Import into a real PostGIS: whole or not at all, with report and rejects."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import shapely
import sqlalchemy as sa
from geopandas.testing import assert_geodataframe_equal

from gis.errors import InputError, UsageError
from gis.ingest import import_file, read_mapped
from gis.store import Store

from .conftest import Frame


def test_round_trip(empty_store: Store, geojson: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    report = import_file(
        empty_store,
        "parcel",
        geojson,
        report_file=tmp_path / "report.json",
        progress=lambda done, total, label: steps.append((done, total, label)),
    )
    assert report.version == 1
    assert_geodataframe_equal(empty_store.read("parcel"), read_mapped("parcel", geojson).frame)
    assert steps[0] == (0, 5, "reading")
    assert steps[-1] == (5, 5, "done")
    version = empty_store.layer_versions()["parcel"]
    assert (version.source_name, version.source_sha256) == ("parcels.geojson", report.source_sha256)
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["rows_accepted"] == 3
    assert written["columns"] == {"parcel_id": "地块编号", "floor_area_ratio": "容积率"}
    assert written["error"] is None
    assert "3 of 3 rows of parcels.geojson imported into parcel (version 1)" in report.sentences()[0]


@pytest.mark.parametrize("ending", ["csv", "geojson"])
def test_rejects_are_kept(empty_store: Store, tmp_path: Path, parcels: Frame, ending: str) -> None:
    source = parcels(4, 建筑密度=[0.1, 7.0, 0.3, 0.4], 备注=["a", "七", "c", None])
    source.to_file(tmp_path / "a.geojson")
    report = import_file(
        empty_store, "parcel", tmp_path / "a.geojson", rejects_file=tmp_path / f"bad.{ending}"
    )
    assert (report.rows_accepted, report.rows_rejected) == (3, 1)
    with empty_store.engine.connect() as connection:
        row = connection.execute(sa.text("SELECT row, reason, attributes, wkt FROM meta.reject")).one()
    assert row.row == 2
    assert row.reason == "building_density_frac: 7 is outside 0 to 1"
    assert row.attributes == {"地块编号": "P2", "容积率": 2.5, "建筑密度": 7.0, "备注": "七"}
    assert shapely.from_wkt(row.wkt).equals_exact(source.geometry[1], 1e-9)
    if ending == "csv":
        kept = pd.read_csv(tmp_path / "bad.csv")
        assert kept.loc[0, ["row", "reason", "地块编号", "备注"]].tolist() == [2, row.reason, "P2", "七"]
    else:
        feature = json.loads((tmp_path / "bad.geojson").read_text())["features"][0]
        assert feature["properties"]["row"] == 2
        assert shapely.from_geojson(json.dumps(feature["geometry"])).equals_exact(source.geometry[1], 1e-9)


def test_failures_leave_the_layer_alone(
    empty_store: Store, tmp_path: Path, geojson: Path, parcels: Frame
) -> None:
    import_file(empty_store, "parcel", geojson)
    before = empty_store.read("parcel")
    (tmp_path / "broken.geojson").write_text('{"type":')
    parcels(5, 建筑密度=[7.0, 8.0, 9.0, 0.1, 0.1]).to_file(tmp_path / "mostly.geojson")
    parcels(5, 建筑密度=[0.1, 8.0, 0.1, 0.1, 0.1]).to_file(tmp_path / "one.geojson")
    for name, on_error, match in [
        ("broken.geojson", "reject", "broken JSON in line 1"),
        (
            "mostly.geojson",
            "reject",
            "3 of 5 rows fail, so nothing was imported; row 1: building_density_frac: 7",
        ),
        ("one.geojson", "abort", "row 2: building_density_frac: 8 is outside 0 to 1; nothing was imported"),
    ]:
        with pytest.raises(InputError, match=match):
            import_file(
                empty_store,
                "parcel",
                tmp_path / name,
                on_error=on_error,  # type: ignore[arg-type]
                report_file=tmp_path / "report.json",
                rejects_file=tmp_path / "bad.csv",
            )
        written = json.loads((tmp_path / "report.json").read_text())
        assert match.split(";")[0] in written["error"]
        assert not list(tmp_path.glob(".report*"))
    assert empty_store.layer_versions()["parcel"].version == 1
    assert_geodataframe_equal(empty_store.read("parcel"), before)
    with empty_store.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM meta.reject")) == 0


def test_modes(empty_store: Store, tmp_path: Path, geojson: Path, parcels: Frame) -> None:
    import_file(empty_store, "parcel", geojson)
    with pytest.raises(InputError, match="P1"):
        import_file(empty_store, "parcel", geojson, mode="append")
    changed = parcels(2, 人口=[10, 20])
    changed["地块编号"] = ["P3", "P4"]
    changed.to_file(tmp_path / "b.geojson")
    import_file(empty_store, "parcel", tmp_path / "b.geojson", mode="upsert")
    assert list(empty_store.read("parcel")["parcel_id"]) == ["P1", "P2", "P3", "P4"]
    parcels(2).drop(columns="地块编号").to_file(tmp_path / "c.geojson")
    with pytest.raises(InputError, match="updating by key needs a column for parcel_id"):
        import_file(empty_store, "parcel", tmp_path / "c.geojson", mode="upsert")
    for _ in range(2):
        import_file(empty_store, "parcel", tmp_path / "c.geojson", mode="append")
    keys = [k for k in empty_store.read("parcel")["parcel_id"] if k.startswith("parcel-")]
    assert keys == [f"parcel-{n:06d}" for n in (1, 2, 3, 4)]


def test_dry_run(empty_store: Store, geojson: Path) -> None:
    report = import_file(empty_store, "parcel", geojson, dry_run=True)
    assert report.rows_accepted == 3
    assert "would be imported" in report.sentences()[0]
    assert empty_store.layer_versions() == {}


def test_options_are_checked(empty_store: Store, geojson: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"must end in \.csv or \.geojson"):
        import_file(empty_store, "parcel", geojson, rejects_file=tmp_path / "bad.txt")
    with pytest.raises(UsageError, match="there is no layer 'house'"):
        import_file(empty_store, "house", geojson)


def test_township_lists(empty_store: Store, tmp_path: Path) -> None:
    (tmp_path / "zones.csv").write_text(
        "zone_id,类别,乡镇清单,文号\nz1,禁止开采区,甲镇,京水务\nz2,限采区,甲镇 乙镇,x\n"
    )
    import_file(empty_store, "water_intake_zone", tmp_path / "zones.csv")
    kept = empty_store.read("water_intake_zone")
    assert kept["townships"].tolist() == ["甲镇", "甲镇、乙镇"]
    assert kept.geometry.isna().all()


def test_loaded_outlines_serve_as_reference(empty_store: Store, tmp_path: Path, parcels: Frame) -> None:
    source = parcels(40)
    source.to_file(tmp_path / "a.geojson")
    import_file(empty_store, "township", tmp_path / "a.geojson")
    again = import_file(empty_store, "township", tmp_path / "a.geojson")
    assert again.datum_check == "datum checked, the outlines follow the loaded layer township"
