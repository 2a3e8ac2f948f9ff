"""Zip archives: unpacked aside, within a size limit, to the one data file they hold."""

from __future__ import annotations

import lzma
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gis.errors import InputError

MAX_UNPACKED_BYTES = 4 << 30
MAX_MEMBERS = 10_000
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError,
           RuntimeError, IndexError, ValueError)  # fmt: skip
"""What zipfile raises on damaged, truncated and encrypted archives."""


class ArchiveTooLargeError(InputError):
    """An archive unpacks to more than the limit."""


@contextmanager
def unpacked(path: Path, suffixes: Sequence[str], max_bytes: int | None = None) -> Iterator[Path]:
    """Give the path of the single data file or .gdb folder in the zip at `path`, in a temporary folder.

    Raises InputError for a damaged archive and one with no or several data files, and its
    ArchiveTooLargeError for one that unpacks to more than `max_bytes` (by default 4 GiB).
    """
    with tempfile.TemporaryDirectory(prefix="onemap-") as folder:
        root = Path(folder)
        try:
            _extract(path, root, max_bytes)
        except DAMAGED as error:
            raise InputError(f"{path.name}: the archive is damaged, truncated or encrypted.") from error
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{path.name}: the archive cannot be unpacked: {reason}.") from error
        yield _single(path, root, suffixes)


def check_size(path: Path) -> None:
    """Raise InputError when the zip at `path` is damaged or unpacks to more than the limit."""
    try:
        with _opened(path):
            pass
    except DAMAGED as error:
        raise InputError(f"{path.name}: the file is damaged or truncated.") from error


@contextmanager
def _opened(path: Path, max_bytes: int | None = None) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path, metadata_encoding="gb18030")
    except UnicodeDecodeError:
        archive = zipfile.ZipFile(path)
    limit = MAX_UNPACKED_BYTES if max_bytes is None else max_bytes
    with archive:
        members = archive.infolist()
        total = sum(m.file_size for m in members)
        if total > limit or len(members) > MAX_MEMBERS:
            raise ArchiveTooLargeError(
                f"{path.name}: the archive unpacks to {_size(total)} in {len(members):,} files; "
                f"the limit is {_size(limit)} and {MAX_MEMBERS:,} files."
            )
        yield archive


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 1e6:.0f} MB"


def _extract(path: Path, root: Path, max_bytes: int | None) -> None:
    # zipfile cleans member names and reads no more of a member than its announced size.
    with _opened(path, max_bytes) as archive:
        archive.extractall(root)


def _single(path: Path, root: Path, suffixes: Sequence[str]) -> Path:
    found = []
    for item in sorted(root.rglob("*")):
        inside = item.relative_to(root).parts[:-1]
        hidden = any(p.startswith((".", "__MACOSX")) for p in item.relative_to(root).parts)
        if hidden or any(p.lower().endswith(".gdb") for p in inside):
            continue
        if item.suffix.lower() in suffixes and item.is_dir() == (item.suffix.lower() == ".gdb"):
            found.append(item)
    if any(f.suffix.lower() == ".shp" for f in found):  # readme.txt and tables beside a shapefile
        found = [f for f in found if f.suffix.lower() not in (".txt", ".csv", ".json")]
    if len(found) != 1:
        names = ", ".join(f.relative_to(root).as_posix() for f in found[:10]) or "none"
        raise InputError(f"{path.name}: the archive must hold one data file; it holds {names}.")
    return found[0]
