"""The checks of every layer and raster of a store, each kept as its last."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from importlib.metadata import version as version_of
from types import MappingProxyType
from typing import Any

from gis.errors import NotFoundError
from gis.health.checks import places, rasters, references, shapes, values, versions
from gis.health.city import City, city_of
from gis.health.findings import LayerCheck, Outcome, told
from gis.health.loaded import Held, Loaded, LoadedRaster
from gis.store import Moment, Store
from gis.store import rasters as stored_rasters
from gis.store.checks import keep_check
from layers import LAYERS, RASTERS

Progress = Callable[[int, int, str], None]

OF_LAYERS: Mapping[str, Callable[[Any], Outcome | None]] = MappingProxyType(
    {
        "H-AGE-1": versions.old_load,
        "H-AGE-2": versions.old_measurements,
        "H-AGE-3": versions.future_measurements,
        "H-CNT-1": versions.empty,
        "H-CHG-1": versions.lost,
        "H-SYN-1": versions.synthetic,
        "H-SRC-1": versions.sourceless,
        "H-FLD-1": values.unused_fields,
        "H-FLD-2": values.seldom_filled,
        "H-VAL-1": values.off_list,
        "H-NUM-1": values.far_from_median,
        "H-NUM-2": values.out_of_range,
        "H-TMP-1": values.impossible_temperatures,
        "H-GEO-1": shapes.missing,
        "H-GEO-2": shapes.invalid,
        "H-GEO-3": shapes.no_extent,
        "H-GEO-4": shapes.slivers,
        "H-DUP-1": shapes.same_shape,
        "H-DUP-2": shapes.same_place,
        "H-OVL-1": shapes.overlaps,
        "H-OUT-1": places.outside,
        "H-COV-1": places.gaps,
        "H-COV-2": places.without_any,
        "H-DTM-1": places.shifted,
        "H-REF-1": references.orphans,
        "H-REF-2": references.strange_names,
    }
)
"""What is checked of a layer, by code; `codes.yaml` says what each tells."""

OF_RASTERS: Mapping[str, Callable[[Any], Outcome | None]] = MappingProxyType(
    {
        "H-AGE-1": versions.old_load,
        "H-CNT-1": versions.empty,
        "H-NUM-1": rasters.far_from_median,
        "H-NUM-2": rasters.out_of_range,
        "H-TMP-1": rasters.impossible_temperatures,
        "H-COV-2": places.raster_without_any,
    }
)
"""The same of a raster."""


def check_store(
    store: Store, layers: Collection[str] | None = None, progress: Progress | None = None
) -> list[LayerCheck]:
    """Check loaded layers and rasters, all of one moment, and keep what came of it as their last check.

    `layers` are those asked for, all that are loaded by default. Raises NotFoundError for one that is
    not declared or not loaded.
    """
    with store.moment() as moment:
        asked = (
            list(moment.versions)
            if layers is None
            else [_loaded(moment, id_) for id_ in dict.fromkeys(layers)]
        )
        city, now = city_of(moment), dt.datetime.now(dt.UTC)
        found = []
        for done, id_ in enumerate(asked):
            if progress:
                progress(done, len(asked), f"checking {id_}")
            found.append(_check(moment, city, now, id_))
    keep_check(store, {one.layer: (one.version, now, one.model_dump(mode="json")) for one in found})
    if progress:
        progress(len(asked), len(asked), "checked")
    return found


def _loaded(moment: Moment, id_: str) -> str:
    if id_ not in LAYERS and id_ not in RASTERS:
        raise NotFoundError(f"There is no layer {id_!r}; the layers are {', '.join((*LAYERS, *RASTERS))}.")
    if id_ not in moment.versions:
        raise NotFoundError(f"The layer {id_} is not loaded: import it with `onemap import {id_} FILE`.")
    return id_


def _check(moment: Moment, city: City, now: dt.datetime, id_: str) -> LayerCheck:
    if id_ in RASTERS:
        return _check_raster(moment, city, now, id_)
    spec, version = LAYERS[id_], moment.versions[id_]
    at = Loaded(version, city, now, spec, moment.connection, moment.versions)
    checks, findings = told(_outcomes(OF_LAYERS, at))
    shares = places.district_shares(city, at.covered) if spec.geometry == "polygon" else ()
    return LayerCheck(
        **_head(at, "vector"),
        dates=versions.date_spans(at),
        sources=versions.sources(at),
        synthetic_count=versions.synthetic_count(at),
        city_covered_frac=places.city_share(city, shares),
        districts=shares,
        fields=values.field_shares(at),
        change=at.change,
        checks=checks,
        findings=findings,
    )


def _check_raster(moment: Moment, city: City, now: dt.datetime, id_: str) -> LayerCheck:
    raster = stored_rasters.read(moment.connection, id_)
    at = LoadedRaster(moment.versions[id_], city, now, RASTERS[id_], raster)
    checks, findings = told(_outcomes(OF_RASTERS, at))
    shares = places.district_shares(city, at.covered)
    return LayerCheck(
        **_head(at, "raster"),
        dates=(),
        sources=(),
        synthetic_count=None,
        city_covered_frac=places.city_share(city, shares),
        districts=shares,
        fields=(),
        change=None,
        checks=checks,
        findings=findings,
    )


def _outcomes(checks: Mapping[str, Callable[[Any], Outcome | None]], at: Held) -> dict[str, Outcome]:
    made = {code: check(at) for code, check in checks.items()}
    return {code: outcome for code, outcome in made.items() if outcome is not None}


def _head(at: Held, kind: str) -> dict[str, Any]:
    return {
        "layer": at.version.layer,
        "kind": kind,
        "version": at.version.version,
        "checked_at": at.now,
        "software": version_of("heat-onemap"),
        "feature_count": at.version.feature_count,
        "age_days": versions.age_days(at),
    }
