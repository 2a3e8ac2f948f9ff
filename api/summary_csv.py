"""The summary as a table: one line for the city, and one for each of its places."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from gis.vocabulary import TECHNOLOGIES

_PLACE = ("district", "township")
_FIGURES = ("heated_area_m2", "loaded_share_frac", "city_share_frac", "target_2025_frac", "unknown_count")
_LISTS = ("recommended", "status_counts", "standings")
_NONE = "none"


def csv_of(summary: Mapping[str, Any]) -> bytes:
    """Return the body of GET /api/summary as CSV in UTF-8 with a mark for spreadsheets.

    Columns are named as in the body; what is not known is empty. `scope` is `city` in the first line.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    lines = [("city", summary["total"])]
    if summary["by"] != "city":
        lines += [(summary["by"], row) for row in summary["rows"]]
    for number, (scope, row) in enumerate(lines):
        cells = {"scope": scope, **_cells(row)}
        if number == 0:
            writer.writerow(cells)
        writer.writerow(cells.values())
    return out.getvalue().encode("utf-8-sig")


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells of a place by the names of their columns."""
    plain = {name: value for name, value in row.items() if name not in _LISTS}
    cells = {name: plain.pop(name) for name in _PLACE} | plain
    for technology in (*TECHNOLOGIES, None):
        groups = [g for g in row["recommended"] if g["technology"] == technology]
        known = [g["heated_area_m2"] for g in groups if g["heated_area_m2"] is not None]
        prefix = f"recommended_{technology or _NONE}"
        nothing = row["parcel_count"] and not groups
        cells[f"{prefix}_parcel_count"] = sum(g["parcel_count"] for g in groups)
        cells[f"{prefix}_heated_area_m2"] = sum(known) if known or nothing else None
        cells[f"{prefix}_unknown_heated_area_count"] = sum(g["unknown_heated_area_count"] for g in groups)
    for standing in row["standings"]:
        cells |= {f"{standing['basis']}_{name}": standing[name] for name in _FIGURES}
    return cells
