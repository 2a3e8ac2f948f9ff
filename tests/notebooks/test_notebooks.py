"""Every notebook runs from top to bottom against the sample, with a map or chart in it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from gis.store import Store

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda p: p.stem)
def test_notebook_runs(path: Path, scored: Store, monkeypatch: pytest.MonkeyPatch):
    url = scored.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    monkeypatch.setenv("ONEMAP_DATABASE_URL", url)
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = [o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error"]
    assert any("image/png" in o.get("data", {}) for o in outputs)
