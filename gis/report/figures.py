"""Pictures of a report as SVG: the map, what the technologies give together, and CO2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

import geopandas as gpd
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from gis.drawing import FONTS, north_arrow, scale_bar
from gis.report.sight import Sight, title_of
from gis.report.words import ReportWording
from gis.titles import TECHNOLOGY_COLOURS
from layers import LAYERS

# Letters stay letters; names of parts follow from what is drawn, so that the same is the same to the byte.
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "onemap",
    "font.family": FONTS,
    "font.size": 8.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def map_svg(sight: Sight, w: ReportWording) -> str:
    """Return the place of the parcel in the city, and its surroundings with a scale bar."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.1, 2.7), layout="constrained")
        city, near = figure.subplots(1, 2, width_ratios=(1, 1.75))
        centre = sight.parcel.centroid
        if len(sight.districts):
            outlines = gpd.GeoSeries(sight.districts).simplify(100.0)
            outlines.plot(ax=city, facecolor="#eef1f3", edgecolor="#8a939b", linewidth=0.6)
        city.plot(centre.x, centre.y, marker="o", markersize=5, color="#c0182b")
        _bare(city, w("city_map"))
        keys = [_draw(near, layer, sight, w) for layer in sight.layers]
        gpd.GeoSeries([sight.parcel]).plot(ax=near, facecolor="#c0182b33", edgecolor="#c0182b", linewidth=1.6)
        west, south, east, north = sight.box
        near.set(xlim=(west, east), ylim=(south, north))
        _bare(near, w("near_map"))
        scale_bar(near)
        north_arrow(near)
        keys.append(Patch(facecolor="#c0182b33", edgecolor="#c0182b", label=w("this_parcel")))
        near.legend(handles=keys, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=7)
        return _svg(figure)


def _bare(ax: Axes, title: str) -> None:
    ax.set(xticks=[], yticks=[], xlabel="", ylabel="", aspect="equal")
    ax.set_title(title, fontsize=8, loc="left")
    for side in ax.spines.values():
        side.set(visible=True, color="#c4cad0")


def _draw(ax: Axes, layer: str, sight: Sight, w: ReportWording) -> Any:
    """Draw a layer as the map page does, and return its entry of the legend."""
    style, title = LAYERS[layer].style, w.pick(title_of(layer))
    shapes, colour = gpd.GeoSeries(sight.layers[layer]), style.colour
    if LAYERS[layer].geometry == "polygon":
        fill = 0.0 if layer == "parcel" else min(style.fill_opacity, 0.25)
        width = 0.4 if layer == "parcel" else 0.8
        shapes.plot(ax=ax, facecolor=(colour, fill), edgecolor=colour, linewidth=width)
        return Patch(facecolor=(colour, fill), edgecolor=colour, label=title)
    if LAYERS[layer].geometry == "line":
        shapes.plot(ax=ax, color=colour, linewidth=1.4)
        return Line2D([], [], color=colour, linewidth=1.4, label=title)
    shapes.plot(ax=ax, color=colour, markersize=22, edgecolor="white", linewidth=0.6, zorder=5)
    return Line2D([], [], color=colour, marker="o", linestyle="none", markersize=5, label=title)


def portfolio_svg(portfolio: Mapping[str, Any], w: ReportWording) -> str:
    """Return shares of installed capacity and of the year's heat by technology, as two bars."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.1, 1.25), layout="constrained")
        ax = figure.subplots()
        rows = (("installed_share_frac", w("installed_share")), ("energy_share_frac", w("energy_share")))
        left = np.zeros(len(rows))
        for part in portfolio["technologies"]:
            shares = np.array([part[name] or 0.0 for name, _ in rows]) * 100.0
            if not shares.any():
                continue
            colour = TECHNOLOGY_COLOURS[part["technology"]]
            ax.barh([1, 0], shares, left=left, color=colour, label=w.pick(part["title"]), height=0.62)
            for y, start, share in zip((1, 0), left, shares, strict=True):
                if share >= 6.0:
                    at: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7.5, "color": "#111827"}
                    ax.text(start + share / 2, y, f"{share:.0f} %", **at)
            left += shares
        ax.set(yticks=[1, 0], yticklabels=[title for _, title in rows], xlim=(0, max(100.0, left.max())))
        ax.set_xlabel(w("share_axis"))
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=7)
        return _svg(figure)


def carbon_svg(carbon: Mapping[str, Any], w: ReportWording) -> str:
    """Return the CO2 of a year by every factor of the grid beside a gas boiler's."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.1, 1.3), layout="constrained")
        ax = figure.subplots()
        names = [w("boiler"), *(w.pick(entry["title"]) for entry in carbon["by_factor"])]
        values = [carbon["boiler_t_per_a"], *(entry["co2_t_per_a"] for entry in carbon["by_factor"])]
        places = np.arange(len(values))[::-1]
        bars = ax.barh(places, values, color=["#8a939b", *["#2f6f8f"] * (len(values) - 1)], height=0.62)
        ax.bar_label(bars, [w.number(value) for value in values], padding=3, fontsize=7.5)
        ax.set(yticks=places, yticklabels=names, xlim=(0, max(values) * 1.12 or 1.0), xlabel="CO2, t/a")
        return _svg(figure)


def season_svg(months: Sequence[Mapping[str, Any]], names: tuple[str, str, str], axis: str) -> str:
    """Return heat and electricity of the months of a season as bars, and their ratio as a line.

    `names` are those of heat, electricity and ratio. What was not measured is not drawn.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.1, 2.2), layout="constrained")
        ax = figure.subplots()
        places = np.arange(len(months))
        for name, column, offset, colour in (
            (names[0], "heat_kwh", -0.2, "#c2410c"),
            (names[1], "electricity_kwh", 0.2, "#2f6f8f"),
        ):
            values = np.array([_mwh(month[column]) for month in months])
            ax.bar(places + offset, values, width=0.38, color=colour, label=name)
        ax.set(xticks=places, xticklabels=[month["month"] for month in months], ylabel=axis)
        beside = ax.twinx()
        ratios = np.array([np.nan if month["cop"] is None else month["cop"] for month in months])
        beside.plot(places, ratios, color="#14532d", marker="o", markersize=3.5, label=names[2])
        # Without room above it a level line is drawn on the upper edge, and cut in half.
        known = ratios[~np.isnan(ratios)]
        beside.set(ylabel=names[2], ylim=(0.0, 1.15 * float(known.max()) if len(known) else None))
        beside.spines["right"].set_visible(True)
        figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=7.5)
        return _svg(figure)


def _mwh(kwh: float | None) -> float:
    return float("nan") if kwh is None else kwh / 1000.0


def _svg(figure: Figure) -> str:
    out = StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg") :]
