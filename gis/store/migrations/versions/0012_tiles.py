"""A table of rendered tiles."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make it: not logged, as tiles can be rendered again, and not compressed a second time."""
    op.execute(
        "CREATE UNLOGGED TABLE meta.tile ("
        "layer text, scenario text, version text, form text, z integer, x integer, y integer, "
        "body bytea NOT NULL, PRIMARY KEY (layer, scenario, version, form, z, x, y))"
    )
    op.execute("ALTER TABLE meta.tile ALTER COLUMN body SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE meta.tile")
