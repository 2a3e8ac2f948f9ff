"""What the map holds: one declaration per layer."""

from layers.rasters import POTENTIAL, RASTERS
from layers.registry import LAYERS, Registry
from layers.spec import (
    TOWNSHIP_SEPARATOR,
    BandSpec,
    Choice,
    FieldSpec,
    LayerSpec,
    RasterSpec,
    StyleSpec,
    Text,
)

__all__ = [
    "LAYERS",
    "POTENTIAL",
    "RASTERS",
    "TOWNSHIP_SEPARATOR",
    "BandSpec",
    "Choice",
    "FieldSpec",
    "LayerSpec",
    "RasterSpec",
    "Registry",
    "StyleSpec",
    "Text",
]
