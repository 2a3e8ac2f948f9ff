"""GET /docs: the OpenAPI document as a plain page, without JavaScript and without a CDN."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

_STYLE = """
body{font:15px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;max-width:60rem;margin:2rem auto;
padding:0 1rem;color:#1f2937}
h2{border-top:1px solid #d1d5db;padding-top:1rem;font-size:1.05rem}
h2 b{background:#0e7490;color:#fff;border-radius:4px;padding:.1rem .5rem;margin-right:.5rem}
code,pre{font:13px/1.45 ui-monospace,monospace}
pre{background:#f3f4f6;padding:.7rem;border-radius:6px;overflow:auto}
table{border-collapse:collapse;display:block;overflow-x:auto}
td,th{border:1px solid #d1d5db;padding:.25rem .6rem;text-align:left;vertical-align:top}
"""


def _pretty(value: Any) -> str:
    return escape(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def _schema_name(content: dict[str, Any]) -> str:
    for media_type, body in content.items():
        name = body.get("schema", {}).get("$ref", "").rsplit("/", 1)[-1]
        link = f'<a href="#{escape(name)}">{escape(name)}</a>' if name else ""
        return f"<code>{escape(media_type)}</code> {link}"
    return ""


def _parameters(operation: dict[str, Any]) -> Iterator[str]:
    if not operation.get("parameters"):
        return
    yield "<table><tr><th>parameter</th><th>in</th><th>schema</th><th>description</th></tr>"
    for p in operation["parameters"]:
        yield (
            f"<tr><td><code>{escape(p['name'])}</code>{' *' if p.get('required') else ''}</td>"
            f"<td>{escape(p['in'])}</td><td><code>{_pretty(p.get('schema', {}))}</code></td>"
            f"<td>{escape(p.get('description', ''))}</td></tr>"
        )
    yield "</table>"


def _examples(body: dict[str, Any]) -> Iterator[str]:
    for media_type, content in body.get("content", {}).items():
        for example in content.get("examples", {}).values():
            yield f"<p>Body, <code>{escape(media_type)}</code>: {escape(example.get('summary', ''))}</p>"
            yield f"<pre>{_pretty(example['value'])}</pre>"


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"<h2><b>{method.upper()}</b><code>{escape(path)}</code></h2>"
    yield f"<p>{escape(operation.get('description', ''))}</p>"
    yield from _parameters(operation)
    yield from _examples(operation.get("requestBody", {}))
    yield "<table><tr><th>status</th><th>meaning</th><th>body</th></tr>"
    for status, response in operation["responses"].items():
        yield (
            f"<tr><td>{escape(str(status))}</td><td>{escape(response.get('description', ''))}</td>"
            f"<td>{_schema_name(response.get('content', {}))}</td></tr>"
        )
    yield "</table>"


def docs_page(app: FastAPI) -> str:
    """Return the interface of `app` as HTML."""
    document = app.openapi()
    parts = [
        f"<p>{escape(document['info'].get('description', ''))} <a href='/openapi.json'>openapi.json</a></p>"
    ]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts.extend(_operation(method, path, operation))
    parts.append("<h2>Schemas</h2>")
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        parts.append(
            f"<details id='{escape(name)}'><summary><code>{escape(name)}</code> "
            f"{escape(schema.get('description', ''))}</summary><pre>{_pretty(schema)}</pre></details>"
        )
    title = escape(document["info"]["title"])
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<style>{_STYLE}</style><h1>{title}</h1>{''.join(parts)}</html>"
    )


def install(app: FastAPI) -> None:
    """Add GET /docs to `app`."""

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(app))
