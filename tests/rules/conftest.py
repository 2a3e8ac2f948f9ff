"""The files of the built-in rule set, for tests that break them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gis.rules import loader


@pytest.fixture(scope="session")
def texts() -> dict[str, bytes]:
    """The files of the built-in rule set: name -> content."""
    folder = Path(loader.__file__).parent / "beijing"
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}
