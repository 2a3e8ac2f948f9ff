"""`onemap serve`: the main job."""

from __future__ import annotations

import gc
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import typer

from api import logs
from api.counting import counting
from api.progress import bar, say
from api.supervisor import Part, Supervisor, command, running
from gis.errors import StoreError, UsageError
from gis.rules import load_ruleset
from gis.runs import Runs, load_sample, wants_sample
from gis.settings import Settings
from gis.staleness import software
from gis.store import Store, open_store
from gis.store.embedded import Cluster

BESIDE = ("work",)
"""Commands of `onemap` that run beside the web processes, one process each, for as long as it serves."""
BESIDE_WAIT_S = 3.0
"""How much later they start: first there shall be answers."""


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(serve)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    sample: Annotated[bool, typer.Option(help="Load the sample city if the store is empty.")] = True,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Web processes [default: ONEMAP_WORKERS].")
    ] = None,
) -> None:
    """Serve the map: store up, migrated, sample loaded if empty, parcels scored."""
    settings = Settings()
    # A closed terminal stops the program in an orderly way; one started by nohup stays.
    if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    logs.configure(settings)
    # The port is taken before the long work, so that a wrong one is told at once.
    with closing(_bind(host, port)) as listener:
        say("Opening the store")
        with _held(settings), counting(settings) as forget:
            preparing = Part("preparation", _prepare, (settings, sample))
            with running(preparing, settings.stop_timeout_s):
                # The web is for this command only, and is imported while the store is prepared.
                from api.web import web

                gc.freeze()
            say(f"The map is at http://{_shown(host)}:{port} (Ctrl-C stops it)")
            served = Part("web", web, (listener, settings))
            beside = [Part(name, command, (name,), (listener,), BESIDE_WAIT_S) for name in BESIDE]
            parts = [served] * (workers or settings.workers) + beside
            Supervisor(parts, listener, settings.stop_timeout_s, forget).run()


@contextmanager
def _held(settings: Settings) -> Iterator[None]:
    """Keep the embedded cluster running, whatever processes that use it come and go."""
    if settings.database_url is not None:
        yield
        return
    cluster = Cluster(settings.data_dir)
    cluster.join()
    try:
        yield
    finally:
        cluster.leave()


def _prepare(settings: Settings, sample: bool) -> None:
    with open_store(settings) as store:
        prepare(store, sample=sample)


def prepare(store: Store, *, sample: bool) -> None:
    """Load the sample into an empty store, and have parcels scored whose results are not current.

    Where there are no results that is done at once; else a worker does it while the old ones are served, so
    that after an upgrade nobody waits for it. Raises StoreError where the database has no users that only
    read.
    """
    store.reading_as("open")
    if sample and wants_sample(store):
        say("The store has no data of its own: loading the sample city")
        with bar() as progress:
            load_sample(store, progress=progress)
    versions = store.layer_versions()
    if "parcel" not in versions:
        say("No parcels are loaded; import some with `onemap import parcel FILE` and run `onemap score`")
        return
    run = store.latest_run()
    ruleset = load_ruleset()
    present = {layer: v.version for layer, v in versions.items()}
    if run is None:
        say(f"Scoring {versions['parcel'].feature_count:,} parcels")
        with bar() as progress:
            Runs(store).score(ruleset, progress)
    elif (run.layer_versions, run.software) != (present, software()):
        say(f"The results of {run.parcel_count:,} parcels are served while new ones are made")
        from gis.jobs import ask, waiting  # with the queue, which the command line does without

        if waiting(store, "score") is None:
            ask(store, "score", {"as_of": None, "everything": False}, "serve")
    elif run.ruleset_hash != ruleset.hash:
        say(
            f"The stored results come from rule set {run.ruleset_id} ({run.ruleset_hash[:8]}, "
            f"as of {run.as_of}); `onemap score` applies the present one"
        )


def _shown(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::", "") else f"[{host}]" if ":" in host else host


def _bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address; one sentence when that is not possible."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise UsageError(f"The address {host!r} is not known on this machine.") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise StoreError(
            f"Port {port} on {host} cannot be used ({error.strerror}): stop what uses it "
            "or choose another --port."
        ) from error
    return listener
