"""Jobs, and the queue that workers take them from."""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the table of jobs, and the tables and functions of procrastinate in a schema of their own."""
    op.execute(
        "CREATE TABLE meta.job ("
        "job_id uuid PRIMARY KEY, kind text NOT NULL, caller text NOT NULL, request json NOT NULL, "
        "request_id text, state text NOT NULL, asked_at timestamptz NOT NULL DEFAULT now(), "
        "started_at timestamptz, finished_at timestamptz, step text, done bigint, total bigint, "
        "result json, error text, start_count smallint NOT NULL DEFAULT 0, queue_id bigint)"
    )
    op.execute("CREATE INDEX job_asked_idx ON meta.job (asked_at)")
    op.execute("CREATE SCHEMA job")
    connection = op.get_bind()
    before = connection.exec_driver_sql("SHOW search_path").scalar_one()
    connection.exec_driver_sql("SET LOCAL search_path TO job")
    # By the driver's own cursor: the text has percent signs and is many statements.
    connection.connection.cursor().execute(SchemaManager.get_schema())
    connection.exec_driver_sql("SELECT set_config('search_path', %s, true)", (before,))


def downgrade() -> None:
    """Forget all jobs."""
    op.execute("DROP SCHEMA job CASCADE")
    op.execute("DROP TABLE meta.job")
