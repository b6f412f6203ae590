"""The `agenttrace` command and its groups; a command's libraries are imported when it runs."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

# Each is a Typer `app`, or a function of the command's own name, in a module of this package.
COMMANDS: Final = {
    "collector": "collector",
    "migrate": "migrate",
    "runs": "lists",
    "run": "run",
    "decisions": "lists",
    "signals": "lists",
    "failures": "lists",
    "approvals": "approvals",
    "evaluations": "evaluations",
    "compare": "statistics",
    "correlate": "statistics",
    "rejections": "lists",
    "unplaced": "lists",
    "stats": "lists",
    "rederive": "rederive",
    "purge": "purge",
    "vocabulary": "vocabulary",
    "doctor": "doctor",
    "demo": "demo",
}


class Commands(TyperGroup):
    """Finds a command when it is asked for: starting the collector need not wait for the others."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - as click calls it
        """The names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - as click calls it
        """The command of this name, if there is one."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"agenttrace_collector.cli.{COMMANDS[cmd_name]}")
        command = get_group(module.app) if hasattr(module, "app") else _alone(getattr(module, cmd_name))
        command.name = cmd_name
        return command


def _alone(function: Callable[..., None]) -> Any:
    single = typer.Typer(add_completion=False)
    single.command()(function)
    return get_command(single)


app = typer.Typer(
    name="agenttrace",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)


def _tell_version(asked: bool) -> None:  # noqa: FBT001 - as typer calls it
    if asked:
        typer.echo(version("agenttrace-otel"))
        raise typer.Exit


@app.callback()
def agenttrace(
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Tell the version.")
    ] = False,
) -> None:
    """What AI agents decide, for which stated reason, and which decisions are associated with failure."""
