"""Outlines of features that have none of their own."""

from __future__ import annotations

from layers import TOWNSHIP_SEPARATOR, LayerSpec


def features_sql(spec: LayerSpec, outlines: bool) -> str:
    """Return the SQL of a layer's rows.

    With `outlines` a list of townships is drawn as the outline of those townships, which must be readable.
    """
    if not (spec.by_township and outlines):
        return f"layer.{spec.id}"
    columns = ", ".join(f"z.{name}" for name in spec.field_names)
    return f"""(
        SELECT {columns}, coalesce(z.geom, listed.geom) AS geom FROM layer.{spec.id} z
        LEFT JOIN LATERAL (
            SELECT ST_Multi(ST_Union(geom)) AS geom FROM layer.township
            WHERE z.geom IS NULL AND string_to_array(z.townships, '{TOWNSHIP_SEPARATOR}')
                  && ARRAY[name, coalesce(district, '') || name, township_id]::text[]
        ) listed ON true) AS listed"""
