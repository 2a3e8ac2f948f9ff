"""The first schema: layers, results and book-keeping."""

from alembic import op

revision = "0001"
down_revision = None

_SCHEMA = """
CREATE SCHEMA layer;
CREATE SCHEMA result;
CREATE TABLE layer.parcel (
    parcel_id text PRIMARY KEY, name text, district text, township text, land_use_code text,
    land_use_scheme text, building_status text, building_standard text,
    floor_area_ratio double precision, floor_area_m2 double precision,
    heated_area_m2 double precision, building_density_frac double precision,
    population double precision, source text, synthetic boolean, remark text,
    geom geometry(MultiPolygon, 4548) NOT NULL
);
CREATE INDEX parcel_geom_idx ON layer.parcel USING gist (geom);
CREATE TABLE layer.geothermal_field (
    geothermal_field_id text PRIMARY KEY, name text, district text,
    temperature_degc double precision, temperature_min_degc double precision,
    temperature_max_degc double precision, yield_m3_per_d double precision,
    depth_m double precision, reservoir_thickness_m double precision,
    gradient_k_per_km double precision, conductivity_w_per_m_k double precision,
    committed_kw double precision, source text, synthetic boolean, remark text,
    geom geometry(MultiPolygon, 4548) NOT NULL
);
CREATE INDEX geothermal_field_geom_idx ON layer.geothermal_field USING gist (geom);
CREATE TABLE layer.reclaimed_water_pipeline (
    reclaimed_water_pipeline_id text PRIMARY KEY, name text, medium text,
    diameter_mm double precision, winter_flow_m3_per_d double precision,
    winter_temperature_degc double precision, wastewater_plant_id text,
    committed_kw double precision, source text, synthetic boolean, remark text,
    geom geometry(MultiLineString, 4548) NOT NULL
);
CREATE INDEX reclaimed_water_pipeline_geom_idx ON layer.reclaimed_water_pipeline USING gist (geom);
CREATE TABLE layer.wastewater_plant (
    wastewater_plant_id text PRIMARY KEY, name text, district text,
    design_capacity_m3_per_d double precision, winter_flow_m3_per_d double precision,
    winter_temperature_degc double precision, population_served double precision,
    committed_kw double precision, source text, synthetic boolean, remark text, geom geometry(Point,
    4548) NOT NULL
);
CREATE INDEX wastewater_plant_geom_idx ON layer.wastewater_plant USING gist (geom);
CREATE TABLE layer.data_centre (
    data_centre_id text PRIMARY KEY, name text, district text, it_load_kw double precision,
    utilisation_frac double precision, pue double precision, monitored_power_kw double precision,
    monitored_at timestamp, cooling text, committed_kw double precision, source text,
    synthetic boolean, remark text, geom geometry(Point, 4548) NOT NULL
);
CREATE INDEX data_centre_geom_idx ON layer.data_centre USING gist (geom);
CREATE TABLE layer.water_intake_zone (
    water_intake_zone_id text PRIMARY KEY, name text, zone_class text NOT NULL, townships text,
    document_no text, effective_from date, source text, synthetic boolean, remark text,
    geom geometry(MultiPolygon, 4548)
);
CREATE INDEX water_intake_zone_geom_idx ON layer.water_intake_zone USING gist (geom);
CREATE TABLE layer.district (
    district_id text PRIMARY KEY, name text, name_en text, planning_area text, source text,
    synthetic boolean, remark text, geom geometry(MultiPolygon, 4548) NOT NULL
);
CREATE INDEX district_geom_idx ON layer.district USING gist (geom);
CREATE TABLE layer.township (
    township_id text PRIMARY KEY, name text, district text, city text, province text,
    population double precision, source text, synthetic boolean, remark text,
    geom geometry(MultiPolygon, 4548) NOT NULL
);
CREATE INDEX township_geom_idx ON layer.township USING gist (geom);
CREATE TABLE layer.green_space (
    green_space_id text PRIMARY KEY, name text, kind text, usable_frac double precision,
    source text, synthetic boolean, remark text, geom geometry(MultiPolygon, 4548) NOT NULL
);
CREATE INDEX green_space_geom_idx ON layer.green_space USING gist (geom);
CREATE TABLE layer.shallow_geothermal_zone (
    shallow_geothermal_zone_id text PRIMARY KEY, name text, suitability text NOT NULL,
    conductivity_w_per_m_k double precision, heat_capacity_mj_per_m3_k double precision,
    ground_temperature_degc double precision, source text, synthetic boolean, remark text,
    geom geometry(MultiPolygon, 4548) NOT NULL
);
CREATE INDEX shallow_geothermal_zone_geom_idx ON layer.shallow_geothermal_zone USING gist (geom);
CREATE TABLE layer.heat_network (
    heat_network_id text PRIMARY KEY, name text, supply_temperature_degc double precision,
    diameter_mm double precision, source text, synthetic boolean, remark text,
    geom geometry(MultiLineString, 4548) NOT NULL
);
CREATE INDEX heat_network_geom_idx ON layer.heat_network USING gist (geom);
CREATE TABLE layer.waste_heat_source (
    waste_heat_source_id text PRIMARY KEY, name text, district text, kind text,
    recoverable_heat_kw double precision, temperature_degc double precision,
    committed_kw double precision, source text, synthetic boolean, remark text, geom geometry(Point,
    4548) NOT NULL
);
CREATE INDEX waste_heat_source_geom_idx ON layer.waste_heat_source USING gist (geom);
CREATE TABLE layer.drilling_exclusion (
    drilling_exclusion_id text PRIMARY KEY, name text, kind text, document_no text, source text,
    synthetic boolean, remark text, geom geometry(MultiPolygon, 4548) NOT NULL
);
CREATE INDEX drilling_exclusion_geom_idx ON layer.drilling_exclusion USING gist (geom);
CREATE TABLE layer.heat_project (
    heat_project_id text PRIMARY KEY, name text, district text, technology text, status text,
    source_layer text, source_id text, committed_kw double precision,
    heated_area_m2 double precision, monitored_heat_mwh_per_a double precision,
    monitored_electricity_mwh_per_a double precision, source text, synthetic boolean, remark text,
    geom geometry(Point, 4548) NOT NULL
);
CREATE INDEX heat_project_geom_idx ON layer.heat_project USING gist (geom);
CREATE TABLE result.parcel_fact (
    parcel_id text PRIMARY KEY, area_m2 double precision, district text, township text,
    planning_area text, land_use_code text, building_status text,
    building_density_frac double precision, heated_area_m2 double precision, heated_area_basis text,
    heat_index_w_per_m2 double precision, heat_load_kw double precision,
    heat_demand_mwh_per_a double precision, cooling_load_kw double precision,
    cooling_demand_mwh_per_a double precision, shallow_geothermal_zone_id text,
    shallow_suitability text, ground_conductivity_w_per_m_k double precision,
    ground_heat_capacity_mj_per_m3_k double precision, ground_temperature_degc double precision,
    drilling_exclusion_frac double precision, drillable_open_area_m2 double precision,
    drillable_green_area_m2 double precision, borehole_count double precision,
    thermal_balance_frac double precision, reclaimed_source_layer text, reclaimed_source_id text,
    reclaimed_source_name text, reclaimed_distance_m double precision, reclaimed_medium text,
    reclaimed_reach_m double precision, reclaimed_connection_max_m double precision,
    reclaimed_flow_m3_per_d double precision, reclaimed_temperature_degc double precision,
    reclaimed_remaining_kw double precision, geothermal_field_id text, geothermal_field_name text,
    geothermal_field_overlap_frac double precision, geothermal_field_distance_m double precision,
    geothermal_temperature_degc double precision, geothermal_yield_m3_per_d double precision,
    geothermal_gradient_k_per_km double precision, doublet_count double precision,
    closed_loop_well_count double precision, closed_loop_kw_per_well double precision,
    intake_prohibited_frac double precision, intake_restricted_frac double precision,
    intake_reserve_frac double precision, intake_document_no text, waste_heat_source_layer text,
    waste_heat_source_id text, waste_heat_source_name text, waste_heat_kind text,
    waste_heat_distance_m double precision, waste_heat_reach_m double precision,
    waste_heat_remaining_kw double precision, heat_network_distance_m double precision,
    air_source_cop_design double precision, air_source_cop_rating double precision,
    air_source_unit_count double precision
);
CREATE TABLE result.parcel_suitability (
    parcel_id text PRIMARY KEY, recommended text, recommended_variant text, recommended_status text,
    recommended_score double precision, undecided text[], shallow_ground_source_status text,
    shallow_ground_source_score double precision,
    shallow_ground_source_capacity_kw double precision,
    shallow_ground_source_installed_share_frac double precision,
    shallow_ground_source_energy_share_frac double precision, shallow_ground_source_reasons text[],
    reclaimed_water_status text, reclaimed_water_score double precision,
    reclaimed_water_capacity_kw double precision,
    reclaimed_water_installed_share_frac double precision,
    reclaimed_water_energy_share_frac double precision, reclaimed_water_reasons text[],
    geothermal_hydrothermal_status text, geothermal_hydrothermal_score double precision,
    geothermal_hydrothermal_capacity_kw double precision,
    geothermal_hydrothermal_installed_share_frac double precision,
    geothermal_hydrothermal_energy_share_frac double precision,
    geothermal_hydrothermal_reasons text[], geothermal_closed_loop_status text,
    geothermal_closed_loop_score double precision,
    geothermal_closed_loop_capacity_kw double precision,
    geothermal_closed_loop_installed_share_frac double precision,
    geothermal_closed_loop_energy_share_frac double precision,
    geothermal_closed_loop_reasons text[], waste_heat_status text,
    waste_heat_score double precision, waste_heat_capacity_kw double precision,
    waste_heat_installed_share_frac double precision, waste_heat_energy_share_frac double precision,
    waste_heat_reasons text[], air_source_status text, air_source_score double precision,
    air_source_capacity_kw double precision, air_source_installed_share_frac double precision,
    air_source_energy_share_frac double precision, air_source_reasons text[],
    geothermal_status text, geothermal_score double precision,
    geothermal_capacity_kw double precision, geothermal_installed_share_frac double precision,
    geothermal_energy_share_frac double precision, geothermal_reasons text[],
    geothermal_variant text
);
CREATE TABLE result.parcel_tile (
    parcel_id text PRIMARY KEY, geom geometry(MultiPolygon, 3857) NOT NULL, recommended text,
    recommended_status text, recommended_score double precision
);
CREATE INDEX parcel_tile_geom_idx ON result.parcel_tile USING gist (geom);
CREATE TABLE meta.layer_version (
    layer text, version integer, loaded_at timestamptz NOT NULL DEFAULT now(), mode text NOT NULL,
    feature_count bigint NOT NULL, source_name text NOT NULL, source_sha256 text NOT NULL,
    report json NOT NULL,
    PRIMARY KEY (layer, version)
);
CREATE TABLE meta.reject (
    reject_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, layer text NOT NULL, version integer NOT NULL,
    row bigint NOT NULL, reason text NOT NULL, attributes json, wkt text,
    CONSTRAINT reject_version_fkey FOREIGN KEY (layer, version) REFERENCES meta.layer_version (layer, version)
);
CREATE INDEX reject_version_idx ON meta.reject (layer, version);
CREATE TABLE meta.run (
    run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ruleset_id text NOT NULL,
    ruleset_hash text NOT NULL,
    as_of date NOT NULL, layer_versions json NOT NULL, parcel_count bigint NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(), software text NOT NULL
);
CREATE TABLE meta.ruleset (
    hash text PRIMARY KEY, id text NOT NULL, as_of date NOT NULL, content json NOT NULL,
    saved_at timestamptz NOT NULL DEFAULT now()
);
"""


def upgrade() -> None:
    """Create the schemas layer and result, and every table (the schema meta holds Alembic's version)."""
    for statement in _SCHEMA.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    """Remove everything that `upgrade` made."""
    op.execute("DROP SCHEMA layer, result CASCADE")
    op.execute("DROP TABLE meta.reject, meta.layer_version, meta.run, meta.ruleset")
