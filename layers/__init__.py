"""What the map holds: one declaration per layer."""

from layers.registry import LAYERS, Registry
from layers.spec import TOWNSHIP_SEPARATOR, Choice, FieldSpec, LayerSpec, StyleSpec, Text

__all__ = [
    "LAYERS",
    "TOWNSHIP_SEPARATOR",
    "Choice",
    "FieldSpec",
    "LayerSpec",
    "Registry",
    "StyleSpec",
    "Text",
]
