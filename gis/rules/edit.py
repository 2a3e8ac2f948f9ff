"""Suppositions written into the texts of a rule set, so that what follows is a rule set like any other."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import yaml

from gis.errors import RuleError
from gis.rules.files import Place, RuleFile
from gis.rules.loader import parse_ruleset
from gis.rules.ruleset import ParameterValue, RuleSet

HEAD = "ruleset"
"""The file of what all options share: its parameters are named without the file."""


def supposed(
    ruleset: RuleSet, name: str, parameters: Mapping[str, Any], order: Sequence[str] | None
) -> RuleSet:
    """Return the rule set under a supposition: other values of parameters, another order of technologies.

    `parameters` maps `file.parameter`, or a parameter of the whole set alone, to its value. Of each the value
    in force on the rule set's day changes, without the range of the one before, and its source becomes an
    assumption that names the supposition; so does the title of the set. Raises RuleError for a parameter
    that is not there, a value that is not of its kind, and an order of other technologies.
    """
    texts = {file: str(text) for file, text in ruleset.content.items()}
    for key, value in parameters.items():
        file, own = _place(texts, key)
        texts[file] = _with_value(texts[file], file, own, value, name, ruleset.as_of)
    head = f"{HEAD}.yaml"
    if order is not None:
        if sorted(order) != sorted(ruleset.order):
            raise RuleError(f"order: it has to name each of {', '.join(ruleset.order)} once.")
        texts[head] = _replaced(texts[head], head, ("order",), list(order))
    title = {"zh": f"{ruleset.title.zh}（假设：{name}）", "en": f"{ruleset.title.en} (what if: {name})"}
    texts[head] = _replaced(texts[head], head, ("title",), title)
    return parse_ruleset({file: text.encode() for file, text in texts.items()}, ruleset.as_of)


def named_parameters(ruleset: RuleSet) -> dict[str, ParameterValue]:
    """Return all parameters as suppositions name them: `file.parameter`, those of the whole set alone."""
    out = dict(ruleset.parameters)
    for stem, rules in (
        *ruleset.options.items(),
        ("portfolio", ruleset.portfolio),
        ("checklists", ruleset.checklists),
    ):
        out |= {f"{stem}.{n}": p for n, p in rules.parameters.items() if n in rules.own}
    return out | {f"demand.{n}": p for n, p in ruleset.demand_parameters.items()}


def _place(texts: Mapping[str, str], key: str) -> tuple[str, str]:
    """Return the file and the name of a parameter."""
    known: dict[str, tuple[str, str]] = {}
    for file in texts:
        if file.endswith(".yaml"):
            stem = file.removesuffix(".yaml")
            data = RuleFile(file, {file: texts[file].encode()}).data
            declared = data.get("parameters") if isinstance(data, dict) else None
            known |= {n if stem == HEAD else f"{stem}.{n}": (file, n) for n in declared or ()}
    if key not in known:
        near = [k for k in known if k.endswith(f".{key}")] or difflib.get_close_matches(key, known, 3, 0.6)
        hint = f"; is {' or '.join(near)} meant?" if near else ""
        raise RuleError(f"the rule set has no parameter {key!r}{hint}")
    return known[key]


def _with_value(text: str, file: str, own: str, value: Any, name: str, as_of: date) -> str:
    """Return the text of a file in which one parameter has another value."""
    read = RuleFile(file, {file: text.encode()})
    parameter = read.data["parameters"][own]
    days = [v["from"] for v in parameter["values"]]
    in_force = max((i for i in range(len(days)) if days[i] <= as_of), key=lambda i: days[i])
    before = parameter["values"][in_force]["value"]
    if _kind(value) != _kind(before):
        raise RuleError(
            f"{own}: {value!r} is not {_kind(before)}, as the {before!r} that it takes the place of."
        )
    source = {
        "kind": "assumption",
        "text": f"假设方案“{name}”：{_flow(value)}，原值 {_flow(before)}（{parameter['source']['text']}）",
    }
    path: Place = ("parameters", own)
    text = _replaced(text, file, (*path, "values", in_force), {"from": days[in_force], "value": value})
    return _replaced(text, file, (*path, "source"), source)


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a number for each district"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "a list"
    return "a number" if isinstance(value, int | float) and not isinstance(value, bool) else "of a known kind"


def _replaced(text: str, file: str, path: Place, value: Any) -> str:
    """Return a YAML text in which the node at `path` is `value`, and all else as it was written."""
    node: Any = RuleFile(file, {file: text.encode()}).node
    for step in path:
        if isinstance(node, yaml.SequenceNode):
            node = node.value[step]
        else:
            node = next(v for k, v in node.value if k.value == str(step))
    lines = text.splitlines(keepends=True)
    ends = (node.start_mark, node.end_mark)
    start, end = (sum(map(len, lines[: m.line])) + m.column for m in ends)
    old = text[start:end]
    # A block ends where the next thing begins: what lies between stays.
    return text[:start] + _flow(value) + old[len(old.rstrip()) :] + text[end:]


def _flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    plain = list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value
    written = yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**9)
    return written.strip().removesuffix("...").strip()
