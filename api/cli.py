"""The command line: `onemap`. Exit code 0 done, 1 a clear error, 2 usage, 130 stopped by Ctrl-C."""

from __future__ import annotations

import gc
import os
import signal
import sys
from importlib import import_module
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gis.errors import OneMapError, UsageError

MODULES = {
    "serve": "api.commands_serve",
    "work": "api.commands_work",
    "store": "api.commands_serve",
    "layers": "api.commands_data",
    "import": "api.commands_data",
    "score": "api.commands_score",
    "explain": "api.commands_score",
    "match": "api.commands_match",
    "site": "api.commands_site",
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


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line; every error ends in one sentence on stderr and an exit code."""
    # A service manager's stop is taken like Ctrl-C: whatever was started is stopped too.
    signal.signal(signal.SIGTERM, _stop)
    try:
        app(prog_name="onemap")
    except KeyboardInterrupt:
        sys.exit(130)
    except UsageError as error:
        _say(error)
        sys.exit(2)
    except OneMapError as error:
        _say(error)
        sys.exit(1)
    except BrokenPipeError:
        # The reader went away; nothing more can be said on stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        _say(f"unexpected {type(error).__name__}: {error}; `onemap --debug COMMAND ...` shows where it arose")
        sys.exit(1)


def _say(message: object) -> None:
    print(f"error: {' '.join(str(message).split())}", file=sys.stderr)


if __name__ == "__main__":
    main()
