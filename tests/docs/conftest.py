"""The documentation site, built once, and its pages as trees."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from lxml import html

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@dataclass(frozen=True)
class Site:
    """The folder of the built site, and what of it is pages, by their paths inside."""

    folder: Path
    pages: dict[str, html.HtmlElement]

    def section(self, page: str, id_: str) -> html.HtmlElement:
        """Return the section of a page whose heading has an id."""
        return self.pages[page].get_element_by_id(id_).xpath("ancestor-or-self::section")[-1]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Build the site as README says; a warning is an error."""
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", str(out)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    pages = {str(p.relative_to(out)): html.parse(str(p)).getroot() for p in out.rglob("*.html")}
    return Site(out, pages)
