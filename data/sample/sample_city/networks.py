"""Synthetic mains: reclaimed water and sewage around the real plants, and heat networks in the core."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from geopandas import GeoDataFrame

from sample_city.frame import METRIC, Frame
from sample_city.lattice import Lattice, walk

SOLD_SHARE = 0.8
VELOCITY_M_PER_S = 1.0
TEMPERATURE_SOURCE = "水温 11-16 ℃ 为北京经验区间，非实测"


def _diameter_mm(flow_m3_per_d: float) -> int:
    """Return the next standard diameter that carries the flow at about 1 m/s."""
    needed = 2000 * np.sqrt(flow_m3_per_d / 86_400 / VELOCITY_M_PER_S / np.pi)
    return int(np.clip(np.ceil(needed / 100) * 100, 200, 3000))


def _inside(line: Any, city: Any) -> Any:
    """Return the part of a line, from its start, that runs inside the city."""
    parts = shapely.get_parts(shapely.intersection(line, city))
    parts = parts[shapely.get_type_id(parts) == 1]
    first = shapely.get_point(line, 0)
    return parts[int(np.argmin(shapely.distance(parts, first)))] if len(parts) else None


def _plant_mains(
    rng: np.random.Generator, lattice: Lattice, plant: Any, count: int, city: Any
) -> list[dict[str, Any]]:
    """Return trunks and branches of one plant; their flows add up to less than its capacity."""
    name, place, capacity = plant["厂名"], plant.geometry, float(plant["设计规模"])
    start = lattice.nearest_node(place.x, place.y)
    lines: list[Any] = []
    first = rng.uniform(0, 2 * np.pi)
    for k in range(count):
        branch = k > 0 and rng.random() < 0.4
        longest = 12 if branch else 12 + min(26, int(capacity / 2e4))
        origin = start
        if branch:
            trunk = walk(rng, lattice, start, first + 2 * np.pi * k / count, int(rng.integers(3, 9)))
            origin = trunk[-1]
        path = walk(
            rng,
            lattice,
            origin,
            first + 2 * np.pi * (k + rng.uniform(-0.2, 0.2)) / count,
            int(rng.integers(8, longest + 1)),
        )
        line = lattice.line(path) if branch else shapely.LineString([place, *lattice.line(path).coords])
        line = _inside(line, city)
        if line is not None and line.length > 500:
            lines.append(line)
    share = rng.dirichlet(np.full(len(lines), 6.0)) * SOLD_SHARE
    sewage = "污水" in name
    rows = []
    for k, (line, part) in enumerate(zip(lines, share, strict=True), start=1):
        flow = float(np.floor(capacity * part / 10) * 10)
        is_sewage = sewage and rng.random() < 0.6
        warmth = float(np.round(rng.uniform(13, 16) if is_sewage else rng.uniform(11.5, 15), 1))
        rows.append(
            {
                "名称": f"{name}示例干管{k:02d}",
                "介质": "污水" if is_sewage else "再生水",
                "dn": _diameter_mm(flow),
                "流量": flow if rng.random() < 0.93 else None,
                "水温": warmth if rng.random() < 0.8 else None,
                "水源厂编号": plant["厂站编号"],
                "geometry": shapely.reverse(line) if is_sewage else line,
            }
        )
    return rows


def build_mains(
    rng: np.random.Generator, frame: Frame, lattice: Lattice, plants: GeoDataFrame, size: int
) -> GeoDataFrame:
    """Return mains along streets; larger cities have more of them, up to about 3,000."""
    wanted = min(3_000, 72 * max(1.0, size / 12_000) ** 0.85)
    weight = np.clip(np.sqrt(plants["设计规模"].astype(float) / 4e4), 1.0, 5.0)
    counts = np.maximum(1, np.round(weight * wanted / weight.sum())).astype(int)
    rows: list[dict[str, Any]] = []
    for (_, plant), count in zip(plants.iterrows(), counts, strict=True):
        rows.extend(_plant_mains(rng, lattice, plant, int(count), frame.city))
    out = GeoDataFrame(rows, crs=METRIC)
    out.insert(0, "管线编号", [f"RW-{k:04d}" for k in range(1, len(out) + 1)])
    out["数据来源"] = f"合成：沿示例路网布线；流量按厂设计能力的 {SOLD_SHARE:.0%} 分摊；{TEMPERATURE_SOURCE}"
    out["合成数据"] = True
    return out


def build_heat_network(rng: np.random.Generator, frame: Frame, lattice: Lattice, size: int) -> GeoDataFrame:
    """Return synthetic heat mains: two rings and radial trunks in the central city."""
    heart = frame.districts.loc[frame.districts["名称"] == "东城区"].geometry.iloc[0].centroid
    ci, cj = lattice.nearest_node(heart.x, heart.y)
    paths: list[tuple[str, list[tuple[int, int]], int]] = []
    for ring, (half, diameter) in enumerate(((7, 1200), (14, 1400)), start=1):
        a, b, c, d = ci - half, ci + half, cj - half, cj + half
        loop = [(i, c) for i in range(a, b + 1)] + [(b, j) for j in range(c + 1, d + 1)]
        loop += [(i, d) for i in range(b - 1, a - 1, -1)] + [(a, j) for j in range(d - 1, c - 1, -1)]
        paths.append((f"示例热力环线{ring}", loop, diameter))
    count = int(min(600, 24 * max(1.0, size / 12_000) ** 0.6))
    for k in range(count):
        heading = 2 * np.pi * (k + rng.uniform(-0.3, 0.3)) / count
        start = (ci + round(7 * np.cos(heading)), cj + round(7 * np.sin(heading)))
        steps = int(rng.integers(6, 16))
        paths.append(
            (
                f"示例热力干线{k + 1:03d}",
                walk(rng, lattice, start, heading, steps),
                int(rng.choice([600, 800, 1000])),
            )
        )
    out = GeoDataFrame(
        {
            "heat network id": [f"HN-{k:03d}" for k in range(1, len(paths) + 1)],
            "name": [name for name, _, _ in paths],
            "supply temperature": [115.0 if d >= 1000 else 95.0 for _, _, d in paths],
            "dn": [d for _, _, d in paths],
            "source": "合成：沿示例路网布线",
            "synthetic": True,
        },
        geometry=[lattice.line(path) for _, path, _ in paths],
        crs=METRIC,
    )
    return out.loc[shapely.covers(frame.city, out.geometry.to_numpy())].reset_index(drop=True)
