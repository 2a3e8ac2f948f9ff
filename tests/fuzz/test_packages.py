"""Altered packages are told of in a report, or refused in one sentence."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.export.model import MANIFEST
from gis.export.validate import validate
from gis.export.validation import html_of, sentences
from tests.export.packages import FORMATS, content, write
from tests.fuzz.altering import altered_bytes, altered_tree, many
from tests.fuzz.promise import kept


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A right package in every format."""
    return {f: write(tmp_path_factory.mktemp("packages") / f, content(f)) for f in FORMATS}


def check(folder: Path) -> bool:
    """Validate a package, with all that is told of it; return whether it was refused as a whole."""
    with kept() as refused:
        report = validate(folder)
        assert sentences(report, "zh")
        html_of(report, "en").encode("utf-8")
        report.model_dump_json().encode("utf-8")
    return bool(refused)


@pytest.mark.parametrize("format", FORMATS)
@given(data=st.data())
@many(3)
def test_altered_data(packages: dict[str, Path], format: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory(prefix="onemap-") as into:
        folder = Path(shutil.copytree(packages[format], Path(into) / "package"))
        files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "README.md")
        path = data.draw(st.sampled_from(files), label="file")
        path.write_bytes(data.draw(altered_bytes(path.read_bytes(), head=4096)))
        if data.draw(st.booleans()):
            # Without it, the names of the files tell what they are.
            (folder / MANIFEST).unlink(missing_ok=True)
        check(folder)


@given(data=st.data())
@many(8)
def test_altered_manifests(packages: dict[str, Path], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory(prefix="onemap-") as into:
        folder = Path(shutil.copytree(packages["gpkg"], Path(into) / "package"))
        tree = data.draw(altered_tree(orjson.loads((folder / MANIFEST).read_bytes())))
        (folder / MANIFEST).write_text(json.dumps(tree, ensure_ascii=True))
        check(folder)
