"""`onemap monitor`: measured values of heat projects and data centres."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated

import typer

from api import commands_publish
from api.progress import bar, say
from gis.errors import NotFoundError, UsageError
from gis.monitoring.deliver import Delivered, deliver_file
from gis.monitoring.pieces import REASONS
from gis.periods import PERIODS, Period
from gis.settings import Settings
from gis.store import open_store
from gis.store.deliveries import Refusal, deliveries, reach, refusals
from gis.store.monitoring_tables import MONITORED
from gis.writing import replacing

monitor_app = typer.Typer(
    help="Import measured values, and tell what is there and what was refused.", no_args_is_help=True
)

_PAGE = 10_000
_PLAIN = ("new", "same", "corrected", "repeated", "empty", "refused")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    commands_publish.register(monitor_app)
    app.add_typer(monitor_app, name="monitor")


@monitor_app.command(name="import")
def import_(
    layer: Annotated[str, typer.Argument(help=f"{' or '.join(MONITORED)}.")],
    file: Annotated[Path, typer.Argument(help="CSV, XLSX or Parquet, with a row a step or a row a value.")],
    period: Annotated[
        str | None,
        typer.Option(help=f"Step of the values: {', '.join(PERIODS)}. By default what the times show."),
    ] = None,
) -> None:
    """Take measured values from a file; the same file twice changes nothing.

    Columns: the key of the layer, `time` (Beijing time, the beginning of the step), and one a variable with
    its unit, as `heat (MWh)` or `heat_mwh`; or `variable`, `value` and `unit`, a row a value. What cannot be
    taken goes to quarantine with a reason.
    """
    with open_store(Settings()) as store, bar() as progress:
        done = deliver_file(store, layer, file, period=_period(period), progress=progress)
    for sentence in _sentences(done):
        say(sentence, file=sys.stdout)


def _period(text: str | None) -> Period | None:
    for known in PERIODS:
        if text == known:
            return known
    if text is not None:
        raise UsageError(f"--period {text!r} is none of {', '.join(PERIODS)}.")
    return None


def _sentences(done: Delivered) -> list[str]:
    if done.repeated:
        return [f"Delivery {done.delivery_id} was imported before, to its end: nothing was done."]
    counts = done.counts
    told = [f"{counts[name]:,} {name}" for name in _PLAIN if counts[name] or name == "new"]
    sentences = [f"Delivery {done.delivery_id}: {counts['rows']:,} rows of {done.period}; {', '.join(told)}"]
    sentences += [f"  {count:,} in quarantine: {REASONS[code].en}" for code, count in done.quarantine.items()]
    if done.unused:
        sentences.append(f"Columns that were not used: {', '.join(done.unused)}")
    return sentences


@monitor_app.command()
def status(
    last: Annotated[int, typer.Option(min=1, max=1000, help="How many deliveries.")] = 10,
) -> None:
    """Tell what is measured, and the last deliveries."""
    with open_store(Settings()) as store, store.engine.connect() as connection:
        for layer in MONITORED:
            for one in reach(connection, layer):
                values = f"{one.value_count:>13,} values of {one.feature_count:,} features"
                months = f"{one.first_month:%Y-%m} to {one.last_month:%Y-%m}"
                say(f"{layer}  {one.variable:20} {values}, {months}", file=sys.stdout)
        for done in deliveries(connection, last):
            ended = "not finished: import it again"
            if done.finished_at:
                ended = f"{done.finished_at:%Y-%m-%d %H:%M}"
            refused = done.told.get("counts", {}).get("refused", 0)
            told = f"{done.name}  {ended}  {refused:,} in quarantine  {done.author}"
            say(f"delivery {done.delivery_id}  {told}", file=sys.stdout)


@monitor_app.command()
def quarantine(
    delivery: Annotated[
        int, typer.Argument(help="Number of the delivery, as `onemap monitor status` tells it.")
    ],
    out: Annotated[Path, typer.Option(help="Write the values to this CSV file.")],
) -> None:
    """Write what was refused of a delivery to a file, each value as it was delivered and why."""
    columns = (*(name for name in Refusal.__dataclass_fields__ if name != "delivery_id"), "zh", "en")
    count = 0
    with open_store(Settings()) as store, store.engine.connect() as connection:
        if delivery not in {done.delivery_id for done in deliveries(connection, 1_000_000)}:
            raise NotFoundError(
                f"There is no delivery {delivery}; `onemap monitor status` tells the last ones."
            )
        with replacing(out) as part, part.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            for layer in MONITORED:
                after = (0, "")
                while found := refusals(connection, layer, delivery, _PAGE, after):
                    for one in found:
                        told = REASONS[one.reason]
                        cells = [getattr(one, name) for name in columns[:-2]]
                        writer.writerow([*cells, told.zh, told.en])
                    count, after = count + len(found), (found[-1].row, found[-1].variable)
    say(f"{count:,} values written to {out}", file=sys.stdout)
