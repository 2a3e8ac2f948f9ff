"""What checks find, counted by code and table; of what repeats itself the first are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml

from gis.export.model import Strict
from gis.wording import Language
from layers import Text

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note")
TOLD_AT_MOST = 20
_LONGEST_VALUE = 60
_LANGUAGES: tuple[Language, ...] = ("zh", "en")

Values = Mapping[str, Any]
"""What the braces of a code are filled with: numbers, texts, and `Text` where languages differ."""


class Code(Strict):
    """One thing that is checked: its title, what is told where it fails, and what to do about it."""

    level: Level
    title: Text
    told: Text
    todo: Text


@cache
def codes() -> Mapping[str, Code]:
    """Return all codes in the order of the report."""
    listed = yaml.safe_load(Path(__file__).with_name("codes.yaml").read_text(encoding="utf-8"))
    return {code: Code(**told) for code, told in listed.items()}


class Example(Strict):
    """One place at which a check fails: identifier (BSM) and row of the feature, where it is one."""

    feature: str | None
    row: int | None
    file: str | None
    message: Text


class Finding(Strict):
    """All failures of one kind in a table, or in a column of it; `examples` are the first of `count`."""

    code: str
    level: Level
    table: str | None
    column: str | None
    count: int
    title: Text
    todo: Text
    examples: tuple[Example, ...]


class Check(Strict):
    """What was held against a rule and how much of it failed; `not_checked` says why nothing could be.

    `checked_count` counts features, or values, columns or files, as the rule is about.
    """

    code: str
    level: Level
    table: str | None
    title: Text
    checked_count: int
    failed_count: int
    not_checked: Text | None = None


@dataclass(frozen=True)
class Rows:
    """Some rows of a table: `first` is the number in `file` of the first, `bsm` their identifiers."""

    table: str
    file: str
    first: int
    count: int
    bsm: pa.Array | None = None

    def feature(self, index: int) -> str | None:
        """Return the identifier of a row, None where it has none."""
        value = self.bsm[index].as_py() if self.bsm is not None else None
        return None if value is None or value == "" else str(value)

    def at(self, index: int) -> Text:
        """Return the table and the row of a feature, for what has no name of its own."""
        number = self.first + index
        return Text(zh=f"{self.table} 第 {number} 行", en=f"row {number} of {self.table}")

    def named(self, index: int) -> Text:
        """Return how to call a row in a sentence."""
        bsm = self.feature(index)
        if bsm is not None:
            return Text(zh=bsm, en=bsm)
        number = self.first + index
        return Text(zh=f"{self.file} 第 {number} 行", en=f"row {number} of {self.file}")


@dataclass
class _Kind:
    count: int = 0
    examples: list[Example] = field(default_factory=list)


@dataclass
class Tally:
    """Counts what is checked and what fails; `tables` is their order in the report, whatever runs first."""

    tables: tuple[str, ...] = ()
    _checked: dict[tuple[str, str | None], int] = field(default_factory=dict)
    _skipped: dict[tuple[str, str | None], Text] = field(default_factory=dict)
    _kinds: dict[tuple[str, str | None, str | None], _Kind] = field(default_factory=dict)

    def checked(self, code: str, table: str | None, count: int) -> None:
        """Count what was held against a rule."""
        key = (code, table)
        self._checked[key] = self._checked.get(key, 0) + count

    def skipped(self, code: str, table: str | None, zh: str, en: str) -> None:
        """Tell why a rule was not held against a table."""
        self._skipped[code, table] = Text(zh=zh, en=en)

    def found(
        self,
        code: str,
        table: str | None,
        values: Values,
        *,
        column: str | None = None,
        file: str | None = None,
        feature: str | None = None,
        row: int | None = None,
    ) -> None:
        """Take one failure."""
        kind = self._kinds.setdefault((code, table, column), _Kind())
        kind.count += 1
        if len(kind.examples) < TOLD_AT_MOST:
            message = filled(codes()[code].told, values)
            kind.examples.append(Example(feature=feature, row=row, file=file, message=message))

    def rows(
        self,
        code: str,
        rows: Rows,
        failed: npt.NDArray[np.bool_],
        values: Callable[[int], Values],
        *,
        column: str | None = None,
        checked: int | None = None,
    ) -> None:
        """Take the rows that fail; `values` gives what to tell of one, and is asked for the first alone.

        All rows count as checked unless told otherwise.
        """
        self.checked(code, rows.table, rows.count if checked is None else checked)
        places = np.flatnonzero(failed)
        if not len(places):
            return
        kind = self._kinds.setdefault((code, rows.table, column), _Kind())
        room = TOLD_AT_MOST - len(kind.examples)
        for index in places[:room].tolist():
            message = filled(codes()[code].told, values(index))
            kind.examples.append(
                Example(feature=rows.feature(index), row=rows.first + index, file=rows.file, message=message)
            )
        kind.count += len(places)

    def findings(self) -> tuple[Finding, ...]:
        """Return all findings: by table as they came, errors before the rest, codes in their order."""
        order, tables = list(codes()), [None, *self.tables]

        def place(key: tuple[str, str | None, str | None]) -> tuple[int, int, int, str]:
            code, table, column = key
            level = LEVELS.index(codes()[code].level)
            return tables.index(table), level, order.index(code), column or ""

        return tuple(self._finding(*key) for key in sorted(self._kinds, key=place))

    def _finding(self, code: str, table: str | None, column: str | None) -> Finding:
        told, kind = codes()[code], self._kinds[code, table, column]
        return Finding(
            code=code,
            level=told.level,
            table=table,
            column=column,
            count=kind.count,
            title=told.title,
            todo=told.todo,
            examples=tuple(kind.examples),
        )

    def checks(self) -> tuple[Check, ...]:
        """Return all that was checked, or could not be, by table and in the order of the codes."""
        order, tables = list(codes()), [None, *self.tables]
        failed: dict[tuple[str, str | None], int] = {}
        for (code, table, _), kind in self._kinds.items():
            failed[code, table] = failed.get((code, table), 0) + kind.count
        keys = sorted(
            {*self._checked, *self._skipped, *failed}, key=lambda k: (tables.index(k[1]), order.index(k[0]))
        )
        return tuple(
            Check(
                code=code,
                level=codes()[code].level,
                table=table,
                title=codes()[code].title,
                checked_count=self._checked.get((code, table), 0),
                failed_count=failed.get((code, table), 0),
                not_checked=self._skipped.get((code, table)),
            )
            for code, table in keys
        )


def filled(both: Text, values: Values) -> Text:
    """Return a text of a code with its braces filled."""
    said = {
        language: getattr(both, language).format_map({k: _said(v, language) for k, v in values.items()})
        for language in _LANGUAGES
    }
    return Text(**said)


def _said(value: Any, language: Language) -> Any:
    return getattr(value, language) if isinstance(value, Text) else value


def shown(value: Any) -> str:
    """Return a value as messages quote it."""
    text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
