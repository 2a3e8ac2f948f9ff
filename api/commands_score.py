"""`onemap score` and `onemap explain`: verdicts for stored parcels or for a file, and why."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from api.explain import text_of
from api.progress import bar, say, say_json
from api.table import check_ending, write_table
from gis.batch.folder import Engine
from gis.batch.parcels import files_at
from gis.errors import UsageError
from gis.rules import RuleSet, load_ruleset
from gis.runs import Runs
from gis.scoring import Result
from gis.settings import Settings
from gis.store import RunRecord, Store, open_store, when
from gis.vocabulary import STATUS_TITLES, STATUSES, TECHNOLOGY_TITLES
from gis.wording import Language


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("score")(score_)
    app.command()(explain)


def score_(
    parcels: Annotated[
        Path | None,
        typer.Option(
            help="Score this file, or folder of GeoParquet files, instead of the stored parcels, "
            "which stay as they are."
        ),
    ] = None,
    resources: Annotated[
        Path | None,
        typer.Option(
            help="Folder of files named by layer or raster around the parcels; no database is used then."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write one row a parcel to this .parquet, .gpkg or .geojson file; from --parcels also to "
            "this new folder of GeoParquet files, which goes on where it was stopped."
        ),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="Folder of a rule set, instead of the built-in one.")
    ] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day whose rules apply; today by default.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Score every stored parcel, not only those that changes can touch.")
    ] = False,
    engine: Annotated[
        Engine, typer.Option(help="local: the cores of this machine; dask: the workers of a cluster.")
    ] = "local",
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a running Dask scheduler; by default a worker a core is started here."),
    ] = None,
) -> None:
    """Score the stored parcels and keep the results, or score files of parcels.

    After a change of layers or rules only the parcels that it can touch are worked out again.
    """
    _check_usage(parcels, resources, out, everything, engine, scheduler)
    ruleset = load_ruleset(rules or "beijing", as_of.date() if as_of else None)
    counts: Mapping[tuple[str | None, str | None], int]
    if parcels is not None:
        from api.scored_files import resources_in, score_given  # with the readers of all formats

        if resources is not None:
            around = resources_in(resources)
        else:
            with open_store(Settings()) as store:
                around = store.resources()
        counts = score_given(parcels, out, around, ruleset, engine, scheduler)
    else:
        with open_store(Settings()) as store:
            run = _score_stored(store, ruleset, everything)
            counts = store.recommended_counts()
            if out is not None:
                write_table(_stored_result(store, ruleset, run), out)
    if out is not None:
        say(f"{sum(counts.values()):,} parcels are written to {out}", file=sys.stdout)
    _say_counts(counts, ruleset)


def _check_usage(
    parcels: Path | None,
    resources: Path | None,
    out: Path | None,
    everything: bool,
    engine: Engine,
    scheduler: str | None,
) -> None:
    """Raise UsageError for options that do not go together."""
    if parcels is None and (resources is not None or engine == "dask"):
        raise UsageError("--resources and --engine dask are about a file of parcels: give it with --parcels.")
    if everything and parcels is not None:
        raise UsageError("--all is about the stored parcels; a file is always scored whole.")
    if scheduler is not None and engine != "dask":
        raise UsageError("--scheduler is that of a Dask cluster: give --engine dask as well.")
    if engine == "dask" and (out is None or out.suffix):
        raise UsageError("--engine dask writes a folder of files: give --out the name of a new folder.")
    if parcels is not None and out is None and files_at(parcels) and parcels.is_dir():
        raise UsageError("A folder of parcels is scored into files: name one with --out.")
    # A name without an ending is a folder of files, which only files of parcels can be scored into.
    if out is not None and (out.suffix or parcels is None):
        check_ending(out)


def _score_stored(store: Store, ruleset: RuleSet, everything: bool) -> RunRecord:
    before = store.latest_run()
    with bar() as progress:
        run = Runs(store).score(ruleset, progress, everything=everything)
    if before is not None and run.run_id == before.run_id:
        say("Nothing has changed since the last run: its results stand", file=sys.stdout)
    else:
        worked = f"{run.scored_count:,} of {run.parcel_count:,} parcels worked out"
        say(f"{worked}: {'; '.join(run.why)}", file=sys.stdout)
    return run


def _stored_result(store: Store, ruleset: RuleSet, run: RunRecord) -> Result:
    parcels = store.read("parcel")
    facts, verdicts = store.result_rows(parcels["parcel_id"].tolist())
    return Result(parcels, facts, verdicts, ruleset, run.layer_versions)


def _say_counts(counts: Mapping[tuple[str | None, str | None], int], ruleset: RuleSet) -> None:
    say(f"{sum(counts.values()):,} parcels scored as of {ruleset.as_of}:", file=sys.stdout)
    for technology in ruleset.order:
        for status in STATUSES:
            if count := counts.get((technology, status)):
                title = f"{TECHNOLOGY_TITLES[technology][0]} ({STATUS_TITLES[status][0]})"
                say(f"{count:>9,}  {technology} {status}  {title}", file=sys.stdout)
    if none := sum(n for (technology, _), n in counts.items() if technology is None):
        say(f"{none:>9,}  none  暂无适宜技术", file=sys.stdout)


def explain(
    parcel_id: Annotated[str, typer.Argument(help="Parcel id, as imported.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the suitability document.")] = False,
    lang: Annotated[Language, typer.Option(help="Language of the text.")] = "zh",
    as_of: Annotated[
        str | None, typer.Option(help="As it stood at the end of this day (UTC+8), at a time, or in `run 7`.")
    ] = None,
) -> None:
    """Explain the stored verdicts of one parcel: ranking, reasons, portfolio, what to arrange, clauses."""
    from api.suitability import Scorer, told  # with the web, which the other commands do without

    with open_store(Settings()) as store:
        scorer = Scorer(store)
        found, ruleset = scorer.stored(store, parcel_id, None if as_of is None else when(as_of))
        document = told(found, ruleset)
    if as_json:
        say_json(document)
    else:
        say(text_of(document, ruleset, lang), file=sys.stdout)
