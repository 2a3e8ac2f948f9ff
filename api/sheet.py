"""Lines of text for a terminal of 100 columns, in Chinese or English."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from gis.wording import Language, Wording

WIDTH = 100
# A word, a percentage or one wide character, with the brackets and stops that stay at it.
_PIECE = re.compile(
    r"[（〔《“]*(?:[\d.,]+ %|[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]|[^\s\u2e80-\uffef]+)"
    r"[，。；：、）〕》”？！]*|\s+|."
)


def width(text: str) -> int:
    """Return how many columns a text takes; wide characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Sheet(Wording):
    """A text that grows by lines; a line that is too long goes on below, further in."""

    def __init__(self, language: Language, words: Mapping[str, tuple[str, str]]) -> None:
        super().__init__(language, words)
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
