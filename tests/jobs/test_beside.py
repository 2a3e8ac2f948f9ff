"""What keeps a worker running beside the web process, and what tidies up after jobs."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from api import beside
from gis.jobs.files import KEPT_S, export_of, remove_old, remove_upload, upload_of
from gis.settings import Settings
from tests.working import until

PROGRAM = "import os, sys, time; print(os.getpid(), file=open(sys.argv[1], 'a'), flush=True); time.sleep(60)"


def test_a_worker_that_dies_is_started_again_and_stopped_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "started"
    told.touch()
    monkeypatch.setattr(beside, "COMMAND", (sys.executable, "-c", PROGRAM, str(told)))
    monkeypatch.setattr(beside, "_AGAIN_S", 0.05)
    with beside.worker_beside():
        until(lambda: len(told.read_text().split()) == 1, "not started")
        os.kill(int(told.read_text()), signal.SIGKILL)
        until(lambda: len(told.read_text().split()) == 2, "not started again")
    for number in told.read_text().split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(number), 0)
    assert len(told.read_text().split()) == 2


def test_files_of_jobs_are_removed_after_a_day(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    old, new, ended = uuid4(), uuid4(), uuid4()
    kept = [export_of(settings, new, ".gpkg"), upload_of(settings, new, ".csv")]
    gone = [export_of(settings, old, ".gpkg"), upload_of(settings, old, ".csv")]
    for path in (*kept, *gone, upload_of(settings, ended, ".zip")):
        path.touch()
    for path in gone:
        os.utime(path, (path.stat().st_mtime - KEPT_S - 1.0,) * 2)
    remove_old(settings)
    remove_upload(settings, ended)
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file()) == sorted(kept)
