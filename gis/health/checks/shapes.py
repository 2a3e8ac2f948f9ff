"""Shapes: there, valid, of some size, and there once."""

from __future__ import annotations

from collections import Counter

from gis.export.checks.shapes import REASONS
from gis.health.findings import MOST_IDS, Fault, Outcome
from gis.health.loaded import Loaded, figure, listed
from layers import Text

SLIVER_M2, SLIVER_M = 1.0, 0.1
"""Area, and mean width or length, under which a shape is a sliver."""
NEAR_M = 10.0
"""Features of one name and kind that are closer may be one."""
OVERLAP_FRAC, OVERLAP_M2 = 0.001, 1.0
"""Share of the smaller one, and area, from which an overlap is told."""
_KINDS = ("kind", "technology")
_WITHOUT_OVERLAP = ("district", "township", "parcel")


def missing(at: Loaded) -> Outcome:
    """Features without a shape; a list of townships stands for one."""
    but = " AND coalesce(townships, '') = ''" if at.spec.by_township else ""
    count, ids, _ = at.failing(f"(geom IS NULL OR ST_IsEmpty(geom)){but}", {})
    return Outcome(at.count, [Fault(count, ids)] if count else [])


def invalid(at: Loaded) -> Outcome | None:
    """Shapes that are not valid, but for those without any extent."""
    if at.spec.geometry == "point":
        return None
    found = {id_: reason for id_, reason in at.flaws.items() if reason is not None}
    if not found:
        return Outcome(at.count)
    reasons = [
        Text(zh=f"{REASONS.get(reason, reason)} {count:,} 个", en=f"{reason} ({count:,})")
        for reason, count in Counter(found.values()).most_common()
    ]
    return Outcome(at.count, [Fault(len(found), list(found), {"reasons": listed(reasons)})])


def no_extent(at: Loaded) -> Outcome | None:
    """Polygons without area and lines without length."""
    if at.spec.geometry == "point":
        return None
    flat = [id_ for id_, reason in at.flaws.items() if reason is None]
    return Outcome(at.count, [Fault(len(flat), flat)] if flat else [])


def slivers(at: Loaded) -> Outcome | None:
    """Valid polygons that are narrow or tiny, and lines that are too short to be one."""
    if at.spec.geometry == "point":
        return None
    if at.spec.geometry == "line":
        size, condition, unit = "ST_Length(geom)", "ST_Length(geom) < %(width)s", "m"
    else:
        size, unit = "ST_Area(geom)", "m2"
        condition = (
            "(ST_Area(geom) < %(area)s OR ST_Area(geom) < %(width)s * ST_Perimeter(geom) / 2)"
            " AND NOT ST_IsEmpty(geom)"
        )
    text = (
        f"WITH f AS MATERIALIZED (SELECT {{key}} AS id, {size} AS size FROM {{table}} l WHERE {condition}"
        " AND NOT {key} = ANY(%(broken)s)) "
        'SELECT count(*), min(size), (array_agg(id ORDER BY id COLLATE "C"))[1:%(most)s] FROM f'
    )
    limits = {"area": SLIVER_M2, "width": SLIVER_M}
    [(count, smallest, ids)] = at.rows(text, {}, **limits, broken=at.broken, most=MOST_IDS)
    if not count:
        return Outcome(at.count)
    return Outcome(at.count, [Fault(count, ids, limits | {"smallest": figure(smallest, unit)})])


def same_shape(at: Loaded) -> Outcome:
    """Features whose very shape another one has too, wherever its rings begin."""
    text = (
        "WITH g AS MATERIALIZED (SELECT {key} AS id, md5(ST_AsBinary(ST_Normalize(geom))) AS shape "
        "FROM {table} WHERE NOT ST_IsEmpty(geom)), "
        "f AS MATERIALIZED (SELECT id FROM g WHERE shape IN "
        "(SELECT shape FROM g GROUP BY shape HAVING count(*) > 1)) "
        'SELECT count(*), (array_agg(id ORDER BY id COLLATE "C"))[1:%(most)s] FROM f'
    )
    [(count, ids)] = at.rows(text, {}, most=MOST_IDS)
    return Outcome(at.count, [Fault(count, ids)] if count else [])


def same_place(at: Loaded) -> Outcome | None:
    """Points that are near another one of the same name and kind."""
    if at.spec.geometry != "point":
        return None
    kind = next((f"l.{k} IS NOT DISTINCT FROM o.{k}" for k in _KINDS if k in at.spec.field_names), "true")
    condition = (
        "EXISTS (SELECT FROM {table} o WHERE o.{key} <> l.{key} AND o.name = l.name AND l.name <> '' AND "
        f"{kind} AND ST_DWithin(o.geom, l.geom, %(reach)s) AND NOT ST_Equals(o.geom, l.geom))"
    )
    count, ids, _ = at.failing(condition, {}, reach=NEAR_M)
    return Outcome(at.filled["name"], [Fault(count, ids, {"reach": NEAR_M})] if count else [])


def overlaps(at: Loaded) -> Outcome | None:
    """Pairs of districts, townships or parcels that share some area; equal shapes are another check's."""
    if at.spec.id not in _WITHOUT_OVERLAP:
        return None
    # Most neighbours' boxes share a line at most: of those nothing is cut.
    text = (
        "WITH p AS MATERIALIZED (SELECT a.{key} AS one, b.{key} AS other, "
        "ST_Area(ST_Intersection(a.geom, b.geom)) AS shared, "
        "least(ST_Area(a.geom), ST_Area(b.geom)) AS smaller "
        "FROM {table} a JOIN {table} b ON a.geom && b.geom AND a.{key} < b.{key} "
        "WHERE (least(ST_XMax(a.geom), ST_XMax(b.geom)) - greatest(ST_XMin(a.geom), ST_XMin(b.geom))) * "
        "(least(ST_YMax(a.geom), ST_YMax(b.geom)) - greatest(ST_YMin(a.geom), ST_YMin(b.geom))) > %(area)s "
        "AND NOT a.{key} = ANY(%(broken)s) AND NOT b.{key} = ANY(%(broken)s) "
        "AND NOT ST_Equals(a.geom, b.geom)) "
        "SELECT one, other, shared FROM p WHERE shared > %(area)s AND shared > %(share)s * smaller "
        "ORDER BY shared DESC, one, other"
    )
    pairs = at.rows(text, {}, area=OVERLAP_M2, share=OVERLAP_FRAC, broken=at.broken)
    if not pairs:
        return Outcome(at.count)
    ids = sorted({id_ for pair in pairs for id_ in pair[:2]})
    first, second, shared = pairs[0]
    values = {"pairs": len(pairs), "first": first, "second": second, "area": figure(shared, "m2")}
    return Outcome(at.count, [Fault(len(ids), ids, values)])
