"""Layers built on known facts: plants, geothermal fields, data centres, projects; also heat sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame

from sample_city.frame import LONLAT, METRIC, Frame, district_of, masked, point
from sample_city.lattice import Floats

KNOWN = Path(__file__).parent.parent / "known"
UTILISATION, UTILISATION_SOURCE = 0.55, "上架率 <60 % (aliyunyh.com/484502)"
ALL_FIELDS = "(all ten)"
FIELD_REMARK = "范围为示意；水温为区间中值（推算），单井水量、埋深为资料区间中值"


def known(name: str) -> pd.DataFrame:
    """Return a table of facts from the folder `known`, missing values as None."""
    table = pd.read_csv(KNOWN / f"{name}.csv", dtype=str)
    return table.astype(object).where(table.notna(), None)


def joined(*parts: Any, sep: str = "; ") -> str | None:
    """Return the parts that are there as one text, None when there is none."""
    text = sep.join(str(part) for part in parts if isinstance(part, str) and part)
    return text or None


def middle_of(text: str | None) -> float | None:
    """Return the middle of a figure such as "1000-2000", "60", "<1000 ..."; None for None."""
    if text is None:
        return None
    bounds = [float(part) for part in text.lstrip("<").split()[0].split("-")]
    return sum(bounds) / len(bounds)


def _number(column: pd.Series) -> Floats:
    return np.asarray(pd.to_numeric(column), dtype=np.float64)


def build_plants(frame: Frame) -> pd.DataFrame:
    """Return the plants as a table with longitude and latitude (WGS 84, approximate), not a layer."""
    facts = known("wastewater_plants")
    located = district_of(frame, point(_number(facts["lon_approx"]), _number(facts["lat_approx"])))
    single = facts["district"].isin(frame.districts["名称"])
    notes = [
        joined(
            f"坐标为近似值（{where}）", f"资料所记行政区：{told}" if told != here else None, note, sep="；"
        )
        for where, told, here, note in zip(
            facts["coord_status"],
            facts["district"],
            facts["district"].where(single, located),
            facts["note"],
            strict=True,
        )
    ]
    return pd.DataFrame(
        {
            "厂站编号": [f"WWTP-{k:02d}" for k in range(1, len(facts) + 1)],
            "厂名": facts["name_zh"],
            "所在区": facts["district"].where(single, located),
            "lon": facts["lon_approx"],
            "lat": facts["lat_approx"],
            "设计规模": facts["design_capacity_m3_per_d"],
            "冬季出水量": facts["winter_flow_m3_per_d"],
            "冬季水温": facts["winter_temperature_degc"],
            "数据来源": [
                f"coordinates: {c}; capacity: {k}"
                for c, k in zip(facts["coord_status"], facts["capacity_status"], strict=True)
            ],
            "合成数据": "false",
            "备注": notes,
        }
    )


def _blob(rng: np.random.Generator, centre: Any, area_m2: float) -> Any:
    """Return an uneven ellipse of `area_m2`, drawn out to the north-east as the faults of the plain run."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    waves = sum(rng.normal(0, 0.07) * np.sin(k * turn + rng.uniform(0, 2 * np.pi)) for k in (2, 3, 4))
    radius = np.sqrt(area_m2 / np.pi) * (1 + waves)
    across, along = radius * np.cos(turn) * 0.85, radius * np.sin(turn) / 0.85
    tilt = np.deg2rad(-40)
    x = centre.x + across * np.cos(tilt) - along * np.sin(tilt)
    y = centre.y + across * np.sin(tilt) + along * np.cos(tilt)
    return shapely.polygons(np.column_stack([x, y]))


def _field_outlines(rng: np.random.Generator, frame: Frame, facts: pd.DataFrame, total_km2: float) -> Any:
    """Return disjoint outlines: known areas as known, the others sharing what is left of `total_km2`.

    Each of the others stays nearer to its own centre than to any other; their common
    size is found by bisection so that the ten together have the published area.
    """
    centres = point(_number(facts["lon_approx"]), _number(facts["lat_approx"]))
    area = _number(facts["area_km2"])
    cells = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints(centres), extend_to=frame.city, ordered=True)
    )
    fixed = ~np.isnan(area)
    start_m2 = np.where(fixed, area * 1e6, 1e8)
    unit = np.array([_blob(rng, c, a) for c, a in zip(centres, start_m2, strict=True)])
    taken = shapely.union_all(unit[fixed])
    room = shapely.difference(shapely.intersection(cells, frame.city), taken)

    def grown(factor: float) -> Any:
        out = unit.copy()
        for k in np.flatnonzero(~fixed):
            c = np.array([centres[k].x, centres[k].y])
            blob = shapely.transform(unit[k], lambda xy, c=c: c + (xy - c) * factor)
            out[k] = max(shapely.get_parts(shapely.intersection(blob, room[k])), key=shapely.area)
        return out

    low, high = 0.5, 6.0
    for _ in range(40):
        half = (low + high) / 2
        if shapely.area(grown(half)).sum() < total_km2 * 1e6:
            low = half
        else:
            high = half
    return shapely.simplify(grown(low), 30.0)


def build_geothermal_fields(rng: np.random.Generator, frame: Frame) -> GeoDataFrame:
    """Return the ten fields: facts as attributes, outlines made up around the centres."""
    table = known("geothermal_fields")
    total = float(table.loc[table["name_zh"] == ALL_FIELDS, "area_km2"].iloc[0])
    facts = table[table["name_zh"] != ALL_FIELDS].reset_index(drop=True)
    low, high = _number(facts["temp_c_min"]), _number(facts["temp_c_max"])
    outline = _field_outlines(rng, frame, facts, total)
    remark = [
        joined(FIELD_REMARK, "埋深资料为上限" if "<" in depth else None, note, sep="；")
        for depth, note in zip(facts["depth_m_typical"], facts["note"], strict=True)
    ]
    source = [
        joined(f"temperature {t}", f"depth {d}", f"area {a}", f"centre {c}", f"gradient: {g}" if g else None)
        for t, d, a, c, g in zip(
            facts["temp_status"],
            facts["depth_status"],
            facts["area_status"],
            facts["coord_status"],
            facts["gradient_source"],
            strict=True,
        )
    ]
    return GeoDataFrame(
        {
            "地热田编号": [f"GF-{k:02d}" for k in range(1, len(facts) + 1)],
            "名称": facts["name_zh"],
            "区": district_of(frame, shapely.point_on_surface(outline)),
            "水温": (low + high) / 2,
            "最低水温": low,
            "最高水温": high,
            "单井水量": [middle_of(text) for text in facts["yield_m3_d_per_well"]],
            "热储埋深": [middle_of(text) for text in facts["depth_m_typical"]],
            "地温梯度": _number(facts["gradient_k_per_km"]),
            "数据来源": source,
            "合成数据": True,
            "备注": remark,
        },
        geometry=outline,
        crs=METRIC,
    )


def _near(rng: np.random.Generator, frame: Frame, centre: Any, count: int, spread_m: float) -> Any:
    """Return `count` points inside the city scattered about `centre`."""
    found = np.empty(0, dtype=object)
    while len(found) < count:
        tries = shapely.points(rng.normal((centre.x, centre.y), spread_m, (4 * count, 2)))
        found = np.concatenate([found, tries[shapely.contains(frame.city, tries)]])
    return found[:count]


def build_data_centres(rng: np.random.Generator, frame: Frame) -> GeoDataFrame:
    """Return synthetic data centres whose IT load adds up to the middle of each cluster's range."""
    facts = known("data_centre_clusters")
    rows: list[dict[str, Any]] = []
    for fact in facts[facts["it_load_mw_order"].notna()].to_dict("records"):
        total_kw = int(1000 * (middle_of(fact["it_load_mw_order"]) or 0))
        count = int(np.clip(round(total_kw / 18_000), 2, 9))
        share = rng.dirichlet(np.full(count, 4.0))
        load = np.floor(total_kw * share / 100) * 100
        load[0] += total_kw - load.sum()
        centre = point(float(fact["lon_approx"]), float(fact["lat_approx"]))
        area = fact["cluster"].split("(")[0].split("/")[0]
        for k, spot in enumerate(_near(rng, frame, centre, count, 1_800.0), start=1):
            load_text = f"集群 IT 负荷量级 {fact['it_load_mw_order']} MW 取中值分摊"
            remark = f"集群 {fact['cluster']} 的示意点；{load_text}"
            rows.append(
                {
                    "name": f"{area}示例数据中心{k:02d}",
                    "it_load": load[k - 1],
                    "geometry": spot,
                    "source": f"IT load: {fact['load_status']}; utilisation: {UTILISATION_SOURCE}",
                    "remark": remark,
                }
            )
    frame_ = GeoDataFrame(rows, crs=METRIC)
    count = len(frame_)
    frame_.insert(0, "dc_id", [f"DC-{k:03d}" for k in range(1, count + 1)])
    frame_["district"] = district_of(frame, frame_.geometry.to_numpy())
    frame_["utilisation"] = UTILISATION
    frame_["PUE"] = np.where(rng.random(count) < 0.7, np.round(rng.uniform(1.22, 1.5, count), 2), np.nan)
    frame_["cooling"] = np.where(rng.random(count) < 0.2, "liquid", "air")
    watched = (rng.random(count) < 0.2) & frame_["PUE"].notna()
    power = np.round(frame_["it_load"] * UTILISATION * frame_["PUE"] * rng.uniform(0.9, 1.1, count))
    frame_["monitored mean power"] = np.where(watched, power, np.nan)
    frame_["monitored at"] = masked(["2026-01-15T08:00:00+08:00"] * count, ~watched)
    frame_["synthetic"] = True
    frame_.loc[watched, "remark"] += "；监测值为合成"
    return frame_


# kind, names, how many, where (district), recoverable heat range in kW, temperature range
_SOURCES: tuple[tuple[str, str, tuple[str, ...], tuple[float, float], tuple[float, float]], ...] = (
    (
        "燃气热电厂",
        "示例热电厂",
        ("朝阳区", "海淀区", "石景山区", "丰台区", "通州区"),
        (30e3, 120e3),
        (40, 60),
    ),
    (
        "燃气锅炉房",
        "示例锅炉房",
        ("朝阳区", "海淀区", "丰台区", "西城区", "大兴区", "昌平区", "顺义区", "通州区", "房山区", "怀柔区"),
        (1.5e3, 9e3),
        (45, 65),
    ),
    (
        "工业余热",
        "示例工业余热点",
        ("大兴区", "顺义区", "房山区", "通州区", "怀柔区", "平谷区"),
        (2e3, 25e3),
        (30, 55),
    ),
    (
        "垃圾焚烧",
        "示例垃圾焚烧厂",
        ("门头沟区", "怀柔区", "密云区", "平谷区", "大兴区"),
        (8e3, 30e3),
        (60, 110),
    ),
    ("生物质", "示例生物质热源厂", ("延庆区", "密云区", "平谷区", "怀柔区"), (4e3, 15e3), (80, 110)),
)


def build_waste_heat(rng: np.random.Generator, frame: Frame, spots: GeoDataFrame) -> GeoDataFrame:
    """Return synthetic heat sources beside built-up parcels (`spots`) of the named districts."""
    rows: list[dict[str, Any]] = []
    for kind, word, places, heat, warmth in _SOURCES:
        for k, place in enumerate(places, start=1):
            here = spots.geometry.to_numpy()[spots["区"].to_numpy() == place]
            at = (
                here[rng.integers(len(here))]
                if len(here)
                else frame.districts.geometry[frame.districts["名称"] == place].iloc[0]
            )
            rows.append(
                {
                    "名称": f"{word}{k:02d}",
                    "区": place,
                    "热源类型": kind,
                    "可回收热量": float(np.round(np.exp(rng.uniform(*np.log(heat))), -2)),
                    "余热温度": float(np.round(rng.uniform(*warmth))) if rng.random() < 0.8 else None,
                    "geometry": shapely.point_on_surface(at),
                }
            )
    out = GeoDataFrame(rows, crs=METRIC)
    out.insert(0, "热源编号", [f"WH-{k:03d}" for k in range(1, len(out) + 1)])
    out["数据来源"] = "合成：位置、规模均为示意"
    out["合成数据"] = True
    return out


_PROJECT_TECHNOLOGY = (
    "浅层地源热泵",
    "再生水（污水）源热泵",
    "中深层地热",
    "余热利用",
    "集中式空气源热泵",
    "生物质供热",
)
_PROJECT_STATUS = ("规划", "已核准", "在建", "在运", "停运")
_PROJECT_SOURCE = {
    "再生水（污水）源热泵": "wastewater_plant",
    "中深层地热": "geothermal_field",
    "余热利用": "data_centre",
}


def build_projects(
    rng: np.random.Generator, frame: Frame, spots: GeoDataFrame, sources: dict[str, GeoDataFrame], count: int
) -> GeoDataFrame:
    """Return the known projects and `count` synthetic ones on parcels (`spots`).

    `sources` holds, by layer, what projects draw on: columns id, name, geometry.
    A synthetic project with a source stands on a parcel near that source.
    """
    real = known("heat_projects")
    rows: list[dict[str, Any]] = [
        {
            "工程名称": r["name_zh"],
            "技术类型": r["technology"],
            "项目状态": r["status"],
            "所用资源图层": r["source_layer"],
            "所用资源编号": _source_id(sources, r["source_layer"], r["source_name"]),
            "committed_kw": float(r["committed_kw"]) if r["committed_kw"] else None,
            "供热面积": float(r["heated_area_m2"]),
            "数据来源": r["source"],
            "synthetic": False,
            "备注": r["note"],
            "geometry": point(float(r["lon_approx"]), float(r["lat_approx"])),
        }
        for r in real.to_dict("records")
    ]
    built = shapely.point_on_surface(spots.geometry.to_numpy())
    tree = shapely.STRtree(built)
    for k in range(1, count + 1):
        technology = str(rng.choice(_PROJECT_TECHNOLOGY, p=[0.35, 0.15, 0.1, 0.12, 0.23, 0.05]))
        status = str(rng.choice(_PROJECT_STATUS, p=[0.25, 0.15, 0.15, 0.4, 0.05]))
        heated = float(np.round(np.exp(rng.uniform(np.log(15e3), np.log(300e3))), -3))
        layer = _PROJECT_SOURCE.get(technology)
        spot, source = built[rng.integers(len(built))], None
        if layer is not None:
            source = sources[layer].iloc[int(rng.integers(len(sources[layer])))]
            near = source.geometry.representative_point()
            spot = built[tree.nearest(shapely.points(rng.normal((near.x, near.y), 900.0)))]
        running = status == "在运" and rng.random() < 0.6
        heat = float(np.round(heated * rng.uniform(0.07, 0.1)))
        rows.append(
            {
                "工程名称": f"示例供热项目{k:03d}",
                "技术类型": technology,
                "项目状态": status,
                "所用资源图层": layer,
                "所用资源编号": None if source is None else source["id"],
                "committed_kw": round(heated * 0.045 * 0.6),
                "供热面积": heated,
                "监测年供热量": heat if running else None,
                "监测年耗电量": float(np.round(heat / rng.uniform(2.6, 4.2))) if running else None,
                "数据来源": "合成：示意项目",
                "synthetic": True,
                "备注": None,
                "geometry": spot,
            }
        )
    out = GeoDataFrame(rows, crs=METRIC)
    out.insert(0, "项目编号", [f"HP-{k:03d}" for k in range(1, len(out) + 1)])
    out.insert(2, "区", district_of(frame, out.geometry.to_numpy()))
    return out


def _source_id(sources: dict[str, GeoDataFrame], layer: str | None, name: str | None) -> str | None:
    if layer is None:
        return None
    table = sources[layer]
    return str(table.loc[table["name"] == name, "id"].iloc[0])


def plant_points(plants: pd.DataFrame) -> GeoDataFrame:
    """Return the plants as points in the storage CRS."""
    lon, lat = _number(plants["lon"]), _number(plants["lat"])
    return GeoDataFrame(plants, geometry=shapely.points(lon, lat), crs=LONLAT).to_crs(METRIC)
