"""Measured values of heat projects and data centres: the tables of the schema `monitoring`.

The values of a feature's variable in a calendar month (Beijing time) are one row, an array with a place for
every step of the month: 44 million hourly values are 60,000 rows. A gap is NaN in the array; counts and sums
beside it leave gaps out. `gis.store.migrations` makes the views `<layer>_value` with a row a value.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from gis.store.tables import metadata

MONITORED = ("heat_project", "data_centre")
"""Layers whose features are measured."""

YEARS = range(2010, 2041)
"""Years with a partition of their own; months before and after lie in `<layer>_block_rest`."""

_KEY = ("feature_id", "variable", "period")


def _columns(*, key: bool = True) -> list[sa.Column[Any]]:
    return [
        *(sa.Column(name, sa.Text, primary_key=key, nullable=False) for name in _KEY),
        sa.Column("month", sa.Date, primary_key=key, nullable=False),
        sa.Column("delivery_id", sa.Integer, nullable=False),
        sa.Column("value_count", sa.Integer, nullable=False),
        sa.Column("total", sa.Double, nullable=False),
        sa.Column("lowest", sa.Double),
        sa.Column("highest", sa.Double),
        sa.Column("values", sa.ARRAY(sa.Double), nullable=False),
    ]


def _block_tables(layer: str) -> sa.Table:
    whole = sa.Table(
        f"{layer}_block",
        metadata,
        *_columns(),
        schema="monitoring",
        postgresql_partition_by="RANGE (month)",
    )
    for part in (*YEARS, "rest"):
        sa.Table(f"{layer}_block_{part}", metadata, *_columns(), schema="monitoring")
    return whole


BLOCK: dict[str, sa.Table] = {layer: _block_tables(layer) for layer in MONITORED}
"""By layer a row a feature, variable, period (ISO 8601 duration) and month."""

PAIR = sa.Table(
    "heat_project_pair",
    metadata,
    sa.Column("feature_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("heat_kwh", sa.Double, nullable=False),
    sa.Column("electricity_kwh", sa.Double, nullable=False),
    sa.Column("paired_h", sa.Double, nullable=False),
    schema="monitoring",
)
"""Heat and electricity of a project in a month over the steps in which both are known."""

DELIVERY = sa.Table(
    "delivery",
    metadata,
    sa.Column("delivery_id", sa.Integer, sa.Identity(always=True), primary_key=True),
    sa.Column("sha256", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("told", sa.JSON, nullable=False),
    schema="monitoring",
)
"""What was delivered, by the digest of its content and of how it was asked to be read; `told` are counts."""

REPLACED = sa.Table(
    "replaced",
    metadata,
    sa.Column("replaced_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("delivery_id", sa.Integer, nullable=False),
    sa.Column("layer", sa.Text, nullable=False),
    *(sa.Column(name, sa.Text, nullable=False) for name in _KEY),
    sa.Column("month", sa.Date, nullable=False),
    sa.Column("values", sa.ARRAY(sa.Double), nullable=False),
    sa.Index("replaced_delivery_idx", "delivery_id"),
    schema="monitoring",
)
"""What a delivery corrected: the values as they were before, NaN where nothing was changed."""

QUARANTINE = sa.Table(
    "quarantine",
    metadata,
    sa.Column("delivery_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("row", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("variable", sa.Text, primary_key=True),
    sa.Column("layer", sa.Text, nullable=False),
    sa.Column("feature_id", sa.Text),
    sa.Column("time", sa.Text),
    sa.Column("value", sa.Text),
    sa.Column("unit", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    schema="monitoring",
)
"""Values that were not taken, as they were delivered, with the code of the reason."""
