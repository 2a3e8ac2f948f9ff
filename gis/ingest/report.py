"""What an import did, for a person and for a program."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gis.writing import write_text

MAX_LISTED = 1000
"""Rejects and repairs listed in the report; all are counted, and all rejects are in the rejects file."""


@dataclass(frozen=True)
class Repair:
    """A polygon that was made valid without moving a vertex; areas in m2 of the storage CRS."""

    row: int
    reason: str
    action: str
    area_before_m2: float
    area_after_m2: float


@dataclass(frozen=True)
class Reject:
    """A row that was left out; `row` counts from 1 (the header of a table does not count)."""

    row: int
    reason: str


@dataclass(frozen=True)
class Grid:
    """The cells of a raster: how many, how many of them with a value, and from what to what."""

    columns: int
    rows: int
    cells_with_value: int
    minimum: float
    maximum: float
    unit: str


@dataclass
class ImportReport:
    """The account of one import.

    `columns` maps declared field to source column; `cleaned` counts harmless
    clean-ups (dropped heights, repeated points, single parts wrapped to multi);
    `total_area_m2` and `total_length_m` are planar, in the storage CRS, of accepted rows.
    A raster has a `grid` and no rows.
    """

    layer: str
    source: str
    mode: str | None = None
    dry_run: bool = False
    source_sha256: str | None = None
    source_layer: str | None = None
    source_crs: str | None = None
    datum: str | None = None
    datum_check: str | None = None
    rows_read: int = 0
    rows_accepted: int = 0
    rows_rejected: int = 0
    rows_repaired: int = 0
    columns: dict[str, str] = field(default_factory=dict)
    unused_columns: list[str] = field(default_factory=list)
    generated_keys: bool = False
    cleaned: dict[str, int] = field(default_factory=dict)
    repairs: list[Repair] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    total_area_m2: float | None = None
    total_length_m: float | None = None
    grid: Grid | None = None
    version: int | None = None
    duration_s: float = 0.0
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data for JSON; long lists are cut at `MAX_LISTED`."""
        out = asdict(self)
        for name in ("rejects", "repairs"):
            out[name] = out[name][:MAX_LISTED]
        return out

    def sentences(self) -> list[str]:
        """Return the report as short sentences for the console, the most important first."""
        if self.error is not None:
            return [self.error, *self._details()]
        verb = "would be imported" if self.dry_run else "imported"
        head = f"{self._counted()} of {self.source} {verb} into {self.layer}"
        if self.version is not None:
            head += f" (version {self.version})"
        return [head + f" in {self.duration_s:.1f} s.", *self._details()]

    def _counted(self) -> str:
        if self.grid is None:
            return f"{self.rows_accepted:,} of {self.rows_read:,} rows"
        cells = self.grid.columns * self.grid.rows
        return f"{self.grid.cells_with_value:,} cells with a value, of {cells:,},"

    def _details(self) -> list[str]:
        out = [f"Warning: {w}" for w in self.warnings]
        if self.source_crs:
            datum = f", datum {self.datum} converted" if self.datum else ""
            out.append(f"Coordinates: {self.source_crs}{datum}; {self.datum_check or 'datum not checked'}.")
        if self.grid is not None:
            out.append(f"Values: {self.grid.minimum:g} to {self.grid.maximum:g} {self.grid.unit}.")
        if self.columns:
            out.append("Columns: " + ", ".join(f"{f} <- {s}" for f, s in self.columns.items()) + ".")
        if self.unused_columns:
            out.append("Columns not used: " + ", ".join(self.unused_columns) + ".")
        if self.generated_keys:
            out.append("The source has no key column; features were numbered.")
        if self.rows_repaired:
            out.append(f"{self.rows_repaired:,} invalid shapes repaired without moving a vertex:")
            out += [
                f"  row {r.row}: {r.reason}; {r.action}; "
                f"area {r.area_before_m2:,.1f} -> {r.area_after_m2:,.1f} m2"
                for r in self.repairs[:5]
            ]
        if self.rows_rejected:
            out.append(f"{self.rows_rejected:,} rows rejected:")
            out += [f"  row {r.row}: {r.reason}" for r in self.rejects[:5]]
            if self.rows_rejected > 5:
                out.append(f"  and {self.rows_rejected - 5:,} more.")
        return out


def write_report(report: ImportReport, path: Path) -> None:
    """Write the report as JSON."""
    write_text(path, json.dumps(report.to_dict(), ensure_ascii=False, indent=2, default=str) + "\n")
