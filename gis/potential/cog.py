"""A potential as a Cloud Optimized GeoTIFF: tiles and overviews in the order in which they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import rasterio.shutil
from rasterio.crs import CRS
from rasterio.io import MemoryFile
from rasterio.transform import from_bounds

from gis.crs import STORAGE_EPSG
from layers import POTENTIAL

if TYPE_CHECKING:
    from gis.potential.potential import GroundPotential

BLOCK_PX = 256


def encoded(potential: GroundPotential) -> bytes:
    """Return the bytes of the file: float32, NaN as nodata, units, names and tags of what it is."""
    bands, rows, columns = potential.values.shape
    profile = {
        "driver": "GTiff",
        "width": columns,
        "height": rows,
        "count": bands,
        "dtype": "float32",
        "nodata": np.nan,
        "crs": CRS.from_epsg(STORAGE_EPSG),
        "transform": from_bounds(*potential.grid.bounds, columns, rows),
    }
    with MemoryFile() as plain, MemoryFile(ext=".tif") as cog:
        with plain.open(**profile) as out:
            out.write(potential.values)
            out.update_tags(**potential.tags)
            for number, spec in enumerate(POTENTIAL.values(), 1):
                out.set_band_description(number, spec.column)
                out.set_band_unit(number, spec.unit)
                out.update_tags(number, TITLE_ZH=spec.title.zh, TITLE_EN=spec.title.en)
        with plain.open() as source:
            rasterio.shutil.copy(
                source,
                cog.name,
                driver="COG",
                compress="DEFLATE",
                predictor="FLOATING_POINT",
                blocksize=BLOCK_PX,
                # A mean of ground with boreholes and of ground without is neither.
                overview_resampling="NEAREST",
                bigtiff="IF_SAFER",
            )
        return bytes(cog.getbuffer())
