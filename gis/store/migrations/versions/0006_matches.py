"""Matching runs: sources, parcels and connections by scenario."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the tables of matching runs."""
    op.execute(
        "CREATE TABLE result.match_source ("
        "scenario text NOT NULL, source_layer text NOT NULL, source_id text NOT NULL, "
        "source_name text, technology text, shared_layer text, shared_id text, basis text, "
        "exploitable_kw double precision, exploitable_mwh_per_a double precision, "
        "committed_kw double precision, committed_mwh_per_a double precision, "
        "reserved_kw double precision, reserved_mwh_per_a double precision, "
        "remaining_kw double precision, remaining_mwh_per_a double precision, "
        "allocated_kw double precision, allocated_mwh_per_a double precision, "
        "free_kw double precision, free_mwh_per_a double precision, "
        "exploitable_m2 double precision, allocated_m2 double precision, "
        "parcel_count double precision, mean_length_m double precision, "
        "gain_kw double precision, gain_reclaimed_water_kw double precision, "
        "gain_geothermal_kw double precision, gain_waste_heat_kw double precision, "
        "gain_biomass_kw double precision, gain_mw_m double precision, exclusion text, "
        "PRIMARY KEY (scenario, source_layer, source_id)"
        ")"
    )
    op.execute(
        "CREATE TABLE result.match_segment ("
        "scenario text NOT NULL, source_id text NOT NULL, segment double precision NOT NULL, "
        "from_m double precision, to_m double precision, temperature_degc double precision, "
        "left_kw double precision, tap_layer text, tap_id text, tapped_kw double precision, "
        "PRIMARY KEY (scenario, source_id, segment)"
        ")"
    )
    op.execute(
        "CREATE TABLE result.match_parcel ("
        "scenario text NOT NULL, parcel_id text NOT NULL, district text, township text, "
        "heated_area_m2 double precision, heat_load_kw double precision, "
        "heat_demand_mwh_per_a double precision, shallow_ground_source_kw double precision, "
        "reclaimed_water_kw double precision, geothermal_kw double precision, "
        "waste_heat_kw double precision, biomass_kw double precision, "
        "air_source_kw double precision, unmet_kw double precision, matched text, "
        "installed_share_frac double precision, share_without_air_frac double precision, "
        "energy_share_frac double precision, shortfall_kw double precision, unmet_reason text, "
        "displaced_layer text, displaced_id text, PRIMARY KEY (scenario, parcel_id)"
        ")"
    )
    op.execute(
        "CREATE TABLE result.match_connection ("
        "scenario text NOT NULL, parcel_id text NOT NULL, technology text NOT NULL, "
        "source_layer text NOT NULL, source_id text NOT NULL, allocated_kw double precision, "
        "installed_share_frac double precision, length_m double precision, "
        "PRIMARY KEY (scenario, parcel_id, technology, source_layer, source_id)"
        ")"
    )
    op.execute(
        "CREATE INDEX match_connection_source_idx ON result.match_connection "
        "(scenario, source_layer, source_id)"
    )
    op.execute(
        "CREATE TABLE meta.match (scenario text PRIMARY KEY, settings json NOT NULL, "
        "summary json NOT NULL, ruleset_id text NOT NULL, ruleset_hash text NOT NULL, "
        "as_of date NOT NULL, layer_versions json NOT NULL, "
        "finished_at timestamptz NOT NULL DEFAULT now(), software text NOT NULL)"
    )


def downgrade() -> None:
    """Forget all matching runs."""
    op.execute(
        "DROP TABLE meta.match, result.match_connection, result.match_parcel, "
        "result.match_segment, result.match_source"
    )
