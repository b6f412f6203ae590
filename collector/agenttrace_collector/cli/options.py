"""Options that commands share, and how a command ends with an error."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, NoReturn, TypeAlias

import typer

from agenttrace_collector.config import Config, ConfigError, Source
from agenttrace_collector.errors import STATUS, CollectorError, Rejected, Unavailable, wire_status

REFUSED: Final = STATUS[Rejected].exit
AWAY: Final = STATUS[Unavailable].exit
# A command line or a configuration that is not understood, as typer ends too.
MISUSED: Final = 2

ConfigFiles: TypeAlias = Annotated[
    list[Path] | None, typer.Option("--config", help="A YAML file; several are laid over each other.")
]
Overrides: TypeAlias = Annotated[
    list[str] | None, typer.Option("--set", help="One key over all files, such as journal.max_size_mib=512.")
]


def source(files: list[Path] | None, overrides: list[str] | None) -> Source:
    """Where the configuration of a command comes from."""
    return Source(tuple(files or ()), tuple(overrides or ()))


def loaded(chosen: Source) -> Config:
    """The configuration; every problem is printed and the command ends where there is none."""
    try:
        return chosen.load()
    except ConfigError as error:
        fail(str(error), code=MISUSED)


def failed(command: str, error: Exception, before: str = "") -> NoReturn:
    """End a command with a failure, its text perhaps after another; the code is that of the failure's kind."""
    fail(f"agenttrace {command}: {f'{before} ({error})' if before else error}", code=exit_code(error))


def exit_code(error: Exception) -> int:
    """The exit code of a command that a failure ends."""
    if isinstance(error, ConfigError):
        return MISUSED
    return wire_status(error).exit if isinstance(error, CollectorError) else REFUSED


def fail(message: str, *, code: int = REFUSED) -> NoReturn:
    """End the command with a message on standard error."""
    typer.echo(message, err=True)
    raise typer.Exit(code)
