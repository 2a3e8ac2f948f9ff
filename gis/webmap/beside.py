"""The shell of the pages beside the map: bar, texts, styles and scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from gis.webmap.page import asset_url, strings
from gis.webmap.paths import STATIC_DIR

_PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(STATIC_DIR),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
)


def page_beside(
    name: str, shared: Sequence[str], config: Mapping[str, Any], styles: Sequence[str], scripts: Sequence[str]
) -> str:
    """Return the HTML of the page `<name>.html`.

    It has the texts whose names begin with its own, and `shared` ones of the map; `config` is what its
    scripts find beside them.
    """
    own = {text: both for text, both in strings().items() if text.startswith(f"{name}_") or text in shared}
    # "<" is escaped, so that no text can end the script element.
    told = json.dumps({"strings": own, **config}, ensure_ascii=False).replace("<", "\\u003c")
    return _PAGES.get_template(f"{name}.html").render(
        name=name,
        config=Markup(told),
        styles=[asset_url(f"static/{style}.css") for style in styles],
        scripts=[asset_url(f"static/{script}.js") for script in scripts],
    )
