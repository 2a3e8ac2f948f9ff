"""Verdicts as a folder of one file a part, worked out here or on a cluster; a stop loses no finished part."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from gis.batch.cluster import on_cluster
from gis.batch.judge import part_file, write_part
from gis.batch.parcels import ParcelFiles, Part
from gis.batch.table import Counts, counts_of
from gis.batch.world import World, digests, keep
from gis.compiled import workers
from gis.errors import BusyError, InputError
from gis.resources import Resources
from gis.rules import RuleSet
from gis.staleness import software
from gis.writing import write_text

Engine = Literal["local", "dask"]
Progress = Callable[[int, int, str], None]
RUN = "_run.json"
"""Tells what a folder of verdicts came from; readers of Parquet pass over a name that begins so."""
PARTS, LOCK = "parts", "lock"


def into_folder(
    files: ParcelFiles,
    resources: Resources,
    ruleset: RuleSet,
    target: Path,
    engine: Engine,
    scheduler: str | None,
    progress: Progress | None,
) -> tuple[Counts, int]:
    """Write the folder in one piece; return the counts, and how many parcels were there from before a stop.

    What is unfinished lies beside it, under a hidden name.
    """
    unfinished = target.absolute().parent / f".{target.name}.unfinished"
    with _claimed(unfinished):
        tell(progress, 0, files.count, "preparing the run")
        told = _told(files, resources, ruleset)
        left = _left(files, told, unfinished)
        resumed = files.count - sum(part.rows for part in left)
        if left:
            world, done = World.of(resources, ruleset), resumed
            if engine == "dask":
                keep(world, unfinished)
                finished = on_cluster(left, files, unfinished, _digest(told), scheduler)
            else:
                finished = _here(left, files, world, unfinished / PARTS)
            del world
            for rows in finished:
                done += rows
                tell(progress, done, files.count, "scoring parcels")
        counts = _finish(files, unfinished / PARTS, target)
        shutil.rmtree(unfinished)
    return counts, resumed


def refuse_filled(target: Path) -> None:
    """Raise InputError where something else than an empty folder is there."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target} is there already and not an empty folder: choose another name.")


@contextmanager
def clear_errors(target: Path) -> Iterator[None]:
    """Turn what goes wrong in writing into one sentence that names the place."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        said = getattr(error, "strerror", None) or error
        raise InputError(f"{target} cannot be written: {said}.") from error


@contextmanager
def _claimed(unfinished: Path) -> Iterator[None]:
    """Keep other runs into the same folder away; the system lets go of the lock however the program ends."""
    unfinished.mkdir(parents=True, exist_ok=True)
    with (unfinished / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(
                f"Another run writes into {unfinished} at this moment; wait for its end."
            ) from error
        yield


def _told(files: ParcelFiles, resources: Resources, ruleset: RuleSet) -> dict[str, Any]:
    """Return all that the bytes of the verdicts follow from."""
    return {
        "parcels": files.digests(),
        "parts": [part.rows for part in files.parts],
        "ruleset": ruleset.told(),
        "crs": resources.crs,
        "resources": digests(resources),
        "data_versions": dict(resources.versions),
        "software": f"{software('batch')}, pyarrow {pa.__version__}",
    }


def _digest(told: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _left(files: ParcelFiles, told: dict[str, Any], unfinished: Path) -> list[Part]:
    """Return the parts to be worked out; those that a run with other inputs left are removed."""
    parts, text = unfinished / PARTS, json.dumps(told, ensure_ascii=False, indent=1) + "\n"
    run = parts / RUN
    if not (run.is_file() and run.read_text(encoding="utf-8") == text):
        shutil.rmtree(parts, ignore_errors=True)
        write_text(run, text)
    return [part for part in files.parts if not part_file(parts, part).is_file()]


def _here(left: list[Part], files: ParcelFiles, world: World, parts: Path) -> Iterator[int]:
    """Work parts out on all cores, and yield how many parcels each has."""
    write = partial(write_part, geometry=files.geometry, crs=files.crs, world=world, folder=parts)
    with workers() as pool:
        try:
            for future in as_completed([pool.submit(write, part) for part in left]):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _finish(files: ParcelFiles, parts: Path, target: Path) -> Counts:
    """Put the folder in its place, without what killed workers left in it, and return its counts."""
    wanted = {part_file(parts, part) for part in files.parts}
    for path in parts.iterdir():
        if path not in wanted and path.name != RUN:
            path.unlink()
    counts: Counts = Counter()
    for path in wanted:
        counts.update(counts_of(path))
    parts.chmod(0o755)
    os.replace(parts, target)
    return counts


def tell(progress: Progress | None, done: int, total: int, label: str) -> None:
    """Tell how far a run is, where somebody asks."""
    if progress:
        progress(done, total, label)
