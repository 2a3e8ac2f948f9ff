"""What is in a store, as digests that are the same for the same content, and what must hold of any store."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa
from psycopg import sql

from gis.store import Store, changes, grants, kept_results, open_store
from gis.store.copy import qualified, raw
from gis.store.migrate import HEAD, LOCK_SPACE
from gis.store.tables import LAYER_TABLES, LAYER_VERSION, RUN, SLOTS
from layers import LAYERS
from tests.conftest import at

APART = ("ruleset", "potential")
"""What is written for itself before the results that it belongs to: a new one may lie beside old results."""

_COLUMNS = """
    SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attname) FILTER (
        WHERE a.atttypid <> 'timestamptz'::regtype AND a.attidentity = ''
        AND a.attname NOT IN ('audit_id', 'reject_id', 'delivery_id'))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind = 'r' AND c.relname <> 'delivery'
    AND (n.nspname IN ('layer', 'meta', 'result', 'history', 'monitoring') OR c.relname = 'audit')
    GROUP BY 1, 2 ORDER BY 1, 2
"""
_PACKED = ("word", "code_list", "shared", *(slot.name for slot in SLOTS))
"""How results lie: they are compared as they are read."""
_ORPHANS = {
    "temporary tables": "SELECT count(*) FROM pg_class WHERE relpersistence = 't'",
    "prepared transactions": "SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()",
    "advisory locks": "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = "
    f"{LOCK_SPACE} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    "invalid indexes": "SELECT count(*) FROM pg_index WHERE NOT indisvalid",
    "parcels without tile, or tiles without parcel": "SELECT count(*) FROM layer.parcel p "
    "FULL JOIN result.parcel_tile t USING (parcel_id) WHERE p.geom IS NULL OR t.geom IS NULL",
    "rejected rows of no version": "SELECT count(*) FROM meta.reject r WHERE NOT EXISTS "
    "(SELECT FROM meta.layer_version v WHERE (v.layer, v.version) = (r.layer, r.version))",
    "kept results of no run": "SELECT count(*) FROM history.result r WHERE NOT EXISTS "
    "(SELECT FROM meta.run m WHERE m.run_id = r.run_id)",
    "versions with gaps": "SELECT count(*) FROM (SELECT layer FROM meta.layer_version "
    "GROUP BY layer HAVING max(version) <> count(*) OR min(version) <> 1) v",
    "times that run back": "SELECT count(*) FROM (SELECT loaded_at <= lag(loaded_at) OVER "
    "(PARTITION BY layer ORDER BY version) AS back FROM meta.layer_version UNION ALL "
    "SELECT finished_at <= lag(finished_at) OVER (ORDER BY run_id) FROM meta.run) t WHERE back",
}


@dataclass(frozen=True)
class State:
    """What a store holds, by unit; `layers` tells every layer at its version, `rows` how many rows of all."""

    units: dict[str, str]
    layers: dict[str, tuple[int, str]]
    rows: dict[str, int]

    def side(self, old: State, new: State) -> str:
        """Return whether this is the old state or the new one; otherwise what differs."""
        moved = [name for name in new.units if old.units.get(name) != new.units[name]]
        wrong = [
            n
            for n in {*self.units, *old.units, *new.units} - {*moved}
            if self.units.get(n) != old.units.get(n)
        ]
        told = {
            name: [s for s, o in (("old", old), ("new", new)) if self.units.get(name) == o.units.get(name)]
            for name in moved
        }
        wrong += [name for name, sides in told.items() if not sides]
        if wrong:
            return f"neither old nor new: {', '.join(sorted(wrong))}"
        sides = {told[name][0] for name in moved if name not in APART}
        if len(sides) > 1:
            return f"half: {told}"
        return sides.pop() if sides else "new"

    def lost(self, old: State, new: State) -> int:
        """Return how many rows are neither those of before nor those of after."""
        both = ((self.rows.get(n, 0), old.rows.get(n, 0), new.rows.get(n, 0)) for n in {*old.rows, *new.rows})
        return sum(max(0, min(before, after) - here) for here, before, after in both)


def _unit(schema: str, name: str) -> str:
    for unit, belongs in {
        "measured": schema == "monitoring",
        "potential": "ground_potential" in name,
        "match": name.startswith("match"),
        "site": name.startswith(("siting", "site")),
        "ruleset": name == "ruleset",
        "audit": name == "audit",
        "schema": name == "alembic_version",
        "results": name in ("run", "result", "influence", "parcel_row"),
    }.items():
        if belongs:
            return unit
    return "layers"


def state_of(url: sa.URL) -> State:
    """Return what a database holds; of the newest schema with results as they are read."""
    with open_store(at(url), migrate=False) as store:
        with store.engine.connect() as connection:
            tables = _tables(connection)
            newest = connection.scalar(sa.text("SELECT version_num FROM meta.alembic_version")) == HEAD
            layers = {}
            for layer, version in connection.execute(
                sa.select(LAYER_VERSION.c.layer, sa.func.max(LAYER_VERSION.c.version)).group_by(
                    LAYER_VERSION.c.layer
                )
            ):
                layers[layer] = (version, tables[f"layer.{layer}"][0] if layer in LAYERS else "")
        if newest:
            tables["results as read"] = _results(store)
    parts: dict[str, list[str]] = {}
    for name, (digest, _) in tables.items():
        schema, _, table = name.partition(".")
        parts.setdefault("results" if not table else _unit(schema, table), []).append(f"{name} {digest}")
    units = {
        unit: hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()[:12]
        for unit, found in parts.items()
    }
    return State(units, layers, {name: count for name, (_, count) in tables.items()})


def _tables(connection: sa.Connection) -> dict[str, tuple[str, int]]:
    """Return digest and number of rows of every table; times, and numbers that may have gaps, left out."""
    parts = []
    newest = connection.scalar(sa.text("SELECT version_num FROM meta.alembic_version")) == HEAD
    for schema, name, columns in raw(connection).execute(_COLUMNS).fetchall():
        if newest and schema == "result" and name in _PACKED:
            continue
        values = sql.SQL(", ").join(_value(schema, name, column) for column in columns)
        parts.append(
            sql.SQL(
                "SELECT {}, md5(coalesce(string_agg(h, '' ORDER BY h), '')), count(*) "
                "FROM (SELECT md5(ROW({})::text) AS h FROM {} t) x"
            ).format(sql.Literal(f"{schema}.{name}"), values, sql.Identifier(schema, name))
        )
    rows = raw(connection).execute(sql.SQL(" UNION ALL ").join(parts)).fetchall()
    return {name: (digest, count) for name, digest, count in rows}


def _value(schema: str, table: str, column: str) -> sql.Composable:
    if column == "run_id":
        return sql.SQL("(SELECT count(*) FROM meta.run r WHERE r.run_id <= t.run_id)")
    if (table, column) == ("audit", "detail"):
        return sql.SQL("t.detail::jsonb - 'run_id' - 'delivery_id'")
    if column == "report":
        return sql.SQL("t.report::jsonb - 'duration_s'")
    return sql.SQL("t.{}").format(sql.Identifier(column))


def _results(store: Store) -> tuple[str, int]:
    with store.engine.connect() as connection:
        ids = list(connection.scalars(sa.text("SELECT parcel_id FROM result.parcel_result ORDER BY 1")))
    return _digest(*store.result_rows(ids)), len(ids)


def _digest(*frames: pd.DataFrame) -> str:
    told = [
        (list(frame.index), frame.astype(object).where(frame.notna(), None).to_dict("list"))
        for frame in frames
    ]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def quiet(connection: sa.Connection, limit_s: float = 30.0) -> float:
    """Wait until no session but this one uses the database; return how long that took."""
    begin = time.monotonic()
    others = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    while connection.scalar(others):
        connection.rollback()
        assert time.monotonic() < begin + limit_s, "sessions of a program that is gone go on"
        time.sleep(0.01)
    connection.rollback()
    return time.monotonic() - begin


def faults(url: sa.URL, old: State) -> list[str]:
    """Return what of that which must hold of any store does not hold; `old` is what it was before."""
    with open_store(at(url), migrate=False) as store, store.engine.connect() as connection:
        if connection.scalar(sa.text("SELECT version_num FROM meta.alembic_version")) != HEAD:
            return []
        found = [what for what, query in _ORPHANS.items() if connection.scalar(sa.text(query))]
        found += [f"rights of {who} to {table}" for who, table, _ in grants._amiss(connection, {})]
        found += _counts(connection) + _undone(connection, old) + _kept(store, connection)
    return found


def _counts(connection: sa.Connection) -> list[str]:
    latest = (
        LAYER_VERSION.select()
        .distinct(LAYER_VERSION.c.layer)
        .order_by(LAYER_VERSION.c.layer, LAYER_VERSION.c.version.desc())
    )
    counted = {
        row.layer: (
            row.feature_count,
            connection.scalar(sa.select(sa.func.count()).select_from(LAYER_TABLES[row.layer])),
        )
        for row in connection.execute(latest).all()
        if row.layer in LAYER_TABLES
    }
    return [
        f"{layer} has {there} features, not {told}"
        for layer, (told, there) in counted.items()
        if told != there
    ]


def _undone(connection: sa.Connection, old: State) -> list[str]:
    """Hold layers taken back against what they were."""
    found = []
    for layer, (version, digest) in old.layers.items():
        now = connection.scalar(
            sa.select(sa.func.max(LAYER_VERSION.c.version)).where(LAYER_VERSION.c.layer == layer)
        )
        if layer in LAYERS and now != version and _at(connection, layer, version) != digest:
            found.append(f"{layer} taken back to version {version} is another")
    return found


def _at(connection: sa.Connection, layer: str, version: int) -> str:
    """Return the digest of a layer as it was at a version."""
    columns = sorted(c.name for c in LAYER_TABLES[layer].columns)
    names = sql.SQL(", ").join(sql.Identifier(name) for name in columns)
    query = sql.SQL(
        "WITH u AS ({undone}), t AS (SELECT {names} FROM u WHERE existed "
        "UNION ALL SELECT {names} FROM {table} WHERE {key} NOT IN (SELECT {key} FROM u)) "
        "SELECT md5(coalesce(string_agg(h, '' ORDER BY h), '')) "
        "FROM (SELECT md5(ROW({names})::text) AS h FROM t) x"
    ).format(
        undone=changes.undone(LAYERS[layer], version), names=names,
        table=qualified(LAYER_TABLES[layer]), key=sql.Identifier(LAYERS[layer].key),
    )  # fmt: skip
    row: Any = raw(connection).execute(query).fetchone()
    return str(row[0])


def _kept(store: Store, connection: sa.Connection) -> list[str]:
    """Hold the results against their run, and against what is kept of it."""
    run = store.latest_run()
    if run is None or run.whole is None:  # none, or one of before results were kept
        return []
    found = []
    slot = connection.scalar(sa.select(RUN.c.slot).order_by(RUN.c.run_id.desc()).limit(1))
    count = connection.scalar(sa.select(sa.func.count()).select_from(SLOTS[slot]))
    facts, verdicts = kept_results.rows(connection, run)
    if not run.parcel_count == count == len(facts):
        found.append(f"run of {run.parcel_count} parcels, {count} results, {len(facts)} kept")
    elif _digest(facts, verdicts) != _digest(*store.result_rows(list(facts.index))):
        found.append("kept results are others than the present ones")
    indexed = sa.text("SELECT count(*) FROM pg_indexes WHERE schemaname = 'result' AND tablename = :name")
    if not connection.scalar(indexed, {"name": SLOTS[slot].name}):
        found.append("results without index")
    return found
