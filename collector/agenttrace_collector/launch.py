"""The `agenttrace` command: starts the command line, or names the extra that a light install lacks."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Final

_COMMAND_LINE: Final = "agenttrace_collector.cli.app"
_ADVICE: Final = 'agenttrace: the command line needs the collector: pip install "agenttrace-otel[collector]"'
_ADVICE_EMBEDDED: Final = (
    'or pip install "agenttrace-otel[embedded]" for the collector with its database inside'
)


def main() -> None:
    """Run the command line; exit with status 2 where its libraries are not installed."""
    # What a command writes (database, journal, key) is for the user who runs it, and for no other.
    os.umask(0o077)
    try:
        # A command imports its own libraries when it runs.
        importlib.import_module(_COMMAND_LINE).app()
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("agenttrace"):
            raise
        sys.exit(_missing(error.name))


def _missing(module: str | None) -> int:
    sys.stderr.write(f"{_ADVICE}\n({_ADVICE_EMBEDDED}; missing module: {module})\n")
    return 2
