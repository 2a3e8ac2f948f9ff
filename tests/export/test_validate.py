"""What the validator says of packages that are right, and of each fault in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from gis.export.checks.findings import codes
from gis.export.model import Crs, DataFormat
from gis.export.validate import validate
from tests.export.faults import FAULTS, Fault
from tests.export.packages import FORMATS, ROWS, SOURCES, TABLES, content, write


@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:4548", "EPSG:4527"])
@pytest.mark.parametrize("format", FORMATS)
def test_of_a_package_without_fault_nothing_is_found_and_all_was_looked_at(
    tmp_path: Path, format: DataFormat, crs: Crs
):
    encoding = "GB18030" if format in ("vct", "shp") else "UTF-8"
    report = validate(write(tmp_path / "a", content(format, crs, encoding)))
    assert report.findings == ()
    assert report.passed
    assert [t.name for t in report.tables] == [TABLES[s].name for s in SOURCES]
    assert {t.name: t.feature_count for t in report.tables} == {
        TABLES[s].name: 4 if s == "district" else ROWS for s in SOURCES
    }
    told = {(c.code, c.table): c.checked_count for c in report.checks}
    assert told["V-BSM-3", "DK"] == told["V-GEO-3", "DK"] == told["V-MJ-1", "DK"] == ROWS
    assert told["V-COV-1", "XZQ"] == 4
    # What the format does not tell is said to be unchecked.
    unchecked = {c.code for c in report.checks if c.not_checked is not None and c.checked_count == 0}
    wanted = {"gdb": {"V-COL-5"}, "gpkg": {"V-COL-5"}, "shp": set(), "vct": set()}
    assert unchecked == wanted.get(format, {"V-COL-4", "V-COL-5"})


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_one_fault_is_found_and_nothing_else(tmp_path: Path, fault: Fault):
    made = content(fault.format, fault.crs, "GB18030" if fault.format == "vct" else "UTF-8")
    fault.put(made)
    folder = write(tmp_path / "a", made, fault.before, fault.alter)
    fault.after(folder)
    report = validate(folder)
    assert {f.code for f in report.findings} == {fault.code, *fault.also}
    (finding, *more) = [f for f in report.findings if f.code == fault.code]
    if fault.feature is not None:
        assert not more
        assert finding.count == 1
        assert finding.examples[0].feature == fault.feature
    assert report.passed == (finding.level != "error")
    assert "{" not in finding.examples[0].message.zh.replace("{（", "")


def test_every_code_has_its_fault():
    elsewhere = {"V-FILE-10"}  # see test_elsewhere.py
    assert set(codes()) == {f.code for f in FAULTS} | {c for f in FAULTS for c in f.also} | elsewhere
