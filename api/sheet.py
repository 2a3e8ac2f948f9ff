"""Lines of text for a terminal of 100 columns, in Chinese or English."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Literal

Language = Literal["zh", "en"]

WIDTH = 100
_UNITS: Mapping[str, tuple[str, str]] = {
    "1": ("", ""),
    "m2": ("m²", "m²"),
    "m3": ("m³", "m³"),
    "W/m2": ("W/m²", "W/m²"),
    "degC": ("℃", "°C"),
    "d": ("天", "d"),
    "CNY/MWh": ("元/MWh", "CNY/MWh"),
}
# A word, a percentage or one wide character, with the brackets and stops that stay at it.
_PIECE = re.compile(
    r"[（〔《“]*(?:[\d.,]+ %|[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]|[^\s\u2e80-\uffef]+)"
    r"[，。；：、）〕》”？！]*|\s+|."
)


def width(text: str) -> int:
    """Return how many columns a text takes; wide characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Sheet:
    """A text that grows by lines; a line that is too long goes on below, further in."""

    def __init__(self, language: Language, words: Mapping[str, tuple[str, str]]) -> None:
        self.language, self._words = language, words
        self._lines: list[str] = []

    def __str__(self) -> str:
        return "\n".join(self._lines)

    def put(self, text: str, indent: int = 0, hang: int = 2) -> None:
        """Add a line `indent` columns in; what does not fit follows `indent` + `hang` columns in."""
        line = " " * indent
        free = True  # nothing but blanks stands on the line yet
        for piece in _PIECE.findall(text):
            if piece.isspace() and free:
                continue
            if not free and width(line + piece.rstrip()) > WIDTH:
                self._lines.append(line.rstrip())
                line, free = " " * (indent + hang), True
                if piece.isspace():
                    continue
            line, free = line + piece, False
        self._lines.append(line.rstrip())

    def row(self, cells: Sequence[str], widths: Sequence[int], indent: int = 2) -> None:
        """Add one row of a table: the first cell to the left, the others to the right of their columns."""
        first, *rest = [
            " " * (w - width(c)) + c if i else c + " " * (w - width(c))
            for i, (c, w) in enumerate(zip(cells, widths, strict=True))
        ]
        self._lines.append((" " * indent + first + "".join(rest)).rstrip())

    def word(self, name: str) -> str:
        """Return a word of the sheet's table in its language."""
        return self._words[name][self.language == "en"]

    def pick(self, both: Mapping[str, Any] | tuple[str, str]) -> str:
        """Return the text of the sheet's language."""
        return str(both[self.language == "en"] if isinstance(both, tuple) else both[self.language])

    def cited(self, entry: Mapping[str, Any]) -> str:
        """Return the text of a reason, a change or an item with its clause."""
        return f"{self.pick(entry)} [{entry['clause_id']}]" if entry["clause_id"] else self.pick(entry)

    def joined(self, parts: Sequence[str]) -> str:
        """Return parts of a sentence as one."""
        return self.pick(("，", ", ")).join(parts)

    def named(self, name: str, text: str) -> str:
        """Return a text behind its name."""
        return name + self.pick(("：", ": ")) + text

    def bracketed(self, text: str, note: str) -> str:
        """Return a text with a note in brackets."""
        return text + self.pick(("（{}）", " ({})")).format(note)

    def number(self, value: float | None, unit: str = "1", digits: int | None = None) -> str:
        """Return a figure with its unit, or a word where it is not known."""
        if value is None:
            return self.word("unknown")
        if digits is None:
            digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
        shown = f"{value:,.{digits}f}"
        if "." in shown:
            shown = shown.rstrip("0").rstrip(".")
        return f"{shown} {self.unit(unit)}".rstrip()

    def unit(self, unit: str) -> str:
        """Return a unit as people write it."""
        return self.pick(_UNITS.get(unit, (unit, unit)))

    def share(self, value: float | None) -> str:
        """Return a share in percent, or a word where it is not known."""
        if value is None:
            return self.word("unknown")
        return f"{value * 100:.1f}".rstrip("0").rstrip(".") + " %"
