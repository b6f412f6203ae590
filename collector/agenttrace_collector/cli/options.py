"""Options that commands share, and the one way a command ends with a message."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn, TypeAlias

import typer

from agenttrace_collector.config import Config, ConfigError, Source

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
        fail(str(error), code=2)


def fail(message: str, *, code: int = 1) -> NoReturn:
    """End the command with a message on standard error."""
    typer.echo(message, err=True)
    raise typer.Exit(code)
