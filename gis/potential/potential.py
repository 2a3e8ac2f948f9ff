"""The potential of the ground: every cell judged as one hectare of open ground, without any parcel."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gis.compiled import in_blocks
from gis.crs import STORAGE_CRS, STORAGE_EPSG
from gis.errors import InputError
from gis.facts.surroundings import Surroundings
from gis.facts.table import ground_facts
from gis.potential.grid import ZONES, Grid, grid_of
from gis.resources import Raster, Resources
from gis.rules import RuleSet, load_ruleset
from gis.scoring.ground import OPTION, Reference, ground_heat
from gis.staleness import software
from gis.writing import write_file
from layers import POTENTIAL, RASTERS

if TYPE_CHECKING:
    import geopandas as gpd

NEEDED = (ZONES, "drilling_exclusion")
"""Layers without which nothing is known anywhere; an exclusion layer without features is one, too."""

INPUTS = (*NEEDED, *RASTERS)
PARAMETERS = (
    "borehole_spacing_m", "borehole_depth_m", "borehole_radius_m", "borehole_resistance_m_k_per_w",
    "inlet_min_degc", "loop_spread_k", "peak_pulse_h", "lifetime_a", "open_space_usable_frac", "cop_heating",
    "cop_cooling", "heat_month_frac", "cooling_month_frac", "first_month", "exclusion_max_frac",
    "suitable_zones",
)  # fmt: skip
"""Figures of the rule set that the potential follows from, beside those of its reference."""

BLOCK = 65_536
MOST_SOURCES = 10
EXCLUDED = (
    "0 (no value per borehole) where the checks of the rule set exclude boreholes: unsuitable shallow "
    "geothermal zones, and drilling exclusion beyond exclusion_max_frac; less of it takes its share of the "
    "hectare. Prohibited water intake is no reason: closed loops take no water (P1309-3.1-a). No value: "
    "not known."
)
NOT_INCLUDED = (
    "Theoretical: no buildings, roads, trees or ownership but open_space_usable_frac; every hectare as a "
    "field of its own, without its neighbours; no groundwater flow; no upper limit of the fluid in summer. "
    "No substitute for a thermal response test."
)


@dataclass(frozen=True, eq=False)
class GroundPotential:
    """What a hectare and a borehole give, cell by cell.

    values     (band, row, column) float32, bands as in `layers.POTENTIAL`; NaN where not known, and per
               borehole where none may be. Rows run from west to east, the northernmost first.
    grid       where the cells lie, EPSG:4548
    reference  the use that every hectare is judged for
    parameters what the rules take for boreholes, by name, in the units of the rule set
    ruleset_id, ruleset_hash, as_of
               the rules, and their day
    versions   of the layers and rasters that went in, by id
    sources    what these name as their sources, by layer
    synthetic  layers among them that hold synthetic features; rasters do not tell
    software   name and version of the program, with a digest of its models
    """

    values: npt.NDArray[np.float32]
    grid: Grid
    reference: Reference
    parameters: Mapping[str, Any]
    ruleset_id: str
    ruleset_hash: str
    as_of: date
    versions: Mapping[str, int]
    sources: Mapping[str, list[str]]
    synthetic: tuple[str, ...]
    software: str

    def band(self, id_: str) -> Raster:
        """Return one quantity of `layers.POTENTIAL` as a raster; ValueError for another name."""
        return Raster(self.values[list(POTENTIAL).index(id_)], self.grid.bounds, f"EPSG:{STORAGE_EPSG}")

    @cached_property
    def tags(self) -> dict[str, str]:
        """What the file says of itself: names to texts, structures as JSON."""

        def told(value: Any) -> str:
            return json.dumps(value, ensure_ascii=False, sort_keys=True)

        return {
            "TITLE": "浅层地源热泵潜力 Shallow ground-source potential",
            "RULESET_ID": self.ruleset_id,
            "RULESET_HASH": self.ruleset_hash,
            "RULESET_AS_OF": self.as_of.isoformat(),
            "REFERENCE": told(asdict(self.reference)),
            "PARAMETERS": told(dict(self.parameters)),
            "LAYER_VERSIONS": told(dict(self.versions)),
            "SOURCES": told(dict(self.sources)),
            "SYNTHETIC_LAYERS": ",".join(self.synthetic),
            "EXCLUDED": EXCLUDED,
            "NOT_INCLUDED": NOT_INCLUDED,
            "SOFTWARE": self.software,
        }

    @cached_property
    def encoded(self) -> bytes:
        """The potential as a Cloud Optimized GeoTIFF; the same potential gives the same bytes."""
        from gis.potential.cog import encoded  # with GDAL, a third of a second that most runs do without

        return encoded(self)

    def write(self, path: Path | str) -> Path:
        """Write a Cloud Optimized GeoTIFF so that a reader sees the old file or the whole new one."""
        write_file(Path(path), self.encoded)
        return Path(path)

    def by(self, zones: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        """Return zones (any CRS) with what the ground in each gives; see `gis.potential.zonal.zonal`."""
        from gis.potential.zonal import zonal  # with exactextract

        return zonal(self, zones)


def ground_potential(
    resources: Resources,
    ruleset: RuleSet | None = None,
    *,
    cell_m: float | None = None,
    balance_frac: float | None = None,
) -> GroundPotential:
    """Return what boreholes give everywhere on the shallow geothermal zones, by the rules that judge parcels.

    Every cell has the facts of a parcel of its outline: the mean of a loaded raster where that has a
    value, else what the zone of largest overlap says; and it is judged as one hectare of open ground.

    Parameters
    ----------
    resources
        `shallow_geothermal_zone` and `drilling_exclusion` are needed, the latter may be empty; rasters
        `ground_conductivity` and `ground_temperature` where there are such.
    ruleset
        Beijing's of today by default.
    cell_m
        Side of a cell in m; by default that of the finest raster, else 100 m, and larger where that would be
        more than four million cells.
    balance_frac
        Heat given back to the ground over heat taken; by default the least that the rules accept.

    Raises
    ------
    InputError
        A needed layer was never loaded, the zones are empty, the resources are in another CRS than
        EPSG:4548, or the cells are too small or too many.
    """
    rules = ruleset or load_ruleset()
    if resources.crs != STORAGE_CRS:
        raise InputError(
            f"the resources are in {resources.crs}, and the grid of a potential lies in {STORAGE_CRS}: "
            "read them with crs='EPSG:4548'"
        )
    for layer in NEEDED:
        if layer not in resources.frames:
            raise InputError(
                f"layer {layer} was never loaded, so that the ground is unknown everywhere: import it with "
                f"`onemap import {layer} FILE` first"
            )
    if balance_frac is not None and not 0.0 <= balance_frac < math.inf:
        raise InputError(f"a balance of {balance_frac:g} is not usable; give 0 or more")
    grid, reference = grid_of(resources, cell_m), Reference.of(rules, balance_frac)
    used = {name: frame for name, frame in resources.frames.items() if name in INPUTS}
    return GroundPotential(
        values=_values(Surroundings(resources), grid, rules, reference),
        grid=grid,
        reference=reference,
        parameters={name: rules.options[OPTION].parameters[name].value for name in PARAMETERS},
        ruleset_id=rules.id,
        ruleset_hash=rules.hash,
        as_of=rules.as_of,
        versions={name: version for name, version in resources.versions.items() if name in INPUTS},
        sources={name: _sources(frame) for name, frame in used.items()},
        synthetic=tuple(name for name, frame in used.items() if _is_synthetic(frame)),
        software=software("potential"),
    )


def _values(
    around: Surroundings, grid: Grid, ruleset: RuleSet, reference: Reference
) -> npt.NDArray[np.float32]:
    out = np.empty((len(POTENTIAL), grid.rows, grid.columns), dtype=np.float32)

    def run(start: int, stop: int) -> None:
        found = ground_heat(ground_facts(grid.cells(start, stop), around), ruleset, reference)
        for band, spec in enumerate(POTENTIAL.values()):
            out[band, start:stop] = found[spec.column].reshape(stop - start, grid.columns)

    in_blocks(run, grid.rows, max(1, BLOCK // grid.columns))
    return out


def _sources(frame: gpd.GeoDataFrame) -> list[str]:
    if "source" not in frame.columns:
        return []
    found = sorted(str(text) for text in frame["source"].dropna().unique())
    more = len(found) - MOST_SOURCES
    return found if more <= 0 else [*found[:MOST_SOURCES], f"and {more} more"]


def _is_synthetic(frame: gpd.GeoDataFrame) -> bool:
    return "synthetic" in frame.columns and bool(frame["synthetic"].fillna(False).astype(bool).any())
