"""Where new sources are worth most, in the database: written whole, scenario by scenario, and read again."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import sqlalchemy as sa

from gis.errors import NotFoundError
from gis.store.loading import claim
from gis.store.matches import append
from gis.store.records import SitingRecord
from gis.store.tables import SITE, SITING

_RECORD = tuple(SitingRecord.__dataclass_fields__)


def write(connection: sa.Connection, record: SitingRecord, places: pd.DataFrame) -> SitingRecord:
    """Put an answer in the place of the one of its scenario, in the caller's transaction; return it as saved.

    `places` has exactly the columns of `SITE` but `scenario`. Raises BusyError while another one is saved.
    """
    claim(connection, "sites", "Other sites are being saved: try again when that has finished.")
    remove(connection, record.scenario)
    append(connection, SITE, places, record.scenario)
    values = {name: getattr(record, name) for name in _RECORD}
    if record.finished_at is None:
        del values["finished_at"]
    saved = connection.execute(SITING.insert().values(values).returning(SITING.c.finished_at)).scalar_one()
    return replace(record, finished_at=saved)


def remove(connection: sa.Connection, scenario: str) -> None:
    """Remove the answer for a scenario, where there is one."""
    connection.execute(SITE.delete().where(SITE.c.scenario == scenario))
    connection.execute(SITING.delete().where(SITING.c.scenario == scenario))


def latest(connection: sa.Connection) -> list[SitingRecord]:
    """Return the answers for all scenarios, by their names."""
    query = sa.select(*(SITING.c[name] for name in _RECORD)).order_by(SITING.c.scenario)
    return [SitingRecord(**row._mapping) for row in connection.execute(query)]


def one(connection: sa.Connection, scenario: str) -> SitingRecord:
    """Return the answer for a scenario; NotFoundError where there is none."""
    query = sa.select(*(SITING.c[name] for name in _RECORD)).where(SITING.c.scenario == scenario)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFoundError(f"There are no sites for the scenario {scenario!r}; `onemap site` finds some.")
    return SitingRecord(**row._mapping)


def places(connection: sa.Connection, scenario: str) -> pd.DataFrame:
    """Return the candidates of a scenario: the chosen ones by rank, then the others, the excluded last."""
    columns = [c for c in SITE.columns if c.name != "scenario"]
    out = SITE.c.exclusion.is_not(None)
    order = (out, SITE.c.rank.nulls_last(), SITE.c.site_id.collate("C"))
    query = sa.select(*columns).where(SITE.c.scenario == scenario).order_by(*order)
    rows = [tuple(row) for row in connection.execute(query)]
    return pd.DataFrame(rows, columns=[c.name for c in columns])
