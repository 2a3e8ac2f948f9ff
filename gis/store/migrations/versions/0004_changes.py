"""What loads change is kept until the results have followed, and how far around each parcel they look.

Runs from before have neither: the next one works out every parcel.
"""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the log of changes and the influences of results."""
    op.execute("ALTER TABLE meta.layer_version ADD COLUMN change_count bigint")
    op.execute(
        "CREATE TABLE meta.layer_change (layer text NOT NULL, version integer NOT NULL, "
        "feature_id text NOT NULL, existed boolean NOT NULL, exists boolean NOT NULL, "
        "before_box double precision[], after_box double precision[], "
        "PRIMARY KEY (layer, version, feature_id))"
    )
    op.execute("ALTER TABLE meta.run ADD COLUMN scored_count bigint, ADD COLUMN why json")
    op.execute("UPDATE meta.run SET scored_count = parcel_count, why = '[]'")
    op.execute("ALTER TABLE meta.run ALTER COLUMN scored_count SET NOT NULL, ALTER COLUMN why SET NOT NULL")
    op.execute("CREATE TABLE result.influence (block integer PRIMARY KEY, content bytea NOT NULL)")
    # Numbers that are read as a whole: to press them small costs more than to read them.
    op.execute("ALTER TABLE result.influence ALTER COLUMN content SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Forget both."""
    op.execute("DROP TABLE result.influence, meta.layer_change")
    op.execute("ALTER TABLE meta.run DROP COLUMN scored_count, DROP COLUMN why")
    op.execute("ALTER TABLE meta.layer_version DROP COLUMN change_count")
