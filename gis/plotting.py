"""Parcels by technology as a picture for articles."""

from __future__ import annotations

import geopandas as gpd
import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from gis.drawing import FONTS, scale_bar
from gis.titles import NO_TECHNOLOGY, NO_TECHNOLOGY_TITLE, TECHNOLOGY_COLOURS
from gis.vocabulary import TECHNOLOGIES, TECHNOLOGY_TITLES, Language

_PLACE = {"zh": 0, "en": 1}


def plot_technologies(
    parcels: gpd.GeoDataFrame, column: str, ax: Axes | None = None, lang: Language = "zh"
) -> Axes:
    """Draw parcels by the technology in `column`, with a scale bar and a legend below them with counts.

    `parcels` is in a metric CRS. Without `ax` a figure is made.
    """
    place = _PLACE[lang]
    with mpl.rc_context({"font.family": FONTS, "axes.unicode_minus": False}):
        axes = ax if ax is not None else plt.subplots(figsize=(8.0, 6.0), layout="constrained")[1]
        keys = []
        for technology in (*TECHNOLOGIES, None):
            named = parcels[column]
            part = parcels[named.isna() if technology is None else named == technology]
            if len(part) == 0:
                continue
            colour = NO_TECHNOLOGY if technology is None else TECHNOLOGY_COLOURS[technology]
            title = (NO_TECHNOLOGY_TITLE if technology is None else TECHNOLOGY_TITLES[technology])[place]
            # A parcel of a city is less than a pixel: its outline keeps it in sight.
            part.plot(ax=axes, color=colour, edgecolor=colour, linewidth=0.4)
            keys.append(Patch(color=colour, label=f"{title} ({len(part):,})"))
        axes.set(xticks=[], yticks=[], xlabel="", ylabel="", aspect="equal")
        scale_bar(axes)
        title = ("推荐技术（地块数）", "Technology (parcels)")[place]
        axes.legend(
            handles=keys,
            title=title,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.01),
            ncols=3,
            frameon=False,
        )
    return axes
