"""Docstrings of the project in the form that napoleon and docutils take."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pydantic import BaseModel
from sphinx.application import Sphinx

_FIRST = re.compile(r"^\w+ {2,}(?=\S)")
_NAMES = re.compile(r"\w+(?:, \w+)*")
_PARAMETER = re.compile(r"^(\w+) : (.+)$")


def rewrite(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Turn columns of `name  meaning` into lists, and `name : meaning` of parameters into two lines."""
    # Of a property napoleon takes what stands before a colon of the first line for its type.
    out = [""] if what == "property" else []
    for blank, part in groupby(lines, key=lambda line: not line.strip()):
        paragraph = list(part)
        out += paragraph if blank else _listed(paragraph)
    lines[:] = out


def _listed(paragraph: list[str]) -> list[str]:
    if len(paragraph) > 1 and paragraph[0] == "Parameters" and set(paragraph[1]) == {"-"}:
        return [line for each in paragraph for line in _in_two(each)]
    if first := _FIRST.match(paragraph[0]):
        entries = [_entry(line, first.end()) for line in paragraph]
        if None not in entries:
            return [line for entry in entries for line in entry or ()]
    return paragraph


def _in_two(line: str) -> Iterator[str]:
    match = _PARAMETER.match(line)
    if match is None:
        yield line
    else:
        yield match[1]
        yield f"    {match[2]}"


def _entry(line: str, column: int) -> list[str] | None:
    """Return a line of names with meanings from a column on as lines of a list; None for any other."""
    names, meaning = line[:column].strip(), line[column:]
    if line.startswith(" "):
        return [f"    {line.strip()}"]
    if first := _FIRST.match(line):  # a name may be longer than those above it
        return [f"`{first[0].strip()}`", f"    {line[first.end() :]}"]
    if _NAMES.fullmatch(line):
        return [f"`{line}`"]
    if _NAMES.fullmatch(names) and line[column - 1] == " ":
        return [f"`{names}`", f"    {meaning}"]
    return None


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
