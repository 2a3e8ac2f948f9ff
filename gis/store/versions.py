"""Versions: every load, edit, rule set and run, in the order in which they came into force."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from gis.store.migrate import LOCK_SPACE

_STAMP = """
SELECT greatest(clock_timestamp(), max(at) + interval '1 microsecond') FROM (
    SELECT max(loaded_at) AS at FROM meta.layer_version
    UNION ALL SELECT max(finished_at) FROM meta.run
) AS before
"""


def stamp(connection: sa.Connection) -> datetime:
    """Return the time of a version that is being made: now, and later than every version before.

    So it is whatever becomes of the clock. Until the transaction ends no other version gets a time: in
    the order of their times they came to be seen.
    """
    lock = sa.text("SELECT pg_advisory_xact_lock(:space, hashtext('versions'))")
    connection.execute(lock, {"space": LOCK_SPACE})
    at: datetime = connection.execute(sa.text(_STAMP)).scalar_one()
    return at
