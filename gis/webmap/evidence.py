"""What the verdicts on a parcel rest on, as shapes for the map: ways to sources, and areas that it meets.

Everything here takes a SQLAlchemy connection. Values are bound; identifiers come
only from the layer declarations.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, text

from gis.crs import STORAGE_EPSG
from gis.store.outlines import features_sql
from layers import LAYERS, LayerSpec

AROUND_M = 3000.0
"""Of an area no more is shown than what lies so near to the parcel's bounding box."""
_SIMPLE_M = 2.0
_DECIMALS = 7
_MOST = 50
_SAME_M = 0.1
_NO_SHARE_FRAC = 1e-9

_SOURCES = ("reclaimed", "waste_heat", "biomass")
_ZONE_CLASSES = ("prohibited", "restricted", "reserve")

_OWN = "(SELECT geom FROM layer.parcel WHERE parcel_id = :parcel)"
_DRAWN = f"ST_AsGeoJSON(ST_Transform(ST_SetSRID({{0}}, {STORAGE_EPSG}), 4326), {_DECIMALS})::json"
_WAY = f"""
SELECT found.id, found.name, found.away AS distance_m, {_DRAWN.format("way")} AS geometry
FROM (SELECT t.{{key}}::text AS id, {{name}} AS name, ST_Distance(own.geom, t.geom) AS away,
             ST_ShortestLine(own.geom, t.geom) AS line
      FROM {_OWN} AS own, {{table}} AS t WHERE {{condition}}
      ORDER BY own.geom <-> t.geom, t.{{key}} LIMIT 1) AS found,
LATERAL (SELECT CASE WHEN away = 0 THEN ST_StartPoint(line) ELSE line END AS way) AS drawn"""
_AREAS = f"""
SELECT t.{{key}}::text AS id, {{name}} AS name, ST_Distance(own.geom, t.geom) AS distance_m,
       {_DRAWN.format("ST_Simplify(ST_ClipByBox2D(t.geom, around), :simple, true)")} AS area,
       {_DRAWN.format("ST_Simplify(ST_ClipByBox2D(ST_Boundary(t.geom), around), :simple, true)")} AS edge
FROM {_OWN} AS own, LATERAL (SELECT Box2D(ST_Expand(own.geom, :around)) AS around) AS box, {{table}} AS t
WHERE {{condition}} ORDER BY t.{{key}} LIMIT :most"""
# To touch is not to meet, as facts have it.
_MEETS = f"""ST_Intersects(t.geom, own.geom)
  AND ST_Area(ST_Intersection(t.geom, own.geom)) > {_NO_SHARE_FRAC} * ST_Area(own.geom)"""


def evidence(connection: Connection, document: Mapping[str, Any], readable: Container[str]) -> dict[str, Any]:
    """Return a GeoJSON FeatureCollection (CRS84) of what a suitability document names of other layers.

    A feature is a `way`, the straight line from the parcel to a source or network (a point where
    both touch), an `area` that the parcel meets, cut off `AROUND_M` from it, or what of its outline
    lies in there, an `edge`. Distances are in m, measured on the present layers; `current` is false
    where the document has another one, as its run saw other data. Of layers that are not `readable`
    nothing is told.
    """
    look = _Look(connection, document, readable)
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "geometry": found.pop("geometry"), "properties": head | found}
            for option in document["technologies"]
            for head in ({name: option[name] for name in ("technology", "variant")},)
            for found in look.of(option["evidence"])
        ],
    }


class _Look:
    """Finds the shapes around one parcel."""

    def __init__(self, connection: Connection, document: Mapping[str, Any], readable: Container[str]) -> None:
        self._connection, self._readable = connection, readable
        self._values = {
            "parcel": document["parcel_id"],
            "as_of": document["ruleset"]["as_of"],
            "around": AROUND_M,
            "simple": _SIMPLE_M,
            "most": _MOST,
        }

    def of(self, facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield what the facts of one option name."""
        for name in _SOURCES:
            layer, id_ = facts.get(f"{name}_source_layer"), facts.get(f"{name}_source_id")
            if layer and id_:
                yield from self._way(layer, facts[f"{name}_distance_m"], id_)
        if facts.get("heat_network_distance_m") is not None:
            yield from self._way("heat_network", facts["heat_network_distance_m"])
        field, away_m = facts.get("geothermal_field_id"), facts.get("geothermal_field_distance_m")
        if field and away_m:
            yield from self._way("geothermal_field", away_m, field)
        elif field:
            yield from self._areas("geothermal_field", "t.geothermal_field_id = :id", id=field)
        zone = facts.get("shallow_geothermal_zone_id")
        if zone:
            yield from self._areas("shallow_geothermal_zone", "t.shallow_geothermal_zone_id = :id", id=zone)
        if facts.get("drilling_exclusion_frac"):
            yield from self._areas("drilling_exclusion", _MEETS)
        met = [c for c in _ZONE_CLASSES if facts.get(f"intake_{c}_frac")]
        if met:
            in_force = "(t.effective_from IS NULL OR t.effective_from <= CAST(:as_of AS date))"
            condition = f"t.zone_class = ANY(:classes) AND {in_force} AND {_MEETS}"
            yield from self._areas("water_intake_zone", condition, classes=met)

    def _way(self, layer: str, told_m: float | None, id_: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the way to one feature, or to the nearest one of a layer."""
        if layer not in self._readable:
            return
        condition = "TRUE" if id_ is None else f"t.{LAYERS[layer].key} = :id"
        statement = self._filled(_WAY, LAYERS[layer], condition)
        for row in self._connection.execute(text(statement), self._values | {"id": id_}).mappings():
            current = told_m is not None and abs(row["distance_m"] - told_m) <= _SAME_M
            yield {"kind": "way", "layer": layer, **row, "current": current}

    def _areas(self, layer: str, condition: str, **values: Any) -> Iterator[dict[str, Any]]:
        """Yield the areas of a layer that fulfil a condition, and their outlines."""
        if layer not in self._readable:
            return
        statement = self._filled(_AREAS, LAYERS[layer], condition)
        for row in self._connection.execute(text(statement), self._values | values).mappings():
            told = {name: row[name] for name in ("id", "name", "distance_m")}
            for kind in ("area", "edge"):
                shape = row[kind]
                # An area that covers all around has no edge there.
                if shape is not None and shape.get("coordinates"):
                    current = row["distance_m"] == 0
                    yield {"kind": kind, "layer": layer, **told, "geometry": shape, "current": current}

    def _filled(self, statement: str, spec: LayerSpec, condition: str) -> str:
        name = "t.name" if "name" in spec.field_names else "NULL"
        table = f"(SELECT * FROM {features_sql(spec, 'township' in self._readable)})"
        return statement.format(key=spec.key, name=name, table=table, condition=condition)
