"""Age, number and change of a layer, and where its features come from."""

from __future__ import annotations

import datetime as dt

from psycopg import sql

from gis.health.findings import DateSpan, Fault, Outcome, SourceCount, not_checked
from gis.health.loaded import Held, Loaded, share
from gis.periods import BEIJING_TIME

OLD_DAYS = 366
"""Days after which a load, and a measurement, is told to be old."""
MOST_SOURCES = 5
LOST_FRAC = 0.1
"""Share of the features that may go with a new version without being told."""


def old_load(at: Held) -> Outcome:
    """The layer was loaded long ago."""
    days = age_days(at)
    faults = [Fault(1, values={"days": days, "limit": OLD_DAYS})] if days > OLD_DAYS else []
    return Outcome(1, faults)


def age_days(at: Held) -> int:
    """Return the whole days since the version was loaded."""
    return max(0, (at.now - at.version.loaded_at).days)


def empty(at: Held) -> Outcome:
    """The layer is loaded and holds nothing."""
    return Outcome(1, [] if at.version.feature_count else [Fault(1)])


def date_spans(at: Loaded) -> tuple[DateSpan, ...]:
    """Return the first and last value of every field of days or times that has any."""
    spans = []
    for field in at.spec.fields:
        if field.type in ("date", "timestamp") and at.filled[field.name]:
            name = {"field": sql.Identifier(field.name)}
            [(first, last)] = at.rows("SELECT min({field}), max({field}) FROM {table}", name)
            spans.append(DateSpan(field=field.name, title=field.title, first=first, last=last))
    return tuple(spans)


def old_measurements(at: Loaded) -> Outcome | None:
    """The newest measurement is old; days, such as that from which a document holds, are none."""
    measured = [f.name for f in at.spec.fields if f.type == "timestamp"]
    if not measured:
        return None
    spans = [span for span in date_spans(at) if span.field in measured]
    if not spans:
        return not_checked("没有监测时间", "no time of measurement is told")
    faults = []
    for span in spans:
        days = (_present(at) - span.last).days if isinstance(span.last, dt.datetime) else 0
        if days > OLD_DAYS:
            values = {"field": span.title, "newest": span.last.strftime("%Y-%m-%d"), "days": days}
            faults.append(Fault(1, values=values, field=span.field))
    return Outcome(len(spans), faults)


def future_measurements(at: Loaded) -> Outcome | None:
    """Measurements that are later than the check."""
    measured = [f for f in at.spec.fields if f.type == "timestamp"]
    if not measured:
        return None
    faults = []
    for field in measured:
        name = {"field": sql.Identifier(field.name)}
        count, ids, _ = at.failing("{field} > %(now)s", name, now=_present(at) + dt.timedelta(hours=1))
        if count:
            faults.append(Fault(count, ids, {"field": field.title}, field.name))
    return Outcome(sum(at.filled[f.name] for f in measured), faults)


def _present(at: Held) -> dt.datetime:
    """Return the time of the check as layers hold times: Beijing time without a zone."""
    return at.now.astimezone(BEIJING_TIME).replace(tzinfo=None)


def lost(at: Loaded) -> Outcome | None:
    """More features are gone than `LOST_FRAC` of those of the version before."""
    change = at.change
    if change is None:
        return None
    gone = change.removed_count
    if gone is None:
        # What went is not known: at least as many as there are fewer.
        gone = max(0, change.before_count - at.count)
    if gone <= LOST_FRAC * change.before_count:
        return Outcome(change.before_count)
    values = {"before": change.before_count, "after": at.count, "share": share(gone / change.before_count)}
    return Outcome(change.before_count, [Fault(gone, values=values)])


def synthetic_count(at: Loaded) -> int:
    """Return how many features say that they are synthetic."""
    [(count,)] = at.rows("SELECT count(*) FILTER (WHERE synthetic) FROM {table}", {})
    return int(count)


def sources(at: Loaded) -> tuple[SourceCount, ...]:
    """Return the sources that most features name, the most frequent first."""
    rows = at.rows(
        "SELECT nullif(source, ''), count(*) FROM {table} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %(most)s",
        {},
        most=MOST_SOURCES,
    )
    return tuple(SourceCount(source=source, feature_count=count) for source, count in rows)


def synthetic(at: Loaded) -> Outcome:
    """Features that say that they are synthetic."""
    count, ids, _ = at.failing("synthetic", {})
    faults = [Fault(count, ids, {"share": share(count / at.count)})] if count else []
    return Outcome(at.count, faults)


def sourceless(at: Loaded) -> Outcome:
    """Features that name no source."""
    count, ids, _ = at.failing("coalesce(source, '') = ''", {})
    return Outcome(at.count, [Fault(count, ids)] if count else [])
