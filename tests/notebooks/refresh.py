"""Run all notebooks anew and store what they give: `python -m tests.notebooks.refresh`, after a change of rules or sample.

They run against the store that the settings name, which has to hold the scored sample, as `./serve.sh` makes it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat

import gis
from gis.writing import write_text
from tests.notebooks.test_notebooks import PATHS, run


def main() -> None:
    """Run and store."""
    with gis.open_store() as store:
        url = store.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
        for path in PATHS:
            with tempfile.TemporaryDirectory() as folder:
                done = run(path, Path(folder), url)
            for cell in done.notebook.cells:
                cell.metadata.pop("execution", None)
            write_text(path, nbformat.writes(done.notebook) + "\n")
            print(f"{path.name}: {done.seconds:.0f} s")


if __name__ == "__main__":
    main()
