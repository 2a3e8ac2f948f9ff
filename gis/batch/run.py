"""Scoring files of parcels into files of verdicts, in as little memory as a batch takes."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from gis.batch.folder import Engine, Progress, clear_errors, into_folder, refuse_filled, tell
from gis.batch.judge import Work, judged, numbered
from gis.batch.parcels import SUFFIX, ParcelFiles, open_parcels
from gis.batch.repeated import refuse_repeated
from gis.batch.table import Counts, TableWriter
from gis.batch.world import World
from gis.compiled import workers
from gis.errors import UsageError
from gis.flow import in_order
from gis.resources import Resources
from gis.rules import RuleSet
from gis.writing import replacing


@dataclass(frozen=True, eq=False)
class FileRun:
    """What scoring of files came to.

    counts   parcels by recommended technology and status, None where nothing is recommended
    files    what was written
    resumed  parcels whose verdicts an earlier, interrupted run had left
    """

    counts: Counts
    files: tuple[Path, ...]
    resumed: int = 0

    @property
    def parcel_count(self) -> int:
        """Number of parcels."""
        return sum(self.counts.values())


def score_files(
    parcels: str | Path,
    resources: Resources,
    ruleset: RuleSet,
    out: str | Path,
    *,
    engine: Engine = "local",
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> FileRun:
    """Score parcels of GeoParquet files into GeoParquet, without holding them in memory.

    Parameters
    ----------
    parcels : a GeoParquet file, or a folder of them, in the form of the layer `parcel` (its column names,
        EPSG:4548), with row groups of some 100,000 parcels and in spatial order at best.
    resources : layers and rasters around them.
    ruleset : the rules.
    out : a file that ends in `.parquet`, written whole or not at all; or a new folder of one file a part.
        One row a parcel in the order read: `parcel_id`, the columns of `gis.vocabulary.VERDICTS`, `geometry`.
    engine : `local` uses the cores of this machine, `dask` a cluster, into a folder. The bytes are the same.
    scheduler : address of a running Dask scheduler, whose workers see `parcels` and `out` under the same
        paths; by default `dask` starts one worker a core on this machine.
    progress : called with parcels done, parcels in all, and what is being done.

    A run into a folder that was interrupted leaves the parts that it finished beside `out`; the same call
    goes on from there. Other parcels, rules, resources or another version of the program begin anew.

    Raises
    ------
    InputError
        A file cannot be read, has another form, or holds a parcel that an import would refuse; `out` is
        there already and not an empty folder, or cannot be written.
    UsageError
        A cluster is asked for a single file.
    BusyError
        Another run writes into the same folder at this moment.
    """
    target = Path(out)
    files = open_parcels(Path(parcels).absolute(), resources.crs)
    single = target.suffix.lower() == SUFFIX
    if single and engine == "dask":
        raise UsageError(f"{target}: a cluster writes a folder of files; give the name of a new folder.")
    if not single:
        refuse_filled(target)
    tell(progress, 0, files.count, "reading parcel ids")
    with ThreadPoolExecutor(1) as beside:
        checked = beside.submit(refuse_repeated, files)
        world = World.of(resources, ruleset) if single else None
        checked.result()
    with clear_errors(target):
        if world is not None:
            return _into_file(files, world, target, progress)
        counts, resumed = into_folder(files, resources, ruleset, target, engine, scheduler, progress)
        return FileRun(counts, tuple(sorted(target.glob(f"*{SUFFIX}"))), resumed)


def _into_file(files: ParcelFiles, world: World, target: Path, progress: Progress | None) -> FileRun:
    """Judge batches on all cores and write them in their order into one file."""

    def coming() -> Generator[Work]:
        yield from chain.from_iterable(numbered(part, files.geometry) for part in files.parts)

    done = 0
    with (
        replacing(target) as temporary,
        TableWriter(temporary, files.crs, world.said) as writer,
        workers() as pool,
        closing(in_order(pool, partial(judged, world=world), coming())) as results,
    ):
        for table, shapes, counts in results:
            writer.add(table, shapes, counts)
            done += len(table)
            tell(progress, done, files.count, "scoring parcels")
    return FileRun(writer.counts, (target,))
