"""The command line: `onemap`. Exit code 0 done, 1 a clear error, 2 usage, 130 stopped by Ctrl-C."""

from __future__ import annotations

import gc
import signal
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from api.ending import INTERRUPTED, end_clearly, interrupted, stop

MODULES = {
    "serve": "api.commands_serve",
    "work": "api.commands_work",
    "store": "api.commands_store",
    "layers": "api.commands_data",
    "import": "api.commands_data",
    "check": "api.commands_check",
    "partition": "api.commands_partition",
    "score": "api.commands_score",
    "explain": "api.commands_score",
    "report": "api.commands_report",
    "versions": "api.commands_past",
    "snapshot": "api.commands_past",
    "diff": "api.commands_past",
    "validate": "api.commands_validate",
    "monitor": "api.commands_monitor",
    "match": "api.commands_match",
    "site": "api.commands_site",
    "targets": "api.commands_targets",
    "potential": "api.commands_potential",
    "project": "api.commands_project",
    "export": "api.commands_export",
    "key": "api.commands_key",
    "audit": "api.commands_key",
}
"""Where each command is declared, in the order of the help."""


class Commands(TyperGroup):
    """The commands; the module of one, with all that it needs of the program, is imported on demand."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return all names."""
        return list(MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, or None where there is none of that name."""
        # Of a name that is none, any may be meant.
        for name in [cmd_name] if cmd_name in MODULES else MODULES:
            if name not in self.commands:
                part = typer.Typer(rich_markup_mode=None)
                _imported(MODULES[name]).register(part)
                self.commands.update(typer.main.get_group(part).commands)
        return super().get_command(ctx, cmd_name)


def _imported(name: str) -> Any:
    """Return a module; a sixth of the time it takes would be a search for garbage that is not there."""
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        gc.enable()


app = typer.Typer(
    name="onemap",
    cls=Commands,
    help="OneMap: which renewable heating technology suits which parcel.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an unexpected error.")
    ] = False,
) -> None:
    """OneMap: which renewable heating technology suits which parcel."""


def main() -> None:
    """Run the command line; every error ends in one sentence on stderr and an exit code."""
    # A service manager's stop is taken like Ctrl-C: whatever was started is stopped too.
    signal.signal(signal.SIGTERM, stop)
    try:
        end_clearly(lambda: app(prog_name="onemap"))
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            interrupted()
        raise


if __name__ == "__main__":
    main()
