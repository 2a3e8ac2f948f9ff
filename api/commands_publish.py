"""`onemap monitor publish`: what was measured, written into the layers."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from api.progress import say
from gis.evaluation.feedback import publish as published
from gis.evaluation.ranking import ranking_rules_of, with_ranking
from gis.settings import Settings
from gis.store import open_store
from gis.store.rulesets import ruleset_of


def register(group: typer.Typer) -> None:
    """Add the command of this module to `onemap monitor`."""
    group.command()(publish)


def publish(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and write nothing.")
    ] = False,
) -> None:
    """Write measured heat and electricity into heat projects, and measured power into data centres.

    Each layer that this changes gets a new version; `onemap score` then works out what it touches.
    """
    with open_store(Settings()) as store:
        ruleset = with_ranking(ruleset_of(store, store.latest_run()))
        done = published(store, ruleset, ranking_rules_of(ruleset), dry_run=dry_run)
    for one in done:
        for value in one.values:
            say(
                f"{one.layer} {value.feature_id}: {value.field} = {value.value} ({value.of})", file=sys.stdout
            )
        count = len({value.feature_id for value in one.values})
        if not count:
            say(f"{one.layer}: nothing to change", file=sys.stdout)
        elif one.version is None:
            say(f"{one.layer}: {count:,} features would change", file=sys.stdout)
        else:
            say(f"{one.layer}: version {one.version}, {count:,} features changed", file=sys.stdout)
