"""A city of any size for benchmarks: `python -m tests.benchmarks.city --parcels 1000000 --into DATA_DIR`.

Parcels stand in the cells of a street grid and never overlap; sources, zones and
green space keep their number per parcel and the city its density, so that cities
of several sizes show how a computation grows. `skewed` has a dense centre, long
mains and zones of very many vertices. The same size, kind and seed give the same
city. Metres of the storage CRS around Beijing, on its grid of 0.1 mm.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import psycopg
import shapely

from gis.crs import GRID_M, STORAGE_EPSG
from gis.settings import Settings
from gis.store import Store, open_store
from layers import LAYERS

Kind = Literal["even", "skewed"]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Geometries = npt.NDArray[np.object_]
Random = np.random.Generator

SEED = 20261121
CENTRE_M = (450_000.0, 4_420_000.0)
UNIT = 300_000  # the number of parcels to which the counts below belong
PITCH_M = 120.0  # from street to street, on average
STREET_M = 12.0
BELT_EVERY, BELT_SCALE = 10, 3.0  # every tenth green space is a belt that reaches over the parcels around it


@dataclass(frozen=True)
class Form:
    """What the two kinds of city differ in: spread of the street gaps, and lines and zones at UNIT."""

    gap_sigma: float
    mains: int
    main_vertices: int
    main_step_m: float
    zones: int
    zone_vertices: int


FORMS: dict[Kind, Form] = {
    "even": Form(0.12, 3_000, 20, 80.0, 300, 300),
    "skewed": Form(0.8, 300, 2_000, 10.0, 30, 20_000),
}


def lay_streets(random: Random, cells: int, sigma: float, dense: bool, centre_m: float) -> Floats:
    """Return where the streets of one direction run; log-normal gaps, a dense centre has the narrow ones."""
    gaps = random.lognormal(-sigma * sigma / 2, sigma, cells) * PITCH_M
    if dense:
        gaps = np.sort(gaps)
        gaps = np.r_[gaps[::2][::-1], gaps[1::2]]
    lines = np.r_[0.0, np.cumsum(gaps)]
    return np.asarray(lines + (centre_m - lines[-1] / 2))


def make_spots(random: Random, east: Floats, north: Floats, count: int) -> Floats:
    """Return places in the city, dense where its streets are."""
    places = [np.interp(random.random(count), np.linspace(0, 1, len(s)), s) for s in (east, north)]
    return on_grid(np.column_stack(places))


@dataclass(frozen=True, eq=False)
class City:
    """The layers of a city as arrays of shapely geometries, and where its streets run."""

    parcel: Geometries
    main: Geometries
    plant: Geometries
    data_centre: Geometries
    field: Geometries
    zone: Geometries
    green: Geometries
    east: Floats
    north: Floats


def on_grid(xy: Floats) -> Floats:
    """Return coordinates on the grid of the store."""
    return np.asarray(np.round(xy / GRID_M) * GRID_M)


def share_of(parcels: int, count: int) -> int:
    """Return how many features a city of `parcels` has where one of UNIT has `count`."""
    return max(1, round(count * parcels / UNIT))


def rings(random: Random, centre: Floats, half: Floats, vertices: Ints, low: Floats) -> Geometries:
    """Return rings about `centre` inside boxes of half sizes `half`, each with its number of vertices.

    Vertices lie on a rounded square at `low` to 1 of its size: `low` = 1 gives convex
    rings, less gives star-shaped ones.
    """
    ring = np.repeat(np.arange(len(vertices)), vertices)
    place = np.arange(len(ring)) - np.repeat(np.cumsum(vertices) - vertices, vertices)
    turn = (place + random.uniform(0, 0.6, len(ring))) / vertices[ring] + random.random(len(vertices))[ring]
    out = np.stack([np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)], axis=1)
    reach = random.uniform(low[ring], 1.0) / np.sqrt(np.sqrt(np.square(np.square(out)).sum(axis=1)))
    xy = on_grid(centre[ring] + half[ring] * reach[:, None] * out)
    return np.asarray(shapely.linearrings(xy, indices=ring), dtype=object)


def make_parcels(random: Random, centre: Floats, half: Floats) -> Geometries:
    """Return a parcel in each cell: 13 vertices on average, half convex, some with a hole or of two parts."""
    n = len(centre)
    form = random.random(n)
    holed, double = form < 0.05, form > 0.95
    half = half * random.uniform(0.7, 0.97, (n, 1))
    centre = centre + half * random.uniform(-0.03, 0.03, (n, 2))
    part = np.repeat(np.arange(n), np.where(double, 2, 1))
    side = np.where(double[part], np.where(np.r_[False, part[1:] == part[:-1]], 0.5, -0.5), 0.0)
    middle = centre[part] + np.column_stack([side * half[part, 0], np.zeros(len(part))])
    size = half[part] * np.where(side != 0, 0.45, 1.0)[:, None] ** [1, 0]
    vertices = np.where(side != 0, random.integers(5, 9, len(part)), random.integers(8, 18, len(part)))
    low = np.where(random.random(n) < 0.5, 1.0, 0.55)[part]
    shells = rings(random, middle, size, vertices, low)
    inner = np.flatnonzero(holed)
    six, whole = np.full(len(inner), 6), np.ones(len(inner))
    holes = rings(random, centre[inner], half[inner] * 0.25, six, whole)
    # The hole of a parcel follows its shell; a parcel with a hole has one part.
    owner = np.r_[np.arange(len(part)), np.flatnonzero(holed[part])]
    order = np.argsort(owner, kind="stable")
    polygons = shapely.polygons(np.r_[shells, holes][order], indices=owner[order])
    out = np.empty(n, dtype=object)
    out[part] = polygons
    two = np.flatnonzero(double)
    both = np.flatnonzero(double[part])
    out[two] = shapely.multipolygons(polygons[both], indices=np.repeat(np.arange(len(two)), 2))
    return out


def make_blobs(random: Random, centre: Floats, radius: Floats, vertices: int) -> Geometries:
    """Return smooth star-shaped polygons of a given number of vertices."""
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    waves = np.arange(2, 10)[:, None]
    size = random.normal(0, 0.12, (len(centre), 8, 1)) / np.sqrt(waves)
    shift = random.uniform(0, 2 * np.pi, (len(centre), 8, 1))
    reach = radius[:, None] * np.clip(1 + (size * np.cos(waves * angle + shift)).sum(axis=1), 0.3, 2.0)
    xy = centre[:, None] + reach[..., None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return np.asarray(shapely.polygons(on_grid(xy)), dtype=object)


def make_walks(random: Random, start: Floats, vertices: int, step_m: float, turn: float) -> Geometries:
    """Return lines that wander off from their starts, `turn` radians a step."""
    heading = random.uniform(0, 2 * np.pi, (len(start), 1)) + np.cumsum(
        random.normal(0, turn, (len(start), vertices - 1)), axis=1
    )
    step = random.uniform(0.4, 1.6, heading.shape)[..., None] * step_m
    way = np.cumsum(step * np.stack([np.cos(heading), np.sin(heading)], axis=-1), axis=1)
    xy = np.concatenate([start[:, None], start[:, None] + way], axis=1)
    return np.asarray(shapely.linestrings(on_grid(xy)), dtype=object)


def _borders(random: Random, start: Floats, stop: Floats, steps: int) -> Floats:
    """Return ragged lines from `start` to `stop`, (..., steps + 1, 2), that stay near their chords."""
    t = np.linspace(0, 1, steps + 1)
    walk = np.cumsum(random.normal(0, 1, (*start.shape[:-1], steps + 1)), axis=-1)
    walk -= walk[..., :1] + (walk[..., -1:] - walk[..., :1]) * t
    off = walk / np.abs(walk).max(axis=-1, keepdims=True).clip(1e-9) * 0.4 * np.minimum(t, 1 - t)
    chord = (stop - start)[..., None, :]
    across = np.stack([-chord[..., 1], chord[..., 0]], axis=-1)
    return start[..., None, :] + chord * t[:, None] + across * off[..., None]


def make_mesh(
    random: Random, east: Floats, north: Floats, columns: int, rows: int, vertices: int
) -> Geometries:
    """Return polygons that share the city out without a gap; neighbours have their border in common."""
    x, y = (np.linspace(s[0], s[-1], n + 1) for s, n in ((east, columns), (north, rows)))
    nodes = np.stack(np.meshgrid(x, y), axis=-1)
    nodes += random.uniform(-0.12, 0.12, nodes.shape) * min(x[1] - x[0], y[1] - y[0])
    steps = vertices // 4
    across = on_grid(_borders(random, nodes[:, :-1], nodes[:, 1:], steps))
    up = on_grid(_borders(random, nodes[:-1], nodes[1:], steps))
    sides = (across[:-1], up[:, 1:], across[1:, :, ::-1], up[:, :-1, ::-1])
    ring = np.concatenate([side[:, :, :-1] for side in sides], axis=2)
    return np.asarray(shapely.polygons(ring.reshape(rows * columns, -1, 2)), dtype=object)


def _cells(east: Floats, north: Floats) -> tuple[Floats, Floats]:
    """Return middles and half sizes of the cells between the streets, row by row."""
    grids = [np.meshgrid((east[1:] + east[:-1]) / 2, (north[1:] + north[:-1]) / 2)]
    grids += [np.meshgrid(np.diff(east) / 2, np.diff(north) / 2)]
    middle, half = (np.stack(grid, axis=-1).reshape(-1, 2) for grid in grids)
    return middle, half - np.minimum(STREET_M, half * 0.3) / 2


def make_city(parcels: int, kind: Kind = "even", seed: int = SEED) -> City:
    """Return the city of `parcels` parcels; its area grows with their number."""
    form = FORMS[kind]

    def stream(number: int) -> np.random.Generator:
        return np.random.default_rng([seed, number])

    greens = share_of(parcels, 20_000)
    side = int(np.ceil(np.sqrt(parcels + greens)))
    east, north = (
        lay_streets(stream(i), side, form.gap_sigma, kind == "skewed", CENTRE_M[i]) for i in (0, 1)
    )
    middle, half = _cells(east, north)
    is_green = np.zeros(side * side, dtype=bool)
    is_green[stream(2).choice(parcels + greens, greens, replace=False)] = True
    built, park = np.flatnonzero(~is_green)[:parcels], np.flatnonzero(is_green)
    size = half[park] * np.where(np.arange(greens) % BELT_EVERY, 0.9, BELT_SCALE)[:, None]
    green = rings(stream(3), middle[park], size, np.full(greens, 24), np.full(greens, 0.6))

    def spots(number: int, count: int) -> Floats:
        return make_spots(stream(number), east, north, share_of(parcels, count))

    zones, fields = share_of(parcels, form.zones), share_of(parcels, 10)
    columns = max(1, round(np.sqrt(zones * 0.75)))
    return City(
        parcel=make_parcels(stream(4), middle[built], half[built]),
        main=make_walks(stream(5), spots(6, form.mains), form.main_vertices, form.main_step_m, 0.25),
        plant=shapely.points(spots(7, 70)),
        data_centre=shapely.points(spots(8, 200)),
        field=make_blobs(stream(9), spots(10, 10), stream(11).uniform(3e3, 8e3, fields), 500),
        zone=make_mesh(stream(12), east, north, columns, max(1, round(zones / columns)), form.zone_vertices),
        green=np.asarray(shapely.polygons(green), dtype=object),
        east=east,
        north=north,
    )


SOURCE = "synthetic: city of the benchmarks"
VERSION = """
    INSERT INTO meta.layer_version (layer, version, mode, feature_count, source_name, source_sha256, report)
    SELECT %(layer)s, coalesce(max(version), 0) + 1, 'replace', %(count)s, %(source)s, '', '{}'
    FROM meta.layer_version WHERE layer = %(layer)s"""
DRAWN = """
    TRUNCATE result.parcel_tile;
    INSERT INTO result.parcel_tile SELECT parcel_id, ST_Transform(geom, 3857) FROM layer.parcel;
    ANALYZE result.parcel_tile"""
UNKNOWN = 0.1  # the share of values that are missing, where a field may be empty
LAND_USE = ("0701", "0702", "0802", "0803", "0804", "0806", "0901", "0902", "1001", "1101", "1207", None)
DISTRICTS = (
    ("通州区", "plain_new_town"), ("顺义区", "plain_new_town"), ("昌平区", "plain_new_town"),
    ("海淀区", "central_city"), ("朝阳区", "central_city"), ("丰台区", "central_city"),
    ("大兴区", "plain_new_town"), ("房山区", "plain_new_town"), ("延庆区", "ecological"),
)  # fmt: skip
# Fields with choices take any of them; numbers lie in these ranges; the rest is told or stays empty.
RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "parcel": {"floor_area_ratio": (0.3, 4), "building_density_frac": (0.1, 0.5), "population": (0, 3e3)},
    "geothermal_field": {
        "temperature_degc": (45, 105), "yield_m3_per_d": (800, 3e3), "depth_m": (1.5e3, 3.5e3),
        "gradient_k_per_km": (22, 35), "reservoir_thickness_m": (50, 500), "conductivity_w_per_m_k": (2, 4),
    },
    "reclaimed_water_pipeline": {
        "diameter_mm": (300, 1.6e3), "winter_flow_m3_per_d": (1e3, 2e5), "winter_temperature_degc": (9, 16),
        "committed_kw": (0, 5e3),
    },
    "wastewater_plant": {
        "design_capacity_m3_per_d": (1e4, 1e6), "winter_flow_m3_per_d": (8e3, 8e5),
        "winter_temperature_degc": (9, 16), "committed_kw": (0, 2e4),
    },
    "data_centre": {
        "it_load_kw": (5e2, 6e4), "utilisation_frac": (0.3, 0.9), "pue": (1.15, 1.6),
    },
    "green_space": {"usable_frac": (0.2, 1)},
    "shallow_geothermal_zone": {
        "conductivity_w_per_m_k": (1.2, 2.4), "heat_capacity_mj_per_m3_k": (1.8, 2.8),
        "ground_temperature_degc": (12, 16),
    },
    "heat_network": {"supply_temperature_degc": (70, 130), "diameter_mm": (200, 1.4e3)},
    "waste_heat_source": {"recoverable_heat_kw": (1e3, 1e5), "temperature_degc": (30, 90)},
    "heat_project": {"committed_kw": (100, 5e3)},
}  # fmt: skip


class Writer:
    """The layers of a city with made-up attributes, in the columns of the store."""

    def __init__(self, city: City, seed: int = SEED) -> None:
        self.city, self.random = city, np.random.default_rng([seed, 100])

    def frame(self, layer_id: str, shapes: Geometries, **told: object) -> gpd.GeoDataFrame:
        """Return a layer's frame; the key is a number, and the name is made from it."""
        n, spec = len(shapes), LAYERS[layer_id]
        number = pd.Series(np.arange(n).astype(str)).str.zfill(7)
        columns: dict[str, object] = {spec.key: "B" + number, "name": spec.title.zh + number}
        for field in spec.fields:
            if field.choices:
                words = [c.value for c in field.choices] + [None] * (not field.required)
                columns[field.name] = self.word(n, words)
            elif field.name in RANGES.get(layer_id, {}):
                values = self.random.uniform(*RANGES[layer_id][field.name], n)
                values[self.random.random(n) < UNKNOWN] = np.nan
                columns[field.name] = values
        columns |= {"source": SOURCE, "synthetic": True}
        return gpd.GeoDataFrame(columns | told, geometry=shapely.normalize(shapes), crs=STORAGE_EPSG)

    def word(self, n: int, words: Sequence[str | None]) -> npt.NDArray[np.object_]:
        """Return words drawn with equal chance."""
        return np.array(words, dtype=object)[self.random.integers(0, len(words), n)]

    def spots(self, count: int) -> Floats:
        """Return places in the city, `count` of them for UNIT parcels."""
        return make_spots(
            self.random, self.city.east, self.city.north, share_of(len(self.city.parcel), count)
        )

    def blobs(self, count: int, radius_m: float) -> Geometries:
        """Return areas in the city."""
        spots = self.spots(count)
        return make_blobs(self.random, spots, self.random.uniform(0.5, 1.5, len(spots)) * radius_m, 60)

    def sources(self) -> Iterator[tuple[str, gpd.GeoDataFrame]]:
        """Yield id and frame of what heat comes from, and of the projects that use it."""
        city = self.city
        plants = self.frame("wastewater_plant", city.plant)
        yield "wastewater_plant", plants
        owner = self.word(len(city.main), (*plants["wastewater_plant_id"], None))
        mains = self.frame("reclaimed_water_pipeline", city.main, wastewater_plant_id=owner)
        yield "reclaimed_water_pipeline", mains
        waste = self.frame("waste_heat_source", shapely.points(self.spots(120)))
        yield "waste_heat_source", waste
        projects = self.frame("heat_project", shapely.points(self.spots(300)), technology="waste_heat")
        projects["source_layer"] = "waste_heat_source"
        projects["source_id"] = self.word(len(projects), tuple(waste["waste_heat_source_id"]))
        yield "heat_project", projects
        yield "data_centre", self.frame("data_centre", city.data_centre)
        yield "geothermal_field", self.frame("geothermal_field", city.field)
        yield "shallow_geothermal_zone", self.frame("shallow_geothermal_zone", city.zone)
        yield "green_space", self.frame("green_space", city.green)

    def frames(self) -> Iterator[tuple[str, gpd.GeoDataFrame]]:
        """Yield id and frame of every layer, the parcels last."""
        city, streets = self.city, (self.city.east, self.city.north)
        yield from self.sources()
        networks = make_walks(self.random, self.spots(800), 30, 100.0, 0.2)
        yield "heat_network", self.frame("heat_network", networks)
        names, areas = zip(*DISTRICTS, strict=True)
        outlines = make_mesh(self.random, *streets, 3, 3, 1_200)
        yield "district", self.frame("district", outlines, name=names, planning_area=areas)
        yield "township", self.frame("township", make_mesh(self.random, *streets, 15, 20, 200))
        yield "water_intake_zone", self.frame("water_intake_zone", self.blobs(9, 3e3))
        yield "drilling_exclusion", self.frame("drilling_exclusion", self.blobs(400, 400.0))
        code = self.word(len(city.parcel), LAND_USE)
        yield "parcel", self.frame("parcel", city.parcel, land_use_code=code)


def stored(geometries: Geometries, kind: str) -> Geometries:
    """Return geometries as EWKB of the type that a layer's table holds."""
    if kind != "point":
        parts, owner = shapely.get_parts(geometries, return_index=True)
        joined = shapely.multipolygons if kind == "polygon" else shapely.multilinestrings
        geometries = joined(parts, indices=owner)
    return np.asarray(shapely.to_wkb(shapely.set_srid(geometries, STORAGE_EPSG), include_srid=True))


def put(store: Store, layer_id: str, frame: gpd.GeoDataFrame) -> None:
    """Replace a layer by COPY straight into its table; the spatial index is made after."""
    spec, shapes = LAYERS[layer_id], stored(frame.geometry.to_numpy(), LAYERS[layer_id].geometry)
    names = [name for name in spec.field_names if name in frame]
    wire = [{"text": "text", "float": "float8", "boolean": "bool"}[spec.field(name).type] for name in names]
    columns = [frame[name].astype(object).where(frame[name].notna(), None).tolist() for name in names]
    table, index = f"layer.{layer_id}", f"{layer_id}_geom_idx"
    with closing(store.engine.raw_connection()) as pooled:
        cursor: psycopg.Cursor[Any] = pooled.driver_connection.cursor()
        cursor.execute(f"SET LOCAL statement_timeout = 0; TRUNCATE {table}; DROP INDEX layer.{index}")
        with cursor.copy(f"COPY {table} ({', '.join(names)}, geom) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types([*wire, "bytea"])
            for row in zip(*columns, shapes, strict=True):
                copy.write_row(row)
        cursor.execute(f"CREATE INDEX {index} ON {table} USING gist (geom); ANALYZE {table}")
        cursor.execute(VERSION, {"layer": layer_id, "count": len(frame), "source": SOURCE})
        if layer_id == "parcel":
            cursor.execute(DRAWN)
        pooled.commit()


def main() -> None:
    """Make a city and write it into the store of a data folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcels", type=int, default=UNIT)
    parser.add_argument("--city", choices=list(FORMS), default="even")
    parser.add_argument("--into", type=Path, required=True, help="data folder of the store")
    options = parser.parse_args()
    start = time.perf_counter()
    city = make_city(options.parcels, options.city)
    print(f"city made in {time.perf_counter() - start:.1f} s", flush=True)
    with open_store(Settings(database_url=None, data_dir=options.into)) as store:
        for layer_id, frame in Writer(city).frames():
            put(store, layer_id, frame)
            print(f"{layer_id}: {len(frame):,} ({time.perf_counter() - start:.1f} s)", flush=True)


if __name__ == "__main__":
    main()
