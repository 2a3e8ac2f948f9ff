"""`onemap score` and `onemap explain`: verdicts for stored parcels or for a file, and why."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

from api.explain import text_of
from api.progress import bar, say
from api.table import check_ending, write_table
from gis.errors import UsageError
from gis.rules import RuleSet, load_ruleset
from gis.runs import Runs
from gis.scoring import Result, score
from gis.settings import Settings
from gis.store import RunRecord, Store, open_store
from gis.vocabulary import STATUS_TITLES, STATUSES, TECHNOLOGY_TITLES
from gis.wording import Language


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("score")(score_)
    app.command()(explain)


def score_(
    parcels: Annotated[
        Path | None,
        typer.Option(help="Score this file instead of the stored parcels, which stay as they are."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write one row a parcel to this .parquet, .gpkg or .geojson file.")
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
) -> None:
    """Score the stored parcels and keep the results, or score a file of parcels.

    After a change of layers or rules only the parcels that it can touch are worked out again.
    """
    if out is not None:
        check_ending(out)
    if everything and parcels is not None:
        raise UsageError("--all is about the stored parcels; a file is always scored whole.")
    ruleset = load_ruleset(rules or "beijing", as_of.date() if as_of else None)
    with open_store(Settings()) as store:
        if parcels is None:
            run = _score_stored(store, ruleset, everything)
            counts = store.recommended_counts()
            result = _stored_result(store, ruleset, run) if out else None
        else:
            result = _score_file(store, ruleset, parcels)
            verdicts = result.verdicts
            counts = Counter(zip(verdicts["recommended"], verdicts["recommended_status"], strict=True))
    if out is not None and result is not None:
        write_table(result, out)
        say(f"{len(result.verdicts):,} parcels are written to {out}", file=sys.stdout)
    _say_counts(counts, ruleset)


def _score_file(store: Store, ruleset: RuleSet, path: Path) -> Result:
    from gis.ingest import read_mapped  # with the readers of all formats, which the stored parcels do without

    with bar() as progress:
        mapped = read_mapped("parcel", path, progress=progress)
    for sentence in mapped.report.sentences():
        say(sentence)
    with bar() as progress:
        return score(mapped.frame, store.resources(), ruleset, progress)


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
) -> None:
    """Explain the stored verdicts of one parcel: ranking, reasons, portfolio, what to arrange, clauses."""
    from api.suitability import Scorer  # with the web, which the other commands do without

    with open_store(Settings()) as store:
        scorer = Scorer(store)
        document = scorer.stored_document(store, parcel_id)
        ruleset = scorer.ruleset(store.latest_run())
    if as_json:
        say(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode(), file=sys.stdout)
    else:
        say(text_of(document, ruleset, lang), file=sys.stdout)
