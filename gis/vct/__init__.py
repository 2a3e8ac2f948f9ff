"""VCT, the text format in which Chinese surveying exchanges vector data: GB/T 17798-2007 and dialect 3.0.

`model` holds what a file says, `lines` its lines with their numbers, `reading` and `shapes` make features of
them, `placing` finds the coordinate system; `writing`, `texts` and `arcs` are the way back.
"""

from gis.vct.model import Field, Head, Layer, Plain, Reference
from gis.vct.reading import read_vct

__all__ = ["Field", "Head", "Layer", "Plain", "Reference", "read_vct"]
