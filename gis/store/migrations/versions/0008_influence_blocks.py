"""How far a block of influences reaches, beside what it holds."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the table of influences anew: the next run works out all parcels and fills it."""
    op.execute("DROP TABLE result.influence")
    op.execute(
        "CREATE TABLE result.influence (block integer PRIMARY KEY, parcel_count integer NOT NULL, "
        "layers text[] NOT NULL, reach double precision[] NOT NULL, content bytea NOT NULL)"
    )
    # Hardly to be pressed: to try costs time for nothing.
    op.execute("ALTER TABLE result.influence ALTER COLUMN content SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Go back to blocks that tell nothing of their reach."""
    op.execute("DROP TABLE result.influence")
    op.execute("CREATE TABLE result.influence (block integer PRIMARY KEY, content bytea NOT NULL)")
    op.execute("ALTER TABLE result.influence ALTER COLUMN content SET STORAGE EXTERNAL")
