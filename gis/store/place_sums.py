"""Sums of the stored results by city, district or township: for summaries, and for packages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Float,
    Integer,
    Select,
    Subquery,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
    table,
    tuple_,
)

from gis.store.layout import NUMBERS, word_of
from gis.store.tables import WORD
from gis.store.views import code_sql, id_sql, number_sql
from gis.vocabulary import STATUSES, TECHNOLOGIES, TECHNOLOGY_TITLES, Column, number, word

By = Literal["city", "district", "township"]
Place = tuple[str | None, ...]
"""Names of a district, or of a district and a township; empty for the city."""

SUMS = ("area_m2", "heated_area_m2", "heat_load_kw", "heat_demand_mwh_per_a")
PLACES: Mapping[By, tuple[str, ...]] = {
    "city": (),
    "district": ("district",),
    "township": ("district", "township"),
}

_OF_PORTFOLIO = (
    "portfolio_installed_share_frac",
    "portfolio_share_without_air_frac",
    "portfolio_co2_saved_t_per_a",
)
_NEW_ENERGY = ("portfolio_co2_saved_t_per_a", "new_energy_heated_area_m2")
_SHARES = {
    "new_energy_share_frac": "new_energy_kw",
    "new_energy_share_without_air_frac": "new_energy_without_air_kw",
}
_RECOMMENDATION = ("recommended", "recommended_status")
_UNKNOWN = ("unknown_heated_area_count", "unknown_heat_load_count")
_KEPT = ("parcel_count", *SUMS, *_UNKNOWN, *_NEW_ENERGY)


def _parcels() -> Subquery:
    """Return what is summed of every parcel, texts by code or id."""
    parts = {name: id_sql(name) for name in PLACES["township"]}
    parts |= {name: code_sql(name) for name in _RECOMMENDATION}
    parts |= {name: number_sql(name) for name in (*SUMS, *_OF_PORTFOLIO)}
    parts |= {f"{t}_status": code_sql(f"{t}_status") for t in TECHNOLOGIES}
    columns = (literal_column(sql, Float if n in NUMBERS else Integer).label(n) for n, sql in parts.items())
    # Offset 0 keeps a value that is used twice from being worked out twice.
    return select(*columns).select_from(table("parcel_result", schema="result")).offset(0).subquery()


class Nothing(dict[str, Any]):
    """The sums of a place without parcels: what is counted is none, what is summed is not known."""

    def __missing__(self, name: str) -> int | None:
        return 0 if name.endswith("_count") or ":" in name else None


NOTHING = Nothing()


def _new_energy(parcels: Subquery, least_share_frac: float) -> dict[str, ColumnElement[Any]]:
    """Return the sums on new energy; shares are of the load of the parcels whose portfolio is known."""
    share, without_air, saved = (parcels.c[name] for name in _OF_PORTFOLIO)
    load, area = parcels.c.heat_load_kw, parcels.c.heated_area_m2
    # A parcel that stays below the share adds nothing; one whose share is not known says nothing.
    reached = case((share >= least_share_frac, area), (share < least_share_frac, 0.0))
    # What has no load has no portfolio, and none is missed.
    needed = func.coalesce(load, 1.0) > 0.0
    return {
        "known_load_kw": func.sum(load).filter(share.is_not(None)),
        "new_energy_kw": func.sum(share * load),
        "new_energy_without_air_kw": func.sum(without_air * load),
        "portfolio_co2_saved_t_per_a": func.sum(saved),
        "new_energy_heated_area_m2": func.sum(reached),
        "new_energy_part_m2": func.sum(share * area),
        "new_energy_part_without_air_m2": func.sum(without_air * area),
        "unknown_part_count": func.count().filter(needed & (share * area).is_(None)),
    }


def _sums(parcels: Subquery, least_share_frac: float) -> dict[str, ColumnElement[Any]]:
    """Return all that is counted and summed; what ends in `_count`, or has a colon, is a count."""
    return {
        "parcel_count": func.count(),
        **{name: func.sum(parcels.c[name]) for name in SUMS},
        "unknown_heated_area_count": func.count() - func.count(parcels.c.heated_area_m2),
        "unknown_heat_load_count": func.count() - func.count(parcels.c.heat_load_kw),
        **_new_energy(parcels, least_share_frac),
        **{
            f"{t}:{status}": func.count().filter(parcels.c[f"{t}_status"] == code)
            for t in TECHNOLOGIES
            for code, status in enumerate(STATUSES, 1)
        },
    }


def _query(by: By, least_share_frac: float) -> Select[Any]:
    """Return the sums of the city and of places (`whole` is 1), and of these by recommendation, in one pass.

    `city` is 1 in rows of the city.
    """
    parcels, keys = _parcels(), (*PLACES[by], *_RECOMMENDATION)
    sums = _sums(parcels, least_share_frac)
    # One number as key: of several PostgreSQL expects millions of groups, and sorts all parcels.
    key: ColumnElement[int] = literal_column("0", BigInteger)
    for name in keys:
        key = key * (2**8 if name in _RECOMMENDATION else 2**23) + parcels.c[name]
    few = (
        select(
            *(func.min(parcels.c[name]).label(name) for name in keys),
            *(value.label(name) for name, value in sums.items()),
        )
        .group_by(key)
        .subquery()
    )
    place, recommendation = ([few.c[n] for n in part] for part in (PLACES[by], _RECOMMENDATION))
    names = (select(WORD.c.word).where(WORD.c.word_id == c).scalar_subquery().label(c.name) for c in place)
    sets = [[], recommendation, *([place, [*place, *recommendation]] if place else [])]
    return (
        select(
            *names,
            *recommendation,
            func.grouping(few.c.recommended).label("whole"),
            (func.grouping(place[0]) if place else literal(1)).label("city"),
            *(cast(func.sum(few.c[name]), few.c[name].type).label(name) for name in sums),
        )
        .group_by(func.grouping_sets(*(tuple_(*one) for one in sets)))
        .order_by(*(column(n).nulls_last() for n in PLACES[by]))
    )


@dataclass(frozen=True)
class Sums:
    """The sums of the stored results by place, and of each place by what is recommended and how."""

    places: Mapping[Place, Mapping[str, Any]]
    recommended: Mapping[Place, Sequence[Mapping[str, Any]]]


def read_sums(connection: Connection, by: By, least_share_frac: float) -> Sums:
    """Return the sums of the city and of all places that hold parcels, in the order of their names.

    `new_energy_heated_area_m2` counts parcels whose portfolio reaches `least_share_frac`, the share that new
    heating projects must have.
    """
    names = PLACES[by]
    places: dict[Place, Mapping[str, Any]] = {}
    recommended: dict[Place, list[Mapping[str, Any]]] = {}
    for row in connection.execute(_query(by, least_share_frac)).mappings():
        place = () if row["city"] else tuple(row[n] for n in names)
        if not row["whole"]:
            recommended.setdefault(place, []).append(dict(row))
        elif row["parcel_count"]:
            places[place] = dict(row)
    return Sums(places, recommended)


def place_row(place: Place, sums: Sums) -> dict[str, Any]:
    """Return what is told of a place: its names, sums, shares of new energy, and what is recommended.

    `new_energy_share_frac` is the share in the load of the parcels whose portfolio is known.
    """
    total = sums.places.get(place, NOTHING)
    known_kw = total["known_load_kw"]
    shares = {
        name: total[kw] / known_kw if known_kw and total[kw] is not None else None
        for name, kw in _SHARES.items()
    }
    district, township = (*place, None, None)[:2]
    return {
        "district": district,
        "township": township,
        **{name: total[name] for name in _KEPT},
        **shares,
        "recommended": _recommended(sums.recommended.get(place, ())),
        "status_counts": {t: {s: total[f"{t}:{s}"] for s in STATUSES} for t in TECHNOLOGIES},
    }


def _recommended(groups: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    order = {t: i for i, t in enumerate(TECHNOLOGIES)}
    rows = [
        {
            "technology": word_of("recommended", g["recommended"]),
            "status": word_of("recommended_status", g["recommended_status"]),
            **{name: g[name] for name in ("parcel_count", "heated_area_m2", "heat_load_kw", *_UNKNOWN)},
        }
        for g in groups
    ]
    return sorted(rows, key=lambda r: (order.get(r["technology"], 99), str(r["status"])))


INDICATORS: tuple[Column, ...] = (
    word("district", "所在区", "district"),
    word("township", "乡镇（街道）", "township"),
    number("parcel_count", "1", "地块数", "parcels"),
    number("area_m2", "m2", "地块面积", "parcel area"),
    number("heated_area_m2", "m2", "供热面积", "heated area"),
    number("unknown_heated_area_count", "1", "供热面积不明地块数", "parcels whose heated area is not known"),
    number("heat_load_kw", "kW", "设计热负荷", "heat load"),
    number("unknown_heat_load_count", "1", "热负荷不明地块数", "parcels whose load is not known"),
    number("heat_demand_mwh_per_a", "MWh/a", "年供热量", "annual heat demand"),
    number("new_energy_heated_area_m2", "m2", "达到新能源装机占比要求的供热面积", "heated area at the share"),
    number(
        "new_energy_share_frac", "1", "新能源供热比重（装机）", "share of new energy in installed capacity"
    ),
    number(
        "new_energy_share_without_air_frac",
        "1",
        "新能源供热比重（不计空气源）",
        "the same without air source",
    ),
    number("portfolio_co2_saved_t_per_a", "t/a", "较燃气锅炉减排", "CO2 saved against gas boilers"),
    *(
        number(f"{t}_heated_area_m2", "m2", f"推荐{zh}的供热面积", f"heated area, {en} recommended")
        for t, (zh, en) in TECHNOLOGY_TITLES.items()
    ),
)
"""What `indicators` tells of every place."""


def indicators(connection: Connection, by: By, least_share_frac: float) -> list[dict[str, Any]]:
    """Return `INDICATORS` of the city, or of every place that holds parcels, in the order of names.

    The heated area of a technology is that of the parcels it is recommended for, whatever the condition; None
    where the area of none of them is known.
    """
    sums = read_sums(connection, by, least_share_frac)
    return [_indicators(place_row(place, sums)) for place in sums.places if bool(place) == (by != "city")]


def _indicators(row: Mapping[str, Any]) -> dict[str, Any]:
    areas: dict[str, float | None] = {}
    for t in TECHNOLOGIES:
        groups = [g for g in row["recommended"] if g["technology"] == t]
        known = [g["heated_area_m2"] for g in groups if g["heated_area_m2"] is not None]
        areas[f"{t}_heated_area_m2"] = None if groups and not known else float(sum(known))
    return {c.name: areas.get(c.name, row.get(c.name)) for c in INDICATORS}
