"""Where the features lie: inside of the city, all over it, and not shifted."""

from __future__ import annotations

import numpy as np
import shapely

from gis.health.city import City, reference_title
from gis.health.findings import DistrictShare, Fault, Outcome, not_checked
from gis.health.loaded import Bools, Loaded, LoadedRaster, figure, listed, share
from gis.ingest.datum import SAMPLE_VERTICES, SHIFTS, find_shift
from layers import Text

MARGIN_M = 500.0
"""How far outside of the city a feature may lie: outlines are generalised, and plants stand at borders."""
WHOLE_FRAC = 0.98
"""Share of a district from which it is covered, as far as its points can tell."""
_WHOLE = ("township", "shallow_geothermal_zone")
"""Layers that say something of every place."""
_NO_CITY = ("没有导入区界，也没有导入乡镇街道", "neither districts nor townships are loaded")
_NO_DISTRICTS = ("没有导入区界", "no districts are loaded")


def outside(at: Loaded) -> Outcome | None:
    """Features that lie outside of the city altogether."""
    if at.spec.id == "district":
        return None
    if at.city.outline is None:
        return not_checked(*_NO_CITY)
    name, city = at.city.outline
    # Where the middle of a feature lies in the city, the feature does.
    middles = at.rows(
        "SELECT {key}, ST_X(p), ST_Y(p) FROM (SELECT {key}, ST_Centroid(geom) AS p FROM {table}) AS m "
        "WHERE NOT ST_IsEmpty(p)",
        {},
    )
    if not middles:
        return Outcome(0)
    xy = np.array([row[1:] for row in middles])
    doubtful = np.flatnonzero(~shapely.contains_xy(city, xy[:, 0], xy[:, 1]))
    asked = [middles[i][0] for i in doubtful]
    rows = at.rows(
        "SELECT {key}, ST_AsBinary(geom) FROM {table} WHERE {key} = ANY(%(asked)s) "
        'ORDER BY {key} COLLATE "C"',
        {},
        asked=asked,
    )
    apart = shapely.distance(shapely.from_wkb([bytes(row[1]) for row in rows]), city)
    gone = np.flatnonzero(apart > MARGIN_M)
    if not len(gone):
        return Outcome(len(middles))
    values = {"outline": name, "margin": MARGIN_M, "farthest": figure(float(apart.max()) / 1000, "km")}
    return Outcome(len(middles), [Fault(len(gone), [rows[i][0] for i in gone], values)])


def district_shares(city: City, covered: Bools) -> tuple[DistrictShare, ...]:
    """Return about what share of every district is covered, from which of its points are."""
    if not city.districts:
        return ()
    ends = np.cumsum([len(d.xy) for d in city.districts])[:-1]
    return tuple(
        DistrictShare(district_id=d.district_id, name=d.name, covered_frac=float(part.mean()))
        for d, part in zip(city.districts, np.split(covered, ends), strict=True)
    )


def city_share(city: City, shares: tuple[DistrictShare, ...]) -> float | None:
    """Return about what share of the city is covered; None where no districts are loaded."""
    if not shares:
        return None
    areas = np.array([d.area_m2 for d in city.districts])
    return float(np.dot([s.covered_frac for s in shares], areas) / areas.sum())


def gaps(at: Loaded) -> Outcome | None:
    """A layer that says something of every place does not cover some district."""
    if at.spec.id not in _WHOLE:
        return None
    if not at.city.districts:
        return not_checked(*_NO_DISTRICTS)
    shares = district_shares(at.city, at.covered)
    short = [s for s in shares if s.covered_frac < WHOLE_FRAC]
    if not short:
        return Outcome(len(shares))
    told = [Text(zh=f"{s.name.zh}（{_part(s)}）", en=f"{s.name.en} ({_part(s)})") for s in short]
    values = {"share": share(city_share(at.city, shares) or 0.0), "districts": listed(told)}
    return Outcome(len(shares), [Fault(len(short), values=values)])


def _part(one: DistrictShare) -> str:
    return share(one.covered_frac)


def without_any(at: Loaded) -> Outcome | None:
    """Districts in which the layer has nothing."""
    if at.spec.id == "district":
        return None
    if not at.city.districts:
        return not_checked(*_NO_DISTRICTS)
    rows = at.rows(
        "SELECT d.id FROM (SELECT district_id AS id, "
        "CASE WHEN ST_IsValid(geom) THEN geom ELSE ST_MakeValid(geom) END AS geom FROM layer.district) AS d "
        "WHERE EXISTS (SELECT FROM {table} l "
        "WHERE ST_Intersects(l.geom, d.geom) AND NOT {key} = ANY(%(broken)s))",
        {},
        broken=at.broken,
    )
    return _lacking(at.city, {row[0] for row in rows})


def raster_without_any(at: LoadedRaster) -> Outcome:
    """Districts in which the raster has no value."""
    if not at.city.districts:
        return not_checked(*_NO_DISTRICTS)
    shares = district_shares(at.city, at.covered)
    return _lacking(at.city, {s.district_id for s in shares if s.covered_frac > 0})


def _lacking(city: City, having: set[str]) -> Outcome:
    lacking = [d.name for d in city.districts if d.district_id not in having]
    faults = [Fault(len(lacking), values={"districts": listed(lacking)})] if lacking else []
    return Outcome(len(city.districts), faults)


def shifted(at: Loaded) -> Outcome:
    """Outlines look shifted, by GCJ-02 or by BD-09, against those of districts or townships."""
    if at.spec.geometry != "polygon":
        return not_checked(
            "点和线没有可与区界比对的轮廓", "points and lines have no outlines to lay on districts"
        )
    rows = at.rows(
        "SELECT ST_AsBinary(geom) FROM {table} TABLESAMPLE BERNOULLI (%(percent)s) REPEATABLE (1) "
        "WHERE NOT ST_IsEmpty(geom) LIMIT %(most)s",
        {},
        percent=min(100.0, 100.0 * SAMPLE_VERTICES / max(at.count, 1)),
        most=SAMPLE_VERTICES,
    )
    if not rows:
        return not_checked("没有图形", "there are no shapes")
    shapes = np.asarray(shapely.from_wkb([bytes(row[0]) for row in rows]), dtype=object)
    references = at.city.references(at.spec.id)
    found = set()
    for datum, label in SHIFTS.items():
        shift = find_shift(shapes, references, datum)
        if shift.found == "suspected":
            values = {
                "datum": label,
                "code": datum,
                "reference": reference_title(shift.reference),
                "before": figure(shift.before_m, "m"),
                "after": figure(shift.after_m, "m"),
            }
            return Outcome(len(shapes), [Fault(at.count, values=values)])
        found.add(shift.found)
    if "follows" in found:
        return Outcome(len(shapes))
    if "unconfirmed" in found:
        return not_checked(
            "轮廓不沿任何区界，无从比对", "the outlines follow no boundary on which a shift would show"
        )
    return not_checked("附近没有可比对的区界", "there are no boundaries nearby to lay them on")
