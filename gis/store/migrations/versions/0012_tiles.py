"""A table of rendered tiles."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make it, not compressed a second time.

    It was made unlogged at first. A server that is killed while it makes an unlogged table may not start
    again: an index of it can be left without its contents, which recovery takes for a file in its way.
    """
    op.execute(
        "CREATE TABLE meta.tile ("
        "layer text, scenario text, version text, form text, z integer, x integer, y integer, "
        "body bytea NOT NULL, PRIMARY KEY (layer, scenario, version, form, z, x, y))"
    )
    op.execute("ALTER TABLE meta.tile ALTER COLUMN body SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE meta.tile")
