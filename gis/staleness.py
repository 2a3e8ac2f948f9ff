"""Which stored results a change can touch, and why: what a run has to work out again.

Results follow from the rules, from the parcel itself, and from what lies at, near and over it.
Of sources they name the nearest, however far that is; so it is kept with every parcel how far
around it each layer of sources was looked at. All other layers act where they lie, or over a
distance that the rules give.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from gis.rules import RuleSet
from gis.rules.loader import parse_ruleset
from gis.store import Around, Change, Moment, RunRecord, Touched
from layers import RASTERS

SOURCES = (
    "wastewater_plant",
    "reclaimed_water_pipeline",
    "data_centre",
    "waste_heat_source",
    "geothermal_field",
    "heat_network",
)
"""Layers that act as far as each parcel's results tell."""

WITHIN_REACH = ("green_space", "drilling_exclusion")
"""Layers that act over the reach to green space."""

IN_PLACE = ("township", "shallow_geothermal_zone", "water_intake_zone")
"""Layers that act on what they cover."""

EVERYWHERE = ("district",)
"""Layers of which any change may act anywhere: a district is also known by its name."""

ACTING = (*SOURCES, *WITHIN_REACH, *IN_PLACE, *EVERYWHERE, *RASTERS, "parcel")
"""All that results follow from. What a load of a raster changes is not kept cell by cell."""

NEAR_M = 1.0
"""What is added to every distance: far more than coordinates and stored boxes are rounded by."""

MOST_WORK = 1_000_000_000
"""Parcels times changes to compare, a second or two, beyond which a run over all is as quick."""

MOST_PARCELS_FRAC = 0.3
"""Share of the parcels to be worked out, from which on a run over all is as quick."""


@dataclass(frozen=True)
class Stale:
    """What has to be worked out again, and why, in sentences.

    everything   all parcels
    parcels      otherwise these, by id; they are all there
    removed      what loses its results before: these and those that are gone
    """

    why: tuple[str, ...]
    everything: bool = False
    parcels: tuple[str, ...] = ()
    removed: Touched = field(default_factory=lambda: Touched((), {}))

    @property
    def nothing(self) -> bool:
        """Whether all results stand as they are."""
        return not (self.everything or self.parcels or self.removed.parcel_ids)


def find_stale(moment: Moment, ruleset: RuleSet) -> Stale:
    """Return which stored results of a moment are not, or may not be, those of the rules and layers."""
    run = moment.run
    if run is None:
        return Stale(("no results are stored yet",), everything=True)
    if run.whole is None:
        return Stale(("what the results were is kept from this run on",), everything=True)
    if run.software != software():
        return Stale((f"the results were made by {run.software}, this is {software()}",), everything=True)
    if (run.ruleset_id, run.ruleset_hash) != (ruleset.id, ruleset.hash):
        return Stale((f"rule set {ruleset.id} changed",), everything=True)
    if not _same_rules(ruleset, run.as_of):
        return Stale((f"rules of {ruleset.as_of} differ from those of {run.as_of}",), everything=True)
    found = _changes(moment, run)
    if isinstance(found, str):
        return Stale((found,), everything=True)
    found += _zones_between(moment, run.as_of, ruleset.as_of)
    if _by_name(moment, found):
        why = "water-intake zones that are given by township may lie elsewhere"
        return Stale((*_told(moment, found), why), everything=True)
    return _narrowed(moment, run, ruleset, found)


@cache
def software(*others: str) -> str:
    """Return name and version of the program, with a digest of the code that makes and packs results.

    `others` are further folders of `gis` whose code is among it.
    """
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for folder in ("facts", "heat", "rules", "scoring", "store", *others):
        for path in sorted(p for p in (here / folder).iterdir() if p.suffix in (".py", ".npz")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"heat-onemap {version('heat-onemap')}+{digest.hexdigest()[:8]}"


_SAID = (
    "order", "parameters", "options", "demand", "demand_parameters", "portfolio", "checklists", "areas",
)  # fmt: skip


def _same_rules(ruleset: RuleSet, day: date) -> bool:
    """Return whether the rules say the same on another day."""
    if day == ruleset.as_of:
        return True
    other = parse_ruleset({name: str(text).encode() for name, text in ruleset.content.items()}, day)
    return all(getattr(ruleset, name) == getattr(other, name) for name in _SAID)


def _changes(moment: Moment, run: RunRecord) -> list[Change] | str:
    """Return all changes since a run, or why they may act anywhere."""
    found: list[Change] = []
    for layer, loaded in moment.versions.items():
        then = run.layer_versions.get(layer)
        if then == loaded.version or layer not in ACTING:
            continue
        if then is None:
            return f"layer {layer} is new"
        changes = moment.changes(layer, then)
        if changes is None or (changes and layer in EVERYWHERE):
            return f"layer {layer} changed as a whole (version {loaded.version})"
        found += changes
    return found


def _zones_between(moment: Moment, one: date, other: date) -> list[Change]:
    """Return the water-intake zones that are in force on one of two days only, as if they had changed."""
    if one == other or "water_intake_zone" not in moment.versions:
        return []
    zones = moment.layer("water_intake_zone")
    began = pd.to_datetime(zones["effective_from"])
    first, last = sorted((pd.Timestamp(one), pd.Timestamp(other)))
    zones = zones[(began > first) & (began <= last)]
    return [
        Change("water_intake_zone", key, True, False, None if shape is None else shape.bounds, None)
        for key, shape in zip(zones["water_intake_zone_id"], zones.geometry, strict=True)
    ]


def _by_name(moment: Moment, found: Sequence[Change]) -> bool:
    """Return whether a zone that is given by names of townships may have come, gone or moved."""
    for change in found:
        lacks = (change.existed and change.before is None) or (change.exists and change.after is None)
        if change.layer == "water_intake_zone" and lacks:
            return True
    if not any(c.layer == "township" for c in found) or "water_intake_zone" not in moment.versions:
        return False
    return bool(moment.layer("water_intake_zone").geometry.isna().any())


def _told(moment: Moment, found: Sequence[Change]) -> list[str]:
    counts = Counter(change.layer for change in found)
    return [
        f"layer {layer}: {n:,} change{'s' * (n > 1)} up to version {moment.versions[layer].version}"
        for layer, n in counts.items()
    ]


def _narrowed(moment: Moment, run: RunRecord, ruleset: RuleSet, found: Sequence[Change]) -> Stale:
    """Return the parcels that changes can touch, all where that is as quick."""
    why = _told(moment, found)
    if not found:
        return Stale(("nothing that results follow from changed",))
    around = _around(found, ruleset.options["shallow_ground_source"].number("green_reach_m"))
    if moment.influence_count() != run.parcel_count:
        return Stale((*why, "what the stored results looked at is not known"), everything=True)
    many = (*why, "so much that working out all parcels is as quick")
    if len(around) * run.parcel_count > MOST_WORK:
        return Stale(many, everything=True)
    own = {c.feature_id: c.exists for c in found if c.layer == "parcel"}
    hit = moment.touched(around, list(own))
    parcels = {i for i in hit.parcel_ids if own.get(i, True)} | {i for i, exists in own.items() if exists}
    if len(parcels) > MOST_PARCELS_FRAC * moment.versions["parcel"].feature_count:
        return Stale(many, everything=True)
    return Stale(tuple(why), parcels=tuple(sorted(parcels)), removed=hit)


def _around(found: Sequence[Change], green_reach_m: float) -> list[Around]:
    places = dict.fromkeys((c.layer, box) for c in found for box in (c.before, c.after) if box is not None)
    return [
        Around(
            box,
            NEAR_M + (green_reach_m if layer in WITHIN_REACH else 0.0),
            layer if layer in SOURCES else None,
        )
        for layer, box in places
        if layer != "parcel"
    ]
