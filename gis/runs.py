"""Runs over the store: load the sample, score every parcel, keep the results."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from gis.compiled import CORES, ready, workers
from gis.errors import InputError
from gis.facts.columns import JUDGED, Attributes
from gis.facts.surroundings import Surroundings
from gis.facts.wkb import shapes_of
from gis.flow import in_order
from gis.potential.keeping import renew_potential
from gis.resources import Resources
from gis.rules import RuleSet
from gis.rules.loader import content_json
from gis.scoring.evaluate import Columns, evaluate
from gis.scoring.inputs import GREEN, gather, prepare, prepare_green
from gis.staleness import Stale, find_stale, software
from gis.store import Kept, Moment, ResultWriter, RunRecord, Store, influence_rows, kept
from gis.store.rulesets import ruleset_of as ruleset_of

Progress = Callable[[int, int, str], None]
MANY = 100_000
"""Parcels whose batches alone keep all cores busy."""

SAMPLE_DIR = Path(__file__).resolve().parent.parent / "data" / "sample"


def load_sample(store: Store, progress: Progress | None = None, folder: Path = SAMPLE_DIR) -> None:
    """Import every file of the sample's manifest, in its order; InputError when the sample is not there."""
    from gis.ingest import import_file  # with the readers of all formats, which scoring does without

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


class Runs:
    """Scoring a store again and again: layers that did not change are not read and indexed again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._around = Surroundings(Resources({}, {}))
        threading.Thread(target=ready).start()  # the database is asked meanwhile

    def score(
        self, ruleset: RuleSet, progress: Progress | None = None, *, everything: bool = False
    ) -> RunRecord:
        """Bring the stored results up to date in one transaction, and return the run that did.

        Parcels whose results cannot have changed keep them, unless `everything` is to be
        worked out; which, and why, stands in the run. Without any change to layers and rules it is the
        run before that is returned. The potential of the ground is made anew where it is not that of these
        layers and rules. Parcels are read, judged and written batch by batch, the next
        while the one before is under way; a batch cannot change an answer. Raises InputError
        when no parcels were ever imported, and BusyError while another run writes.
        """
        store = self._store
        store.save_ruleset(ruleset.hash, ruleset.id, ruleset.as_of, content_json(ruleset))
        with store.writing_results() as writer, store.moment() as moment:
            if "parcel" not in moment.versions:
                raise InputError("no parcels are loaded; import some with `onemap import parcel FILE`")
            stale = Stale(("asked for",), everything=True) if everything else find_stale(moment, ruleset)
            if stale.nothing and moment.run is not None and _follows(moment, moment.run, ruleset):
                renew_potential(store, moment, ruleset, self._around.resources)
                return moment.run
            parcels = None if stale.everything else stale.parcels
            # On its own connection the writer makes room while layers are read on another.
            with ThreadPoolExecutor(2) as beside:
                make_room = writer.clear if stale.everything else partial(writer.remove, stale.removed)
                room = beside.submit(make_room)
                coming = None if parcels == () else self._surroundings(moment, ruleset, beside)
                room.result()
            scored = 0 if coming is None else self._write(writer, moment, parcels, coming, ruleset, progress)
            renew_potential(store, moment, ruleset, self._around.resources)
            return writer.finish(_record(ruleset, moment, scored, stale))

    def _write(
        self,
        writer: ResultWriter,
        moment: Moment,
        parcels: Sequence[str] | None,
        around: Surroundings,
        ruleset: RuleSet,
        progress: Progress | None,
    ) -> int:
        """Work out and write the results of some parcels, or of all; return how many they are."""
        count = moment.versions["parcel"].feature_count if parcels is None else len(parcels)
        done = 0
        _tell(progress, done, count, "scoring parcels")
        # Closed here whatever happens: what reads the parcels has to end before the moment does.
        pool = workers() if count > MANY else ThreadPoolExecutor(CORES)
        judge = partial(_score_batch, around=around, ruleset=ruleset)
        with pool, closing(in_order(pool, judge, moment.parcels(JUDGED, parcels))) as coming:
            for results in coming:
                writer.add(*results)
                done += len(results[0])
                _tell(progress, done, count, "scoring parcels")
        return done

    def _surroundings(self, moment: Moment, ruleset: RuleSet, beside: ThreadPoolExecutor) -> Surroundings:
        """Return all that surrounds the parcels, indexed."""
        # Green space takes longest to index: that is begun before the other layers are read.
        self._around = self._around.renewed(moment.resources(self._around.resources, GREEN))
        green = beside.submit(prepare_green, self._around, ruleset)
        self._around = self._around.renewed(moment.resources(self._around.resources))
        prepare(self._around, ruleset)
        green.result()
        return self._around


def _follows(moment: Moment, run: RunRecord, ruleset: RuleSet) -> bool:
    """Return whether a run names the present layers and day, so that there is nothing to write."""
    present = {layer: v.version for layer, v in moment.versions.items()}
    return run.layer_versions == present and run.as_of == ruleset.as_of


def _record(ruleset: RuleSet, moment: Moment, scored: int, stale: Stale) -> RunRecord:
    return RunRecord(
        run_id=None,
        ruleset_id=ruleset.id,
        ruleset_hash=ruleset.hash,
        as_of=ruleset.as_of,
        layer_versions={layer: v.version for layer, v in moment.versions.items()},
        parcel_count=moment.versions["parcel"].feature_count,
        finished_at=None,
        software=software(),
        scored_count=scored,
        why=list(stale.why),
    )


Scored = tuple[pa.Array, Columns, Columns, pa.RecordBatch, Kept]
"""Parcel ids with their facts and verdicts, how far around they look, and what is kept for later days."""


def _score_batch(batch: pa.RecordBatch, around: Surroundings, ruleset: RuleSet) -> Scored:
    ids, shapes = batch.column("parcel_id"), shapes_of(batch.column("geom"), "polygon")
    inputs = gather(Attributes.of_batch(batch), shapes, around, ruleset)
    facts, verdicts = evaluate(inputs, ruleset)
    influence = influence_rows(ids, shapes, inputs.influence_m())
    return ids, facts, verdicts, influence, kept(ids, {**facts, **verdicts})


def _tell(progress: Progress | None, done: int, total: int, label: str) -> None:
    if progress:
        progress(done, total, label)
