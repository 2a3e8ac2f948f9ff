"""Imports go down only: api -> gis -> layers, and inside gis from floor to lower floor."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = (
    {
        "access",
        "compiled",
        "drawing",
        "plotting",
        "errors",
        "flow",
        "periods",
        "plain_yaml",
        "settings",
        "titles",
        "units",
        "vocabulary",
        "wording",
        "writing",
    }
    | {"heat", "matching"},
    {"crs", "served_crs", "coordinates", "resources", "rules", "vct"},
    {"store", "facts", "frame_files", "register", "webmap", "whatif"},
    {"scoring", "ingest", "export", "health"},
    {"monitoring"},
    {"evaluation", "targets"},
    {"staleness"},
    {"potential"},
    {"batch", "runs", "citywide", "dated", "report", "snapshot", "warm"},
    {"jobs"},
)
UPWARDS = {"gis/resources.py": {"ingest"}}
"""The one door on the ground that asks a floor above, when it is used: files become a bundle."""
FLOOR = {name: level for level, names in enumerate(FLOORS) for name in names}
PURE = ("heat", "matching", "scoring", "rules")
FILES = sorted(p for top in ("layers", "gis", "api") for p in (ROOT / top).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Return the dotted names of all modules a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{a.name}" for a in node.names} | {str(node.module)}
    return names


def part(name: str) -> str:
    """Return the second part of `gis.part.rest`."""
    return (name.split(".") + [""])[1]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down(path: Path):
    home = path.relative_to(ROOT).with_suffix("").parts
    names = imported(path)
    if home[0] == "layers":
        assert not [n for n in names if n.split(".")[0] in ("gis", "api")]
    if home[0] == "gis":
        assert not [n for n in names if n.split(".")[0] == "api"]
        if home[1] != "__init__":
            assert home[1] in FLOOR, f"{home[1]} has no floor"
            inner = {part(n) for n in names if n.startswith("gis.")} - {home[1]}
            inner -= UPWARDS.get(str(path.relative_to(ROOT)), set())
            above = {n for n in inner if FLOOR.get(n, 99) > FLOOR[home[1]]}
            assert not above, f"{path.name} imports {above} from above"


@pytest.mark.parametrize("package", PURE)
def test_the_engine_knows_no_database_and_no_http(package: str):
    for path in (ROOT / "gis" / package).rglob("*.py"):
        roots = {n.split(".")[0] for n in imported(path)}
        assert not roots & {"sqlalchemy", "psycopg", "geoalchemy2", "fastapi", "starlette", "folium"}, path
        assert "gis.store" not in {".".join(n.split(".")[:2]) for n in imported(path)}, path


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_stay_small(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
