"""Rasters in the database: each one GeoTIFF, compressed and in tiles, as any GIS reads it."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from gis.resources import Raster
from gis.store.history_tables import RASTER_HISTORY
from gis.store.tables import RASTER


def write(connection: sa.Connection, layer: str, version: int, content: bytes) -> None:
    """Put a raster, as `encoded` gives it, in the place of the one that is there, which is kept."""
    there = sa.select(RASTER.c.layer, sa.literal(version), RASTER.c.content).where(RASTER.c.layer == layer)
    connection.execute(RASTER_HISTORY.insert().from_select(["layer", "undone_version", "content"], there))
    statement = insert(RASTER).values(layer=layer, content=content)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["layer"], set_={"content": statement.excluded.content}
        )
    )


def read(connection: sa.Connection, layer: str) -> Raster:
    """Return a raster that is loaded."""
    return decoded(connection.scalars(sa.select(RASTER.c.content).where(RASTER.c.layer == layer)).one())


def read_at(connection: sa.Connection, layer: str, version: int) -> Raster:
    """Return a raster as it was at a version, which has to be kept."""
    kept = RASTER_HISTORY.c
    then = sa.select(kept.content).where(kept.layer == layer, kept.undone_version > version)
    content = connection.scalar(then.order_by(kept.undone_version).limit(1))
    return read(connection, layer) if content is None else decoded(content)


def encoded(raster: Raster) -> bytes:
    """Return a raster as a GeoTIFF."""
    # Here and below not at the top: rasterio brings GDAL, a third of a second that most runs do without.
    from rasterio.crs import CRS
    from rasterio.io import MemoryFile
    from rasterio.transform import from_bounds

    rows, columns = raster.values.shape
    profile = {
        "driver": "GTiff",
        "width": columns,
        "height": rows,
        "count": 1,
        "dtype": raster.values.dtype.name,
        "nodata": np.nan,
        "crs": CRS.from_user_input(raster.crs),
        "transform": from_bounds(*raster.bounds, columns, rows),
        "tiled": True,
        "compress": "DEFLATE",
        "predictor": 3,  # the one for floating-point numbers
        "BIGTIFF": "IF_SAFER",
    }
    with MemoryFile() as file:
        with file.open(**profile) as out:
            out.write(raster.values, 1)
        return bytes(file.getbuffer())


def decoded(content: bytes) -> Raster:
    """Return the raster of a GeoTIFF that `encoded` made."""
    from rasterio.io import MemoryFile

    with MemoryFile(content) as file, file.open(driver="GTiff") as source:
        return Raster(source.read(1), tuple(source.bounds), source.crs.to_wkt())
