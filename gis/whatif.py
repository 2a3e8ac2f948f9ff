"""Suppositions: what would follow if figures, the order of technologies or layers were others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from gis.errors import InputError
from gis.resources import Resources
from gis.rules import RuleSet
from gis.rules.edit import supposed
from gis.vocabulary import TECHNOLOGIES, Technology
from layers import LAYERS, RASTERS

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class WhatIf:
    """A supposition, to be laid over any rule set and bundle of resources.

    name        what it is called in titles and sources
    parameters  `file.parameter` (`reclaimed_water.main_reach_m`), or one of the whole set alone
                (`minimum_share_frac`) -> its value in the unit that the rule set declares
    order       the technologies from first to last, None to leave them
    layers      layer or raster -> what it holds instead, as `Resources.from_files` takes it; a table
                without rows leaves the layer loaded and empty
    without     layers and rasters that are taken for never loaded

    Raises InputError where it has no name, changes nothing, or names what is not there.

    >>> longer = gis.WhatIf("longer reach", {"reclaimed_water.main_reach_m": 5000})
    >>> rules = longer.ruleset(gis.load_ruleset())
    >>> reach = rules.options["reclaimed_water"].parameters["main_reach_m"]
    >>> reach.value, reach.unit, reach.source.kind
    (5000.0, 'm', 'assumption')
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    order: Sequence[Technology] | None = None
    layers: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    without: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise InputError("a what-if needs a name, by which titles and sources tell it.")
        if isinstance(self.without, str):
            raise InputError(f"without={self.without!r}: give the layers as a tuple.")
        order = None if self.order is None else tuple(self.order)
        held = {
            "parameters": {key: _number(value) for key, value in self.parameters.items()},
            "layers": dict(self.layers),
        }
        for name, mapping in held.items():
            object.__setattr__(self, name, MappingProxyType(mapping))
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "without", tuple(self.without))
        if not (self.parameters or order or self.layers or self.without):
            raise InputError(f"the what-if {self.name!r} changes nothing.")
        for id_ in (*self.layers, *self.without):
            if (id_ not in LAYERS and id_ not in RASTERS) or id_ == "parcel":
                known = ", ".join(i for i in (*LAYERS, *RASTERS) if i != "parcel")
                raise InputError(f"{id_!r} is none of the layers that surround parcels; those are {known}.")
        if both := [i for i in self.layers if i in self.without]:
            raise InputError(f"the what-if {self.name!r} both changes and takes away {both[0]}.")
        if order is not None and sorted(order) != sorted(TECHNOLOGIES):
            raise InputError(f"order: it has to name each of {', '.join(TECHNOLOGIES)} once.")

    def ruleset(self, ruleset: RuleSet) -> RuleSet:
        """Return the rule set under this supposition; the same one where it changes no rule.

        Its texts are changed where the parameters and the order stand, so that hash and content are those of
        what was judged by; each source becomes an assumption that names the supposition. Raises
        RuleError for a parameter that is not there, or a value that is not of its kind.
        """
        if not self.parameters and self.order is None:
            return ruleset
        return supposed(ruleset, self.name, self.parameters, self.order)

    def resources(self, resources: Resources) -> Resources:
        """Return the bundle under this supposition; the same one where it changes no layer.

        Raises InputError for a row that cannot be used, and for a layer that is to be taken away and is
        not there.
        """
        if not self.layers and not self.without:
            return resources
        for id_ in self.without:
            if id_ not in resources.frames and id_ not in resources.rasters:
                raise InputError(f"{id_} was never loaded, so that it cannot be taken away.")
        emptied = [i for i, v in self.layers.items() if isinstance(v, pd.DataFrame) and v.empty]
        for id_ in emptied:
            if id_ not in resources.frames:
                raise InputError(f"{id_} was never loaded, so that it cannot be emptied.")
        given = {i: v for i, v in self.layers.items() if i not in emptied}
        read = Resources.from_files(given, crs=resources.crs, on_error="abort")
        counted = {i: resources.versions.get(i, 0) + 1 for i in self.layers}
        return replace(
            resources,
            frames={**resources.frames, **read.frames, **{i: resources.frames[i].iloc[:0] for i in emptied}},
            versions={**resources.versions, **counted},
            rasters={**resources.rasters, **read.rasters},
            reports={**resources.reports, **read.reports},
        ).without(*self.without)


def _number(value: Any) -> Any:
    """Return a value of numpy or pandas as one of Python."""
    if isinstance(value, np.ndarray | pd.Series):
        return tuple(value.tolist())
    return value.item() if isinstance(value, np.generic) else value
