"""Synthetic areas: water-intake zones (illustrative), shallow-geothermal zones, drilling exclusions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame

from sample_city.frame import CENTRAL, LONLAT, METRIC, Frame, point
from sample_city.lattice import Lattice, walk

DOCUMENT = "京水务地〔2022〕17号"
ZONE_REMARK = "示意，非官方范围；生效日期未收录。2025-12-30 已发布修订，正式范围以乡镇街道清单为准"
TILE_M = 8_000.0
FOOTHILLS_M = 4_000.0

# name, class, west, south, east, north (degrees)
_ZONES = (
    ("密怀顺（潮白河）水源地示意区", "限制开采区", 116.55, 40.12, 116.95, 40.45),
    ("朝阳东—通州沉降示意区", "禁止开采区", 116.50, 39.85, 116.75, 40.05),
    ("昌平南—海淀北—顺义沉降示意区", "限制开采区", 116.25, 40.05, 116.60, 40.20),
    ("玉泉山泉域示意区", "限制开采区", 116.18, 39.95, 116.30, 40.03),
)
_FIFTH_RING_M = (11_500.0, 10_500.0)
_RESERVE_DISTRICTS = ("延庆区", "平谷区")


def build_zones(frame: Frame) -> GeoDataFrame:
    """Return the zones given as polygons: boxes inside the city; where two overlap, the stricter holds."""
    boxes = GeoDataFrame(geometry=[shapely.box(*row[2:]) for row in _ZONES], crs=LONLAT).to_crs(METRIC)
    kept = shapely.intersection(boxes.geometry.to_numpy(), frame.city)
    banned = kept[1]
    kept = np.array([zone if k == 1 else shapely.difference(zone, banned) for k, zone in enumerate(kept)])
    kept[2] = shapely.difference(kept[2], kept[0])
    return GeoDataFrame(
        {
            "zone_id": [f"WZ-{k:02d}" for k in range(1, len(_ZONES) + 1)],
            "名称": [row[0] for row in _ZONES],
            "分区类别": [row[1] for row in _ZONES],
            "文号": DOCUMENT,
            "生效日期": None,
            "数据来源": "示意范围，凭公开报道的名称粗绘",
            "合成数据": True,
            "备注": ZONE_REMARK,
        },
        geometry=kept,
        crs=METRIC,
    )


def build_zone_townships(rng: np.random.Generator, frame: Frame) -> pd.DataFrame:
    """Return the zones given as lists of (synthetic) townships, without geometry."""
    towns = frame.townships
    heart = point(116.397, 39.915)
    at = shapely.centroid(towns.geometry.to_numpy())
    dx, dy = shapely.get_x(at) - heart.x, shapely.get_y(at) - heart.y
    inside = np.hypot(dx / _FIFTH_RING_M[0], dy / _FIFTH_RING_M[1]) < 1
    central = frame.districts.loc[frame.districts["功能分区"] == CENTRAL, "名称"]
    urban = towns.loc[inside & towns["区县"].isin(central), "乡镇街道"]
    reserve = towns.loc[towns["区县"].isin(_RESERVE_DISTRICTS), "乡镇街道"].to_numpy()
    reserve = reserve[np.sort(rng.permutation(len(reserve))[:8])]
    return pd.DataFrame(
        {
            "取水分区编号": ["WZ-11", "WZ-12"],
            "名称": ["城区地下水禁采示意区（五环内）", "北部储备示意区"],
            "类别": ["禁止开采区", "储备区"],
            "乡镇街道清单": ["、".join(urban), "、".join(reserve)],
            "文号": DOCUMENT,
            "数据来源": "示意清单，按样例的合成乡镇街道编制",
            "合成数据": "true",
            "备注": ZONE_REMARK,
        }
    )


def build_shallow_zones(rng: np.random.Generator, frame: Frame) -> GeoDataFrame:
    """Return a coarse tiling of the city: gravel fans in the west, fine ground in the east, mountains."""
    xmin, ymin, xmax, ymax = shapely.bounds(frame.city)
    x, y = np.meshgrid(np.arange(xmin, xmax, TILE_M), np.arange(ymin, ymax, TILE_M), indexing="ij")
    tiles = shapely.box(x.ravel(), y.ravel(), x.ravel() + TILE_M, y.ravel() + TILE_M)
    rows: list[dict[str, Any]] = []
    foothills = shapely.buffer(frame.plain, FOOTHILLS_M)
    west, east = point(116.05, 39.9).x, point(117.15, 39.9).x
    for in_plain, ground in ((True, frame.plain), (False, shapely.difference(frame.city, frame.plain))):
        parts = shapely.intersection(tiles, ground)
        for tile in parts[shapely.area(parts) > 1.0]:
            at = tile.centroid
            share = float(np.clip((at.x - west) / (east - west), 0, 1))
            north = (at.y - ymin) / (ymax - ymin)
            if in_plain:
                conductivity = 2.2 - 0.7 * share + rng.normal(0, 0.05)
                suitability = "较适宜区" if share < 0.12 else "适宜区"
            else:
                conductivity = 2.2 + rng.normal(0, 0.1)
                suitability = "较适宜区" if foothills.contains(at) else "不适宜区"
            rows.append({
                "suitability": suitability,
                "conductivity": round(float(np.clip(conductivity, 1.5, 2.4)), 2),
                "volumetric heat capacity": round(float(2.2 + 0.4 * share + rng.normal(0, 0.05)), 2),
                "ground temperature": round(float(15.2 - 2.4 * north**2 + rng.normal(0, 0.2)), 1),
                "remark": "平原（示意）" if in_plain else "山区（示意）",
                "geometry": _polygonal(tile),
            })  # fmt: skip
    out = GeoDataFrame(rows, crs=METRIC)
    out.insert(0, "分区编号", [f"SZ-{k:03d}" for k in range(1, len(out) + 1)])
    out["source"] = "合成：西粗东细的示意分布，地温约 15 ℃（副中心政务服务中心地源热泵项目报道，约 140 m 深）"
    out["synthetic"] = True
    return out


def _polygonal(geometry: Any) -> Any:
    parts = shapely.get_parts(geometry)
    polygons = parts[shapely.get_type_id(parts) == 3]
    return polygons[0] if len(polygons) == 1 else shapely.multipolygons(polygons)


def build_exclusions(rng: np.random.Generator, frame: Frame, lattice: Lattice) -> GeoDataFrame:
    """Return synthetic rail corridors along streets, water-source and heritage protection areas."""
    rows: list[dict[str, Any]] = []
    heart = point(116.397, 39.915)
    middle = lattice.nearest_node(heart.x, heart.y)
    for k in range(12):
        heading = 2 * np.pi * (k + rng.uniform(-0.3, 0.3)) / 12
        path = walk(rng, lattice, middle, heading, int(rng.integers(25, 55)))
        corridor = shapely.buffer(lattice.line(path), 50.0, quad_segs=2, cap_style="flat", join_style="mitre")
        rows.append(
            {"名称": f"示例轨道交通保护区{k + 1:02d}", "类型": "轨道交通保护区", "geometry": corridor}
        )
    for k in range(14):
        at = _spot(rng, frame.plain)
        circle = shapely.buffer(at, rng.uniform(400, 1_800), quad_segs=6)
        rows.append({"名称": f"示例水源保护区{k + 1:02d}", "类型": "水源保护区", "geometry": circle})
    for k in range(16):
        x, y = rng.normal((heart.x, heart.y), 3_500.0)
        i, j = lattice.nearest_node(x, y)
        ring = [lattice.nodes[i + a, j + b] for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]
        area = shapely.buffer(shapely.polygons(ring), -60.0, join_style="mitre")
        rows.append({"名称": f"示例文物保护范围{k + 1:02d}", "类型": "文物保护范围", "geometry": area})
    out = GeoDataFrame(rows, crs=METRIC)
    out["geometry"] = [_polygonal(g) for g in shapely.intersection(out.geometry.to_numpy(), frame.city)]
    out.insert(0, "范围编号", [f"DX-{k:02d}" for k in range(1, len(out) + 1)])
    out["source"] = "合成：示意范围"
    out["合成数据"] = True
    return out


def _spot(rng: np.random.Generator, area: Any) -> Any:
    xmin, ymin, xmax, ymax = shapely.bounds(area)
    while True:
        at = shapely.points(rng.uniform(xmin, xmax), rng.uniform(ymin, ymax))
        if shapely.contains(area, at):
            return at
