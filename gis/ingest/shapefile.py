"""Shapefiles: parts, truncation, encoding, and column names cut in mid-character."""

from __future__ import annotations

import codecs
import re
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gis.errors import InputError
from gis.ingest.source import parts

_HEADER_BYTES = 32
_NAME_BYTES = 11


def sibling(path: Path, suffix: str) -> Path | None:
    """Return the part of a shapefile with another ending, in whatever case, None where there is none."""
    return next(
        (p for p in path.parent.iterdir() if p.stem == path.stem and p.suffix.lower() == suffix), None
    )


def check_shapefile(path: Path) -> None:
    """Raise InputError when a part is missing or shorter than it announces."""
    for suffix in (".shx", ".dbf"):
        if sibling(path, suffix) is None:
            raise InputError(f"{path.name}: its {suffix} file is missing; put all parts in one folder.")
    for part in (path, sibling(path, ".shx"), sibling(path, ".dbf")):
        if part is not None:
            check_length(part)


def check_length(part: Path) -> None:
    """Raise InputError when one part of a shapefile is shorter than it announces."""
    with part.open("rb") as stream:
        head, size = stream.read(_HEADER_BYTES), part.stat().st_size
    if len(head) < _HEADER_BYTES:
        raise InputError(f"{part.name}: the file is truncated ({size:,} bytes).")
    if part.suffix.lower() == ".dbf":
        count, header, record = struct.unpack("<IHH", head[4:12])
        announced = header + count * record
    else:
        announced = 2 * struct.unpack(">I", head[24:28])[0]
    if size < announced:
        raise InputError(f"{part.name}: truncated: {size:,} of {announced:,} bytes are there.")


def shapefile_encoding(path: Path) -> str:
    """Return the encoding of the attribute text: that of the .cpg file, else UTF-8 or GB18030 by trial."""
    declared = sibling(path, ".cpg")
    dbf = sibling(path, ".dbf")
    if declared is not None:
        name = declared.read_text(encoding="ascii", errors="replace").strip().lower()
        number = re.fullmatch(r"(?:ansi|oem|cp|windows-)?[\s_-]*(\d{3,5})", name)
        if number:
            name = {"65001": "utf-8", "54936": "gb18030", "88591": "iso-8859-1"}.get(
                number.group(1), f"cp{number.group(1)}"
            )
        try:
            name = codecs.lookup(name).name
            b"    ".decode(name)  # which those of bytes to bytes refuse
        except (LookupError, ValueError) as error:  # a name with a zero byte is no value at all
            raise InputError(f"{declared.name}: unknown encoding {name!r}; write UTF-8 there.") from error
        return "gb18030" if name in ("gbk", "gb2312") else name  # GB18030 holds both
    try:
        if dbf is not None:
            raw = dbf.read_bytes()
            begin = struct.unpack("<H", raw[8:10])[0]
            # Beside names the head holds widths, which are no text.
            heads = range(_HEADER_BYTES, begin - 1, _HEADER_BYTES)
            for text in (*(raw[at : at + _NAME_BYTES] for at in heads), raw[begin:]):
                text.decode("utf-8")
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


@contextmanager
def whole_names(path: Path, encoding: str) -> Iterator[Path]:
    """Give a path whose column names decode: names are cut to 10 bytes, also in the middle of a character.

    Where one was, a copy without the broken rest of the name is given.
    """
    dbf = sibling(path, ".dbf")
    raw = b"" if dbf is None else dbf.read_bytes()
    mended = _mended_header(raw, encoding)
    if dbf is None or mended is None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="onemap-") as folder:
        for part in parts(path):
            shutil.copyfile(part, Path(folder) / part.name)
        (Path(folder) / dbf.name).write_bytes(mended + raw[len(mended) :])
        yield Path(folder) / path.name


def _mended_header(raw: bytes, encoding: str) -> bytes | None:
    """Return the .dbf header with decodable names, None if they are already."""
    head = bytearray(raw[: struct.unpack("<H", raw[8:10])[0]]) if len(raw) > _HEADER_BYTES else bytearray()
    changed = False
    for start in range(_HEADER_BYTES, len(head) - _HEADER_BYTES + 1, _HEADER_BYTES):
        name = bytes(head[start : start + _NAME_BYTES]).split(b"\0")[0]
        kept = name.decode(encoding, errors="ignore").encode(encoding)
        if name != kept:
            head[start : start + _NAME_BYTES] = kept.ljust(_NAME_BYTES, b"\0")
            changed = True
    return bytes(head) if changed else None
