"""Build the sample city: real districts and known facts, synthetic shapes in between.

    python data/sample/build.py [--size 12000] [--seed 1] [--out DIR]

The same size and seed give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import shapely

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]  # the generator beside this file, `gis` in the project

from sample_city import areas, networks, parcels, projects, rasters, resources, write  # noqa: E402
from sample_city.frame import METRIC, build_frame  # noqa: E402
from sample_city.lattice import make_lattice  # noqa: E402

DEFAULT_SIZE = 12_000
CSV_CRS = "EPSG:4326"
# In the order in which they are loaded.
MANIFEST: tuple[dict[str, Any], ...] = (
    {"file": "district.geojson", "layer": "district"},
    {"file": "township.geojson", "layer": "township"},
    {"file": "wastewater_plant.csv", "layer": "wastewater_plant", "source_crs": CSV_CRS},
    {"file": "geothermal_field.geojson", "layer": "geothermal_field"},
    {"file": "data_centre.geojson", "layer": "data_centre"},
    {"file": "waste_heat_source.geojson", "layer": "waste_heat_source"},
    {"file": "reclaimed_water_pipeline.geojson", "layer": "reclaimed_water_pipeline"},
    {"file": "heat_network.geojson", "layer": "heat_network"},
    {"file": "water_intake_zone.geojson", "layer": "water_intake_zone"},
    {"file": "water_intake_zone_townships.csv", "layer": "water_intake_zone", "mode": "append"},
    {"file": "green_space.geojson", "layer": "green_space"},
    {"file": "shallow_geothermal_zone.geojson", "layer": "shallow_geothermal_zone"},
    {"file": "drilling_exclusion.geojson", "layer": "drilling_exclusion"},
    {"file": "heat_project.geojson", "layer": "heat_project"},
    {"file": "parcel.parquet", "layer": "parcel"},
)


def streams(seed: int) -> Callable[[int], np.random.Generator]:
    """Return a source of independent generators by number, so that layers do not disturb each other."""
    return lambda number: np.random.default_rng([seed, number])


def build(out: Path, size: int = DEFAULT_SIZE, seed: int = 1, say: Callable[[str], None] = print) -> None:
    """Write the sample city of `size` parcels into the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    stream = streams(seed)

    def save(name: str, frame: Any) -> None:
        writer: dict[str, Callable[[Any, Path], None]] = {
            ".geojson": write.write_geojson,
            ".csv": write.write_csv,
            ".parquet": write.write_parcels,
            ".tif": rasters.write_raster,
        }
        path = out / name
        writer[path.suffix](frame, path)
        what = "cells" if path.suffix == ".tif" else "rows"
        say(f"{name}: {len(frame)} {what}, {path.stat().st_size / 1024:.0f} KiB")

    frame = build_frame(stream(0))
    save("district.geojson", frame.districts)
    save("township.geojson", frame.townships)
    lattice = make_lattice(stream(1), tuple(shapely.bounds(frame.city)))

    ground, left = parcels.lay_out(stream(2), frame, lattice, size)
    chosen, parks = parcels.pick(stream(3), ground, size)
    green = parcels.build_green_spaces(stream(4), frame, lattice, ground, parks, left)
    save("green_space.geojson", green)
    land = parcels.build_parcels(stream(5), frame, ground, chosen)
    save("parcel.parquet", land)

    plants = resources.build_plants(frame)
    save("wastewater_plant.csv", plants)
    fields = resources.build_geothermal_fields(stream(6), frame)
    save("geothermal_field.geojson", fields)
    centres = resources.build_data_centres(stream(7), frame)
    save("data_centre.geojson", centres)
    spots = land[land["用地用海分类代码"].isin(["1001", "1101"])]
    save("waste_heat_source.geojson", resources.build_waste_heat(stream(8), frame, spots))
    points = resources.plant_points(plants)
    save("reclaimed_water_pipeline.geojson", networks.build_mains(stream(9), frame, lattice, points, size))
    save("heat_network.geojson", networks.build_heat_network(stream(10), frame, lattice, size))
    save("water_intake_zone.geojson", areas.build_zones(frame))
    save("water_intake_zone_townships.csv", areas.build_zone_townships(stream(11), frame))
    save("shallow_geothermal_zone.geojson", areas.build_shallow_zones(stream(12), frame))
    save("drilling_exclusion.geojson", areas.build_exclusions(stream(13), frame, lattice))
    sources = {
        layer: table[[key, name, "geometry"]].set_axis(["id", "name", "geometry"], axis=1).set_crs(METRIC)
        for layer, table, key, name in (
            ("wastewater_plant", points, "厂站编号", "厂名"),
            ("geothermal_field", fields, "地热田编号", "名称"),
            ("data_centre", centres, "dc_id", "name"),
        )
    }
    heated = land[land["用地用海分类代码"].str.match("0[789]", na=False)]
    built = resources.build_projects(stream(14), frame, heated, sources, 40)
    save("heat_project.geojson", projects.with_register(stream(16), built, heated))
    # Beside the manifest: who loads them sees what rasters change.
    for layer, raster in rasters.build_rasters(stream(15), frame).items():
        save(f"{layer}.tif", raster)
    manifest = {"size": size, "seed": seed, "files": list(MANIFEST)}
    text = json.dumps(manifest, ensure_ascii=False, indent=2)
    (out / "manifest.json").write_text(text + "\n", "utf-8", newline="\n")


def main() -> None:
    """Read the options and build."""
    parser = argparse.ArgumentParser(description="Build the sample city (seeded, byte-reproducible).")
    parser.add_argument("--size", type=int, default=DEFAULT_SIZE, help="number of parcels")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to")
    options = parser.parse_args()
    if options.size < 1 or options.seed < 0:
        parser.error("--size must be at least 1 and --seed at least 0")
    build(options.out, options.size, options.seed)


if __name__ == "__main__":
    main()
