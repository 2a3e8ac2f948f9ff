"""Seeded random parcels as GeoJSON features, as a user might draw or export them."""

from __future__ import annotations

from typing import Any

import numpy as np

_COLUMNS = ("用地性质代码", "容积率", "建设状态", "人口", "节能标准", "建筑密度")
_VALUES: dict[str, tuple[Any, ...]] = {
    "用地性质代码": ("0701", "0901", "100101", "1401", None),
    "容积率": (0.8, 2, 3.5, None),
    "建设状态": ("新建", "existing", "改造", None),
    "人口": (1200, 0, None),
    "节能标准": ("四步节能", "非节能", None),
    "建筑密度": (0.3, 0, None),
}


def _ring(rng: np.random.Generator, lon: float, lat: float, radius: float, count: int) -> list[list[float]]:
    angles = np.sort(rng.uniform(0, 2 * np.pi, count))
    reach = radius * rng.uniform(0.6, 1.0, count)
    ring = np.column_stack([lon + reach * np.cos(angles), lat + reach * np.sin(angles) * 0.8]).tolist()
    return [*ring, ring[0]]


def _geometry(rng: np.random.Generator, i: int) -> dict[str, Any]:
    lon, lat = rng.uniform(116.15, 116.75), rng.uniform(39.75, 40.15)
    radius = 10 ** rng.uniform(-4, -2)
    shell = _ring(rng, lon, lat, radius, int(rng.integers(6, 60)))
    if i % 4 == 1:
        # A repeated vertex, a height, and the ring turned round: harmless, and cleaned alike on both ways.
        shell = [shell[0], *shell][::-1]
        return {"type": "Polygon", "coordinates": [[[*p, 43.5] for p in shell]]}
    if i % 4 == 2:
        hole = [[lon + 0.1 * (x - lon), lat + 0.1 * (y - lat)] for x, y in shell]
        return {"type": "Polygon", "coordinates": [shell, hole]} if _around(shell, lon, lat) else _one(shell)
    if i % 4 == 3:
        away = _ring(rng, lon + 3 * radius, lat, radius, 12)
        return {"type": "MultiPolygon", "coordinates": [[shell], [away]]}
    return _one(shell)


def _one(shell: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [shell]}


def _around(shell: list[list[float]], lon: float, lat: float) -> bool:
    """Return whether the star-shaped ring surrounds its centre: no gap of half a turn."""
    angles = np.sort([np.arctan2(y - lat, x - lon) for x, y in shell])
    return bool(np.diff([*angles, angles[0] + 2 * np.pi]).max() < np.pi)


def random_features(count: int, seed: int) -> list[dict[str, Any]]:
    """Return `count` features with ids `T-0001`..., valid polygons in the plain of Beijing."""
    rng = np.random.default_rng(seed)
    features = []
    for i in range(count):
        properties = {name: _VALUES[name][rng.integers(len(_VALUES[name]))] for name in _COLUMNS}
        features.append(
            {
                "type": "Feature",
                "geometry": _geometry(rng, i),
                "properties": {"地块编号": f"T-{i + 1:04d}", **properties},
            }
        )
    return features
