"""Parcels with their attributes, and the green spaces left between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame

from sample_city.blocks import Blocks, Lots, cut, mean_lot_m2, rank_superblocks, shapes
from sample_city.frame import METRIC, Frame, masked, township_of
from sample_city.lattice import Floats, Ints, Lattice

SCHEME = "用地用海分类2023"
SOURCE = "合成：示例地块生成程序"
GREEN_SHARE = 0.035
MOST_PARKS = 19_000
EDGE_M = 5.0

# code, share in the core, share outside, floor area ratio outside and in the core (None: no buildings),
# usual number of storeys, m2 of floor area per resident (None: nobody lives there)
_USES: tuple[tuple[str, float, float, tuple[float, float] | None, float, float | None], ...] = (
    ("0701", 45.0, 30.0, (1.4, 2.6), 9, 36.0),
    ("0702", 2.0, 1.5, (0.6, 1.1), 3, None),
    ("0703", 0.0, 12.0, (0.45, 0.7), 1.6, 42.0),
    ("0801", 5.0, 2.0, (1.0, 1.8), 6, None),
    ("0802", 4.0, 2.5, (1.2, 2.0), 7, None),
    ("0803", 1.5, 0.5, (0.8, 1.4), 4, None),
    ("0804", 7.0, 4.5, (0.7, 1.1), 5, None),
    ("0805", 1.0, 0.7, (0.4, 0.8), 2, None),
    ("0806", 2.0, 1.0, (1.2, 2.2), 8, None),
    ("0807", 0.5, 0.8, (0.7, 1.2), 4, None),
    ("0901", 7.0, 4.0, (1.2, 2.8), 5, None),
    ("0902", 9.0, 2.5, (1.8, 3.8), 12, None),
    ("0903", 0.5, 0.3, (0.8, 1.5), 3, None),
    ("1001", 2.0, 16.0, (0.8, 1.4), 2.5, None),
    ("1101", 1.0, 5.0, (0.7, 1.0), 1.8, None),
    ("1208", 1.5, 1.2, None, 0, None),
    ("1207", 1.0, 1.0, None, 0, None),
    ("1303", 0.7, 0.8, None, 0, None),
    ("1305", 0.6, 0.5, None, 0, None),
    ("1401", 4.0, 3.5, None, 0, None),
    ("1402", 2.0, 3.5, None, 0, None),
    ("16", 1.7, 5.7, None, 0, None),
)
_STATUS = np.array(["新建", "既有", "改扩建"], dtype=object)
_STANDARD = np.array(["未采取节能措施", "采取节能措施", "高节能（居住80%）", "近零能耗"], dtype=object)
# shares of the four standards by status (rows: new, existing, renovation)
_STANDARD_SHARE = np.array([[0.0, 0.22, 0.66, 0.12], [0.34, 0.51, 0.14, 0.01], [0.05, 0.62, 0.31, 0.02]])


@dataclass(frozen=True)
class Ground:
    """What lies between the streets: shapes, their superblock, urbanity and district (None: dropped)."""

    shapes: Any
    urbanity: Floats
    district: Any


def _districts_of_lots(frame: Frame, lattice: Lattice, blocks: Blocks, lots: Lots, outline: Any) -> Any:
    """Return the district each lot lies in wholly, None for lots on or beyond a border.

    Whole superblocks are tested first, so that only those on a border need a test lot by lot.
    """
    inner = shapely.buffer(frame.districts.geometry.to_numpy(), -EDGE_M)
    names = frame.districts["名称"].to_numpy()
    i, j = blocks.i, blocks.j
    ring = np.stack([lattice.nodes[i, j], lattice.nodes[i + 1, j],
                     lattice.nodes[i + 1, j + 1], lattice.nodes[i, j + 1]], axis=1)  # fmt: skip
    whole = np.full(len(i), None, dtype=object)
    district, block = shapely.STRtree(shapely.polygons(ring)).query(inner, predicate="covers")
    whole[block] = names[district]
    found = whole[lots.owner]
    rest = np.flatnonzero(pd.isna(found))
    district, lot = shapely.STRtree(outline[rest]).query(inner, predicate="covers")
    found[rest[lot]] = names[district]
    return found


def lay_out(rng: np.random.Generator, frame: Frame, lattice: Lattice, size: int) -> tuple[Ground, Blocks]:
    """Return at least `size` lots inside districts, and the superblocks left unbuilt."""
    ranked = rank_superblocks(rng, frame, lattice)
    mean_m2 = mean_lot_m2(size)
    seed = int(rng.integers(2**62))
    count = min(len(ranked.i), int(1.15 * size * mean_m2 / 290_000) + 4)
    while True:
        blocks = Blocks(ranked.i[:count], ranked.j[:count], ranked.urbanity[:count])
        again = np.random.default_rng(seed)
        lots = cut(again, lattice, blocks, mean_m2)
        outline = shapes(again, lattice, lots)
        district = _districts_of_lots(frame, lattice, blocks, lots, outline)
        inside = np.flatnonzero(~pd.isna(district))
        if len(inside) * (1 - GREEN_SHARE) >= 1.02 * size:
            break
        if count == len(ranked.i):
            raise SystemExit(f"The city has room for about {len(inside)} parcels; ask for fewer.")
        count = min(len(ranked.i), int(count * 1.25) + 1)
    left = Blocks(ranked.i[count:], ranked.j[count:], ranked.urbanity[count:])
    ground = Ground(outline[inside], blocks.urbanity[lots.owner[inside]], district[inside])
    return ground, left


def pick(rng: np.random.Generator, ground: Ground, size: int) -> tuple[Ints, Ints]:
    """Return the lots that become parcels (exactly `size`) and those that become parks."""
    lucky = rng.random(len(ground.shapes))
    parks = np.flatnonzero(lucky < GREEN_SHARE)
    built = np.flatnonzero(lucky >= GREEN_SHARE)
    return np.sort(rng.permutation(built)[:size]), parks


def _land_use(rng: np.random.Generator, urbanity: Floats) -> Ints:
    """Return the index into the table of uses of each lot: a core lot with chance `urbanity`."""
    core, outside = (np.array([row[k] for row in _USES]) for k in (1, 2))
    count = len(urbanity)
    in_core = rng.choice(len(_USES), count, p=core / core.sum())
    return np.where(
        rng.random(count) < urbanity, in_core, rng.choice(len(_USES), count, p=outside / outside.sum())
    )


def _pick_by_share(rng: np.random.Generator, share: Floats) -> Ints:
    """Return a column index for each row of `share` (n, k), drawn by the shares in the row."""
    drawn = (rng.random((len(share), 1)) > np.cumsum(share, axis=1)).sum(axis=1)
    return np.asarray(np.minimum(drawn, share.shape[1] - 1), dtype=np.int64)


def _densities(rng: np.random.Generator, use: Ints, urbanity: Floats) -> tuple[Floats, Floats]:
    """Return floor area ratio and building density of each lot; NaN where the use has no buildings."""
    low, high = (np.array([row[3][k] if row[3] else np.nan for row in _USES]) for k in (0, 1))
    storeys = np.array([max(row[4], 1.0) for row in _USES])
    far = (low[use] + (high - low)[use] * urbanity) * np.exp(rng.normal(0, 0.22, len(use)))
    density = far / (storeys[use] * np.exp(rng.normal(0, 0.2, len(use))))
    return np.round(far, 2), np.round(np.clip(density, 0.05, 0.6), 2)


def build_parcels(rng: np.random.Generator, frame: Frame, ground: Ground, chosen: Ints) -> GeoDataFrame:
    """Return the parcels with Chinese column names; gaps in the attributes are part of the sample."""
    outline, urbanity, district = ground.shapes[chosen], ground.urbanity[chosen], ground.district[chosen]
    count = len(chosen)
    use = _land_use(rng, urbanity)
    far, density = _densities(rng, use, urbanity)
    floor = np.round(far * shapely.area(outline))
    per_head = np.array([row[5] or np.nan for row in _USES])[use]
    people = np.round(floor / per_head * rng.uniform(0.75, 1.0, count))
    new = np.where(urbanity > 0.85, 0.08, 0.22)
    status = _pick_by_share(rng, np.column_stack([new, np.full(count, 0.90) - new, np.full(count, 0.10)]))
    standard = _pick_by_share(rng, _STANDARD_SHARE[status])
    bare = np.isnan(far)
    state = masked(_STATUS[status], bare)
    gap = rng.random(count)
    no_far, nothing = (gap < 0.03) & ~bare, (gap >= 0.03) & (gap < 0.05)
    people_known = no_far | (~np.isnan(people) & (rng.random(count) < 0.6))
    people = np.where(np.isnan(people) & no_far, np.round(floor / 45), people)
    floor_known = (rng.random(count) < 0.3) & ~no_far & ~nothing
    code = np.array([row[0] for row in _USES], dtype=object)[use]
    unknown_use = nothing & (rng.random(count) < 0.5)
    state = np.where(code == "16", _STATUS[0], state)
    at = shapely.point_on_surface(outline)
    return GeoDataFrame(
        {
            "地块编号": [f"P-{k:06d}" for k in range(1, count + 1)],
            "区": district,
            "乡镇街道": township_of(frame, at, district),
            "用地用海分类代码": masked(code, unknown_use),
            "用地分类版本": SCHEME,
            "建设状态": masked(state, nothing),
            "建筑节能水平": masked(_STANDARD[standard], nothing | bare),
            "容积率": np.where(no_far | nothing, np.nan, far),
            "建筑密度": np.where(no_far | nothing, np.nan, density),
            "建筑面积": np.where(floor_known, floor, np.nan),
            "人口": np.where(people_known & ~nothing, people, np.nan),
            "数据来源": SOURCE,
            "合成数据": True,
        },
        geometry=outline,
        crs=METRIC,
    )


def _belts(rng: np.random.Generator, frame: Frame, lattice: Lattice, left: Blocks, count: int) -> Any:
    """Return about `count` unbuilt superblocks in a ring around the core."""
    x = (lattice.x[left.i] + lattice.x[left.i + 1]) / 2
    y = (lattice.y[left.j] + lattice.y[left.j + 1]) / 2
    middle = lattice.warp(np.column_stack([x, y]))
    heart = frame.districts.loc[frame.districts["名称"] == "东城区"].geometry.iloc[0].centroid
    distance = np.hypot(middle[:, 0] - heart.x, middle[:, 1] - heart.y)
    ring = np.flatnonzero((distance > 9_000) & (distance < 22_000) & (left.urbanity < 0.9))
    ring = rng.permutation(ring)[:count]
    i, j, edge = left.i[ring], left.j[ring], 20.0
    x0, x1 = lattice.x[i] + edge, lattice.x[i + 1] - edge
    y0, y1 = lattice.y[j] + edge, lattice.y[j + 1] - edge
    corners = np.stack([np.stack(p, -1) for p in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))], axis=1)
    belts = shapely.polygons(lattice.warp(corners))
    return belts[shapely.covers(frame.city, belts)]


def build_green_spaces(
    rng: np.random.Generator, frame: Frame, lattice: Lattice, ground: Ground, parks: Ints, left: Blocks
) -> GeoDataFrame:
    """Return parks between the parcels and green belts on unbuilt superblocks around the core."""
    parks = parks[:MOST_PARKS]
    kinds = np.where(rng.random(len(parks)) < 0.12, "广场用地", "公园绿地")
    belts = _belts(rng, frame, lattice, left, int(np.clip(len(ground.shapes) / 120, 4, 1_000)))
    outline = np.concatenate([ground.shapes[parks], belts])
    kind = np.concatenate([kinds, np.full(len(belts), "防护绿地（绿隔）")])
    frac = np.where(kind == "公园绿地", 0.5, np.where(kind == "广场用地", 0.3, 0.6))
    known = rng.random(len(outline)) < 0.85
    return GeoDataFrame(
        {
            "绿地编号": [f"G-{k:05d}" for k in range(1, len(outline) + 1)],
            "名称": [f"示例绿地{k:05d}" for k in range(1, len(outline) + 1)],
            "绿地类型": kind,
            "可利用比例": np.where(known, frac, np.nan),
            "来源": "合成：示例地块生成程序",
            "synthetic": True,
        },
        geometry=outline,
        crs=METRIC,
    )
