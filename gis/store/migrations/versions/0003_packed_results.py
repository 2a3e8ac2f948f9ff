"""Results packed into one row a parcel, and outlines for tiles that come with the parcels.

What is made from the vocabulary, the table of rows and the views over them, is made
by `gis.store.migrate` whenever the vocabulary differs, not here. Results of the wide tables
are cleared with their runs: the next `onemap serve` or `onemap score` computes them again.
"""

from importlib import import_module

from alembic import op

revision = "0003"
down_revision = "0002"

_VERSIONS = "gis.store.migrations.versions"


def upgrade() -> None:
    """Drop the wide tables, make those of words and lists, and draw the parcels."""
    op.execute("DROP TABLE result.parcel_fact, result.parcel_suitability, result.parcel_tile")
    op.execute("CREATE TABLE result.word (word_id integer PRIMARY KEY, word text NOT NULL)")
    op.execute("CREATE TABLE result.code_list (list_id integer PRIMARY KEY, codes text[] NOT NULL)")
    op.execute("TRUNCATE meta.run")
    op.execute("ALTER TABLE meta.run ADD COLUMN slot smallint NOT NULL")
    op.execute(
        "CREATE TABLE result.parcel_tile "
        "(parcel_id text PRIMARY KEY, geom geometry(MultiPolygon, 3857) NOT NULL)"
    )
    op.execute(
        "INSERT INTO result.parcel_tile SELECT parcel_id, ST_Transform(geom, 3857) "
        'FROM layer.parcel ORDER BY parcel_id COLLATE "C"'
    )
    op.execute("CREATE INDEX parcel_tile_geom_idx ON result.parcel_tile USING gist (geom)")


def downgrade() -> None:
    """Clear results and runs, and make the tables of the schema before, empty."""
    op.execute("DROP VIEW result.parcel_suitability, result.parcel_fact, result.parcel_result")
    op.execute("DROP TABLE result.parcel_row, result.word, result.code_list, result.parcel_tile")
    op.execute("DROP TABLE IF EXISTS result.shared")
    op.execute("TRUNCATE meta.run")
    op.execute("ALTER TABLE meta.run DROP COLUMN slot")
    first = import_module(f"{_VERSIONS}.0001_first_schema")._SCHEMA.split(";\n")
    for statement in (s for s in first if "result.parcel_" in s):
        op.execute(statement)
    for table, columns in import_module(f"{_VERSIONS}.0002_portfolio")._COLUMNS.items():
        added = ", ".join(f"ADD COLUMN {name} {kind}" for name, kind in columns.items())
        op.execute(f"ALTER TABLE result.{table} {added}")
