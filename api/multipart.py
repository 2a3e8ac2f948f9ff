"""Forms with a file (multipart/form-data), read as they come: the file goes to the disk, not into memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

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
    form, came_bytes = _Form(), 0
    try:
        parser = MultipartParser(
            _boundary(content_type),
            {
                "on_part_begin": form.begin,
                "on_header_field": form.add_head,
                "on_header_value": form.add_value,
                "on_header_end": form.end_header,
                "on_headers_finished": form.name_part,
                "on_part_data": form.add,
                "on_part_end": form.end_part,
                "on_end": form.end,
            },
        )
        async for piece in stream:
            came_bytes += len(piece)
            if came_bytes > max_bytes:
                raise TooLargeError(f"The body is larger than {max_bytes} bytes; send less at a time.")
            parser.write(piece)
            for part in form.taken():
                await write(part)
    except FormParserError as error:
        raise BodyError(f"The form cannot be read ({error}): send it again.") from error
    if not form.whole:
        raise BodyError("The form ends in the middle: send it whole.")
    if form.file_name is None:
        raise BodyError("The form has no file: send it in the field file, with a name.", "/file")
    return form.fields, form.file_name


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 70:
        raise MediaTypeError("A file is sent as a form: Content-Type multipart/form-data with its boundary.")
    return boundary


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BodyError("The form has text that is not UTF-8.") from error


class _Form:
    """What has come of a form; its methods are called by the parser."""

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []
        self.file_name: str | None = None
        self.whole = False
        self._small_bytes = 0
        self._pieces: list[bytes] = []

    def taken(self) -> list[bytes]:
        """Return what has come of the file since it was asked last."""
        pieces, self._pieces = self._pieces, []
        return pieces

    def begin(self) -> None:
        self._head, self._value, self._disposition = b"", b"", b""
        self._content = bytearray()

    def add_head(self, data: bytes, start: int, end: int) -> None:
        self._head += data[start:end]

    def add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def end_header(self) -> None:
        if self._head.lower() == b"content-disposition":
            self._disposition = self._value
        self._head = self._value = b""

    def name_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise BodyError("A part of the form has no name.")
        self._name = _text(options[b"name"])
        self._is_file = self._name == "file" and b"filename" in options
        if self._is_file:
            if self.file_name is not None:
                raise BodyError("The form has more than one file: send one at a time.", "/file")
            self.file_name = _text(options[b"filename"])

    def add(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._pieces.append(data[start:end])
            return
        self._small_bytes += end - start
        if self._small_bytes > MAX_FIELDS_BYTES:
            raise TooLargeError(f"The form has more than {MAX_FIELDS_BYTES} bytes beside its file.")
        self._content += data[start:end]

    def end_part(self) -> None:
        if not self._is_file:
            self.fields.append((self._name, _text(bytes(self._content))))

    def end(self) -> None:
        self.whole = True
