"""What the processes that are broken are forked from: the program, imported and ready."""

from __future__ import annotations

from importlib import import_module

import pyogrio  # noqa: F401
import rasterio  # noqa: F401

from api.cli import MODULES
from gis.compiled import ready

_HERE = ("tests.faults.homes", "tests.faults.together")
for _module in {
    *_HERE,
    *MODULES.values(),
    "gis.ingest",
    "gis.export.package",
    "api.scored_files",
    "api.layers",
}:
    import_module(_module)
ready()
