"""Forms with a file (multipart/form-data), read as they come: the file goes to the disk, not into memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import Message
from email.parser import HeaderParser
from email.utils import collapse_rfc2231_value

from api.problems import MediaTypeError, TooLargeError
from gis.errors import BodyError

MAX_FIELDS_BYTES = 64_000
"""All that is in a form beside its file."""

Write = Callable[[bytes], Awaitable[object]]


async def read_form(
    content_type: str, stream: AsyncIterator[bytes], write: Write, max_bytes: int
) -> tuple[list[tuple[str, str]], str]:
    """Return the fields of a form and the name of its one file; `write` gets what is in the file.

    Raises BodyError for what is no such form, and TooLargeError as soon as more than `max_bytes` have come.
    """
    body = _Body(stream, _boundary(content_type), max_bytes)
    fields: list[tuple[str, str]] = []
    file_name: str | None = None
    async for name, file in body.parts():
        if name == "file" and file is not None:
            if file_name is not None:
                raise BodyError("The form has more than one file: send one at a time.", "/file")
            file_name = file
            async for piece in body.content():
                await write(piece)
        else:
            fields.append((name, _text(await body.small())))
    if file_name is None:
        raise BodyError("The form has no file: send it in the field file, with a name.", "/file")
    return fields, file_name


def _boundary(content_type: str) -> bytes:
    head = Message()
    head["content-type"] = content_type
    boundary = head.get_boundary()
    if head.get_content_type() != "multipart/form-data" or not boundary or len(boundary) > 70:
        raise MediaTypeError("A file is sent as a form: Content-Type multipart/form-data with its boundary.")
    return b"\r\n--" + boundary.encode("latin-1", "replace")


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BodyError("The form has text that is not UTF-8.") from error


class _Body:
    """What has come of a body and was not used yet."""

    def __init__(self, stream: AsyncIterator[bytes], mark: bytes, max_bytes: int) -> None:
        self._stream = stream
        self._mark = mark
        self._held = bytearray(b"\r\n")  # the first mark has no line before it
        self._max_bytes = max_bytes
        self._came_bytes = 0
        self._small_bytes = 0

    async def parts(self) -> AsyncIterator[tuple[str, str | None]]:
        """Yield the name of every part, and that of its file; its content has to be read before the next."""
        await self.small()
        while True:
            head = await self.small(b"\r\n", 2)
            if head.startswith(b"--"):
                return
            named = HeaderParser().parsestr(_text(await self.small(b"\r\n\r\n")))
            name, file = (named.get_param(key, header="content-disposition") for key in ("name", "filename"))
            if name is None:
                raise BodyError("A part of the form has no name.")
            yield collapse_rfc2231_value(name), None if file is None else collapse_rfc2231_value(file)

    async def content(self) -> AsyncIterator[bytes]:
        """Yield what is in a part, piece by piece."""
        async for piece in self._up_to(self._mark):
            yield piece

    async def small(self, mark: bytes | None = None, at_least: int = 0) -> bytes:
        """Return what comes before a mark, by default the end of the part; all of it together is small."""
        found = bytearray()
        if at_least:
            while len(self._held) < at_least:
                await self._more()
            if self._held.startswith(b"--"):
                return b"--"
        async for piece in self._up_to(mark or self._mark):
            found += piece
            self._small_bytes += len(piece)
            if self._small_bytes > MAX_FIELDS_BYTES:
                raise TooLargeError(f"The form has more than {MAX_FIELDS_BYTES} bytes beside its file.")
        return bytes(found)

    async def _up_to(self, mark: bytes) -> AsyncIterator[bytes]:
        while (at := self._held.find(mark)) < 0:
            # The mark may have begun.
            sure = len(self._held) - len(mark) + 1
            if sure > 0:
                piece = bytes(self._held[:sure])
                del self._held[:sure]
                yield piece
            await self._more()
        piece = bytes(self._held[:at])
        del self._held[: at + len(mark)]
        if piece:
            yield piece

    async def _more(self) -> None:
        piece = await anext(self._stream, None)
        if piece is None:
            raise BodyError("The form ends in the middle: send it whole.")
        self._came_bytes += len(piece)
        if self._came_bytes > self._max_bytes:
            raise TooLargeError(f"The body is larger than {self._max_bytes} bytes; send less at a time.")
        self._held += piece
