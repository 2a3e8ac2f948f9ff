"""All that was at a time, as files: layers, rasters, rules and verdicts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gis.runs import ruleset_of
from gis.scoring import Result
from gis.store import Past, Store
from gis.store.rasters import encoded
from gis.store.versions import told
from gis.writing import new_folder
from layers import LAYERS

Progress = Callable[[int, int, str], None]


def write_snapshot(
    store: Store, when: datetime | int, folder: Path, progress: Progress | None = None
) -> list[str]:
    """Write what was at a time, or what a run was worked out from, into a new folder; return what was done.

    Layers are GeoParquet and rasters GeoTIFF in `layers`, the files of the rule set in `rules`, verdicts in
    `parcel_suitability.parquet`, and `snapshot.json` tells versions, sources and the run. The folder
    appears at the end, whole. Raises NotFoundError for what is not kept, and InputError where the folder
    is not empty.
    """
    with store.past(when) as past, new_folder(folder) as made:
        (made / "layers").mkdir()
        for done, (id_, loaded) in enumerate(past.versions.items()):
            if progress:
                progress(done, len(past.versions) + 1, f"{id_} version {loaded.version}")
            if id_ in LAYERS:
                past.layer(id_).to_parquet(made / "layers" / f"{id_}.parquet")
            else:
                (made / "layers" / f"{id_}.tif").write_bytes(encoded(past.raster(id_)))
        parcels = _write_results(store, past, made)
        said = json.dumps(_said(past), ensure_ascii=False, indent=2)
        (made / "snapshot.json").write_text(said + "\n", encoding="utf-8")
        if progress:
            progress(1, 1, "done")
        return _sentences(past, parcels, folder)


def _write_results(store: Store, past: Past, folder: Path) -> int | None:
    """Write verdicts and rules; return how many parcels have some, None where nothing was scored yet."""
    if past.run is None:
        return None
    facts, verdicts = past.results()
    ruleset = ruleset_of(store, past.run)
    with store.past(int(past.run.run_id or 0)) as then:
        result = Result(then.layer("parcel"), facts, verdicts, ruleset, past.run.layer_versions)
    result.to_geodataframe().to_parquet(folder / "parcel_suitability.parquet")
    (folder / "rules").mkdir()
    for name, text in ruleset.content.items():
        (folder / "rules" / name).write_bytes(str(text).encode())
    return len(facts)


def _said(past: Past) -> dict[str, Any]:
    run = past.run
    return {
        "program": f"heat-onemap {version('heat-onemap')}",
        "at": past.at.isoformat(),
        "layers": [
            {
                "layer": id_,
                "version": v.version,
                "loaded_at": v.loaded_at.isoformat(),
                "feature_count": v.feature_count,
                "source_name": v.source_name,
                "source_sha256": v.source_sha256,
                "author": v.author,
            }
            for id_, v in past.versions.items()
        ],
        "run": None
        if run is None or run.finished_at is None
        else {
            "run_id": run.run_id,
            "finished_at": run.finished_at.isoformat(),
            "ruleset": {"id": run.ruleset_id, "as_of": run.as_of.isoformat(), "hash": run.ruleset_hash},
            "layer_versions": run.layer_versions,
            "software": run.software,
            "author": run.author,
        },
        "results_are_of_these_layers": past.current,
    }


def _sentences(past: Past, parcels: int | None, folder: Path) -> list[str]:
    when = told(past.at)
    said = [f"{len(past.versions)} layers and rasters as they were at {when} are written into {folder}."]
    if past.run is None:
        return [*said, "There were no results yet."]
    said.append(f"Verdicts of {parcels:,} parcels are those of run {past.run.run_id}.")
    if not past.current:
        said.append("Some layers are newer than that run: the results had not followed yet.")
    return said
