"""Files into layers: reading, mapping, checking, repairing, writing."""

from gis.ingest.mapping import Mapped
from gis.ingest.pipeline import import_file, read_mapped
from gis.ingest.report import ImportReport

__all__ = ["ImportReport", "Mapped", "import_file", "read_mapped"]
