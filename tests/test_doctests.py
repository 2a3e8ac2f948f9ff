"""The examples in the docstrings of the public names run, over the files of the sample."""

from __future__ import annotations

import doctest
import inspect
import re
from dataclasses import is_dataclass
from typing import Any

import pandas as pd
import pytest

import gis
from gis.runs import SAMPLE_DIR

NAMES = sorted(gis.__all__)
METHODS = [
    (name, method)
    for name in NAMES
    if inspect.isclass(getattr(gis, name)) and not issubclass(getattr(gis, name), Exception)
    for method in vars(getattr(gis, name))
    if not method.startswith("_") and callable(getattr(getattr(gis, name), method))
]
EXAMPLES = ("Resources", "Result", "WhatIf", "compare", "load_ruleset", "match", "read_mapped", "score")


def docs_of(thing: Any) -> str:
    return inspect.getdoc(thing) or ""


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_told(name: str):
    thing = getattr(gis, name)
    assert len(docs_of(thing).split(".")[0]) > 15
    if inspect.isfunction(thing):
        hints = inspect.signature(thing)
        assert hints.return_annotation is not inspect.Signature.empty
        for parameter in hints.parameters.values():
            assert parameter.annotation is not inspect.Parameter.empty, parameter
    if is_dataclass(thing) and name != "Settings":
        own = [n for n in vars(thing)["__annotations__"] if not n.startswith("_")]
        untold = [n for n in own if not re.search(rf"\b{n}\b", docs_of(thing))]
        assert untold == []


@pytest.mark.parametrize(("name", "method"), METHODS, ids=lambda part: part)
def test_every_public_method_is_told(name: str, method: str):
    thing = getattr(getattr(gis, name), method)
    assert len(docs_of(thing)) > 15
    assert inspect.signature(thing).return_annotation is not inspect.Signature.empty


@pytest.mark.parametrize(
    "name", ["Match", "Resources", "Result", "Sites", "Comparison", "read_mapped", "score"]
)
def test_what_has_shapes_says_in_which_system(name: str):
    thing = getattr(gis, name)
    told = docs_of(thing) + "".join(docs_of(getattr(thing, m)) for n, m in METHODS if n == name)
    assert "CRS" in told or "EPSG:4548" in told
    assert name in ("Resources", "score", "read_mapped") or "units" in told


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(SAMPLE_DIR)
    tests = doctest.DocTestFinder(recurse=True).find(getattr(gis, name), name, globs={"gis": gis})
    shown = [t for t in tests if t.examples]
    assert shown
    with pd.option_context("display.width", 100):
        for test in shown:
            outcome = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
            assert outcome.failed == 0, f"{test.name}: see the captured output"
