"""YAML of files that people write: read within limits, and every fault with its line.

YAML has ways to make little text into much, or into a stack that is too high: the parser's events are counted
before anything is made of them.
"""

from __future__ import annotations

from typing import Any, NoReturn

import yaml

MAX_DEPTH = 40
MAX_NODES = 200_000
"""With everything that aliases stand for counted as often as it stands there."""

# libyaml's loader where PyYAML was built with it: as safe, and ten times as fast.
_Safe = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNREADABLE = (ValueError, KeyError, IndexError, AttributeError, OverflowError)
"""What PyYAML raises on a day that is none, a number of too many digits, or a tag that does not fit."""


class NotYamlError(ValueError):
    """A text is not the YAML that can be read; `line` is where, from 1, None where that is not known."""

    def __init__(self, reason: str, line: int | None) -> None:
        super().__init__(reason)
        self.line = line


class _Loader(_Safe):  # type: ignore[misc, valid-type]
    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except _UNREADABLE as error:
            shown = repr(node.value[:40]) if isinstance(node, yaml.ScalarNode) else "what stands here"
            reason = f"{shown} cannot be read as {node.tag.rpartition(':')[2]}"
            raise yaml.constructor.ConstructorError(None, None, reason, node.start_mark) from error


def parse_yaml(raw: bytes) -> tuple[yaml.Node | None, Any]:
    """Return the root node of a document, None of an empty one, and its data.

    Raises NotYamlError for what is no YAML, has values that cannot be read, is nested deeper than `MAX_DEPTH`
    or stands for more than `MAX_NODES` nodes.
    """
    try:
        _check_size(raw)
        loader = _Loader(raw)
        node = loader.get_single_node()
        return node, loader.construct_document(node) if node is not None else None
    except yaml.reader.ReaderError as error:
        reason = f"{error.reason} at byte {error.position}"
        raise NotYamlError(reason, raw.count(b"\n", 0, error.position) + 1) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = " ".join(str(getattr(error, "problem", None) or error).split())
        raise NotYamlError(reason, mark.line + 1 if mark else None) from error


def _check_size(raw: bytes) -> None:
    """Raise NotYamlError where nodes are nested too deep, or too many with all that aliases stand for."""
    sizes = [0]
    open_anchors: list[str | None] = []
    known: dict[str, int] = {}
    for event in yaml.parse(raw, Loader=_Safe):
        if isinstance(event, yaml.CollectionStartEvent):
            open_anchors.append(event.anchor)
            sizes.append(1)
        elif isinstance(event, yaml.CollectionEndEvent):
            _known(known, open_anchors.pop(), sizes[-1])
            sizes[-2:] = [sizes[-2] + sizes[-1]]
        elif isinstance(event, yaml.ScalarEvent):
            _known(known, event.anchor, 1)
            sizes[-1] += 1
        elif isinstance(event, yaml.AliasEvent):
            name = event.anchor or ""
            if name in open_anchors:
                _fail(event, f"the alias *{name[:40]} stands for what it is part of")
            sizes[-1] += known.get(name, 1)
        if len(sizes) > MAX_DEPTH:
            _fail(event, f"it is nested deeper than {MAX_DEPTH} levels")
        if sizes[-1] > MAX_NODES:
            _fail(event, f"it stands for more than {MAX_NODES} values")


def _known(known: dict[str, int], anchor: str | None, size: int) -> None:
    if anchor is not None:
        known[anchor] = size


def _fail(event: yaml.Event, reason: str) -> NoReturn:
    mark = event.start_mark
    raise NotYamlError(reason, mark.line + 1 if mark else None)
