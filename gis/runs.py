"""Runs over the store: load the sample, score every parcel, keep the results."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa

from gis.compiled import CORES
from gis.errors import InputError
from gis.facts.columns import Attributes
from gis.facts.surroundings import Surroundings
from gis.facts.wkb import shapes_of
from gis.ingest import import_file
from gis.rules import RuleSet
from gis.rules.loader import content_json
from gis.scoring.evaluate import Columns, evaluate
from gis.scoring.inputs import gather
from gis.store import Moment, RunRecord, Store

Progress = Callable[[int, int, str], None]
SAMPLE_DIR = Path(__file__).resolve().parent.parent / "data" / "sample"


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

    Parcels are read, judged and written batch by batch, the next while the one before is
    under way; a batch cannot change an answer. Raises InputError when no parcels were ever
    imported.
    """
    with store.moment() as moment:
        if "parcel" not in moment.versions:
            raise InputError("no parcels are loaded; import some with `onemap import parcel FILE`")
        around, count = Surroundings(moment.resources), moment.versions["parcel"].feature_count
        store.save_ruleset(ruleset.hash, ruleset.id, ruleset.as_of, content_json(ruleset))
        with store.writing_results() as writer:
            writer.clear()
            done = 0
            _tell(progress, done, count, "scoring parcels")
            for ids, facts, verdicts in _scored(moment.parcels(), around, ruleset):
                writer.add(ids, facts, verdicts)
                done += len(ids)
                _tell(progress, done, count, "scoring parcels")
            return writer.finish(_record(ruleset, moment, done))


def _record(ruleset: RuleSet, moment: Moment, parcel_count: int) -> RunRecord:
    return RunRecord(
        run_id=None,
        ruleset_id=ruleset.id,
        ruleset_hash=ruleset.hash,
        as_of=ruleset.as_of,
        layer_versions={layer: v.version for layer, v in moment.versions.items()},
        parcel_count=parcel_count,
        finished_at=None,
        software=f"heat-onemap {version('heat-onemap')}",
    )


Scored = tuple[pa.Array, Columns, Columns]
"""Parcel ids with their facts and verdicts."""


def _scored(batches: Iterator[pa.RecordBatch], around: Surroundings, ruleset: RuleSet) -> Iterator[Scored]:
    """Yield the results of batches in their order; some are under way on all cores meanwhile."""
    with ThreadPoolExecutor(CORES) as pool:
        under_way: deque[Future[Scored]] = deque()
        for batch in batches:
            under_way.append(pool.submit(_score_batch, batch, around, ruleset))
            if len(under_way) > CORES:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _score_batch(batch: pa.RecordBatch, around: Surroundings, ruleset: RuleSet) -> Scored:
    shapes = shapes_of(batch.column("geom"), "polygon")
    inputs = gather(Attributes.of_batch(batch), shapes, around, ruleset)
    return batch.column("parcel_id"), *evaluate(inputs, ruleset)


def _tell(progress: Progress | None, done: int, total: int, label: str) -> None:
    if progress:
        progress(done, total, label)
