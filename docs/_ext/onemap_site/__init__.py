"""What the site adds to Sphinx: pages made from the program itself, its docstrings, and Chinese search."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from onemap_site import commands, docstrings, layers_page, python_page, results_page, rules_page
from onemap_site.chinese import ChineseSearch

PAGES: dict[str, Callable[[], str]] = {
    "reference/python": python_page.text,
    "reference/commands": commands.text,
    "reference/layers": layers_page.text,
    "reference/results": results_page.text,
    "reference/rules": rules_page.text,
    "reference/clauses": rules_page.clauses_text,
}
"""What is written below the committed words of a page when it is read."""


ACCESS = {
    "<pre>": '<pre tabindex="0">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
    'role="heading">': 'role="heading" aria-level="2">',
}
CHINESE = re.compile(r"[\u3000-\u9fff\uff00-\uffef]{2}")


def complete(app: Sphinx, name: str, source: list[str]) -> None:
    """Add to a page what the program tells of itself."""
    if name in PAGES:
        source[0] = f"{source[0]}\n\n{PAGES[name]()}"


def join_lines(app: Sphinx, doctree: nodes.document) -> None:
    """Put lines of Chinese together, where a browser would show their break as a space."""
    for element in doctree.findall(nodes.TextElement):
        texts = [child.astext() for child in element.children]
        around = zip(["", *texts], texts, [*texts[1:], ""], strict=False)
        breaks = [at == "\n" and bool(CHINESE.match(f"{a[-1:]}{b[:1]}")) for a, at, b in around]
        if any(breaks):
            element[:] = [c for c, between in zip(element.children, breaks, strict=True) if not between]


def tell_language(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Say in which language a page is: those of `zh/`, and the door to both, are Chinese."""
    chinese = name.startswith("zh/") or name in ("index", "search", "genindex")
    context["language"] = "zh-CN" if chinese else "en"


def give_access(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Let keys scroll what is wider than the page, and tell the level of the menu's headings."""
    for part in ("body", "furo_navigation_tree"):
        if part in context:
            for theme, ours in ACCESS.items():
                context[part] = context[part].replace(theme, ours)


def setup(app: Sphinx) -> dict[str, bool]:
    """Join the site to a build."""
    app.connect("source-read", complete)
    app.connect("doctree-read", join_lines)
    app.connect("html-page-context", tell_language)
    app.connect("html-page-context", give_access, priority=900)  # after the theme's own
    app.connect("autodoc-process-docstring", docstrings.rewrite, priority=400)  # before napoleon
    app.connect("autodoc-skip-member", docstrings.leave_out)
    app.connect("autodoc-process-signature", docstrings.shorten)
    app.add_search_language(ChineseSearch)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
