"""The potential in the store: made anew at the end of a scoring run when what it is made of has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from gis.potential.potential import INPUTS, NEEDED, GroundPotential, ground_potential
from gis.resources import Resources
from gis.rules import RuleSet
from gis.scoring.ground import OPTION, Reference
from gis.staleness import software
from gis.store import Moment, Store
from gis.store.potentials import drop_potential, keep_potential, kept_potential
from layers import POTENTIAL

SHOWN = (2.0, 98.0)
"""Percentiles of the values between which a map draws its colours: single cells at a rim spoil no scale."""


def renew_potential(store: Store, moment: Moment, ruleset: RuleSet, known: Resources) -> bool:
    """Make the kept potential that of a moment and rules; return whether it was another.

    Where zones or exclusions were never loaded, or there are no zones, none is kept. Layers in `known`
    are not read again.
    """
    kept = kept_potential(store)
    loaded = [moment.versions.get(layer) for layer in NEEDED]
    if any(version is None for version in loaded) or not moment.versions[NEEDED[0]].feature_count:
        if kept is not None:
            drop_potential(store)
        return kept is not None
    versions = {layer: v.version for layer, v in moment.versions.items() if layer in INPUTS}
    made_of = _digest(ruleset, versions)
    if kept is not None and kept.made_of == made_of:
        return False
    found = ground_potential(moment.resources(known, INPUTS), ruleset)
    keep_potential(store, made_of, told(found), found.encoded)
    return True


def _digest(ruleset: RuleSet, versions: Mapping[str, int]) -> str:
    """Return the same text for the same potential: the day alone does not make another one."""
    values = {name: p.value for name, p in ruleset.options[OPTION].parameters.items()}
    parts = (
        software("potential"),
        ruleset.hash,
        repr(values),
        Reference.of(ruleset),
        sorted(versions.items()),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def told(potential: GroundPotential) -> dict[str, Any]:
    """Return what a potential says of itself as JSON: its tags, its grid, and the range of each band."""
    structured = ("REFERENCE", "PARAMETERS", "LAYER_VERSIONS", "SOURCES")
    tags = {n.lower(): json.loads(v) if n in structured else v for n, v in potential.tags.items()}
    tags["synthetic_layers"] = list(potential.synthetic)
    grid = potential.grid
    return tags | {
        "cell_m": grid.cell_m,
        "rows": grid.rows,
        "columns": grid.columns,
        "bounds": list(grid.bounds),
        "bands": [_band(id_, potential.band(id_).values) for id_ in POTENTIAL],
    }


def _band(id_: str, values: Any) -> dict[str, Any]:
    there = values[~np.isnan(values)]
    # Ground where the rules exclude boreholes is told apart: it is no low end of the scale.
    some = there[there > 0]
    low, high = (None, None) if not some.size else np.percentile(some, SHOWN).tolist()
    return {
        "id": id_,
        "column": POTENTIAL[id_].column,
        "unit": POTENTIAL[id_].unit,
        "cell_count": int(there.size),
        "minimum": float(there.min()) if there.size else None,
        "maximum": float(there.max()) if there.size else None,
        "shown": [low, high],
    }
