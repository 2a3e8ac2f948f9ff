"""The files of a package beside those that its manifest lists."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from gis.errors import InputError
from gis.export.checks.findings import Tally
from gis.export.model import MANIFEST, Manifest

_LEFT_BEHIND = {"thumbs.db", "ehthumbs.db", "desktop.ini", ".ds_store"}
_LEFT_ENDINGS = (
    ".lock",
    ".sr.lock",
    ".tmp",
    ".bak",
    ".qpj",
    ".qmd",
    ".gpkg-wal",
    ".gpkg-shm",
    ".gpkg-journal",
)


def read_manifest(folder: Path, tally: Tally) -> Manifest | None:
    """Return the manifest of a package, None where there is none or it cannot be used, which is told."""
    path = folder / MANIFEST
    if not path.exists():
        return None
    tally.checked("V-FILE-6", None, 1)
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        message = f"{place}: {first['msg']}" if place else first["msg"]
        tally.found("V-FILE-6", None, {"message": message}, file=MANIFEST)
        return None
    except OSError as error:
        raise InputError(f"{path}: the manifest cannot be opened: {error.strerror}.") from error


def is_left_behind(path: Path) -> bool:
    """Tell whether a file is one that systems and programs leave behind."""
    name = path.name.lower()
    return name in _LEFT_BEHIND or name.startswith("~$") or name.endswith(_LEFT_ENDINGS)


def check_files(folder: Path, manifest: Manifest | None, tally: Tally, step: Callable[[str], None]) -> None:
    """Hold all files below a folder against a manifest; without one only leftovers are told."""
    there = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}
    left = [path for path, place in there.items() if is_left_behind(place)]
    tally.checked("V-FILE-4", None, len(there))
    listed = {one.path: one for one in manifest.files} if manifest is not None else {}
    for path in left:
        if path not in listed:
            tally.found("V-FILE-4", None, {"path": path}, file=path)
    if manifest is None:
        return
    tally.checked("V-FILE-1", None, len(listed))
    tally.checked("V-FILE-3", None, len(there))
    for path in there:
        if path not in listed and path not in left and path != MANIFEST:
            tally.found("V-FILE-3", None, {"path": path}, file=path)
    for path, one in listed.items():
        if path not in there:
            tally.found("V-FILE-1", None, {"path": path}, file=path)
            continue
        step(path)
        size, sha256 = there[path].stat().st_size, _sha256(there[path])
        tally.checked("V-FILE-2", None, 1)
        if (size, sha256) != (one.size_bytes, one.sha256):
            told = {"path": path, "size": size, "declared_size": one.size_bytes, "sha256": sha256}
            tally.found("V-FILE-2", None, told, file=path)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: the file cannot be opened: {error.strerror}.") from error
