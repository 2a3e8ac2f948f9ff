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
from gis.rules.ruleset import RuleSet

HEAD = "ruleset.yaml"
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
    read = {HEAD: RuleFile(HEAD, {HEAD: texts[HEAD].encode()})}
    changes: dict[str, dict[Place, Any]] = {HEAD: {}}
    for key, value in parameters.items():
        stem, _, own = key.rpartition(".")
        file = f"{stem}.yaml" if stem else HEAD
        if file in texts and file not in read:
            read[file] = RuleFile(file, {file: texts[file].encode()})
        if file not in read or own not in read[file].data.get("parameters", {}) or f"{stem}.yaml" == HEAD:
            raise _unknown(key, ruleset)
        changes.setdefault(file, {}).update(_value_changes(read[file], own, value, name, ruleset.as_of))
    title = {"zh": f"{ruleset.title.zh}（假设：{name}）", "en": f"{ruleset.title.en} (what if: {name})"}
    changes[HEAD]["title",] = title
    if order is not None:
        if sorted(order) != sorted(ruleset.order):
            raise RuleError(f"order: it has to name each of {', '.join(ruleset.order)} once.")
        changes[HEAD]["order",] = list(order)
    for file, of_file in changes.items():
        texts[file] = _replaced(texts[file], read[file], of_file)
    return parse_ruleset({file: text.encode() for file, text in texts.items()}, ruleset.as_of)


def _unknown(key: str, ruleset: RuleSet) -> RuleError:
    known = list(ruleset.named_parameters())
    near = [k for k in known if k.endswith(f".{key}")] or difflib.get_close_matches(key, known, 3, 0.6)
    hint = f"; is {' or '.join(near)} meant?" if near else ""
    return RuleError(f"the rule set has no parameter {key!r}{hint}")


def _value_changes(read: RuleFile, own: str, value: Any, name: str, as_of: date) -> dict[Place, Any]:
    """Return what stands at which places of a file when one of its parameters has another value."""
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
    return {
        (*path, "values", in_force): {"from": days[in_force], "value": value},
        (*path, "source"): source,
    }


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a number for each district"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "a list"
    return "a number" if isinstance(value, int | float) and not isinstance(value, bool) else "of a known kind"


def _replaced(text: str, read: RuleFile, changes: Mapping[Place, Any]) -> str:
    """Return the text of a file with other values at some places, and all else as it was written."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    spans = []
    for path, value in changes.items():
        marks = _node(read.node, path)
        spans.append((*(starts[m.line] + m.column for m in (marks.start_mark, marks.end_mark)), value))
    for start, end, value in sorted(spans, key=lambda span: span[0], reverse=True):
        old = text[start:end]
        # A block ends where the next thing begins: what lies between stays.
        text = text[:start] + _flow(value) + old[len(old.rstrip()) :] + text[end:]
    return text


def _node(node: Any, path: Place) -> Any:
    """Return the YAML node at a place."""
    for step in path:
        if isinstance(node, yaml.SequenceNode):
            node = node.value[step]
        else:
            node = next(v for k, v in node.value if k.value == str(step))
    return node


def _flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    plain = list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value
    written = yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**9)
    return written.strip().removesuffix("...").strip()
