"""The map page, built with folium; every asset is served by this program.

Without a Tianditu key the page asks no other host for anything.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import folium
from branca.element import Figure, MacroElement
from folium.plugins import VectorGridProtobuf
from folium.template import Template

from gis.errors import InputError
from gis.matching.columns import (
    BASES,
    EXCLUSIONS,
    MOST_SITES,
    REASONS,
    SHARED,
    SITE_CONDITIONS,
    SITE_EXCLUSIONS,
    SOURCE_COLUMNS,
)
from gis.settings import Settings
from gis.titles import (
    CHECKLIST_GROUPS,
    EFFECTS,
    HEATED_AREA_BASES,
    LAND_USE_CLASSES,
    TECHNOLOGY_COLOURS,
    declared_words,
    in_both,
)
from gis.vocabulary import FACTS, OPTIONS, STATUS_TITLES, TECHNOLOGIES, TECHNOLOGY_TITLES
from gis.webmap.boxes import CELL_MAX_ZOOM, PARCEL_MIN_ZOOM
from gis.webmap.match_tiles import MATCH_CONNECTION, MATCH_PARCEL, MATCH_SEGMENT
from gis.webmap.paths import STATIC_DIR, VENDOR_DIR
from gis.webmap.raster_tiles import SHOWN_RASTERS
from gis.webmap.tiles import RESULT_LAYER
from layers import LAYERS, POTENTIAL, LayerSpec

SCRIPTS = (
    "text.js", "grid.js", "geodesy.js", "opacity.js", "rasters.js", "controls.js", "parts.js",
    "clause.js", "evidence.js", "option.js", "portfolio.js", "match.js", "swipe.js", "site.js",
    "match_parcel.js", "report.js", "panel.js", "draw.js", "areas.js", "printing.js", "tools.js",
    "match_tables.js", "match_ledger.js", "match_charts.js", "match_views.js", "match_compare.js",
    "dashboard_charts.js", "dashboard_views.js", "dashboard.js", "find.js", "sign.js", "job.js",
    "match_run.js", "site_panel.js", "match_panel.js", "filter.js", "export.js", "changes.js", "share.js",
    "main.js",
)  # fmt: skip
STYLES = (
    "onemap", "match", "site", "find", "evidence", "filter", "tools", "swipe", "raster", "changes",
    "dashboard", "print",
)  # fmt: skip
MIN_ZOOM, MAX_ZOOM = 7, 18

_BEIJING = (115.4, 39.4, 117.5, 41.1)
_WORLD = (-180.0, -90.0, 180.0, 90.0)
_RIM_DEG = 0.05
_TIANDITU = (
    "https://t{s}.tianditu.gov.cn/%(layer)s_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=%(layer)s"
    "&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}&tk=%(key)s"
)


@dataclass(frozen=True)
class MapData:
    """What the page needs to know of the stored data.

    `bounds` are west, south, east, north in degrees (CRS84) of what is shown first, `reach` those of all that
    is loaded, None when nothing is; `versions` maps a layer or raster (or `parcel_suitability`) to the token
    of its present version; `synthetic` names layers that hold synthetic features;
    `results_withheld` says that the reader may not see what was worked out, `rasters_withheld` names rasters
    that the reader may not see;
    `results_run` tells of the run behind it (`finished_at` and `as_of` as ISO 8601, and whether it is
    `current`, of the layers that are loaded now), None where there is none or it is withheld;
    `labels` are district names with keys id, zh, en, lon, lat. Of the rule set behind
    the results: `clauses` maps a clause id to where it stands (`source`) and what it
    says in short (`rule`: zh, None where the rules have no Chinese text, and en),
    `areas` the id of an area that the policy names to its title (zh, en), and
    `new_build_share_frac` is the share of new energy that new projects must reach.
    """

    bounds: Sequence[float] | None
    reach: Sequence[float] | None
    versions: Mapping[str, str]
    synthetic: Sequence[str]
    results_withheld: bool
    rasters_withheld: Sequence[str]
    results_run: Mapping[str, Any] | None
    labels: Sequence[Mapping[str, Any]]
    clauses: Mapping[str, Mapping[str, Any]]
    areas: Mapping[str, Mapping[str, str]]
    new_build_share_frac: float


class _Figure(Figure):
    """The HTML document: with a language, and its script inside the body."""

    _template = Template(
        '<!DOCTYPE html>\n<html lang="zh-CN">\n<head>\n{{ this.header.render(**kwargs) }}\n</head>\n'
        "<body>\n{{ this.html.render(**kwargs) }}\n"
        "<script>\n{{ this.script.render(**kwargs) }}\n</script>\n</body>\n</html>\n"
    )


class _Map(folium.Map):
    """A folium map with Leaflet from this server and without jQuery, Bootstrap and icon fonts."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._name, self._id = "OneMap", "page"
        self.default_js = [
            ("leaflet", asset_url("vendor/leaflet/leaflet.js")),
            ("vectorGrid", asset_url("vendor/vectorgrid/vectorgrid.js")),
            *((name, asset_url(f"static/{name}")) for name in SCRIPTS),
        ]
        self.default_css = [
            ("leaflet_css", asset_url("vendor/leaflet/leaflet.css")),
            *((name, asset_url(f"static/{name}.css")) for name in STYLES),
        ]


class _Grid(VectorGridProtobuf):
    """One layer of vector tiles, drawn on canvas; the page's script adds it to the map."""

    default_js: list[tuple[str, str]] = []  # noqa: RUF012  (folium's own form; the map links the script)

    def __init__(
        self, layer: str, pane: str, min_zoom: int, query: str, reach: Sequence[float] | None
    ) -> None:
        west, south, east, north = reach or _WORLD
        # Tiles beyond all data are not asked for; symbols at the edge of it reach a little further.
        corners = [[south - _RIM_DEG, west - _RIM_DEG], [north + _RIM_DEG, east + _RIM_DEG]]
        options = (
            f"{{vectorTileLayerStyles: {{{layer}: OneMap.styleOf({json.dumps(layer)})}}, "
            f"rendererFactory: OneMap.tileRenderer, interactive: false, pane: 'onemap-{pane}', filter: '', "
            f"minZoom: {min_zoom}, maxZoom: {MAX_ZOOM}, bounds: {json.dumps(corners)}}}"
        )
        super().__init__(f"/tiles/{layer}/{{z}}/{{x}}/{{y}}.mvt?{query}", layer, options, show=False)
        self._name, self._id = "grid", layer


class _App(MacroElement):
    """The page around the map, and the call that brings it to life."""

    _template = Template(
        "{% macro header(this, kwargs) %}"
        '<title>新能源供热资源一张图 OneMap</title><link rel="icon" href="data:,">'
        "{% endmacro %}"
        "{% macro html(this, kwargs) %}{{ this.skeleton }}{% endmacro %}"
        "{% macro script(this, kwargs) %}"
        "OneMap.start({{ this.map_name }}, { {% for g in this.grids %}{{ g.layer_name|tojson }}: "
        "{{ g.get_name() }}, {% endfor %} });"
        "{% endmacro %}"
    )

    def __init__(self, map_name: str, grids: Sequence[_Grid], config: Mapping[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name, self._id = "app", "page"
        self.map_name = map_name
        self.grids = grids
        # "<" is escaped, so that no text of a layer can end the script element.
        data = json.dumps(config, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
        self.skeleton = (STATIC_DIR / "skeleton.html").read_text(encoding="utf-8") + (
            f'<script id="onemap-config" type="application/json">{data}</script>'
        )


def asset_dirs() -> dict[str, Path]:
    """Return the folders to serve, by URL prefix (for `StaticFiles`).

    Raises InputError when the map's JavaScript is not installed.
    """
    asset_url("vendor/leaflet/leaflet.js")
    return {"/assets/vendor": VENDOR_DIR, "/assets/static": STATIC_DIR}


def asset_url(name: str) -> str:
    """Return the URL of an asset with a hash of its content, so that no browser keeps an old one."""
    place = {"vendor": VENDOR_DIR, "static": STATIC_DIR}[name.split("/")[0]] / name.partition("/")[2]
    if not place.is_file():
        raise InputError(
            f"The map's file {place.name} is not installed; run `python -m gis.webmap.vendor` once."
        )
    return f"/assets/{name}?v={hashlib.sha256(place.read_bytes()).hexdigest()[:10]}"


def strings() -> dict[str, dict[str, str]]:
    """Return the texts of the page by their names, each with zh and en; no two files may name the same."""
    found: dict[str, dict[str, str]] = {}
    for file in sorted((STATIC_DIR / "strings").glob("*.json")):
        texts = json.loads(file.read_text(encoding="utf-8"))
        if twice := found.keys() & texts.keys():
            raise ValueError(f"{file.name} has texts of the names {sorted(twice)} again")
        found |= texts
    return found


def _pane(spec: LayerSpec) -> str:
    if spec.geometry != "polygon":
        return spec.geometry
    return "outline" if spec.group in ("demand", "reference") else "area"


def _layer_entries(store_layers: Sequence[Mapping[str, Any]], data: MapData) -> list[dict[str, Any]]:
    """Return the results and every layer of the catalogue as the page's switches show them."""
    listed = {str(entry["id"]): entry for entry in store_layers}
    result_count = listed.get("parcel", {}).get("feature_count") if RESULT_LAYER in data.versions else None
    layers: list[dict[str, Any]] = [
        {
            "id": RESULT_LAYER,
            "title": {"zh": "推荐供热技术", "en": "Recommended technology"},
            "group": "results",
            "geometry": "polygon",
            "loaded": RESULT_LAYER in data.versions,
            "withheld": data.results_withheld,
            "run": dict(data.results_run) if data.results_run else None,
            "feature_count": result_count,
            "synthetic": "parcel" in data.synthetic,
            "visible": True,
        }
    ]
    for spec in LAYERS.values():
        entry = listed.get(spec.id, {})
        layers.append(
            {
                "id": spec.id,
                "title": spec.title.model_dump(),
                "description": spec.description.model_dump(),
                "group": "results" if spec.group == "demand" else spec.group,
                "geometry": spec.geometry,
                "loaded": bool(entry.get("loaded", False)),
                "withheld": spec.id not in listed,
                "feature_count": entry.get("feature_count"),
                "loaded_at": entry["loaded_at"].isoformat() if entry.get("loaded_at") else None,
                "synthetic": spec.id in data.synthetic,
                "style": spec.style.model_dump(),
                # Results already draw every parcel; the bare outlines are for looking closer.
                "visible": spec.style.visible and spec.id != "parcel",
            }
        )
    return layers + _raster_entries(data)


def _raster_entries(data: MapData) -> list[dict[str, Any]]:
    """Return what is drawn cell by cell: loaded rasters and the potential of the ground."""
    return [
        {
            "id": id_,
            "title": spec.title.model_dump(),
            "description": spec.description.model_dump(),
            "group": spec.group,
            "geometry": "raster",
            "unit": spec.unit,
            "potential": id_ in POTENTIAL,
            "loaded": id_ in data.versions,
            "version": data.versions.get(id_),
            "withheld": id_ in data.rasters_withheld,
            "synthetic": id_ in data.synthetic,
            "visible": False,
        }
        for id_, spec in SHOWN_RASTERS.items()
    ]


def _config(store_layers: Sequence[Mapping[str, Any]], data: MapData) -> dict[str, Any]:
    """Return everything that the page's script reads."""
    return {
        "layers": _layer_entries(store_layers, data),
        "bounds": data.bounds or _BEIJING,
        "labels": list(data.labels),
        "clauses": {name: dict(clause) for name, clause in data.clauses.items()},
        "areas": {name: dict(title) for name, title in data.areas.items()},
        "newBuildShare": data.new_build_share_frac,
        "cellMaxZoom": CELL_MAX_ZOOM,
        "parcelMinZoom": PARCEL_MIN_ZOOM,
        "echarts": asset_url("vendor/echarts/echarts.min.js"),
        "strings": strings(),
        "technologies": [
            {
                "id": t,
                "title": dict(zip(("zh", "en"), TECHNOLOGY_TITLES[t], strict=True)),
                "colour": TECHNOLOGY_COLOURS[t],
            }
            for t in TECHNOLOGIES
        ],
        "options": {o.id: {"zh": o.zh, "en": o.en} for o in OPTIONS},
        "statuses": in_both(STATUS_TITLES),
        "words": declared_words(),
        "bases": in_both(HEATED_AREA_BASES),
        "landUses": in_both(LAND_USE_CLASSES),
        "effects": in_both(EFFECTS),
        "groups": in_both(CHECKLIST_GROUPS),
        "match": {
            "reasons": in_both(REASONS),
            "exclusions": in_both(EXCLUSIONS),
            "bases": in_both(BASES),
            "shared": list(SHARED),
            "sources": {c.name: {"zh": c.zh, "en": c.en, "unit": c.unit} for c in SOURCE_COLUMNS},
        },
        "sites": {
            "exclusions": in_both(SITE_EXCLUSIONS),
            "conditions": in_both(SITE_CONDITIONS),
            "most": MOST_SITES,
        },
        "facts": {c.name: {"zh": c.zh, "en": c.en, "unit": c.unit} for c in FACTS},
    }


def map_page(store_layers: Sequence[Mapping[str, Any]], settings: Settings, data: MapData) -> str:
    """Return the HTML of the map.

    Parameters
    ----------
    store_layers
        The list that `GET /api/layers` answers: per layer at least `id`, `loaded`
        and `feature_count`.
    settings
        Only `tianditu_key` is used; with it the page shows the Tianditu base map.
    data
        Bounds, versions, synthetic layers and labels; `api.tiles.map_data(store)` makes it.

    Raises InputError when the map's JavaScript is not installed.
    """
    west, south, east, north = data.bounds or _BEIJING
    page = _Map(
        location=[(south + north) / 2, (west + east) / 2],
        zoom_start=9,
        tiles=None,
        zoom_control=False,
        min_zoom=MIN_ZOOM,
        max_zoom=MAX_ZOOM,
        prefer_canvas=False,
        attributionControl=settings.tianditu_key is not None,
    )
    _Figure().add_child(page)
    if settings.tianditu_key is not None:
        for name in ("vec", "cva"):
            url = _TIANDITU % {"layer": name, "key": quote(settings.tianditu_key, safe="")}
            folium.TileLayer(url, attr="天地图", subdomains="01234567", max_zoom=MAX_ZOOM).add_to(page)
    panes = {RESULT_LAYER: "result", **{s.id: _pane(s) for s in LAYERS.values()}}
    grids = []
    for layer, pane in panes.items():
        min_zoom = PARCEL_MIN_ZOOM if layer == "parcel" else MIN_ZOOM
        # Leaflet fills the filter in, which the page's script chooses.
        chosen = "{filter}" if layer == RESULT_LAYER else ""
        grids.append(_Grid(layer, pane, min_zoom, f"v={data.versions.get(layer, '')}{chosen}", data.reach))
    # Leaflet fills the run in, which the page's script chooses.
    for layer, pane, min_zoom in (
        (MATCH_PARCEL, "result", MIN_ZOOM),
        (MATCH_CONNECTION, "line", PARCEL_MIN_ZOOM),
        (MATCH_SEGMENT, "line", MIN_ZOOM),
    ):
        grids.append(_Grid(layer, pane, min_zoom, "scenario={scenario}&v={version}", data.reach))
    for grid in grids:
        grid.add_to(page)
    page.add_child(_App(page.get_name(), grids, _config(store_layers, data)))
    # Folium forbids to magnify the page, which those of weak sight need.
    return re.sub(r",\s*maximum-scale=1\.0, user-scalable=no", "", page.get_root().render(), count=1)
