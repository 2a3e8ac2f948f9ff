"""Cities side by side as GeoParquet files: `python -m tests.benchmarks.region --cities 10 --into DIR`.

Each city is one of `tests.benchmarks.city`, with a seed of its own; parcels have row groups of 100,000 in
spatial order, as files for a cluster should. The same numbers give the same files.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.crs import STORAGE_EPSG
from layers import LAYERS
from tests.benchmarks.city import CENTRE_M, PITCH_M, SEED, Writer, make_city

ROW_GROUP = 100_000
ACROSS = 3
GAP = 1.15  # streets lie somewhat farther apart than their pitch, and cities do not touch


def moved(layer_id: str, frame: gpd.GeoDataFrame, city: int, by: tuple[float, float]) -> gpd.GeoDataFrame:
    """Return a layer of a city at its place, with keys that no other city has."""
    keys = [c for c in frame.columns if c == LAYERS[layer_id].key or c.endswith("_id")]
    for name in keys:
        frame[name] = frame[name].where(frame[name].isna(), f"C{city:02d}-" + frame[name].astype(str))
    shapes = shapely.transform(frame.geometry.to_numpy(), lambda xy: xy + np.asarray(by))
    return gpd.GeoDataFrame(frame.drop(columns="geometry"), geometry=shapes, crs=STORAGE_EPSG)


def place(city: int, parcels: int, cities: int) -> tuple[float, float]:
    """Return how far a city lies from where `make_city` puts it, in m."""
    side = np.sqrt(parcels) * PITCH_M * GAP
    across = min(ACROSS, cities)
    rows = -(-cities // across)
    east = 500_000.0 - CENTRE_M[0] + (city % across - (across - 1) / 2) * side
    return east, (city // across - (rows - 1) / 2) * side


def main() -> None:
    """Make the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cities", type=int, default=1)
    parser.add_argument("--parcels", type=int, default=1_000_000, help="parcels of each city")
    parser.add_argument("--into", type=Path, required=True)
    options = parser.parse_args()
    options.into.mkdir(parents=True)
    (options.into / "parcels").mkdir()
    (options.into / "resources").mkdir()
    start = time.perf_counter()
    layers: dict[str, list[gpd.GeoDataFrame]] = {}
    for number in range(options.cities):
        seed = SEED + number
        city = make_city(options.parcels, "even", seed)
        by = place(number, options.parcels, options.cities)
        for layer_id, frame in Writer(city, seed).frames():
            frame = moved(layer_id, frame, number, by)
            if layer_id == "parcel":
                order = np.argsort(frame.hilbert_distance().to_numpy(), kind="stable")
                path = options.into / "parcels" / f"city-{number:02d}.parquet"
                frame.iloc[order].to_parquet(path, row_group_size=ROW_GROUP, index=False)
            else:
                layers.setdefault(layer_id, []).append(frame)
        print(f"city {number + 1} of {options.cities}: {time.perf_counter() - start:.0f} s", flush=True)
    for layer_id, frames in layers.items():
        pd.concat(frames).to_parquet(options.into / "resources" / f"{layer_id}.parquet", index=False)


if __name__ == "__main__":
    main()
