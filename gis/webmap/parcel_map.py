"""Parcels by technology on a map without server and network: all that it is made of is in its document."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from branca.element import MacroElement
from folium.template import Template

from gis.crs import API_CRS, reproject
from gis.errors import InputError
from gis.titles import NO_TECHNOLOGY, NO_TECHNOLOGY_TITLE, TECHNOLOGY_COLOURS
from gis.vocabulary import TECHNOLOGIES, TECHNOLOGY_TITLES, Language
from gis.webmap.paths import STATIC_DIR, VENDOR_DIR

MOST_PARCELS = 30_000
"""The sample's 12,000 are a document of 3.7 MB that Chromium shows in 0.8 s; both grow with the parcels,
and a notebook keeps every map that it shows."""
_DECIMALS = 6
_PLACE = {"zh": 0, "en": 1}


def parcel_map(
    parcels: gpd.GeoDataFrame, column: str, lines: Mapping[str, Sequence[str]], title: str, lang: Language
) -> ParcelMap:
    """Return a folium map of parcels (metric CRS, indexed by parcel_id) by the technology in `column`.

    `lines` are lines of the tooltip: a title -> its text for every parcel. Raises InputError for more
    parcels than a browser draws well, for none, and where the map's JavaScript is not installed.
    """
    if len(parcels) > MOST_PARCELS:
        raise InputError(
            f"{len(parcels):,} parcels make a map that a browser cannot draw quickly; draw up to "
            f"{MOST_PARCELS:,}, such as a district, or draw all with plot()."
        )
    if len(parcels) == 0:
        raise InputError("there is no parcel to draw.")
    placed = reproject(parcels.geometry.to_numpy(), parcels.crs.to_string(), API_CRS)
    west, south, east, north = shapely.total_bounds(placed)
    page = ParcelMap(tiles=None, prefer_canvas=True, zoom_snap=0.25)
    page.fit_bounds([[south, west], [north, east]])
    page.add_child(_Parcels(page.get_name(), _data(parcels, placed, column, lines, title, lang)))
    return page


def _data(
    parcels: gpd.GeoDataFrame,
    placed: Any,
    column: str,
    lines: Mapping[str, Sequence[str]],
    title: str,
    lang: str,
) -> dict[str, Any]:
    """Return what the script draws; coordinates in degrees, rounded to 0.1 m."""
    place = _PLACE[lang]
    rounded = shapely.transform(placed, lambda xy: np.round(xy, _DECIMALS))
    technologies = parcels[column].astype(object).where(parcels[column].notna(), None).tolist()
    shown: dict[str | None, tuple[str, tuple[str, str]]] = {
        **{t: (TECHNOLOGY_COLOURS[t], TECHNOLOGY_TITLES[t]) for t in TECHNOLOGIES},
        None: (NO_TECHNOLOGY, NO_TECHNOLOGY_TITLE),
    }
    kinds = [kind for kind in shown if kind in set(technologies)]
    legend = [
        {"colour": shown[k][0], "title": shown[k][1][place], "count": f"{technologies.count(k):,}"}
        for k in kinds
    ]
    tooltips = [list(map(str, row)) for row in zip(parcels.index, *lines.values(), strict=True)]
    features = [
        {"type": "Feature", "geometry": json.loads(shape), "properties": {"k": kinds.index(t), "t": lines_of}}
        for shape, t, lines_of in zip(shapely.to_geojson(rounded), technologies, tooltips, strict=True)
    ]
    return {
        "title": title,
        "names": [("地块", "Parcel")[place], *lines],
        "legend": legend,
        "parcels": {"type": "FeatureCollection", "features": features},
    }


class ParcelMap(folium.Map):
    """A folium map that links nothing: Leaflet stands in the document."""

    default_js: list[tuple[str, str]] = []  # noqa: RUF012  (folium's own form)
    default_css: list[tuple[str, str]] = []  # noqa: RUF012


class _Parcels(MacroElement):
    """Leaflet, the parcels and their legend."""

    _template = Template(
        "{% macro header(this, kwargs) %}"
        "<style>{{ this.css }}</style><script>{{ this.leaflet }}</script>"
        "{% endmacro %}"
        "{% macro script(this, kwargs) %}{{ this.code }}\n"
        "drawParcels({{ this.map_name }}, {{ this.data }});{% endmacro %}"
    )

    def __init__(self, map_name: str, data: Mapping[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "parcels"
        self.map_name = map_name
        # Leaflet's pictures are those of markers and of a layers button, which this map has none of.
        self.css = re.sub(r"url\([^)]*\)", "none", _vendored("leaflet.css")) + _static("parcel_map.css")
        self.leaflet = _vendored("leaflet.js").replace("</script", "<\\/script")
        self.code = _static("parcel_map.js")
        # "<" is escaped, so that no text of a parcel can end the script element.
        self.data = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _vendored(name: str) -> str:
    path = VENDOR_DIR / "leaflet" / name
    if not path.is_file():
        raise InputError(f"The map's file {name} is not installed; run `python -m gis.webmap.vendor` once.")
    return path.read_text(encoding="utf-8").split("//# sourceMappingURL")[0]


def _static(name: str) -> str:
    return (STATIC_DIR / "alone" / name).read_text(encoding="utf-8")


def texts(values: pd.Series[Any], unit: str, decimals: int = 0) -> list[str]:
    """Return numbers as texts with their unit, a dash where they are not known."""
    return ["—" if pd.isna(v) else f"{v:,.{decimals}f} {unit}".strip() for v in values]
