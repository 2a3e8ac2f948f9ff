"""Files that are there whole or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gis.errors import InputError, StoreError


@contextmanager
def replacing(path: Path, mode: int = 0o644) -> Iterator[Path]:
    """Give the path of an empty file that takes the place of `path` at the end, or goes after an error.

    `mode` are its permissions in the end; while it is written only its owner may read it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_file(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a reader sees the old file or the whole new one."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, as `write_file` does."""
    write_file(path, text.encode())


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder that takes the place of `folder` where all goes well, and goes away where not.

    What programs left that were killed meanwhile is removed. Raises InputError where `folder` has something
    in it or cannot be written, and StoreError where the disk does not take it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already and not empty: give the name of a new folder.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.part-"))
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}): choose another folder.") from error
    lock = os.open(made, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield made
        made.chmod(0o755)
        made.rename(folder)
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


def _sweep(folder: Path) -> None:
    """Remove what programs left that were killed while they wrote the same package."""
    for left in folder.parent.glob(f".{folder.name}.part-*"):
        with suppress(OSError):
            lock = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
            finally:
                os.close(lock)
