"""`onemap versions`, `snapshot` and `diff`: what was, who changed it, and what that changed."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from api.progress import bar, say, say_json
from api.table import check_ending
from gis.dated import Difference, difference
from gis.frame_files import write_frame
from gis.settings import Settings
from gis.snapshot import write_snapshot
from gis.store import RunRecord, Version, open_store, when
from gis.store.versions import told
from gis.vocabulary import TECHNOLOGY_TITLES
from layers import LAYERS, RASTERS

When = Annotated[
    str,
    typer.Argument(
        metavar="TIME", help="A day (its end, UTC+8), a time as 2026-03-01T12:30, or a run as `run 7`."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(versions)
    app.command()(snapshot)
    app.command()(diff)


def versions(
    layer: Annotated[
        list[str] | None, typer.Argument(help="Layers, rasters or rule sets; all by default.")
    ] = None,
    last: Annotated[int, typer.Option(min=1, max=100_000, help="How many, the newest first.")] = 30,
    as_of: Annotated[
        str | None, typer.Option(help="Only those up to a day (its end, UTC+8), a time or a run (`run 7`).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all that is known as JSON.")] = False,
) -> None:
    """List imports, edits, rule sets and runs: when, by whom, from which file, how much they changed."""
    with open_store(Settings()) as store:
        before = None
        if as_of is not None:
            with store.past(when(as_of)) as past:
                before = past.at + timedelta(microseconds=1)
        targets = layer or [*LAYERS, *RASTERS, *store.ruleset_ids()]
        found = store.versions(targets, last, before)
    if as_json:
        say_json([asdict(v) for v in found])
        return
    for version in found:
        say(_line(version), file=sys.stdout)
    if not found:
        say("There are no versions yet.", file=sys.stdout)


def _line(version: Version) -> str:
    number = "" if version.number is None else f" {version.number}"
    parts = [f"{told(version.at)}  {version.kind:6} {version.target}{number}"]
    if version.feature_count is not None:
        unit = "parcels" if version.kind == "run" else "features"
        parts.append(f"{version.feature_count:,} {unit}")
    if version.change_count is not None:
        parts.append(f"{version.change_count:,} {'worked out' if version.kind == 'run' else 'changed'}")
    if version.source_name:
        parts.append(f"from {version.source_name}")
    parts += [f"by {version.author or 'unknown'}", f"sha256 {version.source_sha256[:12]}"]
    if not version.kept:
        parts.append("what was before is not kept")
    return ", ".join(parts)


def snapshot(
    time: When,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is new or empty.")],
) -> None:
    """Write all that was at a time into a folder: layers, rasters, rules and verdicts.

    Layers are GeoParquet and rasters GeoTIFF in `layers/`, the rule set's files are in `rules/`, verdicts in
    `parcel_suitability.parquet`, and what they are in `snapshot.json`: with `onemap score --parcels
    DIR/layers/parcel.parquet --resources DIR/layers --rules DIR/rules --as-of DAY` they are worked out again.
    """
    with open_store(Settings()) as store, bar() as progress:
        for sentence in write_snapshot(store, when(time), folder, progress):
            say(sentence, file=sys.stdout)


def diff(
    before: When,
    after: When,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the parcels that changed to this .parquet, .gpkg or .geojson file."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print counts and causes as JSON.")] = False,
) -> None:
    """Tell which parcels' verdicts changed between two times, and because of which layer or rule."""
    times = when(before), when(after)
    if out is not None:
        check_ending(out)
    with open_store(Settings()) as store, bar() as progress:
        found = difference(store, *times, progress)
    if out is not None:
        write_frame(found.comparison.parcels.reset_index(), out, "parcel_changes")
    if as_json:
        say_json(found.summary())
        return
    for sentence in _told(found):
        say(sentence, file=sys.stdout)
    if out is not None:
        say(f"{len(found.comparison.parcels):,} parcels are written to {out}", file=sys.stdout)


def _told(found: Difference) -> list[str]:
    summary = found.comparison.summary()
    said = [
        f"before  {_run(found.before)}",
        f"after   {_run(found.after)}",
        f"{summary['changed_count']:,} of {summary['compared_count']:,} parcels changed, "
        f"{summary['other_technology_count']:,} have another technology; "
        f"{summary['only_before_count']:,} went, {summary['only_after_count']:,} came",
    ]
    if found.causes:
        said.append("because of (a parcel may have several causes):")
        said += [f"{count:>9,}  {cause}" for cause, count in found.causes.items()]
    moves = found.moves()
    if moves:
        said.append("recommended:")
        said += [f"{n:>9,}  {_title(one)} -> {_title(other)}" for (one, other), n in moves.items()]
    return said


def _title(technology: str) -> str:
    titles = {str(t): zh for t, (zh, _) in TECHNOLOGY_TITLES.items()}
    return f"{technology} {titles.get(technology, '暂无适宜技术')}"


def _run(run: RunRecord) -> str:
    assert run.finished_at is not None
    return (
        f"run {run.run_id}, {told(run.finished_at)}, rules {run.ruleset_id} {run.ruleset_hash[:12]} "
        f"as of {run.as_of}, by {run.author or 'unknown'}"
    )
