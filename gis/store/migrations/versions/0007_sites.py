"""Where new sources are worth most: candidates and answers by scenario."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the tables of sites."""
    op.execute(
        "CREATE TABLE result.site ("
        "scenario text NOT NULL, site_id text NOT NULL, site_name text, technology text, "
        "rank double precision, parcel_id text, x_m double precision, y_m double precision, "
        "capacity_kw double precision, reach_m double precision, gain_kw double precision, "
        "allocated_kw double precision, allocated_mwh_per_a double precision, "
        "heated_area_m2 double precision, parcel_count double precision, "
        "mean_length_m double precision, condition text, exclusion text, "
        "PRIMARY KEY (scenario, site_id)"
        ")"
    )
    op.execute(
        "CREATE TABLE meta.siting (scenario text PRIMARY KEY, settings json NOT NULL, "
        "plan json NOT NULL, summary json NOT NULL, ruleset_id text NOT NULL, "
        "ruleset_hash text NOT NULL, as_of date NOT NULL, layer_versions json NOT NULL, "
        "finished_at timestamptz NOT NULL DEFAULT now(), software text NOT NULL)"
    )


def downgrade() -> None:
    """Forget all sites."""
    op.execute("DROP TABLE meta.siting, result.site")
