"""Pieces of Markdown: text that means nothing to it, code, tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#$~])")


def plain(text: object) -> str:
    """Return a text on one line without any meaning in Markdown."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def code(text: object) -> str:
    """Return a text as code, also within a table; nothing for nothing."""
    return f"`{text}`".replace("|", r"\|") if text not in (None, "") else ""


def prose(text: str) -> str:
    """Return a text whose single backquotes are code, all else being plain."""
    parts = re.split(r"(`[^`]+`)", " ".join(text.split()))
    return "".join(p.replace("|", r"\|") if p.startswith("`") else plain(p) for p in parts)


def lines(*parts: str) -> str:
    """Return a cell of several lines, without those that are empty."""
    return "<br>".join(part for part in parts if part)


def link(text: str, target: str) -> str:
    """Return a link to a label of the site."""
    return f"[{plain(text)}](#{target})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"
