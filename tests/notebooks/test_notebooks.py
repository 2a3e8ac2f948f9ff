"""Every notebook runs from a clean kernel against the sample, and what is stored in it is what it gives."""

from __future__ import annotations

import base64
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from gis.store import Store

ROOT = Path(__file__).resolve().parents[2]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LONGEST_S = 60.0
LARGEST_PICTURE_BYTES = 120_000
ALLOWED = {"text/plain", "text/html", "text/markdown", "image/png"}
ABSOLUTE = re.compile(r"(?<![\w.:/-])/(?:work|home|root|tmp|var|usr|opt|mnt|Users)/|\b[A-Z]:\\\\")
# What pandas draws anew at every run: addresses of objects, and ids of styled tables.
FLEETING = re.compile(r"0x[0-9a-f]{6,}|T_[0-9a-f]{5}")


@dataclass(frozen=True)
class Run:
    """A notebook after a run from a clean kernel: how long it took, and what it left in its folder."""

    notebook: nbformat.NotebookNode
    seconds: float
    left: tuple[str, ...]


def run(path: Path, folder: Path, url: str) -> Run:
    """Run a notebook in an empty folder, in a process of its own."""
    notebook = nbformat.read(path, as_version=4)
    for cell in code(notebook):
        cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        notebook, timeout=LONGEST_S, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    start = time.perf_counter()
    client.execute(env=os.environ | {"ONEMAP_DATABASE_URL": url, "PYTHONPATH": str(ROOT)})
    seconds = time.perf_counter() - start
    return Run(notebook, seconds, tuple(sorted(p.name for p in folder.iterdir())))


def code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return the cells of code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return all outputs in their order."""
    return [output for cell in code(notebook) for output in cell.outputs]


def texts(cell: nbformat.NotebookNode) -> tuple[str, list[tuple[str, str]]]:
    """Return what a cell printed, and the texts of its other outputs, without what no run repeats."""
    printed = "".join(o.text for o in cell.outputs if o.output_type == "stream")
    shown = [
        (kind, FLEETING.sub("", text))
        for output in cell.outputs
        for kind, text in sorted(output.get("data", {}).items())
        if kind.startswith("text/")
    ]
    return printed, shown


def pictures(notebook: nbformat.NotebookNode) -> list[int]:
    """Return how many PNG pictures every cell shows."""
    return [sum("image/png" in o.get("data", {}) for o in cell.outputs) for cell in code(notebook)]


@pytest.fixture(scope="module")
def runs(scored: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Path, Future[Run]]]:
    """All notebooks, two of them running at a time."""
    url = scored.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    with ThreadPoolExecutor(2) as pool:
        started = {p: pool.submit(run, p, tmp_path_factory.mktemp(p.stem), url) for p in PATHS}
        yield started
        for future in started.values():
            future.cancel()


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_a_run_gives_what_is_stored(path: Path, runs: dict[Path, Future[Run]]):
    stored, again = nbformat.read(path, as_version=4), runs[path].result()
    assert again.seconds < LONGEST_S
    assert again.left == ()
    assert [o for o in outputs(again.notebook) if o.output_type == "error" or o.get("name") == "stderr"] == []
    assert [c.execution_count for c in code(stored)] == list(range(1, len(code(stored)) + 1))
    for cell, fresh in zip(code(stored), code(again.notebook), strict=True):
        assert texts(cell) == texts(fresh), cell.source
    assert pictures(stored) == pictures(again.notebook)


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_what_is_stored_can_be_published(path: Path):
    stored = nbformat.read(path, as_version=4)
    nbformat.validate(stored)
    shown = [o for o in outputs(stored) if o.output_type != "stream"]
    assert {kind for o in shown for kind in o.data} <= ALLOWED
    assert not [o for o in shown if "<script" in o.data.get("text/html", "").lower()]
    assert not ABSOLUTE.search("\n".join(cell.source for cell in stored.cells))
    told = [o.text if o.output_type == "stream" else str({**o.data, "image/png": ""}) for o in outputs(stored)]
    assert not [text for text in told if ABSOLUTE.search(text)]
    sizes = [len(base64.b64decode(o.data["image/png"])) for o in shown if "image/png" in o.data]
    assert len(sizes) >= 2
    assert max(sizes) < LARGEST_PICTURE_BYTES


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_it_begins_with_a_summary_in_chinese(path: Path):
    first = nbformat.read(path, as_version=4).cells[0]
    assert first.cell_type == "markdown"
    assert len(re.findall(r"[\u4e00-\u9fff]", first.source)) > 60
