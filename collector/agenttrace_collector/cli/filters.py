"""Options of the commands that ask: the API's filters, times that are told from now, forms of the answer."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeAlias

import typer

_AGO: Final = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def ago(text: str) -> str:
    """The time that lies so long ago, or the time that is given, as the API takes it."""
    found = _AGO.fullmatch(text)
    if found:
        return (datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})).isoformat()
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        message = "allowed is a duration such as 30m, 24h, 7d, or a time such as 2026-01-31T12:00:00"
        raise typer.BadParameter(message) from None


def _time(help_: str, *names: str) -> Any:
    return typer.Option(*names, help=help_, parser=ago, metavar="TIME")


Agent: TypeAlias = Annotated[str | None, typer.Option("--agent", help="Only this agent.")]
Version: TypeAlias = Annotated[str | None, typer.Option("--version", help="Only this version.")]
Environment: TypeAlias = Annotated[str | None, typer.Option("--environment", help="Only this environment.")]
Tool: TypeAlias = Annotated[
    str | None, typer.Option("--tool", help="Only what belongs to steps with this tool.")
]
Source: TypeAlias = Annotated[str | None, typer.Option("--source", help="recorded, derived, or all.")]
Since: TypeAlias = Annotated[str | None, _time("From then on: so long ago, or a time in UTC.", "--since")]
Until: TypeAlias = Annotated[str | None, _time("Up to then, itself excluded.", "--until")]
PageOf: TypeAlias = Annotated[int, typer.Option("--page", min=1, help="Which page of the list.")]
Limit: TypeAlias = Annotated[int, typer.Option("--limit", min=1, max=100, help="How many on a page.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="The API's answer as it is.")]
AsCsv: TypeAlias = Annotated[bool, typer.Option("--csv", help="The rows as CSV.")]
ApiAt: TypeAlias = Annotated[
    str | None, typer.Option("--api", help="The collector's API; else AGENTTRACE_API.")
]
