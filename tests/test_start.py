"""What is imported when: a command starts with what it needs, and not with the whole program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WEB = {"fastapi", "starlette", "uvicorn", "folium", "branca", "gis.webmap"}
HEAVY = {"scipy.special", "scipy.interpolate", "scipy.optimize", "matplotlib"}


def imported(program: str) -> set[str]:
    """Return the modules that a fresh interpreter has imported at the end of a program."""
    tell = "import sys; sys.stderr.write(chr(10).join(['', '---', *sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{tell}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stderr.split("\n---\n")[1].splitlines())


def command(*arguments: str) -> str:
    """Return the program that resolves a command and ends at its help."""
    return f"from api.cli import app\napp({[*arguments, '--help']!r}, standalone_mode=False)"


@pytest.mark.parametrize("name", ["score", "explain", "layers", "import"])
def test_a_command_starts_without_the_web(name: str):
    assert not imported(command(name)) & (WEB | HEAVY)


def test_scoring_starts_without_the_other_commands():
    modules = imported(command("score"))
    assert "api.commands_score" in modules
    assert not modules & {"api.commands_serve", "api.commands_data"}


def test_a_score_needs_no_scipy():
    program = """
from datetime import date
import geopandas, shapely
import gis
parcels = geopandas.GeoDataFrame(
    {"parcel_id": ["1"], "land_use_code": ["0701"], "floor_area_ratio": [2.0]},
    geometry=[shapely.box(450000, 4400000, 450100, 4400100)], crs=4548,
)
gis.score(parcels, gis.Resources({}, {}), gis.load_ruleset())
"""
    assert not imported(program) & (WEB | HEAVY)


def test_a_part_of_the_package_does_not_import_the_others():
    assert not imported("from gis.settings import Settings") & {"gis.store", "gis.scoring", "numba", "pandas"}
    assert "gis.store" not in imported("import gis; gis.load_ruleset()")


def test_the_package_gives_all_its_names_and_no_others():
    import gis

    for name in gis.__all__:
        assert getattr(gis, name).__name__ == name
    with pytest.raises(AttributeError, match="'nothing'"):
        _ = gis.nothing
