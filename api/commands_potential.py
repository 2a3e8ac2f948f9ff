"""`onemap potential`: what boreholes give everywhere, as a raster."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from api.progress import say
from gis.errors import UsageError
from gis.potential import GroundPotential, ground_potential
from gis.rules import load_ruleset
from gis.settings import Settings
from gis.store import open_store
from layers import POTENTIAL


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("potential")(potential)


def potential(
    out: Annotated[Path, typer.Option(help="GeoTIFF to write (.tif); one that is there is replaced.")],
    cell_m: Annotated[
        float | None,
        typer.Option(help="Side of a cell in m; by default that of the finest raster, else 100 m."),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="Folder of a rule set, instead of the built-in one.")
    ] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day whose rules apply; today by default.")
    ] = None,
) -> None:
    """Write the shallow ground-source potential as a Cloud Optimized GeoTIFF in EPSG:4548.

    MWh/a per borehole, MWh/a and kW per hectare of open ground, by the models and checks that judge
    parcels, on the loaded shallow geothermal zones and rasters.
    """
    if out.suffix.lower() not in (".tif", ".tiff"):
        raise UsageError(f"--out {out}: the potential is a GeoTIFF, so the name has to end in .tif.")
    ruleset = load_ruleset(rules or "beijing", as_of.date() if as_of else None)
    with open_store(Settings()) as store:
        found = ground_potential(store.resources(), ruleset, cell_m=cell_m)
    found.write(out)
    for line in _lines(found):
        say(line, file=sys.stdout)
    say(f"written to {out}", file=sys.stdout)


def _lines(found: GroundPotential) -> list[str]:
    grid, reference = found.grid, found.reference
    lines = [
        f"{grid.rows:,} x {grid.columns:,} cells of {grid.cell_m:g} m, rules of {found.as_of}, "
        f"{reference.full_load_h:,.0f} h at full load, heat balance {reference.balance_frac:g}:"
    ]
    for spec, values in zip(POTENTIAL.values(), found.values, strict=True):
        known = values[~np.isnan(values)]
        told = f"{known.min():,.1f} to {known.max():,.1f} {spec.unit}" if known.size else "no value anywhere"
        lines.append(f"{told:>32}  {spec.title.en} {spec.title.zh}")
    return lines
