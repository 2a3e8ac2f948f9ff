"""Disks in memory for tests: small ones, and such that only read."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def mounted_disk(folder: Path, options: str) -> Iterator[Path]:
    """Put a disk of its own in the place of a folder; `options` are those of tmpfs.

    It needs the right to mount, which root has. Without it the test fails: what happens on a full disk
    would go untested.
    """
    folder.mkdir(parents=True)
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tests", folder], capture_output=True, text=True
    )
    assert mount.returncode == 0, f"{mount.stderr.strip()}; run the tests as root or in `unshare -Urm`"
    try:
        yield folder
    finally:
        # Lazily: a server may have a file in it open for a moment more.
        subprocess.run(["umount", "--lazy", folder], check=True)
