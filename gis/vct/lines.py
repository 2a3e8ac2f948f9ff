"""The lines of a VCT file with their numbers: in any of its encodings, without blanks and comments."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NoReturn

from gis.errors import InputError

ENCODINGS = ("utf-8-sig", "gb18030")
_BLOCK_BYTES = 1 << 20
_LONGEST_NUMBER = 18


def encoding_of(path: Path) -> str:
    """Return the encoding of a file: UTF-8, with or without its mark, where all of it is; else GB18030.

    Raises InputError where it is neither, or no text at all.
    """
    for encoding in ENCODINGS:
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with path.open("rb") as stream:
                while block := stream.read(_BLOCK_BYTES):
                    if b"\0" in block:
                        raise InputError(f"{path.name}: this is no text, so it is no VCT file.")
                    decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise InputError(f"{path.name}: the text is neither UTF-8 nor GB18030; save it in one of them.")


class Lines:
    """The lines of a file that say something, one after the other; `number` is that of the one last given."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.number = 0
        self.section = "HeadBegin"
        """In which part of the file the reader is, for the message about a file that ends there."""
        self._given = self._read(path)
        self._held: tuple[int, str] | None = None

    def _read(self, path: Path) -> Iterator[tuple[int, str]]:
        with path.open(encoding=encoding_of(path), newline=None) as stream:
            numbered = enumerate(stream, 1)
            for number, raw in numbered:
                line = raw.strip()
                if not line:
                    continue
                if line[0] in "Cc" and line.lower() == "commentbegin":
                    if all(raw.strip().lower() != "commentend" for _, raw in numbered):
                        self.fail("the comment that begins here has no CommentEnd", number)
                    continue
                yield number, line

    def fail(self, what: str, number: int | None = None) -> NoReturn:
        """Raise InputError with the place: the line last given, or another."""
        raise InputError(f"{self.name}, line {self.number if number is None else number}: {what}.")

    def peek(self) -> str | None:
        """Return the next line without taking it, None at the end of the file."""
        if self._held is None:
            self._held = next(self._given, None)
        return None if self._held is None else self._held[1]

    def maybe(self) -> str | None:
        """Return the next line, None at the end of the file."""
        found = self._held or next(self._given, None)
        self._held = None
        if found is None:
            return None
        self.number, line = found
        return line

    def take(self) -> str:
        """Return the next line; InputError where the file ends."""
        line = self.maybe()
        if line is None:
            self._cut_off()
        return line

    def some(self, count: int) -> list[tuple[int, str]]:
        """Return the next lines with their numbers; InputError where the file ends before."""
        held = [] if self._held is None else [self._held]
        self._held = None
        found = [*held, *islice(self._given, count - len(held))]
        if found:
            self.number = found[-1][0]
        if len(found) < count:
            self._cut_off()
        return found

    def _cut_off(self) -> NoReturn:
        self.fail(f"the file ends here, inside {self.section}; it is cut off")

    def count(self, what: str, least: int = 0, most: int = 1_000_000_000) -> int:
        """Return the next line as a whole number; `what` says what it should be."""
        line = self.take()
        try:
            found = int(line)
        except ValueError:
            self.fail(f"{what} should stand here, not {shown(line)}")
        if not least <= found <= most:
            self.fail(f"{what} is {found}, which cannot be")
        return found


def whole_number(text: str) -> int | None:
    """Return a text of digits as a number, None where it is none or longer than any that is meant."""
    return int(text) if text.isdecimal() and len(text) <= _LONGEST_NUMBER else None


def shown(line: str) -> str:
    """Return a line as messages quote it."""
    return repr(line if len(line) <= 40 else f"{line[:40]}…")
