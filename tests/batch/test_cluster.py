"""A cluster gives the bytes of this machine, also when it loses workers; a stop loses no finished part."""

from __future__ import annotations

import fcntl
import os
import signal

import dask
import pandas as pd
import psutil
import pytest

import gis
from gis.batch import cluster as cluster_module
from gis.batch import score_files
from gis.batch.folder import RUN
from gis.batch.parcels import open_parcels
from gis.batch.world import World, keep, kept
from gis.errors import BusyError, InputError, UsageError
from tests.batch.test_score_files import content


@pytest.fixture(scope="module")
def cluster():
    """A scheduler with two workers, as an administrator starts them."""
    from distributed import LocalCluster

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 10}),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as started,
    ):
        yield started


def test_a_cluster_of_ones_own_gives_the_same_bytes(parcels, resources, written, tmp_path):
    source = written(parcels, 4)
    score_files(source, resources, gis.load_ruleset(), tmp_path / "here")
    run = score_files(source, resources, gis.load_ruleset(), tmp_path / "there", engine="dask")
    assert run.parcel_count == len(parcels)
    assert content(tmp_path / "there") == content(tmp_path / "here")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["here", "parcels-4", "there"]
    assert not [p for p in psutil.Process().children(recursive=True) if "nanny" in " ".join(p.cmdline())]


def test_lost_workers_change_nothing(cluster, parcels, resources, written, tmp_path):
    """Both workers are killed, one after the other, while they write."""
    source = written(
        pd.concat([parcels.assign(parcel_id=f"{i}-" + parcels["parcel_id"]) for i in range(6)]), 40
    )
    score_files(source, resources, gis.load_ruleset(), tmp_path / "here")
    killed: list[int] = []

    def kill(done: int, total: int, label: str) -> None:
        if label == "scoring parcels" and len(killed) < 2 and done >= total * (1 + len(killed)) // 4:
            workers = [w for w in cluster.workers.values() if w.pid not in killed]
            os.kill(workers[0].pid, signal.SIGKILL)
            killed.append(workers[0].pid)

    score_files(
        source, resources, gis.load_ruleset(), tmp_path / "there", engine="dask",
        scheduler=cluster.scheduler_address, progress=kill,
    )  # fmt: skip
    assert len(killed) == 2
    assert content(tmp_path / "there") == content(tmp_path / "here")


def test_a_stop_loses_no_finished_part(parcels, resources, written, tmp_path):
    source = written(parcels, 8)
    ruleset = gis.load_ruleset()
    score_files(source, resources, ruleset, tmp_path / "whole")

    def stop(done: int, total: int, label: str) -> None:
        if label == "scoring parcels" and done >= total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_files(source, resources, ruleset, tmp_path / "out", progress=stop)
    assert not (tmp_path / "out").exists()
    left = tmp_path / ".out.unfinished" / "parts"
    before = {path.name: path.stat().st_mtime_ns for path in left.glob("*.parquet")}
    assert len(before) >= 4
    (left / ".part-00007.parquet.abc").write_bytes(b"what a killed worker leaves")

    run = score_files(source, resources, ruleset, tmp_path / "out")
    assert run.resumed == sum(50 for _ in before)
    assert {p.name: p.stat().st_mtime_ns for p in run.files if p.name in before} == before
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    assert not (tmp_path / ".out.unfinished").exists()


@pytest.mark.parametrize("change", ["rules", "resources", "parcels"])
def test_other_inputs_begin_anew(change, parcels, resources, written, tmp_path):
    source, ruleset, around = written(parcels, 4), gis.load_ruleset(), resources

    def stop(done: int, total: int, label: str) -> None:
        if label == "scoring parcels":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_files(source, around, ruleset, tmp_path / "out", progress=stop)
    if change == "rules":
        ruleset = gis.WhatIf("lower", parameters={"minimum_share_frac": 0.2}).ruleset(ruleset)
    elif change == "resources":
        around = around.replace("data_centre", around.frames["data_centre"].iloc[1:])
    else:
        last = source / "003.parquet"
        parcels.iloc[300:].assign(floor_area_ratio=1.5).to_parquet(last)
    run = score_files(source, around, ruleset, tmp_path / "out")
    assert run.resumed == 0
    score_files(source, around, ruleset, tmp_path / "whole")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_two_runs_do_not_write_into_one_folder(parcels, resources, written, tmp_path):
    unfinished = tmp_path / ".out.unfinished"
    unfinished.mkdir()
    with (unfinished / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match=r"\.out\.unfinished"):
            score_files(written(parcels, 2), resources, gis.load_ruleset(), tmp_path / "out")


def test_a_folder_that_holds_something_is_left_alone(parcels, resources, written, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("kept")
    with pytest.raises(InputError, match="not an empty folder"):
        score_files(written(parcels, 2), resources, gis.load_ruleset(), out)
    assert [p.name for p in out.iterdir()] == ["mine.txt"]
    (out / "mine.txt").unlink()
    score_files(written(parcels, 3), resources, gis.load_ruleset(), out)
    assert (out / RUN).is_file()


def test_bad_parcels_of_a_worker_are_told_as_here(cluster, parcels, resources, written, tmp_path):
    source = written(parcels.assign(floor_area_ratio=[0.5] * 399 + [-3.0]), 4)
    for engine in ("local", "dask"):
        with pytest.raises(InputError, match=r"003\.parquet, row 100 .*floor_area_ratio: -3 is outside"):
            score_files(
                source, resources, gis.load_ruleset(), tmp_path / "out", engine=engine,
                scheduler=cluster.scheduler_address if engine == "dask" else None,
            )  # fmt: skip


def test_a_scheduler_that_is_not_there(parcels, resources, written, tmp_path, monkeypatch):
    monkeypatch.setattr("gis.batch.cluster.REACHED_S", 1)
    with pytest.raises(InputError, match=r"no Dask scheduler at tcp://127\.0\.0\.1:9"):
        score_files(
            written(parcels, 2), resources, gis.load_ruleset(), tmp_path / "out", engine="dask",
            scheduler="tcp://127.0.0.1:9",
        )  # fmt: skip


def test_a_scheduler_without_workers(parcels, resources, written, tmp_path, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr("gis.batch.cluster.REACHED_S", 1)
    with (
        LocalCluster(
            n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
        ) as empty,
        pytest.raises(InputError, match="has no workers; start some"),
    ):
        score_files(
            written(parcels, 2), resources, gis.load_ruleset(), tmp_path / "out", engine="dask",
            scheduler=empty.scheduler_address,
        )  # fmt: skip


def test_a_worker_that_does_not_see_the_files_says_so(parcels, written, tmp_path):
    (part,) = open_parcels(written(parcels, 1)).parts
    with pytest.raises(InputError, match="A worker does not see"):
        cluster_module._work_out(part, "geometry", None, tmp_path / "elsewhere" / ".out.unfinished", "0")


def test_a_worker_of_another_version_is_refused(resources, tmp_path, monkeypatch):
    keep(World.of(resources, gis.load_ruleset()), tmp_path)
    monkeypatch.setattr("gis.batch.world.software", lambda *_: "heat-onemap 9.9+00000000")
    with pytest.raises(InputError, match=r"a worker is heat-onemap 9\.9\+00000000; give all the same"):
        kept(tmp_path, "another version")


def test_a_cluster_writes_no_single_file(parcels, resources, written, tmp_path):
    with pytest.raises(UsageError, match="folder of files"):
        score_files(
            written(parcels, 2), resources, gis.load_ruleset(), tmp_path / "out.parquet", engine="dask"
        )
