"""Heat projects have a register, and projects and data centres have measured values."""

from alembic import op

revision = "0016"
down_revision = "0015"

# As they are at this revision.
FIELDS = (
    ("parcel_ids", "text"), ("installed_kw", "double precision"),
    ("shallow_ground_source_kw", "double precision"), ("reclaimed_water_kw", "double precision"),
    ("geothermal_kw", "double precision"), ("waste_heat_kw", "double precision"),
    ("air_source_kw", "double precision"), ("biomass_kw", "double precision"), ("new_technology", "boolean"),
    ("design_heat_mwh_per_a", "double precision"), ("design_scop", "double precision"),
    ("investor_kind", "text"), ("developer", "text"), ("investment_cny", "double precision"),
    ("new_energy_investment_cny", "double precision"), ("fund_source", "text"), ("scheme", "text"),
    ("other_support", "text"), ("applied_on", "date"), ("approved_on", "date"), ("started_on", "date"),
    ("expected_on", "date"), ("commissioned_on", "date"), ("ended_on", "date"),
)  # fmt: skip
MONITORED = ("heat_project", "data_centre")
YEARS = range(2010, 2041)
VALUES = """
    feature_id text NOT NULL, variable text NOT NULL, period text NOT NULL, month date NOT NULL,
    delivery_id integer NOT NULL, value_count integer NOT NULL, total double precision NOT NULL,
    lowest double precision, highest double precision, "values" double precision[] NOT NULL
"""


def upgrade() -> None:
    """Add the fields of the register, and the schema `monitoring`."""
    for schema in ("layer", "history"):
        for name, kind in FIELDS:
            op.execute(f"ALTER TABLE {schema}.heat_project ADD COLUMN {name} {kind}")
        op.execute(f"UPDATE {schema}.heat_project SET status = 'idea' WHERE status = 'planned'")
    # Unlogged in older stores; see 0012. Its tiles are rendered again.
    op.execute("DROP TABLE meta.tile")
    op.execute(
        "CREATE TABLE meta.tile ("
        "layer text, scenario text, version text, form text, z integer, x integer, y integer, "
        "body bytea NOT NULL, PRIMARY KEY (layer, scenario, version, form, z, x, y))"
    )
    op.execute("ALTER TABLE meta.tile ALTER COLUMN body SET STORAGE EXTERNAL")
    op.execute("CREATE SCHEMA monitoring")
    for layer in MONITORED:
        _blocks(layer)
    op.execute(
        "CREATE TABLE monitoring.heat_project_pair (feature_id text, month date, "
        "heat_kwh double precision NOT NULL, electricity_kwh double precision NOT NULL, "
        "paired_h double precision NOT NULL, PRIMARY KEY (feature_id, month))"
    )
    op.execute(
        "CREATE TABLE monitoring.delivery (delivery_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
        "sha256 text NOT NULL UNIQUE, name text NOT NULL, author text NOT NULL, "
        "started_at timestamp with time zone NOT NULL DEFAULT now(), "
        "finished_at timestamp with time zone, told json NOT NULL)"
    )
    op.execute(
        "CREATE TABLE monitoring.replaced (replaced_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
        "delivery_id integer NOT NULL, layer text NOT NULL, feature_id text NOT NULL, "
        "variable text NOT NULL, period text NOT NULL, month date NOT NULL, "
        '"values" double precision[] NOT NULL)'
    )
    op.execute("CREATE INDEX replaced_delivery_idx ON monitoring.replaced (delivery_id)")
    op.execute(
        "CREATE TABLE monitoring.quarantine (delivery_id integer, row bigint, variable text, "
        "layer text NOT NULL, feature_id text, time text, value text, unit text, reason text NOT NULL, "
        "PRIMARY KEY (delivery_id, row, variable))"
    )


def _blocks(layer: str) -> None:
    whole = f"monitoring.{layer}_block"
    key = "PRIMARY KEY (feature_id, variable, period, month)"
    op.execute(f"CREATE TABLE {whole} ({VALUES}, {key}) PARTITION BY RANGE (month)")
    # Measured values hardly become smaller, and unpacking them costs.
    op.execute(f'ALTER TABLE {whole} ALTER COLUMN "values" SET STORAGE EXTERNAL')
    for year in YEARS:
        bounds = f"FROM ('{year}-01-01') TO ('{year + 1}-01-01')"
        op.execute(f"CREATE TABLE {whole}_{year} PARTITION OF {whole} FOR VALUES {bounds}")
    op.execute(f"CREATE TABLE {whole}_rest PARTITION OF {whole} DEFAULT")
    op.execute(
        f"CREATE VIEW monitoring.{layer}_value AS SELECT feature_id, variable, period, "
        "month + (place - 1) * period::interval AS time, value "
        f"FROM {whole}, unnest(\"values\") WITH ORDINALITY AS v (value, place) WHERE value <> 'NaN'"
    )


def downgrade() -> None:
    """Forget the register and all measured values."""
    op.execute("DROP SCHEMA monitoring CASCADE")
    for schema in ("layer", "history"):
        op.execute(f"UPDATE {schema}.heat_project SET status = 'planned' WHERE status = 'idea'")
        for name, _ in FIELDS:
            op.execute(f"ALTER TABLE {schema}.heat_project DROP COLUMN {name}")
