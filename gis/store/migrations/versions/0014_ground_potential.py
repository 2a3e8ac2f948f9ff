"""The potential of the ground, worked out of layers and rasters: a raster of its own."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make its table; the next scoring run fills it."""
    op.execute(
        "CREATE TABLE result.ground_potential ("
        "potential_id text PRIMARY KEY, made_of text NOT NULL, "
        "made_at timestamp with time zone NOT NULL DEFAULT now(), told json NOT NULL, content bytea NOT NULL)"
    )
    # Compressed already, and read in parts.
    op.execute("ALTER TABLE result.ground_potential ALTER COLUMN content SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE result.ground_potential")
