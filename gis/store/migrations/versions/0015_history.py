"""Layers, rasters and results are kept as they were, with who made every version.

What was loaded and scored before is kept from the next change on; who did it is not known.
"""

from alembic import op

revision = "0015"
down_revision = "0014"

# The fields as they are at this revision: a declaration may change later, a migration does not.
LAYERS = (
    "parcel", "geothermal_field", "reclaimed_water_pipeline", "wastewater_plant", "data_centre",
    "water_intake_zone", "district", "township", "green_space", "shallow_geothermal_zone", "heat_network",
    "waste_heat_source", "drilling_exclusion", "heat_project",
)  # fmt: skip


def upgrade() -> None:
    """Make the schema `history` and the table of checks, and forget the log of changes it replaces."""
    op.execute("CREATE SCHEMA history")
    for layer in LAYERS:
        key = f"{layer}_id"
        op.execute(f"CREATE TABLE history.{layer} (LIKE layer.{layer})")
        op.execute(
            f"ALTER TABLE history.{layer} ADD COLUMN undone_version integer NOT NULL, "
            f"ADD COLUMN existed boolean NOT NULL, ADD PRIMARY KEY (undone_version, {key})"
        )
        op.execute(_nullable(layer, key))
    op.execute(
        "CREATE TABLE history.raster (layer text NOT NULL, undone_version integer NOT NULL, "
        "content bytea NOT NULL, PRIMARY KEY (layer, undone_version))"
    )
    op.execute(
        "CREATE TABLE history.result (run_id bigint NOT NULL, block integer NOT NULL, "
        "parcel_ids bytea NOT NULL, content bytea, PRIMARY KEY (run_id, block))"
    )
    # Compressed already.
    op.execute("ALTER TABLE history.raster ALTER COLUMN content SET STORAGE EXTERNAL")
    for column in ("parcel_ids", "content"):
        op.execute(f"ALTER TABLE history.result ALTER COLUMN {column} SET STORAGE EXTERNAL")
    op.execute(
        "ALTER TABLE meta.layer_version ADD COLUMN author text, "
        "ADD COLUMN undoable boolean NOT NULL DEFAULT false"
    )
    # Before a first version there was nothing, which is known.
    op.execute("UPDATE meta.layer_version SET undoable = true WHERE version = 1")
    op.execute("ALTER TABLE meta.ruleset ADD COLUMN author text")
    op.execute(
        "ALTER TABLE meta.run ADD COLUMN author text, ADD COLUMN whole boolean, "
        "ALTER COLUMN slot DROP NOT NULL"
    )
    op.execute(
        "CREATE TABLE meta.layer_check (layer text PRIMARY KEY, version integer NOT NULL, "
        "checked_at timestamp with time zone NOT NULL, told json NOT NULL)"
    )
    op.execute("DROP TABLE meta.layer_change")


def _nullable(layer: str, key: str) -> str:
    """Return the command that lets all but the key be empty: of a feature that was not there nothing is."""
    return f"""
        DO $$ DECLARE name text; BEGIN
            FOR name IN SELECT attname FROM pg_attribute
                WHERE attrelid = 'history.{layer}'::regclass AND attnotnull AND attnum > 0
                AND attname NOT IN ('{key}', 'undone_version', 'existed')
            LOOP EXECUTE format('ALTER TABLE history.{layer} ALTER COLUMN %I DROP NOT NULL', name); END LOOP;
        END $$"""


def downgrade() -> None:
    """Forget what was."""
    op.execute("DROP SCHEMA history CASCADE")
    op.execute("DROP TABLE meta.layer_check")
    op.execute("DELETE FROM meta.run WHERE slot IS NULL")
    op.execute("ALTER TABLE meta.run DROP COLUMN author, DROP COLUMN whole, ALTER COLUMN slot SET NOT NULL")
    op.execute("ALTER TABLE meta.ruleset DROP COLUMN author")
    op.execute("ALTER TABLE meta.layer_version DROP COLUMN author, DROP COLUMN undoable")
    op.execute(
        "CREATE TABLE meta.layer_change (layer text NOT NULL, version integer NOT NULL, "
        "feature_id text NOT NULL, existed boolean NOT NULL, exists boolean NOT NULL, "
        "before_box double precision[], after_box double precision[], "
        "PRIMARY KEY (layer, version, feature_id))"
    )
