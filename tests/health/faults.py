"""One fault for everything that a check can find, put into a town that is otherwise right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import prcoords
import shapely

from gis.crs import API_CRS, STORAGE_CRS, Datum, reproject
from gis.store import Store
from tests.health.town import SOUTH, WEST, frame, load

PLANT, PARCEL, CENTRE, MAIN = "wastewater_plant", "parcel", "data_centre", "reclaimed_water_pipeline"


@dataclass(frozen=True)
class Fault:
    """A fault by the code that tells of it.

    `put` is SQL, or does it to the store; `count` and `ids` are what the finding tells, `also` codes that
    follow from the fault itself.
    """

    code: str
    layer: str
    put: str | Callable[[Store], object]
    count: int = 1
    ids: tuple[int, ...] = ()
    field: str | None = None
    also: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.code} {self.layer} {self.field or ''}"

    @property
    def named(self) -> list[str]:
        """The ids of the features that it is done to."""
        return [f"{self.layer}-{i}" for i in self.ids]


def value(code: str, layer: str, field: str, new: str, *ids: int, also: str = "") -> Fault:
    """Return a fault of a value of some features, given as SQL."""
    names = ", ".join(f"'{layer}-{i}'" for i in ids)
    put = f"UPDATE layer.{layer} SET {field} = {new} WHERE {layer}_id IN ({names})"
    return Fault(code, layer, put, len(ids), ids, field, frozenset(also.split()))


def shape(code: str, layer: str, text: str, *ids: int, also: str = "") -> Fault:
    """Return a fault of a shape: WKT about the south-western corner of the town, or SQL of a shape."""
    placed = f"ST_Translate(ST_GeomFromText('{text}', 4548), {WEST}, {SOUTH})"
    given = text if text.startswith(("ST_", "(")) else placed
    names = ", ".join(f"'{layer}-{i}'" for i in ids[:1])
    put = f"UPDATE layer.{layer} SET geom = {given} WHERE {layer}_id IN ({names})"
    return Fault(code, layer, put, len(ids), tuple(sorted(ids)), None, frozenset(also.split()))


def _lose_one(store: Store) -> None:
    load(store, PLANT, frame(PLANT).iloc[1:])


def _shift(datum: Datum) -> Callable[[Store], None]:
    one = {"gcj02": prcoords.wgs_gcj, "bd09": prcoords.wgs_bd}[datum]

    def put(store: Store) -> None:
        """Load townships in the coordinates of web maps, taken for what they are not."""
        made = frame("township")
        dense = shapely.segmentize(made.geometry.to_numpy(), 200.0)
        degrees = reproject(dense, STORAGE_CRS, API_CRS)
        moved = shapely.transform(degrees, lambda xy: [one((lat, lon))[::-1] for lon, lat in xy])
        made.geometry = reproject(moved, API_CRS, STORAGE_CRS)
        load(store, "township", made)

    return put


_COPY = f"(SELECT geom FROM layer.{PLANT} WHERE {PLANT}_id = '{PLANT}-1')"
_NEAR = (
    f"UPDATE layer.{PLANT} SET name = 'one', geom = ST_Translate({_COPY}, CASE {PLANT}_id WHEN '{PLANT}-1' "
)
_OLD = f"UPDATE meta.layer_version SET loaded_at = loaded_at - interval '400 days' WHERE layer = '{PLANT}'"
_EMPTY = f"DELETE FROM layer.{PLANT}; UPDATE meta.layer_version SET feature_count = 0 WHERE layer = '{PLANT}'"

FAULTS = [
    Fault("H-AGE-1", PLANT, _OLD),
    Fault("H-AGE-2", CENTRE, f"UPDATE layer.{CENTRE} SET monitored_at = '2020-01-01'", field="monitored_at"),
    value("H-AGE-3", CENTRE, "monitored_at", "now()::timestamp + interval '3 days'", 2, 5),
    Fault("H-CNT-1", PLANT, _EMPTY, also=frozenset({"H-COV-2"})),
    Fault("H-CHG-1", PLANT, _lose_one),
    value("H-SYN-1", PLANT, "synthetic", "true", 3),
    value("H-SRC-1", PLANT, "source", "''", 1, 4),
    Fault("H-FLD-1", PLANT, f"UPDATE layer.{PLANT} SET population_served = NULL"),
    Fault("H-FLD-2", PLANT, f"UPDATE layer.{PLANT} SET name = '' WHERE {PLANT}_id > '{PLANT}-2'"),
    value("H-VAL-1", PARCEL, "building_status", "'拆除'", 2),
    value("H-NUM-1", PLANT, "population_served", "1000.0 * 1001", 2),
    value("H-NUM-1", PLANT, "design_capacity_m3_per_d", "1", 5, 6),
    value("H-NUM-2", PLANT, "design_capacity_m3_per_d", "5000001", 1),
    value("H-NUM-2", PLANT, "committed_kw", "'NaN'", 2),
    value("H-TMP-1", PLANT, "winter_temperature_degc", "288.15", 1, 2, 3),
    shape("H-GEO-1", PLANT, "ST_GeomFromText('POINT EMPTY', 4548)", 6),
    value("H-GEO-1", "water_intake_zone", "townships = NULL, geom", "NULL", 2),
    shape("H-GEO-2", PARCEL, "MULTIPOLYGON(((0 0,100 100,100 0,0 50,0 0)))", 1),
    shape("H-GEO-2", MAIN, "MULTILINESTRING((0 0,100 0),(9 9,9 9))", 3),
    shape("H-GEO-3", PARCEL, "MULTIPOLYGON(((0 0,100 0,50 0,0 0)))", 2),
    shape("H-GEO-3", MAIN, "MULTILINESTRING((9 9,9 9))", 2),
    shape("H-GEO-4", PARCEL, "MULTIPOLYGON(((0 0,500 0,500 0.09,0 0.09,0 0)))", 4),
    shape("H-GEO-4", MAIN, "MULTILINESTRING((0 0,0.05 0))", 4),
    shape("H-DUP-1", PLANT, _COPY, 2, 1),
    shape("H-DUP-1", "green_space", "ST_Reverse((SELECT geom FROM layer.green_space WHERE green_space_id = "
          "'green_space-6'))", 5, 6),
    Fault("H-DUP-2", PLANT, f"{_NEAR}THEN 0 ELSE 9.9 END, 0) WHERE {PLANT}_id IN ('{PLANT}-1', '{PLANT}-2')",
          2, (1, 2)),
    shape("H-OVL-1", PARCEL, "MULTIPOLYGON(((2100 7100,2300 7100,2300 7300,2100 7300,2100 7100)))", 6, 1),
    shape("H-OUT-1", PLANT, "POINT(3000 -501)", 1),
    shape("H-OUT-1", "green_space", "MULTIPOLYGON(((-900 10,-501 10,-501 90,-900 10)))", 1),
    Fault("H-COV-1", "township", "DELETE FROM layer.township WHERE township_id = 'township-4'"),
    Fault("H-COV-2", PLANT, f"DELETE FROM layer.{PLANT} WHERE {PLANT}_id > '{PLANT}-3'"),
    Fault("H-DTM-1", "township", _shift("gcj02"), 4, also=frozenset({"H-COV-1"})),
    Fault("H-DTM-1", "township", _shift("bd09"), 4, also=frozenset({"H-COV-1"})),
    value("H-REF-1", MAIN, "wastewater_plant_id", "'gone'", 4),
    value("H-REF-1", "heat_project", "source_id", "'wastewater_plant-1'", 5),
    value("H-REF-1", "heat_project", "source_layer", "'plants'", 2),
    value("H-REF-2", PARCEL, "township", "'无此镇'", 1, 2),
    value("H-REF-2", "water_intake_zone", "townships", "'东镇、无此镇'", 3),
]  # fmt: skip
