"""`onemap store`: the database behind the map, its backups and its schema."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from api.progress import bar, say
from gis.errors import StoreError, UsageError
from gis.settings import Settings
from gis.store import Cluster, ClusterStatus, open_store
from gis.store.backup import back_up, manifest_of, quiet
from gis.store.migrate import HEAD
from gis.store.restore import restore as restore_backup
from gis.store.standing import Standing, standing

store_app = typer.Typer(help="Start, stop, back up and look after the database.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(store_app, name="store")


def _cluster() -> Cluster:
    settings = Settings()
    if settings.database_url:
        raise UsageError(
            "ONEMAP_DATABASE_URL points at a database of its own: only the embedded store is started here."
        )
    return Cluster(settings.data_dir)


@store_app.command()
def start() -> None:
    """Start the embedded database and leave it running."""
    cluster = _cluster()
    cluster.keep()
    with open_store(Settings()):
        say(f"The store in {cluster.data_dir} runs; `onemap store stop` stops it", file=sys.stdout)


@store_app.command()
def stop() -> None:
    """Stop the embedded database."""
    cluster = _cluster()
    cluster.stop()
    say(f"The store in {cluster.data_dir} is stopped", file=sys.stdout)


@store_app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
) -> None:
    """Say where the store is, what runs it, its schema and what it holds; nothing is changed.

    An embedded server that is stopped runs for as long as the question takes.
    """
    settings = Settings()
    cluster = None if settings.database_url else Cluster(settings.data_dir).status()
    found = None
    if cluster is None or cluster.postgresql is not None:
        with open_store(settings, migrate=False) as store:
            found = standing(store.engine)
    if as_json:
        document = {"embedded": _embedded(cluster), "store": found and found.model_dump(mode="json")}
        say(json.dumps(document, ensure_ascii=False, indent=2), file=sys.stdout)
        return
    if cluster is not None:
        runs = f"runs (process {cluster.pid})" if cluster.running else "is stopped"
        told = runs if found else "is not there yet: it is made by the first command that uses it"
        say(f"The embedded store in {cluster.home} {told}", file=sys.stdout)
    for line in _lines(found) if found else []:
        say(line, file=sys.stdout)


def _embedded(cluster: ClusterStatus | None) -> dict[str, object] | None:
    if cluster is None:
        return None
    return {"folder": str(cluster.home), "running": cluster.running, "process": cluster.pid}


def _lines(found: Standing) -> list[str]:
    postgis = f"PostGIS {found.postgis}" if found.postgis else "no PostGIS yet"
    lines = [
        f"Database {found.database}: PostgreSQL {found.postgresql}, {postgis}, {found.bytes / 1e6:,.0f} MB"
    ]
    if found.schema_revision is None:
        return [*lines, "It holds no store of OneMap yet"]
    if not found.known:
        newer = f"Schema {found.schema_revision}, which this OneMap does not know: use a newer OneMap"
        return [*lines, newer]
    newest = found.schema_revision == found.newest_revision
    after = "the newest" if newest else f"the newest is {found.newest_revision}: `onemap store upgrade`"
    lines.append(f"Schema {found.schema_revision}, {after}")
    layers, run = found.layers or {}, found.latest_run
    lines += [f"{name:28} {one.feature_count:>11,}  v{one.version}" for name, one in layers.items()]
    if not layers:
        lines.append("No layer is loaded")
    if run is None:
        return [*lines, "Nothing is scored"]
    scored = f"{run.parcel_count:,} parcels are scored with rule set {run.ruleset_id} as of {run.as_of}"
    return [*lines, f"{scored} (run {run.run_id}, {run.finished_at:%Y-%m-%d %H:%M %Z})"]


@store_app.command()
def upgrade() -> None:
    """Bring the database to the newest schema, as every command does that opens it."""
    with open_store(Settings(), migrate=False) as before:
        was = standing(before.engine)
        began = time.monotonic()
        with open_store(Settings()) as store:
            took_s, run = time.monotonic() - began, store.latest_run()
    if was.schema_revision == HEAD:
        say(f"The schema is {HEAD}, the newest already: nothing was to be done", file=sys.stdout)
    elif was.schema_revision is None:
        say(f"There was no store yet: one of schema {HEAD} was made in {took_s:.1f} s", file=sys.stdout)
    else:
        say(f"The schema went from {was.schema_revision} to {HEAD} in {took_s:.1f} s", file=sys.stdout)
    if was.latest_run is not None and run is None:
        say("The results lacked what is told now and are gone: run `onemap score`", file=sys.stdout)


@store_app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="New file for the dump; FILE.json tells what is in it.")],
) -> None:
    """Write the store as of now into a file, while it is in use.

    The file is a dump of PostgreSQL in its custom format with all layers, results, rules, keys and logs;
    its manifest has the SHA-256, and rows and checksum of every table. Only its owner may read it.
    """
    settings = Settings()
    if not settings.database_url and Cluster(settings.data_dir).status().postgresql is None:
        raise StoreError(f"There is no store in {settings.data_dir.resolve()} to back up.")
    with open_store(settings, migrate=False) as store, bar() as progress:
        told = back_up(store.engine, file, progress or quiet)
    say(
        f"{told.rows:,} rows of {len(told.tables)} tables, schema {told.schema_revision}, are in {file} "
        f"({told.bytes / 1e6:,.1f} MB); {manifest_of(file).name} belongs to it",
        file=sys.stdout,
    )


@store_app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="Dump that `onemap store backup` wrote.")],
) -> None:
    """Bring a backup into an empty store: all of it, compared with its manifest, or nothing.

    Empty is a database without a store, or a store in which nothing was ever stored. A backup of an
    earlier schema is upgraded.
    """
    settings = Settings()
    with open_store(settings, migrate=False) as store, bar() as progress:
        told = restore_backup(store.engine, file, settings.layer_access, progress or quiet)
    upgraded = "" if told.schema_revision == HEAD else f"; schema {told.schema_revision} is now {HEAD}"
    say(
        f"The store is that of {told.made_at:%Y-%m-%d %H:%M %Z}: {told.rows:,} rows of {len(told.tables)} "
        f"tables are as {manifest_of(file).name} tells{upgraded}",
        file=sys.stdout,
    )
