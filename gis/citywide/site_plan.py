"""What is to be sited: how many sources of which kind, and the places that a file gives for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from gis.errors import InputError
from gis.matching.columns import MOST_SITES, SHARED, SharedTechnology
from gis.vocabulary import TECHNOLOGY_TITLES
from layers import LayerSpec, StyleSpec, Text
from layers.common import NAME, choice, field, key

MOST_GIVEN = 5000
MOST_KW, MOST_REACH_M = 10_000_000.0, 20_000.0
SPACING_M = 100.0, 20_000.0


@dataclass(frozen=True, eq=False)
class SitePlan:
    """What is to be sited.

    count        how many sources to choose, at most
    technology   what they are, where a place does not tell its own
    capacity_kw  what each can give, where a place does not tell; None: one doublet of the field for a well,
                 else what the rules take for one source
    reach_m      how far each reaches; None: what the rules and the scenario say
    spacing_m    distance between the places of the grid; None: what the rules say
    places       places as `read_places` returns them; None: a grid over what is not met
    """

    count: int
    technology: SharedTechnology = "reclaimed_water"
    capacity_kw: float | None = None
    reach_m: float | None = None
    spacing_m: float | None = None
    places: gpd.GeoDataFrame | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST_SITES:
            raise InputError(f"The number of sites must be from 1 to {MOST_SITES}, not {self.count}.")
        if self.technology not in SHARED:
            raise InputError(f"{self.technology!r} is not one of {', '.join(SHARED)}, which can be sited.")
        for name, value, least, most in (
            ("capacity", self.capacity_kw, 1.0, MOST_KW),
            ("reach", self.reach_m, 1.0, MOST_REACH_M),
            ("spacing", self.spacing_m, *SPACING_M),
        ):
            if value is not None and not least <= value <= most:
                unit = "kW" if name == "capacity" else "m"
                raise InputError(f"The {name} must be from {least:g} to {most:,.0f} {unit}, not {value:g}.")
        if self.places is not None and self.spacing_m is not None:
            raise InputError("A spacing is for a grid of places; leave it out where the places are given.")

    def settings(self) -> dict[str, Any]:
        """Return the plan as it is kept with its answer."""
        told = {name: getattr(self, name) for name in ("technology", "capacity_kw", "reach_m", "spacing_m")}
        return {"count": self.count, "candidates": "grid" if self.places is None else "given", **told}


def read_places(path: Path, source_crs: str | None = None) -> gpd.GeoDataFrame:
    """Return places of a file: `site_id`, `name`, `technology`, `capacity_kw` and points in EPSG:4548.

    The file has points, or polygons, which stand for a point in them. `source_crs` is as for an import.
    Raises InputError for a file that cannot be read, and for the first row that cannot be used.
    """
    # With the readers of all formats, which a grid of places does without.
    from gis.ingest.pipeline import read_mapped
    from gis.ingest.readers import read_source

    source = read_source(path)
    if source.geometry is None:
        raise InputError(f"{path.name}: the file holds no shapes; give places as points or polygons.")
    areal = np.isin(shapely.get_type_id(source.geometry), (3, 6)).any()
    spec = _spec("polygon" if areal else "point")
    found = read_mapped(spec, path, source_crs=source_crs, on_error="abort").frame
    if len(found) > MOST_GIVEN:
        raise InputError(
            f"{path.name}: {len(found):,} places are more than can be compared ({MOST_GIVEN:,})."
        )
    found = found.rename(columns={spec.key: "site_id"})
    return found.set_geometry(gpd.GeoSeries(shapely.point_on_surface(found.geometry), crs=found.crs))


def _spec(kind: str) -> LayerSpec:
    """Return what a file of places may tell, as a layer that is not stored."""
    return LayerSpec.model_validate(
        {
            "id": "site_candidate",
            "title": Text(zh="备选点", en="candidates"),
            "description": Text(zh="可新建热源的位置", en="places for new sources"),
            "group": "resource",
            "access": "internal",
            "geometry": kind,
            "key": "site_candidate_id",
            "fields": (
                key("site_candidate_id", "备选点编号", "candidate", "id", "site_id", "编号"),
                NAME,
                field(
                    "technology", "text", "技术类型", "technology", "JSLX",
                    choices=tuple(choice(t, *TECHNOLOGY_TITLES[t]) for t in SHARED),
                ),
                field(
                    "capacity_kw", "float", "供热能力", "heat capacity", "GRNL",
                    unit="kW", aliases=("capacity",), minimum=1,
                ),
            ),
            "style": StyleSpec(colour="#111827"),
            "export_name": "BXD",
        }
    )  # fmt: skip
