"""Portfolio, biomass and policy areas: the columns that results gained.

Results of the first schema lack what the document now tells, so they are not
kept half filled: results and runs are cleared, and the next `onemap serve` or
`onemap score` computes them again from the stored layers.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

_RESULTS = "result.parcel_fact, result.parcel_suitability, result.parcel_tile, meta.run"
_NUMBER, _TEXT, _LIST = "double precision", "text", "text[]"
_COLUMNS = {
    "parcel_fact": {
        "land_use_class": _TEXT,
        "geothermal_pilot_area": _TEXT,
        "geothermal_focus_area": _TEXT,
        "data_centre_area": _TEXT,
        "season_d": _NUMBER,
        "green_space_area_m2": _NUMBER,
        "borehole_heat_mwh_per_a": _NUMBER,
        "reclaimed_committed_kw": _NUMBER,
        "geothermal_thickness_m": _NUMBER,
        "geothermal_field_area_m2": _NUMBER,
        "geothermal_committed_kw": _NUMBER,
        "geothermal_field_remaining_kw": _NUMBER,
        "doublet_life_a": _NUMBER,
        "rock_conductivity_w_per_m_k": _NUMBER,
        "waste_heat_it_power_kw": _NUMBER,
        "waste_heat_recoverable_kw": _NUMBER,
        "waste_heat_committed_kw": _NUMBER,
        "biomass_source_layer": _TEXT,
        "biomass_source_id": _TEXT,
        "biomass_source_name": _TEXT,
        "biomass_kind": _TEXT,
        "biomass_distance_m": _NUMBER,
        "biomass_reach_m": _NUMBER,
        "biomass_recoverable_kw": _NUMBER,
        "biomass_committed_kw": _NUMBER,
        "biomass_remaining_kw": _NUMBER,
        "air_source_seasonal_cop": _NUMBER,
        "air_source_supply_limit_degc": _NUMBER,
    },
    "parcel_suitability": {
        "biomass_status": _TEXT,
        "biomass_score": _NUMBER,
        "biomass_capacity_kw": _NUMBER,
        "biomass_installed_share_frac": _NUMBER,
        "biomass_energy_share_frac": _NUMBER,
        "biomass_reasons": _LIST,
        "portfolio_technologies": _LIST,
        "portfolio_installed_share_frac": _NUMBER,
        "portfolio_share_without_air_frac": _NUMBER,
        "portfolio_energy_share_frac": _NUMBER,
        "portfolio_air_source_kw": _NUMBER,
        "portfolio_unmet_kw": _NUMBER,
        "portfolio_scop": _NUMBER,
        "portfolio_subsidy_frac": _NUMBER,
        "portfolio_lcoh_cny_per_mwh": _NUMBER,
        "portfolio_co2_t_per_a": _NUMBER,
        "portfolio_co2_saved_t_per_a": _NUMBER,
        "portfolio_findings": _LIST,
    },
}


def upgrade() -> None:
    """Clear results and runs, and add the columns."""
    op.execute(f"TRUNCATE {_RESULTS}")
    for table, columns in _COLUMNS.items():
        added = ", ".join(f"ADD COLUMN {name} {kind}" for name, kind in columns.items())
        op.execute(f"ALTER TABLE result.{table} {added}")


def downgrade() -> None:
    """Clear results and runs, and remove the columns."""
    op.execute(f"TRUNCATE {_RESULTS}")
    for table, columns in _COLUMNS.items():
        op.execute(f"ALTER TABLE result.{table} " + ", ".join(f"DROP COLUMN {name}" for name in columns))
