"""Filter options of the commands that query the API; times may be durations before now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Final, TypeAlias

import typer

from agenttrace_collector.query.filters import END, FILTERS, START, Filter

_AGO: Final = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def ago(text: str) -> str:
    """Converts a duration before now, or a time, to the API's format."""
    found = _AGO.fullmatch(text)
    if found:
        return (datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})).isoformat()
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        message = "must be a duration such as 30m, 24h, 7d, or a time such as 2026-01-31T12:00:00"
        raise typer.BadParameter(message) from None


def option(parameter: str) -> Any:
    """The option of a filter, by its parameter: a key of `FILTERS`."""
    each = FILTERS[parameter]
    return typer.Option(f"--{each.name}", help=each.description)


def _time(each: Filter) -> Any:
    help_ = f"{each.description}: a duration before now such as 24h, or a UTC time."
    return typer.Option(f"--{each.name}", help=help_, parser=ago, metavar="TIME")


Limit: TypeAlias = Annotated[int, typer.Option("--limit", min=1, max=100, help="How many on a page.")]
PageOf: TypeAlias = Annotated[int, typer.Option("--page", min=1, help="Which page of the list.")]


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """Query parameters of the API, from the options that were given."""

    NAMES: ClassVar[Mapping[str, str]] = {
        **{
            FILTERS[name].name: name
            for name in ("agent_id", "agent_version", "environment", "tool", "source")
        },
        **{each.name: each.parameter for each in (START, END)},
        "limit": "page_size",
    }

    def parameters(self) -> dict[str, Any]:
        """As the API takes them."""
        return {self.NAMES.get(name, name): value for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class AgentOptions(QueryOptions):
    """Filters by agent."""

    agent: Annotated[str | None, option("agent_id")] = None
    version: Annotated[str | None, option("agent_version")] = None


@dataclass(frozen=True, slots=True)
class TimeOptions(QueryOptions):
    """Filters by environment and time."""

    environment: Annotated[str | None, option("environment")] = None
    since: Annotated[str | None, _time(START)] = None
    until: Annotated[str | None, _time(END)] = None


@dataclass(frozen=True, slots=True)
class StepOptions(QueryOptions):
    """Filters by tool and source."""

    tool: Annotated[str | None, option("tool")] = None
    source: Annotated[str | None, option("source")] = None


@dataclass(frozen=True, slots=True)
class Paged(QueryOptions):
    """Page number and size."""

    page: PageOf = 1
    limit: Limit = 100


def wanted(*filters: QueryOptions, **more: Any) -> dict[str, Any]:
    """All of them together, as the API takes them."""
    return {name: value for each in filters for name, value in each.parameters().items()} | more
