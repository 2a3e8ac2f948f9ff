"""Runs over the store: load the sample, score every parcel, keep the results."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from gis.errors import InputError
from gis.facts.surroundings import Surroundings
from gis.ingest import import_file
from gis.rules import RuleSet
from gis.rules.loader import content_json
from gis.scoring import score
from gis.store import RunRecord, Store

Progress = Callable[[int, int, str], None]
SAMPLE_DIR = Path(__file__).resolve().parent.parent / "data" / "sample"
BATCH = 20_000


def load_sample(store: Store, progress: Progress | None = None, folder: Path = SAMPLE_DIR) -> None:
    """Import every file of the sample's manifest, in its order; InputError when the sample is not there."""
    files = _manifest(folder)
    for done, entry in enumerate(files):
        _tell(progress, done, len(files), f"sample {entry['layer']}")
        import_file(
            store,
            entry["layer"],
            folder / entry["file"],
            source_crs=entry.get("source_crs"),
            columns=entry.get("columns"),
            mode=entry.get("mode", "replace"),
            on_error="abort",
        )
    _tell(progress, len(files), len(files), "sample loaded")


def wants_sample(store: Store, folder: Path = SAMPLE_DIR) -> bool:
    """Return whether the store is empty, or holds only a sample whose loading was interrupted."""
    versions = store.layer_versions()
    ours = {entry["file"] for entry in _manifest(folder)} if versions else set()
    return "parcel" not in versions and all(v.source_name in ours for v in versions.values())


def _manifest(folder: Path) -> list[dict[str, Any]]:
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise InputError(f"the sample is not there: {manifest} is missing; start with --no-sample")
    files: list[dict[str, Any]] = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    return files


def score_store(store: Store, ruleset: RuleSet, progress: Progress | None = None) -> RunRecord:
    """Score every stored parcel and replace the stored results in one transaction.

    Parcels are judged in batches; a batch cannot change an answer. Raises
    InputError when no parcels were ever imported.
    """
    versions = {layer: v.version for layer, v in store.layer_versions().items()}
    if "parcel" not in versions:
        raise InputError("no parcels are loaded; import some with `onemap import parcel FILE`")
    parcels = store.read("parcel")
    around = Surroundings(store.resources())
    facts, verdicts = [], []
    for start in range(0, max(len(parcels), 1), BATCH):
        _tell(progress, start, len(parcels), "scoring parcels")
        part = parcels.iloc[start : start + BATCH].reset_index(drop=True)
        result = score(gpd.GeoDataFrame(part, crs=parcels.crs), around, ruleset)
        facts.append(result.facts)
        verdicts.append(result.verdicts)
    _tell(progress, len(parcels), len(parcels), "storing results")
    store.save_ruleset(ruleset.hash, ruleset.id, ruleset.as_of, content_json(ruleset))
    run = RunRecord(
        run_id=None,
        ruleset_id=ruleset.id,
        ruleset_hash=ruleset.hash,
        as_of=ruleset.as_of,
        layer_versions=versions,
        parcel_count=len(parcels),
        finished_at=None,
        software=f"heat-onemap {version('heat-onemap')}",
    )
    store.save_results(pd.concat(facts), pd.concat(verdicts), run)
    saved = store.latest_run()
    if saved is None:
        raise InputError("the run was not kept; score again")
    return saved


def _tell(progress: Progress | None, done: int, total: int, label: str) -> None:
    if progress:
        progress(done, total, label)
