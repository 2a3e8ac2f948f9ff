"""Versions: every load, edit, rule set and run, in the order in which they came into force."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa

from gis.errors import InputError
from gis.periods import BEIJING_TIME
from gis.store.migrate import LOCK_SPACE
from gis.store.records import LayerVersion
from gis.store.tables import LAYER_VERSION
from layers import LAYERS, RASTERS

Kind = Literal["import", "edit", "rules", "run"]

_STAMP = """
SELECT greatest(clock_timestamp(), max(at) + interval '1 microsecond') FROM (
    SELECT max(loaded_at) AS at FROM meta.layer_version
    UNION ALL SELECT max(finished_at) FROM meta.run
) AS before
"""
_LOG = """
SELECT * FROM (
    SELECT loaded_at AS at, CASE mode WHEN 'edit' THEN 'edit' ELSE 'import' END AS kind, layer AS target,
        version AS number, author, source_name, source_sha256, feature_count, change_count, undoable AS kept
    FROM meta.layer_version
    UNION ALL SELECT saved_at, 'rules', id, NULL, author, NULL, hash, NULL, NULL, true FROM meta.ruleset
    UNION ALL SELECT finished_at, 'run', ruleset_id, run_id, author, NULL, ruleset_hash, parcel_count,
        scored_count, whole IS NOT NULL
    FROM meta.run
) AS log
WHERE target = ANY(:targets) AND (CAST(:before AS timestamptz) IS NULL OR at < :before)
ORDER BY at DESC, kind, target LIMIT :most
"""


@dataclass(frozen=True)
class Version:
    """One line of the log of versions.

    kind           what came into force
    target         the layer or raster, or the rule set
    number         of a layer its version, of a run its id; None for rules
    author         who did it, None where that is not known
    source_sha256  of an import that of its file, of an edit that of what was sent, else the rule set's hash
    feature_count  how many features the layer then held, or parcels had results
    change_count   how many were changed, or worked out; None for a layer's first version and for rasters
    kept           whether what was before can be had
    """

    at: datetime
    kind: Kind
    target: str
    number: int | None
    author: str | None
    source_name: str | None
    source_sha256: str
    feature_count: int | None
    change_count: int | None
    kept: bool


def stamp(connection: sa.Connection) -> datetime:
    """Return the time of a version that is being made: now, and later than every version before.

    So it is whatever becomes of the clock. Until the transaction ends no other version gets a time: in
    the order of their times they came to be seen.
    """
    lock = sa.text("SELECT pg_advisory_xact_lock(:space, hashtext('versions'))")
    connection.execute(lock, {"space": LOCK_SPACE})
    at: datetime = connection.execute(sa.text(_STAMP)).scalar_one()
    return at


def log(
    connection: sa.Connection, targets: Iterable[str], most: int, before: datetime | None = None
) -> list[Version]:
    """Return the last versions of layers, rasters and rule sets, or those before a time; newest first."""
    asked = {"targets": list(targets), "most": most, "before": before}
    return [Version(**row._mapping) for row in connection.execute(sa.text(_LOG), asked)]


def layers_at(connection: sa.Connection, at: datetime) -> dict[str, LayerVersion]:
    """Return the version of every layer and raster that was in force at a time."""
    return _last(connection, LAYER_VERSION.c.loaded_at <= at)


def latest(connection: sa.Connection) -> dict[str, LayerVersion]:
    """Return the version of every layer and raster that is in force."""
    return _last(connection, sa.true())


def layers_of(connection: sa.Connection, numbers: Mapping[str, int]) -> dict[str, LayerVersion]:
    """Return versions of layers and rasters by their numbers."""
    layer, version = LAYER_VERSION.c.layer, LAYER_VERSION.c.version
    return _last(connection, sa.tuple_(layer, version).in_(list(numbers.items())))


def _last(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> dict[str, LayerVersion]:
    query = (
        sa.select(*(LAYER_VERSION.c[name] for name in LayerVersion.__dataclass_fields__))
        .distinct(LAYER_VERSION.c.layer)
        .where(condition)
        .order_by(LAYER_VERSION.c.layer, LAYER_VERSION.c.version.desc())
    )
    found = {row.layer: LayerVersion(**row._mapping) for row in connection.execute(query)}
    return {id_: found[id_] for id_ in (*LAYERS, *RASTERS) if id_ in found}


def when(text: str) -> datetime | int:
    """Return the time that a text names, or the number of a run.

    A day is its end; without a zone it is Beijing time. Raises InputError for anything else.

    >>> when("2026-03-01").isoformat()
    '2026-03-02T00:00:00+08:00'
    >>> when("2026-03-01T12:30").isoformat(), when("run 7")
    ('2026-03-01T12:30:00+08:00', 7)
    """
    if number := re.fullmatch(r"run[ :]?(\d{1,18})", text.strip()):
        return int(number[1])
    try:
        at = datetime.fromisoformat(text.strip())
        if re.fullmatch(r"\d{4}-?\d\d-?\d\d", text.strip()):
            at += timedelta(days=1)
        return at if at.tzinfo is not None else at.replace(tzinfo=BEIJING_TIME)
    except (ValueError, OverflowError):
        raise InputError(
            f"{text!r} is no time: write a day as 2026-03-01, a time as 2026-03-01T12:30, a run as `run 7`."
        ) from None


def told(at: datetime) -> str:
    """Return a time as sentences have it."""
    return f"{at.astimezone(BEIJING_TIME):%Y-%m-%d %H:%M:%S} (UTC+8)"
