"""Files of any size: parcels of GeoParquet into verdicts, on the cores of a machine or on a cluster."""

from gis.batch.folder import Engine
from gis.batch.parcels import FormError
from gis.batch.partition import Partition, partition_parcels
from gis.batch.run import FileRun, score_files

__all__ = ["Engine", "FileRun", "FormError", "Partition", "partition_parcels", "score_files"]
