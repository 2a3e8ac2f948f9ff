"""Docstrings of the project in the form that napoleon and docutils take."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pydantic import BaseModel
from sphinx.application import Sphinx

_ENTRY = re.compile(r"^(\w+) {2,}(\S.*)$")
_PARAMETER = re.compile(r"^(\w+) : (.+)$")


def rewrite(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Turn columns of `name  meaning` into lists, and `name : meaning` of parameters into two lines."""
    out: list[str] = []
    for blank, part in groupby(lines, key=lambda line: not line.strip()):
        paragraph = list(part)
        out += paragraph if blank else _listed(paragraph)
    lines[:] = out


def _listed(paragraph: list[str]) -> list[str]:
    if len(paragraph) > 1 and paragraph[0] == "Parameters" and set(paragraph[1]) == {"-"}:
        return [line for each in paragraph for line in _in_two(each)]
    if _ENTRY.match(paragraph[0]) and all(_ENTRY.match(line) or line[0] == " " for line in paragraph):
        return [line for each in paragraph for line in _defined(each)]
    return paragraph


def _in_two(line: str) -> Iterator[str]:
    match = _PARAMETER.match(line)
    if match is None:
        yield line
    else:
        yield match[1]
        yield f"    {match[2]}"


def _defined(line: str) -> Iterator[str]:
    match = _ENTRY.match(line)
    if match is None:
        yield f"    {line.strip()}"
    else:
        yield f"`{match[1]}`"
        yield f"    {match[2]}"


def leave_out(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what pydantic keeps in the classes that are made with it."""
    return True if name == "model_config" else None


def shorten(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str, None] | None:
    """Leave out the signature of settings, which are told by the table of the deployment."""
    if inspect.isclass(obj) and issubclass(obj, BaseModel):
        return "", None
    return None
