"""Rows that were left out, kept with what they held and why."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely

from gis.crs import API_CRS, reproject, to_wgs84
from gis.ingest.datum import SourceCrs
from gis.ingest.source import Source
from gis.ingest.values import objects
from gis.writing import write_text

COLUMNS = ["row", "reason", "attributes", "wkt"]


def rejects_table(source: Source, reasons: Mapping[int, Sequence[str]]) -> pd.DataFrame:
    """Return the refused rows: row (from 1), reason, attributes (source values), wkt (source coordinates)."""
    rows = sorted(reasons)
    picked = source.table.iloc[rows]
    values = {str(name): objects(picked.iloc[:, k]) for k, name in enumerate(picked.columns)}
    out = []
    for k, i in enumerate(rows):
        shape = None if source.geometry is None else source.geometry[i]
        out.append(
            (
                i + 1,
                "; ".join(reasons[i]),
                {name: _plain_value(column[k]) for name, column in values.items()},
                None if shape is None else shapely.to_wkt(shape, rounding_precision=-1),
            )
        )
    return pd.DataFrame(out, columns=COLUMNS).astype({"row": "int64", "reason": object, "wkt": object})


def _plain_value(value: Any) -> Any:
    """Return a value that JSON and the database take: no NaN, no NUL, no foreign types."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value).replace("\0", "�")


def write_rejects(rejects: pd.DataFrame, crs: SourceCrs | None, path: Path) -> None:
    """Write the refused rows to a .csv (with source WKT) or .geojson (WGS84) file."""
    text = _csv(rejects) if path.suffix.lower() == ".csv" else _geojson(rejects, crs)
    write_text(path, text)


def _rows(rejects: pd.DataFrame) -> list[tuple[int, str, dict[str, Any], str | None]]:
    return list(zip(*(rejects[c].tolist() for c in COLUMNS), strict=True))


def _csv(rejects: pd.DataFrame) -> str:
    names = list(dict.fromkeys(n for a in rejects["attributes"] for n in a))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["row", "reason", *names, "wkt"])
    for row, reason, attributes, wkt in _rows(rejects):
        writer.writerow([row, reason, *(attributes.get(n) for n in names), wkt])
    return "\ufeff" + out.getvalue()  # the mark makes Excel read Chinese text


def _geojson(rejects: pd.DataFrame, crs: SourceCrs | None) -> str:
    features = [
        {
            "type": "Feature",
            "properties": {"row": row, "reason": reason, **attributes},
            "geometry": _geometry(wkt, crs),
        }
        for row, reason, attributes, wkt in _rows(rejects)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False) + "\n"


def _geometry(wkt: str | None, crs: SourceCrs | None) -> Any:
    """Return the shape as GeoJSON, null where it has no finite place on Earth."""
    if wkt is None or crs is None:
        return None
    shape = shapely.from_wkt([wkt], on_invalid="fix")
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        return None
    lonlat = to_wgs84(shape, crs.datum) if crs.datum else reproject(shape, crs.text, API_CRS)
    if shape[0] is None or not np.isfinite(shapely.get_coordinates(lonlat)).all():
        return None
    return json.loads(shapely.to_geojson(shapely.force_2d(lonlat[0])))
