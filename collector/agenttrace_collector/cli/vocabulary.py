"""`agenttrace vocabulary`: what can be made from a site's vocabulary file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agenttrace_collector.cli.options import fail
from agenttrace_schemas.typed_module import site_module
from agenttrace_schemas.vocabulary_file import InvalidVocabulary, load_extension

app = typer.Typer(no_args_is_help=True)


@app.callback()
def vocabulary() -> None:
    """What can be made from a site's vocabulary file."""


@app.command()
def module(
    file: Annotated[
        Path, typer.Argument(help="The JSON file that AGENTTRACE_VOCABULARY names.", show_default=False)
    ],
    output: Annotated[
        Path | None, typer.Option(help="Where to write it, such as desk_codes.py; else it is printed.")
    ] = None,
) -> None:
    """Make a Python module whose functions know the site's codes, for completion and type checkers."""
    try:
        text = site_module(load_extension(file))
    except InvalidVocabulary as error:
        fail(str(error))
    except (OSError, ValueError):
        fail("vocabulary module: that file cannot be read")
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError:
        fail("vocabulary module: the output cannot be written there")
