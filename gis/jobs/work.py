"""What is done for each kind of job.

All may be done twice: a worker may die after the work and before it is written down.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gis.citywide import Scenario, SitePlan, match_store, site_store
from gis.dated import difference
from gis.errors import InputError, UsageError
from gis.export.checks.findings import LEVELS
from gis.frame_files import write_frame
from gis.health import check_store
from gis.ingest import import_file
from gis.ingest.report import ImportReport
from gis.ingest.source import sha256
from gis.jobs.export import write_export
from gis.jobs.files import export_of, upload_of
from gis.jobs.package import order_of, write_packed
from gis.jobs.records import Job, Kind
from gis.jobs.run import Progress, Work
from gis.rules import load_ruleset
from gis.runs import Runs, ruleset_of
from gis.settings import Settings
from gis.staleness import software
from gis.store import Store, audit, when
from gis.store.tables import LAYER_VERSION


def work_on(store: Store, settings: Settings) -> Work:
    """Return the function that does jobs in a store."""

    def work(job: Job, progress: Progress) -> dict[str, Any]:
        with audit.acting(job.caller, job.request_id):
            return WORK[job.kind](store, settings, job, progress)

    return work


def _import(store: Store, settings: Settings, job: Job, progress: Progress) -> dict[str, Any]:
    asked = job.request
    path, name = upload_of(settings, job.job_id, asked["ending"]), asked["name"]
    if not path.is_file():
        raise InputError(f"{name}: the file that was uploaded is no longer there: send it again.")
    try:
        told = _imported_before(store, job, path)
        if told is None:
            report = _imported(store, job, path, progress)
            told = _counts(vars(report), report.version) | {"report": report.sentences()}
    except (InputError, UsageError) as error:
        raise InputError(_named(str(error), path, name)) from error
    return told


def _imported(store: Store, job: Job, path: Path, progress: Progress) -> ImportReport:
    asked = job.request
    return import_file(
        store,
        asked["layer"],
        path,
        source_layer=asked["source_layer"],
        source_crs=asked["source_crs"],
        columns=asked["columns"],
        mode=asked["mode"],
        on_error=asked["on_error"],
        source_name=asked["name"],
        progress=progress,
    )


def _imported_before(store: Store, job: Job, path: Path) -> dict[str, Any] | None:
    """Return what is told of an import whose worker died after it; a second one would append twice."""
    version = store.layer_versions().get(job.request["layer"])
    if version is None or job.started_at is None or version.loaded_at < job.started_at:
        return None
    if version.source_sha256 != sha256(path):
        return None
    loaded = (LAYER_VERSION.c.layer == version.layer) & (LAYER_VERSION.c.version == version.version)
    with store.engine.connect() as connection:
        report = connection.execute(sa.select(LAYER_VERSION.c.report).where(loaded)).scalar_one()
    return _counts(report, version.version)


def _counts(report: Mapping[str, Any], version: int | None) -> dict[str, Any]:
    counts = {key: report[key] for key in ("rows_read", "rows_accepted", "rows_rejected")}
    return {"version": version} | counts


def _named(text: str, path: Path, name: str) -> str:
    """Return a sentence about a file by the name under which it was sent."""
    return text.replace(str(path), name).replace(path.name, name)


def _score(store: Store, settings: Settings, job: Job, progress: Progress) -> dict[str, Any]:
    as_of = job.request["as_of"]
    if job.request.get("follow"):
        ruleset = ruleset_of(store, store.latest_run())  # what changed is the data, not rules or day
    else:
        ruleset = load_ruleset("beijing", dt.date.fromisoformat(as_of) if as_of else None)
    run = Runs(store).score(ruleset, progress, everything=job.request["everything"])
    return {
        "run_id": run.run_id,
        "as_of": run.as_of.isoformat(),
        "parcel_count": run.parcel_count,
        "scored_count": run.scored_count,
        "why": list(run.why),
    }


def _match(store: Store, settings: Settings, job: Job, progress: Progress) -> dict[str, Any]:
    scenario = Scenario(**job.request)
    match_store(store, ruleset_of(store, store.latest_run()), scenario, progress)
    return {"scenario": scenario.name}


def _site(store: Store, settings: Settings, job: Job, progress: Progress) -> dict[str, Any]:
    plan, scenario = SitePlan(**job.request["plan"]), job.request["name"]
    site_store(store, ruleset_of(store, store.latest_run()), plan, scenario, progress)
    return {"scenario": scenario}


def _export(store: Store, settings: Settings, job: Job, progress: Progress) -> dict[str, Any]:
    asked, target = job.request, export_of(settings, job.job_id, job.request["ending"])
    count = write_export(store, asked, target, progress)
    with store.engine.begin() as connection:
        kept = {name: asked[name] for name in ("format", "crs", "bbox", "filter")}
        audit.write(connection, "export", asked["collection"], feature_count=count, **kept)
    return {"feature_count": count, "bytes": target.stat().st_size}


def _package(store: Store, settings: Settings, job: Job, progress: Progress) -> dict[str, Any]:
    asked = job.request
    readable, target = frozenset(asked["readable"]), export_of(settings, job.job_id, asked["ending"])
    rules = partial(ruleset_of, store)
    made = write_packed(store, order_of(asked), target, readable, rules, software(), progress)
    count = sum(part.feature_count for table in made.tables for part in table.parts)
    with store.engine.begin() as connection:
        kept = {name: asked[name] for name in ("format", "crs", "layers", "scenario")}
        audit.write(connection, "export", "package", feature_count=count, **kept)
    return {"table_count": len(made.tables), "feature_count": count, "bytes": target.stat().st_size}


def _diff(store: Store, settings: Settings, job: Job, progress: Progress) -> dict[str, Any]:
    asked, target = job.request, export_of(settings, job.job_id, job.request["ending"])
    found = difference(store, when(asked["before"]), when(asked["after"]), progress)
    write_frame(found.comparison.parcels.reset_index(), target, "parcel_changes")
    return found.summary() | {"bytes": target.stat().st_size}


def _check(store: Store, settings: Settings, job: Job, progress: Progress) -> dict[str, Any]:
    found = check_store(store, job.request["layers"], progress)
    severities = Counter(finding.severity for one in found for finding in one.findings)
    return {"layers": [one.layer for one in found], **{f"{s}_count": severities[s] for s in LEVELS}}


WORK: Mapping[Kind, Callable[[Store, Settings, Job, Progress], dict[str, Any]]] = {
    "import": _import,
    "score": _score,
    "match": _match,
    "site": _site,
    "export": _export,
    "package": _package,
    "diff": _diff,
    "check": _check,
}
