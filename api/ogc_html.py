"""The answers under /ogc as plain pages: what the JSON says, as tables and links, without JavaScript."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from fastapi.responses import HTMLResponse

_STYLE = """
body{font:15px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;max-width:70rem;margin:2rem auto;
padding:0 1rem;color:#1f2937}
table{border-collapse:collapse;display:block;overflow-x:auto}
td,th{border:1px solid #d1d5db;padding:.25rem .6rem;text-align:left;vertical-align:top}
"""


def page(title: str, body: Iterable[str]) -> HTMLResponse:
    """Return a page; `body` is HTML, `title` is not."""
    return HTMLResponse(
        f"<!doctype html><html lang='zh'><meta charset='utf-8'><title>{escape(title)}</title>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>{''.join(body)}</html>"
    )


def links(document: dict[str, Any]) -> Iterator[str]:
    """Yield the links of a document as a list."""
    yield "<ul>"
    for one in document["links"]:
        yield f"<li><a href='{escape(one['href'])}'>{escape(one['title'])}</a> ({escape(one['rel'])})</li>"
    yield "</ul>"


def texts(*paragraphs: str) -> Iterator[str]:
    """Yield paragraphs."""
    yield from (f"<p>{escape(text)}</p>" for text in paragraphs)


def table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Yield a table; a cell that is a pair is a link: address and text."""
    yield f"<table><tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr>"
    for row in rows:
        yield f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>"
    yield "</table>"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return f"<a href='{escape(value[0])}'>{escape(value[1])}</a>"
    return escape("、".join(value) if isinstance(value, list) else str(value))
