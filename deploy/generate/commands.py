"""Every command with its arguments and options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import typer.main
from typer.core import TyperArgument, TyperCommand, TyperGroup

from agenttrace_collector.cli.app import app

_OPENING: Final = """\
# Commands

<!-- Made by `python -m deploy.generate`; a test holds it in step. -->

`agenttrace COMMAND --help` says the same, `agenttrace --version` which release it is. Commands that ask a collector find it at `--api`, else at `AGENTTRACE_API`,
else at http://127.0.0.1:8400, and show it `AGENTTRACE_TOKEN` where that is set; an authority of one's own stands in
`SSL_CERT_FILE`. They end with 0; with 1 where the collector refuses, 2 where the command line or the configuration is
not understood, 69 where the collector or its database is not available or asks to retry later, 70 after a fault of our own. Times are in UTC, or durations before now: `30m`, `24h`, `7d`.
"""


def commands_page() -> str:
    """The page as Markdown."""
    return "\n".join([_OPENING, *(_section(name, command) for name, command in commands())])


def commands(group: Any = None, path: str = "agenttrace") -> Iterator[tuple[str, TyperCommand]]:
    """Every command that does something, by its full name."""
    group = group or typer.main.get_command(app)
    context = typer.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, TyperGroup):
            if command.invoke_without_command:
                yield f"{path} {name}", command  # type: ignore[misc]  # a group that is a command too
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _section(name: str, command: TyperCommand) -> str:
    told = " ".join((command.help or "").split())
    rows = [f"| {_named(each)} | {_told(each)} |" for each in command.params if each.name != "help"]
    table = ["| | |", "| --- | --- |", *rows] if rows else []
    return "\n".join([f"## {name}\n", f"{told}\n", *table, ""])


def _named(parameter: Any) -> str:
    if isinstance(parameter, TyperArgument):
        return f"`{parameter.metavar or (parameter.name or '').upper()}`"
    return ", ".join(f"`{each}`" for each in parameter.opts)


def _told(parameter: Any) -> str:
    text = parameter.help or ""
    if parameter.required:
        return f"{text} Required."
    value = parameter.default
    return text if value in {None, False, ()} else f"{text} Default: `{getattr(value, 'value', value)}`."
