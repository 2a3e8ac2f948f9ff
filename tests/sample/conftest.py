"""The committed sample and the generator that made it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest

from gis.ingest import Mapped, read_mapped

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"


@pytest.fixture(scope="session")
def sample_dir() -> Path:
    """The folder of the committed sample."""
    return SAMPLE


@pytest.fixture(scope="session")
def manifest() -> list[dict[str, Any]]:
    """The entries of the sample's manifest in load order."""
    files: list[dict[str, Any]] = json.loads((SAMPLE / "manifest.json").read_text("utf-8"))["files"]
    return files


@pytest.fixture(scope="session")
def mapped(manifest: list[dict[str, Any]]) -> dict[str, Mapped]:
    """Every file of the sample, read as its layer: file name -> what the import makes of it."""
    out = {}
    for entry in manifest:
        options = {k: entry[k] for k in ("source_crs", "columns") if k in entry}
        out[entry["file"]] = read_mapped(entry["layer"], SAMPLE / entry["file"], **options)
    return out


@pytest.fixture(scope="session")
def layer(mapped: dict[str, Mapped]) -> Callable[[str], gpd.GeoDataFrame]:
    """A function that gives the rows of a file by its stem."""
    frames = {Path(name).stem: m.frame for name, m in mapped.items()}
    return lambda stem: frames[stem]


@pytest.fixture(scope="session")
def known() -> Callable[[str], pd.DataFrame]:
    """A function that gives a table of the facts the builder starts from."""
    return lambda name: pd.read_csv(SAMPLE / "known" / f"{name}.csv")


@pytest.fixture(scope="session")
def build() -> Callable[[Path, int, int], None]:
    """The builder's function: build(folder, size, seed)."""
    spec = importlib.util.spec_from_file_location("sample_build", SAMPLE / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda out, size, seed: module.build(out, size, seed, say=lambda _: None)


@pytest.fixture(scope="session")
def build_by_command() -> Callable[[Path, int, int], None]:
    """The same by the command that the README gives."""

    def run(out: Path, size: int, seed: int) -> None:
        command = [sys.executable, str(SAMPLE / "build.py"), "--size", str(size), "--seed", str(seed)]
        done = subprocess.run([*command, "--out", str(out)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return run
