"""Where new sources are worth most, in the database: written whole, scenario by scenario, and read again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import sqlalchemy as sa

from gis.errors import NotFoundError
from gis.store import audit
from gis.store.connection import clear_errors
from gis.store.loading import claim
from gis.store.matches import append
from gis.store.records import MatchRecord
from gis.store.store import Store
from gis.store.tables import SITE, SITING


@dataclass(frozen=True)
class SitingRecord(MatchRecord):
    """Where new sources are worth most, the last answer for a scenario; `plan` is what was asked for.

    The rest is as of a matching run; `settings` is the scenario as it was then.
    """

    plan: dict[str, Any]


_RECORD = tuple(SitingRecord.__dataclass_fields__)


def save_sites(store: Store, record: SitingRecord, places: pd.DataFrame) -> SitingRecord:
    """Put sites in the place of the last of their scenario, and return their record as saved.

    `places` has the columns of `gis.matching.columns.SITE_COLUMNS`. Raises BusyError while others are saved.
    """
    values = {name: getattr(record, name) for name in _RECORD}
    if record.finished_at is None:
        del values["finished_at"]
    with clear_errors("Saving the sites failed"), store.engine.begin() as connection:
        claim(connection, "sites", "Other sites are being saved: try again when that has finished.")
        for table in (SITE, SITING):
            connection.execute(table.delete().where(table.c.scenario == record.scenario))
        append(connection, SITE, places, record.scenario)
        audit.write(connection, "site", record.scenario, plan=record.plan)
        saved = connection.execute(SITING.insert().values(values).returning(SITING.c.finished_at))
        made = replace(record, finished_at=saved.scalar_one())
        store.fit_access(connection)
    return made


def sitings(store: Store) -> list[SitingRecord]:
    """Return the last answer of every scenario to where new sources are worth most, by their names."""
    query = sa.select(*(SITING.c[name] for name in _RECORD)).order_by(SITING.c.scenario)
    with clear_errors("Reading the sites failed"), store.engine.connect() as connection:
        return [SitingRecord(**row._mapping) for row in connection.execute(query)]


def sites_of(store: Store, scenario: str) -> tuple[SitingRecord, pd.DataFrame]:
    """Return the sites of a scenario with all their candidates; NotFoundError where there are none.

    The chosen come first by rank, then the others by id, the excluded last.
    """
    columns = [c for c in SITE.columns if c.name != "scenario"]
    order = (SITE.c.exclusion.is_not(None), SITE.c.rank.nulls_last(), SITE.c.site_id.collate("C"))
    with clear_errors("Reading the sites failed"), store.engine.begin() as connection:
        # Both statements see the same moment.
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        query = sa.select(*(SITING.c[name] for name in _RECORD)).where(SITING.c.scenario == scenario)
        row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFoundError(
                f"There are no sites for the scenario {scenario!r}; `onemap site` finds some."
            )
        found = connection.execute(sa.select(*columns).where(SITE.c.scenario == scenario).order_by(*order))
        places = pd.DataFrame([tuple(one) for one in found], columns=[c.name for c in columns])
    return SitingRecord(**row._mapping), places
