"""Indexes of matching results in the order of their ids, by code points."""

from alembic import op

revision = "0013"
down_revision = "0012"

_KEYS = {
    "match_parcel": "scenario || ' ' || parcel_id",
    "match_connection": "scenario || ' ' || parcel_id || ' ' || technology || ' ' || source_layer || ' ' "
    "|| source_id",
}


def upgrade() -> None:
    """Add them, so that any page costs what the first one does."""
    for table, key in _KEYS.items():
        op.execute(f'CREATE UNIQUE INDEX {table}_order_idx ON result.{table} (({key}) COLLATE "C")')


def downgrade() -> None:
    """Drop them."""
    for table in _KEYS:
        op.execute(f"DROP INDEX result.{table}_order_idx")
