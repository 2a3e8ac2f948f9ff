"""Parts worked out by the workers of a Dask cluster, on this machine or on others that see the same files.

A task reads its part and writes its file by itself; nothing but numbers goes through the scheduler. What all
are judged by lies in a file that the workers of a machine share, so that workers may come and go: the part of
one that is lost is begun anew elsewhere, and gives the same bytes.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gis.batch.judge import write_part
from gis.batch.parcels import ParcelFiles, Part
from gis.batch.world import kept
from gis.compiled import CORES, workers
from gis.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

REACHED_S = 10
"""How long a scheduler is waited for."""
LOSSES = 5
"""How many workers may be lost with one part before it is given up."""


def on_cluster(
    left: Sequence[Part],
    files: ParcelFiles,
    unfinished: Path,
    digest: str,
    scheduler: str | None,
) -> Iterator[int]:
    """Work parts out on a cluster, and yield how many parcels each has.

    Raises InputError where the scheduler is not reached or has no workers, where one of these does not see
    the files or runs another version of the program, and where workers are lost again and again.
    """
    from distributed import KilledWorker, as_completed

    with _client(scheduler, unfinished) as client:
        task = (files.geometry, files.crs, unfinished, digest)
        futures = [
            client.submit(_work_out, part, *task, key=f"part-{part.number}-{digest[:12]}", pure=False)
            for part in left
        ]
        try:
            for future in as_completed(futures, loop=client.loop):
                yield future.result()
        except KilledWorker as error:
            raise InputError(
                "Workers were lost with one and the same part again and again, most likely for want of "
                "memory: start fewer on a machine, or bring the parcels into smaller row groups."
            ) from error
        finally:
            client.cancel(futures, force=True)


def _work_out(part: Part, geometry: str, crs: Any, unfinished: Path, digest: str) -> int:
    if not unfinished.is_dir():
        raise InputError(
            f"A worker does not see {unfinished.parent}; "
            "parcels and verdicts must lie where all machines see them."
        )
    world = kept(unfinished, digest)
    # In a thread that shares nothing out further: every worker has one core.
    with workers() as pool:
        return pool.submit(write_part, part, geometry, crs, world, unfinished / "parts").result()


@contextmanager
def _client(scheduler: str | None, unfinished: Path) -> Iterator[Client]:
    """Give a client of a running scheduler, or of a cluster with one worker a core on this machine."""
    import dask
    from distributed import Client, LocalCluster, Security

    quiet = logging.CRITICAL  # what goes wrong is told in our words
    logging.getLogger("distributed").setLevel(quiet)
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=REACHED_S, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"There is no Dask scheduler at {scheduler}.") from error
        with client:
            try:
                client.wait_for_workers(1, timeout=REACHED_S)
            except TimeoutError as error:
                raise InputError(f"The Dask scheduler at {scheduler} has no workers; start some.") from error
            yield client
        return
    settings = {"distributed.scheduler.allowed-failures": LOSSES}
    here = {
        "n_workers": CORES,
        "threads_per_worker": 1,
        "host": "127.0.0.1",
        "dashboard_address": "127.0.0.1:0",
        "protocol": "tls://",
        "security": Security.temporary(),  # who else works on this machine has no say in the cluster
        "local_directory": str(unfinished / "scratch"),
    }
    with dask.config.set(settings), _deaf_to_ctrl_c():
        cluster = LocalCluster(**here, silence_logs=quiet)
    with cluster, Client(cluster, set_as_default=False) as client:
        yield client


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Let threads that begin in here, and all processes that they start, leave Ctrl-C to this program.

    A terminal sends it to every process; workers would each complain of it, and end before they are told to.
    """
    # Started later, by the thread that starts the workers, it would open that thread's ears again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
