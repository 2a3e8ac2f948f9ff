"""Who may read what: keys, the log of writes and exports, and which loads are synthetic throughout."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add keys and the log, and find which present layers are synthetic."""
    op.execute("CREATE SCHEMA access")
    op.execute(
        "CREATE TABLE access.api_key (key_id text PRIMARY KEY, name text NOT NULL, role text NOT NULL, "
        "secret_sha256 bytea NOT NULL, made_at timestamptz NOT NULL DEFAULT now(), "
        "expires_at timestamptz, revoked_at timestamptz)"
    )
    op.execute(
        "CREATE TABLE access.audit (audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
        "at timestamptz NOT NULL DEFAULT now(), actor text NOT NULL, action text NOT NULL, "
        "target text NOT NULL, detail json NOT NULL, request_id text)"
    )
    op.execute("ALTER TABLE meta.layer_version ADD COLUMN synthetic boolean")
    connection = op.get_bind()
    latest = (
        "SELECT layer, max(version) FROM meta.layer_version WHERE to_regclass('layer.' || layer) IS NOT NULL"
    )
    for layer, version in connection.execute(sa.text(f"{latest} GROUP BY layer")).all():
        real = f"EXISTS (SELECT 1 FROM layer.{layer} WHERE synthetic IS NOT TRUE)"
        connection.execute(
            sa.text(
                f"UPDATE meta.layer_version SET synthetic = NOT {real} "
                "WHERE layer = :layer AND version = :version"
            ),
            {"layer": layer, "version": version},
        )


def downgrade() -> None:
    """Forget keys and the log."""
    op.execute("ALTER TABLE meta.layer_version DROP COLUMN synthetic")
    op.execute("DROP SCHEMA access CASCADE")
