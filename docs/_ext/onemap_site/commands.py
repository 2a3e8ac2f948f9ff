"""The command line, as the program declares it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from api.cli import app
from onemap_site.markdown import code, prose, table


def commands() -> Iterator[tuple[str, Any]]:
    """Give every command with its full name, in the order of the help."""
    main = typer.main.get_command(app)
    assert isinstance(main, typer.core.TyperGroup)
    for name in main.list_commands(typer.Context(main)):
        command = main.get_command(typer.Context(main), name)
        inner = getattr(command, "commands", None)
        if inner is None:
            yield f"onemap {name}", command
        else:
            yield from ((f"onemap {name} {part}", one) for part, one in inner.items())


def text() -> str:
    """Return a section for every command."""
    return "\n".join(_section(name, command) for name, command in commands())


def _section(name: str, command: Any) -> str:
    context = typer.Context(command, info_name=name)
    # A line break of the source is none of the text; a blank line parts paragraphs.
    told = [prose(part) for part in (command.help or "").split("\n\n")]
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    rows = [
        [code(record[0]), prose(record[1])]
        for parameter in command.params
        if (record := parameter.get_help_record(context))
    ]
    options = table(["argument, option", "meaning"], rows) if rows else ""
    return "\n\n".join([f"## {name}", *told, f"```\n{usage}\n```", options])
