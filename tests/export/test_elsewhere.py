"""Packages that others made: no manifest, another tool, broken files; and the command itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from api.cli import app
from gis.errors import InputError, UsageError
from gis.export.model import MANIFEST, DataFormat
from gis.export.profile import DEFAULT, read_profile
from gis.export.validate import validate
from tests.export.faults import without_storeys
from tests.export.packages import FORMATS, content, write

ALWAYS = {"V-FILE-9", "V-TAB-2"}


def package(folder: Path, format: DataFormat = "gpkg") -> Path:
    """Write a package without a manifest."""
    made = content(format, encoding="GB18030" if format == "vct" else "UTF-8")
    without_storeys(made)
    write(folder, made)
    (folder / MANIFEST).unlink()
    return folder


@pytest.mark.parametrize("format", FORMATS)
def test_without_a_manifest_tables_are_found_by_name(tmp_path: Path, format: DataFormat):
    report = validate(package(tmp_path / "a", format))
    assert {f.code for f in report.findings} == ALWAYS
    assert [(t.name, t.feature_count) for t in report.tables][:2] == [("XZQ", 4), ("DK", 9)]
    assert {t.name for t in report.tables} == {"XZQ", "DK", "RLGW", "ZSSC", "DKSYX", "RYTZ", "QSFW"}


def test_what_another_tool_wrote_is_held_against_the_profile(tmp_path: Path):
    source, folder = package(tmp_path / "a") / "110000.gpkg", tmp_path / "b"
    folder.mkdir()
    for layer, name in (("XZQ", "XZQ"), ("DK", "dk"), ("DK", "QT")):
        subprocess.run(
            ["ogr2ogr", "-f", "ESRI Shapefile", "-lco", "ENCODING=UTF-8", "-t_srs", "EPSG:4326",
             str(folder / f"{name}.shp"), str(source), layer],
            check=True, capture_output=True,
        )  # fmt: skip
    report = validate(folder)
    found = {(f.code, f.table) for f in report.findings}
    # GDAL writes numbers as wide as it likes, and the system was changed on purpose.
    assert found == {
        *((code, None) for code in (*ALWAYS, "V-TAB-3")),
        *((code, table) for code in ("V-CRS-2", "V-COL-4", "V-COL-5") for table in ("XZQ", "DK")),
    }
    assert not report.passed


def test_split_tables_are_one(tmp_path: Path):
    folder = package(tmp_path / "a", "geojson")
    whole = json.loads((folder / "DK.geojson").read_text(encoding="utf-8"))
    parts = {"110101": whole["features"][:4], "110102": whole["features"][4:]}
    (folder / "DK.geojson").unlink()
    for code, features in parts.items():
        told = json.dumps({**whole, "features": features}, ensure_ascii=False)
        (folder / f"DK_{code}.geojson").write_text(told, encoding="utf-8")
    report = validate(folder)
    assert {f.code for f in report.findings} == ALWAYS
    assert {t.name: t.feature_count for t in report.tables}["DK"] == 9
    # A feature in both parts is there twice.
    told = json.dumps({**whole, "features": parts["110101"][:1]}, ensure_ascii=False)
    (folder / "DK_110105.geojson").write_text(told, encoding="utf-8")
    assert {f.code for f in validate(folder).findings} == {*ALWAYS, "V-BSM-3", "V-GEO-7"}


def test_another_profile_than_that_of_the_manifest(tmp_path: Path):
    settings = yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))
    settings["id"], settings["tables"]["parcel"]["ysdm"] = "city", "1234567890"
    del settings["tables"]["match_source"]
    (tmp_path / "city.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    made = content()
    without_storeys(made)
    report = validate(write(tmp_path / "a", made), read_profile(tmp_path / "city.yaml"))
    found = {(f.code, f.table): f.count for f in report.findings}
    assert found == {
        ("V-FILE-10", None): 1, ("V-TAB-2", None): 1, ("V-TAB-3", None): 1, ("V-YSDM-1", "DK"): 9
    }  # fmt: skip


def cut(path: Path) -> None:
    """Cut off the second half of a file."""
    body = path.read_bytes()
    path.write_bytes(body[: len(body) // 2])


def test_a_file_geodatabase_that_was_cut(tmp_path: Path):
    folder = package(tmp_path / "a", "gdb")
    tables = sorted((folder / "110000.gdb").glob("a0000000[b-f].gdbtable"))
    cut(max(tables, key=lambda path: path.stat().st_size))
    report = validate(folder)
    (finding,) = [f for f in report.findings if f.code == "V-FILE-5"]
    assert "announces 9 features but only" in finding.examples[0].message.en
    for table in (folder / "110000.gdb").glob("*.gdbtable"):
        cut(table)
    (finding,) = [f for f in validate(folder).findings if f.code == "V-FILE-5"]
    message = finding.examples[0].message
    assert message.en == "110000.gdb cannot be read: No GDB_Items nor GDB_FeatureClasses table"
    assert "/opt" not in message.en
    assert "\n" not in message.zh


@pytest.mark.parametrize(
    "name", [f"DK.{ending}" for ending in ("gpkg", "vct", "parquet", "geojson", "shp", "dbf", "gdb")]
)
def test_a_text_file_called_something_else(tmp_path: Path, name: str):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / name).write_text("text\n")
    report = validate(tmp_path / "p")
    (finding,) = [f for f in report.findings if f.code == "V-FILE-5"]
    assert finding.examples[0].file == name
    assert not report.passed


def test_a_vct_names_the_line_and_a_table_that_is_not_read_has_no_count(tmp_path: Path):
    folder = write(tmp_path / "a", content("vct", encoding="GB18030"))
    path = folder / "110000.vct"
    path.write_bytes(path.read_bytes().replace(b"PolygonBegin\r\n", b"PolygonBegin\r\nx\r\n"))
    report = validate(folder)
    # Each table of the file says that it cannot be read.
    found = [f for f in report.findings if f.code == "V-FILE-5"]
    assert [f.table for f in found] == [t.name for t in report.tables]
    assert "line " in found[0].examples[0].message.en
    assert {t.feature_count for t in report.tables} == {None}
    path.unlink()
    assert {f.code for f in validate(folder).findings} == {"V-FILE-1", "V-TAB-1"}


def test_no_package_at_all(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("a")
    with pytest.raises(InputError, match=r"no manifest\.json and no data file"):
        validate(tmp_path / "empty")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "roads.geojson").write_text("{}")
    with pytest.raises(InputError, match="none of its layers is a table of the profile territorial"):
        validate(tmp_path / "other")
    with pytest.raises(InputError, match="no such folder"):
        validate(tmp_path / "none")
    with pytest.raises(UsageError, match="is a file"):
        validate(tmp_path / "file")
    (tmp_path / "x.gdb").mkdir()
    with pytest.raises(UsageError, match="the folder that it lies in"):
        validate(tmp_path / "x.gdb")


def test_the_command_tells_and_ends_as_it_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # Nothing of a store may be asked for.
    monkeypatch.setenv("ONEMAP_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    run, folder = CliRunner(), write(tmp_path / "a", content())
    page, data = tmp_path / "r.html", tmp_path / "r.json"
    good = run.invoke(app, ["validate", str(folder), "--report", str(page)])
    assert good.exit_code == 0, good.output
    assert "通过：没有错误" in good.output
    text = page.read_text(encoding="utf-8")
    assert "标识码在全包内唯一" in text
    assert "没有发现问题" in text
    assert "http" not in text
    (folder / "README.md").write_text("<script>alert(1)</script>", encoding="utf-8")
    (folder / "<b>.txt").write_text("a")
    bad = run.invoke(app, ["validate", str(folder), "--lang", "en", "--report", str(data)])
    assert bad.exit_code == 1
    assert "error V-FILE-2 ×1" in bad.output
    assert json.loads(data.read_bytes())["error_count"] == 2
    run.invoke(app, ["validate", str(folder), "--lang", "en", "--report", str(page)])
    text = page.read_text(encoding="utf-8")
    assert "&lt;b&gt;.txt" in text
    assert "<b>.txt" not in text
    before = text
    run.invoke(app, ["validate", str(folder), "--lang", "en", "--report", str(page)])
    assert page.read_text(encoding="utf-8") == before
    assert isinstance(run.invoke(app, ["validate", str(folder), "--report", "r.pdf"]).exception, UsageError)


def test_no_side_files_are_left(tmp_path: Path):
    for format in FORMATS:
        folder = write(tmp_path / format, content(format))
        before = sorted(folder.rglob("*"))
        validate(folder)
        assert sorted(folder.rglob("*")) == before
