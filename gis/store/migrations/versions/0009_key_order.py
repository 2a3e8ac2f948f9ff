"""Indexes of layers in the order of their keys, by code points."""

from alembic import op

revision = "0009"
down_revision = "0008"

_LAYERS = (
    "parcel", "geothermal_field", "reclaimed_water_pipeline", "wastewater_plant", "data_centre",
    "water_intake_zone", "district", "township", "green_space", "shallow_geothermal_zone",
    "heat_network", "waste_heat_source", "drilling_exclusion", "heat_project",
)  # fmt: skip
# The key of every layer is named like the layer.


def upgrade() -> None:
    """Add an index to every layer, so that any page of its features costs what the first one does."""
    for layer in _LAYERS:
        op.execute(f'CREATE UNIQUE INDEX {layer}_order_idx ON layer.{layer} ({layer}_id COLLATE "C")')


def downgrade() -> None:
    """Drop them."""
    for layer in _LAYERS:
        op.execute(f"DROP INDEX layer.{layer}_order_idx")
