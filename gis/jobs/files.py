"""Files of jobs in the data folder: uploads that wait for their import, and exports to be fetched."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from uuid import UUID

from gis.settings import Settings

KEPT_S = 24 * 3600.0


def upload_of(settings: Settings, job_id: UUID, ending: str) -> Path:
    """Return where the upload of a job lies; its name is the job's, whatever the file was called."""
    return _folder(settings, "uploads") / f"{job_id}{ending}"


def export_of(settings: Settings, job_id: UUID, ending: str) -> Path:
    """Return where the file of an export lies once it is whole."""
    return _folder(settings, "exports") / f"{job_id}{ending}"


def remove_upload(settings: Settings, job_id: UUID) -> None:
    """Remove the upload of a job that has ended."""
    for path in _folder(settings, "uploads").glob(f"{job_id}*"):
        path.unlink(missing_ok=True)


def remove_old(settings: Settings) -> None:
    """Remove what was written more than a day ago."""
    before = time.time() - KEPT_S
    for name in ("uploads", "exports"):
        for path in _folder(settings, name).iterdir():
            if path.stat().st_mtime >= before:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)  # half a package of a worker that died
            else:
                path.unlink(missing_ok=True)


def _folder(settings: Settings, name: str) -> Path:
    folder = settings.data_dir.resolve() / "jobs" / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
