"""One scoring engine for a batch, a single parcel, a drawn polygon and a file."""

from gis.scoring.compare import Comparison, compare, compare_frames
from gis.scoring.document import suitability_document
from gis.scoring.result import Result, score, suitability_documents

__all__ = [
    "Comparison",
    "Result",
    "compare",
    "compare_frames",
    "score",
    "suitability_document",
    "suitability_documents",
]
