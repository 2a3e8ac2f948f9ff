"""What the map holds: one declaration per layer."""

from layers.rasters import RASTERS
from layers.registry import LAYERS, Registry
from layers.spec import TOWNSHIP_SEPARATOR, Choice, FieldSpec, LayerSpec, RasterSpec, StyleSpec, Text

__all__ = [
    "LAYERS",
    "RASTERS",
    "TOWNSHIP_SEPARATOR",
    "Choice",
    "FieldSpec",
    "LayerSpec",
    "RasterSpec",
    "Registry",
    "StyleSpec",
    "Text",
]
