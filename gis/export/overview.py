"""The overview map of a package: one sheet of A3 as JPEG at 300 dpi, the same for the same to the byte."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import matplotlib as mpl
import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Outline

from gis.crs import STORAGE_EPSG, Geometries
from gis.drawing import FONTS, north_arrow, round_length, scale_bar
from gis.export.model import Manifest, Packed
from gis.export.telling import SYSTEMS, feature_count, has_synthetic, moment, writable
from gis.titles import NO_TECHNOLOGY
from gis.writing import write_file
from layers import LAYERS, StyleSpec

_DPI = 300
_SHEET_IN = (4961 / _DPI, 3508 / _DPI)
_MAP = (0.042, 0.05, 0.722, 0.868)
_SIDE = (0.778, 0.05, 0.204, 0.868)
"""Left, bottom, width and height of the map and of the column beside it, in parts of the sheet."""

_PT_PER_PX = 0.5
_SHAPES_AT_ONCE, _VERTICES_AT_ONCE = 20_000, 50_000
"""How many are made paths of together, and how long a path gets: memory grows with both."""
_SCALES = np.array([1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0])
_LEAST_SCALE = 1000.0
_INK, _WARNING = "#111827", "#c0182b"
_NOTE_COLUMNS = 56
"""Width of a note in letters; a Chinese character takes two."""

_LIKE = {
    "parcel_suitability": "parcel",
    "match_parcel": "parcel",
    "indicator_district": "district",
    "indicator_township": "township",
}
_OWN = {
    "match_connection": StyleSpec(colour=NO_TECHNOLOGY, width_px=0.8),
    "site": StyleSpec(colour=_INK, radius_px=4),
}


@dataclass(frozen=True)
class _Window:
    """The piece of ground on the sheet, in metres of EPSG:4548, and the denominator of its scale."""

    west: float
    south: float
    east: float
    north: float
    scale: float

    @property
    def pixel_m(self) -> float:
        return self.scale * 0.0254 / _DPI


def write_overview(path: Path, manifest: Manifest, shapes: Mapping[str, Geometries]) -> None:
    """Draw the tables of a package that have shapes as a map.

    Parameters
    ----------
    path
        Where the JPEG goes: A3 landscape, 4961 x 3508 pixels.
    manifest
        What the package says of itself.
    shapes
        Geometries in EPSG:4548 by the name of the table; None and empty ones are not drawn, but counted
        in the legend as rows without a shape.
    """
    drawn = {name: _present(found) for name, found in shapes.items()}
    # A name with dollar signs is no formula.
    with mpl.rc_context({"font.family": FONTS, "text.parse_math": False}):
        figure = Figure(figsize=_SHEET_IN, dpi=_DPI)
        figure.text(
            _MAP[0], 0.958, f"{writable(manifest.area.name)}新能源供热资源一张图", fontsize=26, weight="bold",
            va="center", color=_INK,
        )  # fmt: skip
        ax = figure.add_axes(_MAP)
        window = _window(drawn)
        if window is None:
            ax.set(xticks=[], yticks=[])
            ax.text(0.5, 0.5, "没有可绘制的图形", ha="center", transform=ax.transAxes, fontsize=16)
        else:
            _draw_map(ax, manifest, drawn, window)
        if has_synthetic(manifest):
            _mark_synthetic(ax)
        _draw_side(figure.add_axes(_SIDE), manifest, drawn, window)
        out = BytesIO()
        figure.savefig(out, format="jpeg", dpi=_DPI, pil_kwargs={"quality": 88, "optimize": True})
    write_file(path, out.getvalue())


def _present(shapes: Geometries) -> Geometries:
    found = np.asarray(shapes, dtype=object)
    return np.asarray(found[~(shapely.is_missing(found) | shapely.is_empty(found))], dtype=object)


def _window(drawn: Mapping[str, Geometries]) -> _Window | None:
    """Return the window that holds all shapes at a round scale, None where there are none."""
    boxes = [shapely.total_bounds(shapes) for shapes in drawn.values() if len(shapes)]
    if not boxes:
        return None
    west, south = np.min(boxes, axis=0)[:2]
    east, north = np.max(boxes, axis=0)[2:]
    paper_m = [_MAP[2 + i] * _SHEET_IN[i] * 0.0254 for i in range(2)]
    needed = max((east - west) / paper_m[0], (north - south) / paper_m[1], _LEAST_SCALE / 1.06) * 1.06
    ten = 10.0 ** math.floor(math.log10(needed))
    scale = float(ten * _SCALES[_SCALES * ten >= needed * (1 - 1e-9)][0])
    x, y = (west + east) / 2, (south + north) / 2
    half_x, half_y = scale * paper_m[0] / 2, scale * paper_m[1] / 2
    return _Window(x - half_x, y - half_y, x + half_x, y + half_y, scale)


def _style(table: Packed) -> StyleSpec:
    own = _OWN.get(table.source)
    return own if own is not None else LAYERS[_LIKE.get(table.source, table.source)].style


def _draw_map(ax: Axes, manifest: Manifest, drawn: Mapping[str, Geometries], window: _Window) -> None:
    """Draw areas, lines and points in this order, with the scale and the grid."""
    ax.set(xlim=(window.west, window.east), ylim=(window.south, window.north))
    tables = [manifest.table(name) for name in drawn]
    for at, table in enumerate(sorted(tables, key=_height)):
        _draw(ax, table, drawn[table.name], window.pixel_m, at + 2)
    _draw_grid(ax, window)
    scale_bar(ax, 11.0)
    north_arrow(ax, 14.0)


def _height(table: Packed) -> tuple[int, bool, float]:
    """Return what tables are put above each other by: bare outlines above areas, thick ones above thin."""
    style = _style(table)
    bare = table.kind == "polygon" and style.fill_opacity == 0.0
    return ("polygon", "line", "point").index(table.kind), bare, style.width_px if bare else 0.0


def _draw(ax: Axes, table: Packed, shapes: Geometries, pixel_m: float, zorder: int) -> None:
    style = _style(table)
    width = style.width_px * _PT_PER_PX
    if table.kind == "point":
        xy = shapely.get_coordinates(shapes)
        ax.plot(
            xy[:, 0], xy[:, 1], linestyle="none", marker="o", markersize=style.radius_px, color=style.colour,
            markeredgecolor="white", markeredgewidth=0.4, zorder=zorder,
        )  # fmt: skip
        return
    closed = table.kind == "polygon"
    face = (style.colour, style.fill_opacity) if closed else "none"
    for begin in range(0, len(shapes), _SHAPES_AT_ONCE):
        some = shapely.get_parts(shapes[begin : begin + _SHAPES_AT_ONCE])
        for outline in _outlines(_coarse(some, pixel_m / 2), closed):
            patch = PathPatch(
                outline, facecolor=face, edgecolor=style.colour, linewidth=width, zorder=zorder,
                joinstyle="round", linestyle=_dashes(style),
            )  # fmt: skip
            # add_patch would ask every segment of every outline for its extremes.
            ax.add_artist(patch)


def _dashes(style: StyleSpec) -> Literal["solid"] | tuple[float, Sequence[float]]:
    if style.dash is None:
        return "solid"
    return 0.0, tuple(float(part) / style.width_px for part in style.dash.split())


def _coarse(parts: Geometries, tolerance_m: float) -> Geometries:
    """Return polygons or lines with the vertices that can be seen; what would vanish is drawn as its box."""
    found = shapely.simplify(parts, tolerance_m, preserve_topology=False)
    return np.asarray(np.where(shapely.is_empty(found), shapely.envelope(parts), found), dtype=object)


def _outlines(parts: Geometries, closed: bool) -> Iterator[Outline]:
    """Yield many polygons, or lines, as few paths; holes go the other way round, so that they stay open."""
    # A polygon that was made coarse may be in pieces.
    rings, owner = parts, np.arange(len(parts))
    if closed:
        rings, owner = shapely.get_rings(shapely.get_parts(shapely.orient_polygons(parts)), return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    if not len(xy):
        return
    codes = np.full(len(xy), Outline.LINETO, dtype=Outline.code_type)
    first = np.flatnonzero(np.diff(ring, prepend=-1))
    codes[first] = Outline.MOVETO
    if closed:
        codes[np.append(first[1:], len(xy)) - 1] = Outline.CLOSEPOLY
    begins = first[np.flatnonzero(np.diff(owner, prepend=-1))]
    cuts = begins[np.flatnonzero(np.diff(begins // _VERTICES_AT_ONCE, prepend=-1))]
    for low, high in zip(cuts, np.append(cuts[1:], len(xy)), strict=True):
        yield Outline(xy[low:high], codes[low:high])


def _draw_grid(ax: Axes, window: _Window) -> None:
    """Draw lines of round coordinates and write them on the frame, in km."""
    step = round_length((window.east - window.west) / 6)
    digits = max(0, 3 - math.floor(math.log10(step)))
    for axis, low, high in ((ax.xaxis, window.west, window.east), (ax.yaxis, window.south, window.north)):
        ticks = np.arange(math.ceil(low / step), math.floor(high / step) + 1) * step
        axis.set_ticks(ticks, [f"{tick / 1000:.{digits}f}" for tick in ticks], fontsize=9)
    for label in ax.get_yticklabels():
        label.set(rotation=90, va="center")
    ax.set_xlabel("东坐标（km）", fontsize=9, labelpad=2)
    ax.set_ylabel("北坐标（km）", fontsize=9, labelpad=2)
    ax.tick_params(top=True, right=True, direction="in", length=5)
    ax.grid(True, color="#9aa3ab", linewidth=0.35, alpha=0.6, zorder=1)
    ax.set_axisbelow(True)


def _mark_synthetic(ax: Axes) -> None:
    ax.text(
        0.012, 0.982, "含合成数据，不得作为任何依据", transform=ax.transAxes, va="top", fontsize=15,
        weight="bold", color=_WARNING, zorder=99,
        bbox={"facecolor": "white", "edgecolor": _WARNING, "linewidth": 1.6, "boxstyle": "square,pad=0.5"},
    )  # fmt: skip


def _draw_side(ax: Axes, manifest: Manifest, drawn: Mapping[str, Geometries], window: _Window | None) -> None:
    """Write the legend from the top of the column and the notes from its bottom; the axes are in inches."""
    width, height = _SIDE[2] * _SHEET_IN[0], _SIDE[3] * _SHEET_IN[1]
    ax.set(xlim=(0, width), ylim=(0, height))
    ax.set_axis_off()
    notes = [line for note in _notes(manifest, window) for line in _wrapped(note)]
    ax.text(0, 0, "\n".join(notes), va="bottom", fontsize=8.5, linespacing=1.5, color=_INK)
    room = height - 0.185 * len(notes) - 0.8
    step = min(0.33, room / max(len(drawn), 1))
    ax.text(0, height, "图例", va="top", fontsize=15, weight="bold", color=_INK)
    ax.text(width, height, "数量", va="top", ha="right", fontsize=10, color=_INK)
    for at, name in enumerate(drawn):
        _legend_row(ax, manifest.table(name), len(drawn[name]), height - 0.55 - at * step, width)


def _legend_row(ax: Axes, table: Packed, drawn: int, y: float, width: float) -> None:
    style, count = _style(table), feature_count(table)
    line = style.width_px * _PT_PER_PX * 1.5
    if table.kind == "polygon":
        face = (style.colour, style.fill_opacity)
        ax.add_patch(
            Rectangle(
                (0, y - 0.07), 0.32, 0.14, facecolor=face, edgecolor=style.colour, linewidth=line,
                linestyle=_dashes(style),
            )
        )  # fmt: skip
    elif table.kind == "line":
        ax.add_line(Line2D([0, 0.32], [y, y], color=style.colour, linewidth=line * 1.2))
    else:
        ax.plot([0.16], [y], marker="o", markersize=style.radius_px * 1.2, color=style.colour)
    told = table.title.zh + ("（合成）" if table.synthetic else "")
    ax.text(0.42, y, told, va="center", fontsize=10, color=_INK)
    lacking = f"（无图形 {count - drawn:,}）" if drawn < count else ""
    ax.text(width, y, f"{count:,}{lacking}", va="center", ha="right", fontsize=10, color=_INK)


def _notes(manifest: Manifest, window: _Window | None) -> Iterator[str]:
    if has_synthetic(manifest):
        yield "注有“合成”的图层含合成数据，由程序生成，不代表任何实际地块、设施或管线。"
    if manifest.profile.local:
        yield manifest.profile.notice.zh
    yield f"制图坐标系：{SYSTEMS['EPSG:4548'].zh}"
    if manifest.crs != f"EPSG:{STORAGE_EPSG}":
        yield f"包内数据坐标系：{SYSTEMS[manifest.crs].zh}"
    if window is not None:
        yield f"比例尺：1:{window.scale:,.0f}（A3 幅面）"
    yield f"制图时间：{moment(manifest.created_at)}（北京时间）"
    yield f"制图软件：{manifest.software}"
    yield "本图仅示意，不作定界依据。"


def _wrapped(text: str) -> Iterator[str]:
    """Yield lines of a note that are about as wide as the column; no mark is cut from what it belongs to."""
    line, used = "", 0
    for word in re.findall(r"[（“]?(?:[!-~]+|.)[，。；、：）”]*", writable(text)):
        width = sum(2 if unicodedata.east_asian_width(letter) in "WFA" else 1 for letter in word)
        if used + width > _NOTE_COLUMNS and line:
            yield line
            line, used = "", 0
        line, used = line + word, used + width
    yield line
