"""The page that tells of every layer's last check; its script asks /api/checks for them."""

from __future__ import annotations

import json

import jinja2
from markupsafe import Markup

from gis.webmap.page import asset_url, strings
from gis.webmap.paths import STATIC_DIR

_SHARED = ("unknown", "projects_open")
"""Texts of the map page that this one has too."""


def data_page() -> str:
    """Return the HTML of the page; the same for every reader."""
    own = {name: both for name, both in strings().items() if name.startswith("data_") or name in _SHARED}
    # "<" is escaped, so that no text can end the script element.
    config = json.dumps({"strings": own}, ensure_ascii=False).replace("<", "\\u003c")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string((STATIC_DIR / "data.html").read_text(encoding="utf-8"))
    return template.render(
        config=Markup(config),
        styles=[asset_url(f"static/{name}.css") for name in ("onemap", "dashboard", "data")],
        scripts=[asset_url(f"static/{name}.js") for name in ("text", "data")],
    )
