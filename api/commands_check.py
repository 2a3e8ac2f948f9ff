"""`onemap check`: what is wrong with the layers that are loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from api.progress import bar, say, say_json
from gis.export.checks.findings import LEVELS
from gis.health import LayerCheck, check_store
from gis.settings import Settings
from gis.store import open_store
from gis.wording import Language, Wording
from layers import LAYERS, RASTERS, Text

WORDS = {
    "head": ("图层|版本|导入天数|要素数|错误|警告|提示", "layer|version|days|features|errors|warnings|notes"),
    "error": ("错误", "error"),
    "warning": ("警告", "warning"),
    "note": ("提示", "note"),
    "todo": ("处理", "what to do"),
    "first": ("要素", "features"),
    "unchecked": ("未检查", "not checked"),
    "nothing": ("没有导入任何图层", "No layer is loaded"),
}


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(check)


def check(
    layers: Annotated[
        list[str] | None,
        typer.Argument(metavar="[LAYER]...", help="Layers and rasters; all that are loaded by default."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole checks as JSON.")] = False,
    lang: Annotated[Language, typer.Option(help="Language of what is found.")] = "zh",
) -> None:
    """Check loaded layers: age, count, coverage, shapes, outliers, duplicates, datum, change, references.

    What is found is kept as the last check of each layer, which the page /data shows. Ends with 1 where
    there is any error; warnings and notes are told and pass.
    """
    with open_store(Settings()) as store, bar() as progress:
        found = check_store(store, layers or None, progress)
    if as_json:
        listed = [one.model_dump(mode="json") for one in found]
        say_json(listed)
    else:
        for line in lines(found, Wording(lang, WORDS)):
            say(line, file=sys.stdout)
    if any(finding.severity == "error" for one in found for finding in one.findings):
        raise typer.Exit(1)


def lines(checks: Sequence[LayerCheck], w: Wording) -> Iterator[str]:
    """Yield a table with a row a layer, then what is found and what could not be checked."""
    if not checks:
        yield w.word("nothing")
        return
    width = max(len(layer) for layer in (*LAYERS, *RASTERS))
    head, *names = w.word("head").split("|")
    # A Chinese character takes the room of two.
    room = [max(10, len(name.encode("gbk")) + 2) for name in names]
    yield head + " " * (width - len(head.encode("gbk"))) + "".join(map(_right, names, room))
    for one in checks:
        counts = [sum(f.severity == level for f in one.findings) for level in LEVELS]
        figures = [f"v{one.version}", f"{one.age_days:,}", f"{one.feature_count:,}", *map(str, counts)]
        yield f"{one.layer:{width}}" + "".join(map(_right, figures, room))
    for one in checks:
        yield from _told(one, w)


def _right(text: str, room: int) -> str:
    return " " * (room - len(text.encode("gbk"))) + text


def _told(one: LayerCheck, w: Wording) -> Iterator[str]:
    """Yield the findings of a layer, and what could not be checked."""
    left = [check for check in one.checks if check.not_checked is not None]
    if one.findings or left:
        yield f"\n{one.layer} {_in(w, (LAYERS.get(one.layer) or RASTERS[one.layer]).title)}"
    for finding in one.findings:
        yield f"  {w.word(finding.severity)} {finding.code}  {_in(w, finding.told)}"
        if finding.ids:
            more = " …" if finding.count > len(finding.ids) else ""
            yield f"    {w.named(w.word('first'), ', '.join(finding.ids) + more)}"
        yield f"    {w.named(w.word('todo'), _in(w, finding.todo))}"
    for check in left:
        if check.not_checked is not None:
            why = w.joined([_in(w, check.title), _in(w, check.not_checked)])
            yield f"  {w.word('unchecked')} {check.code}  {why}"


def _in(w: Wording, both: Text) -> str:
    return w.pick((both.zh, both.en))
