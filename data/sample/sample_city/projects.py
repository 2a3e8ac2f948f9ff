"""What the register tells of the synthetic heat projects; nothing is made up of those that are real."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame

_KW = {
    "浅层地源热泵": "shallow_ground_source_kw",
    "再生水（污水）源热泵": "reclaimed_water_kw",
    "中深层地热": "geothermal_kw",
    "余热利用": "waste_heat_kw",
    "集中式空气源热泵": "air_source_kw",
    "生物质供热": "biomass_kw",
}
# technology -> scheme, CNY a kW, seasonal COP of the design (none without a heat pump)
_DESIGN: dict[str, tuple[str, float, tuple[float, float] | None]] = {
    "浅层地源热泵": ("竖直地埋管换热，土壤热平衡设计", 5_500, (3.0, 3.8)),
    "再生水（污水）源热泵": ("再生水间接换热，热泵机组集中供热", 4_500, (3.8, 4.6)),
    "中深层地热": ("中深层地热井采灌结合，梯级利用", 7_000, (4.5, 6.0)),
    "余热利用": ("数据中心余热经热泵提温供热", 4_000, (3.5, 5.0)),
    "集中式空气源热泵": ("低环境温度空气源热泵集中供热，配蓄热水箱", 3_000, (2.4, 3.0)),
    "生物质供热": ("生物质热源厂供热", 2_500, None),
}
_SECOND = ("浅层地源热泵", "集中式空气源热泵")
_DROPPED = (
    "developer", "资金来源", "技术方案", "其他市级支持", "总投资", "新能源建设投资", "供热总装机", "投资主体",
    "投运日期", "开工日期", "核准日期",
)  # fmt: skip
COLUMNS = (
    "服务地块", "供热总装机", *_KW.values(), "new_technology", "设计年供热量", "design_scop", "投资主体",
    "developer", "总投资", "新能源建设投资", "资金来源", "技术方案", "其他市级支持", "申请日期", "核准日期",
    "开工日期", "预计投运日期", "投运日期", "停运日期",
)  # fmt: skip


def with_register(rng: np.random.Generator, projects: GeoDataFrame, parcels: GeoDataFrame) -> GeoDataFrame:
    """Return the projects with the columns of the register, whose values are missing where they are real.

    `parcels` has heated parcels (`地块编号`), from which those that a project serves are taken. About a
    quarter of the synthetic projects lack some of what an application has to tell.
    """
    shapes = parcels.geometry.to_numpy()
    tree, ids = shapely.STRtree(shapes), parcels["地块编号"].to_numpy()
    rows = []
    for row in projects.to_dict("records"):
        told: dict[str, Any] = dict.fromkeys(COLUMNS)
        if row["synthetic"]:
            told |= _capacity(rng, row) | _money(rng, row)
            told |= _dates(rng, row["项目状态"])
            told["总投资"], told["新能源建设投资"] = _investment(rng, told, row["技术类型"])
            told["服务地块"] = _served(rng, row["geometry"], tree, shapes, ids)
            if rng.random() < 0.25:
                told |= dict.fromkeys(str(n) for n in rng.choice(_DROPPED, size=2, replace=False))
        rows.append(told)
    register = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    return GeoDataFrame(
        pd.concat([projects.drop(columns="geometry"), register], axis=1), geometry=projects.geometry
    )


def _capacity(rng: np.random.Generator, row: dict[str, Any]) -> dict[str, Any]:
    """Return capacities: a design load of about 45 W/m2, of which the technologies carry a part."""
    technology, heated = str(row["技术类型"]), float(row["供热面积"])
    installed = float(np.round(heated * 0.045 * rng.uniform(1.0, 1.1), -1))
    share = float(
        rng.choice([0.25, 0.4, 0.55, 0.6, 0.7, 0.85, 1.0], p=[0.08, 0.12, 0.1, 0.2, 0.25, 0.15, 0.1])
    )
    told: dict[str, Any] = {"供热总装机": installed, _KW[technology]: round(installed * share)}
    second = str(rng.choice([t for t in _SECOND if t != technology]))
    if rng.random() < 0.3 and share < 0.9:
        told[_KW[second]] = round(installed * rng.uniform(0.05, 1 - share))
    scop = _DESIGN[technology][2]
    told["design_scop"] = None if scop is None else round(float(rng.uniform(*scop)), 2)
    told["设计年供热量"] = float(np.round(heated * rng.uniform(0.075, 0.1)))
    told["new_technology"] = bool(rng.random() < 0.1)
    return told


def _money(rng: np.random.Generator, row: dict[str, Any]) -> dict[str, Any]:
    support = rng.choice(["无", "运行补贴", "固定资产投资支持"], p=[0.85, 0.1, 0.05])
    return {
        "投资主体": str(rng.choice(["企业投资", "政府投资"], p=[0.8, 0.2])),
        "developer": f"示例建设单位{int(rng.integers(1, 25)):02d}",
        "资金来源": str(rng.choice(["企业自筹", "企业自筹和银行贷款", "自筹，申请市政府固定资产投资支持"])),
        "技术方案": _DESIGN[str(row["技术类型"])][0],
        "其他市级支持": str(support),
    }


def _investment(rng: np.random.Generator, told: dict[str, Any], technology: str) -> tuple[float, float]:
    """Return the whole investment and that in new energy."""
    kw = sum(told.get(name) or 0 for name in _KW.values())
    new = float(np.round(kw * _DESIGN[technology][1] * rng.uniform(0.85, 1.2), -4))
    return float(np.round(new * rng.uniform(1.15, 1.6), -4)), new


def _dates(rng: np.random.Generator, status: str) -> dict[str, str]:
    """Return the dates that a project of a state has, each after the one before."""

    def between(start: date, end: date) -> date:
        return start + timedelta(days=int(rng.integers((end - start).days + 1)))

    def days(least: int, most: int) -> timedelta:
        return timedelta(days=int(rng.integers(least, most + 1)))

    told: dict[str, date] = {}
    if status == "规划":
        if rng.random() < 0.6:
            told["申请日期"] = between(date(2026, 1, 5), date(2026, 10, 30))
        if rng.random() < 0.7:
            told["预计投运日期"] = between(date(2028, 9, 1), date(2030, 11, 15))
        return {name: day.isoformat() for name, day in told.items()}
    if status in ("在运", "停运"):
        last = date(2026, 10, 31) if status == "在运" else date(2021, 11, 15)
        told["投运日期"] = between(date(2015, 10, 15), last)
        told["开工日期"] = told["投运日期"] - days(300, 700)
        told["核准日期"] = told["开工日期"] - days(60, 300)
        if status == "停运":
            told["停运日期"] = told["投运日期"] + days(700, 1_600)
    elif status == "在建":
        told["开工日期"] = between(date(2025, 4, 1), date(2026, 9, 30))
        told["核准日期"] = told["开工日期"] - days(60, 300)
        told["预计投运日期"] = max(told["开工日期"] + days(350, 800), date(2026, 12, 1))
    else:
        told["核准日期"] = between(date(2025, 9, 1), date(2026, 10, 31))
        told["预计投运日期"] = told["核准日期"] + days(600, 1_300)
    told["申请日期"] = told["核准日期"] - days(40, 200)
    return {name: day.isoformat() for name, day in told.items()}


def _served(rng: np.random.Generator, spot: Any, tree: Any, shapes: Any, ids: Any) -> str:
    """Return the ids of the parcel that a project stands on and of some next to it."""
    near = tree.query(spot, predicate="dwithin", distance=600.0)
    near = near[np.argsort(shapely.distance(shapes[near], spot), kind="stable")]
    return "、".join(str(i) for i in ids[near[: int(rng.integers(1, 6))]])
