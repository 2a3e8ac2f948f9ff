"""Rasters: each one GeoTIFF."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table of rasters."""
    op.execute("CREATE TABLE layer.raster (layer text PRIMARY KEY, content bytea NOT NULL)")
    # Compressed already: to press them again costs time for nothing.
    op.execute("ALTER TABLE layer.raster ALTER COLUMN content SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Forget the rasters and that they were loaded."""
    op.execute("DROP TABLE layer.raster")
    op.execute("DELETE FROM meta.layer_version WHERE layer IN ('ground_conductivity', 'ground_temperature')")
