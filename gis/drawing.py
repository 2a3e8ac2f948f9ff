"""What all drawn maps share: fonts, a scale bar of a round length, and where north is."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

FONTS = ["Noto Sans CJK SC", "Noto Sans CJK JP", "DejaVu Sans"]
_INK = "#111827"
_ROUND = np.array([1.0, 2.0, 5.0])


def round_length(most_m: float) -> float:
    """Return the greatest of 1, 2, 5, 10, 20, 50 ... that is not above `most_m`, which is 1 at least."""
    rounds = np.outer(10.0 ** np.arange(0, 8), _ROUND).ravel()
    return float(rounds[rounds <= max(most_m, 1.0)].max())


def scale_bar(ax: Axes, fontsize: float = 7.0) -> None:
    """Draw a bar of a round length, a fifth of the width at most; the axes are in metres."""
    (west, east), (south, north) = ax.get_xlim(), ax.get_ylim()
    length_m = round_length((east - west) / 5.0)
    x, y = west + 0.04 * (east - west), south + 0.06 * (north - south)
    ax.plot([x, x + length_m], [y, y], color=_INK, linewidth=2.2, solid_capstyle="butt", zorder=9)
    text = f"{length_m:,.0f} m" if length_m < 1000 else f"{length_m / 1000:g} km"
    above = y + 0.02 * (north - south)
    ax.text(x + length_m / 2, above, text, ha="center", va="bottom", fontsize=fontsize, zorder=9)


def north_arrow(ax: Axes, fontsize: float = 8.0) -> None:
    """Draw an arrow to the north of the grid into the upper right corner."""
    ax.annotate(
        "N", (0.96, 0.96), (0.96, 0.82), xycoords="axes fraction", ha="center", va="center",
        fontsize=fontsize, arrowprops={"arrowstyle": "-|>", "color": _INK}, zorder=9,
    )  # fmt: skip
