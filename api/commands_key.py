"""`onemap key` and `onemap audit`: who may do more than look, and who did what."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from api.progress import say
from gis.access import ROLES
from gis.settings import Settings
from gis.store import audit, keys, open_store

key_app = typer.Typer(help="Make, list and revoke the keys of people and programs.", no_args_is_help=True)

_ROLES = "; ".join(
    f"{name}: reads up to {role.reads}" + (f", may {', '.join(sorted(role.rights))}" if role.rights else "")
    for name, role in ROLES.items()
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(key_app, name="key")
    app.command(name="audit")(tell)


@key_app.command()
def make(
    name: Annotated[str, typer.Argument(help="Whose key it is, as the log shall tell it.")],
    role: Annotated[str, typer.Option(help=f"What the key opens. {_ROLES}.")],
    days: Annotated[int | None, typer.Option(min=1, max=3660, help="Days that it holds.")] = None,
) -> None:
    """Make a key and print it: it is told this once, only a hash of it is kept."""
    with open_store(Settings()) as store:
        say(keys.make(store.engine, name, role, days), file=sys.stdout)


@key_app.command(name="list")
def list_() -> None:
    """List all keys, without their secrets."""
    with open_store(Settings()) as store:
        for key in keys.listed(store.engine):
            ends = f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "without end"
            state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else ends
            say(f"{key.key_id}  {key.role:<8} {key.made_at:%Y-%m-%d}  {state}  {key.name}", file=sys.stdout)


@key_app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as `onemap key list` tells it.")],
) -> None:
    """End a key for good; running servers refuse it within seconds."""
    with open_store(Settings()) as store:
        keys.revoke(store.engine, key_id)
        say(f"The key {key_id} holds no longer", file=sys.stdout)


def tell(
    last: Annotated[int, typer.Option(min=1, max=100_000, help="How many lines.")] = 50,
) -> None:
    """Tell who wrote or took out what: one JSON object a line, the newest first."""
    with open_store(Settings()) as store:
        for entry in audit.last(store.engine, last):
            line = {**entry.__dict__, "at": entry.at.isoformat()}
            say(json.dumps(line, ensure_ascii=False), file=sys.stdout)
