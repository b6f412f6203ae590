"""Whom answers are asked of: a reader with connections of its own, or nobody where no rows are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from agenttrace_collector.config.sections import Config
from agenttrace_collector.errors import Unavailable
from agenttrace_collector.query import Answer


class Questions(Protocol):
    """Answers the named queries."""

    async def ask(self, name: str, tenant: str, parameters: Mapping[str, Any]) -> Answer:
        """The answer to a query of the catalogue; raises `Rejected` or `Unavailable`."""

    def close(self) -> None:
        """Let go."""


class NothingKept:
    """`null://` keeps no rows: there is nothing to ask."""

    async def ask(self, name: str, tenant: str, parameters: Mapping[str, Any]) -> Answer:
        """Say so."""
        del name, tenant, parameters
        message = "no rows are kept here (exporters.clickhouse.endpoint)"
        raise Unavailable(message, 60.0)

    def close(self) -> None:
        """Do nothing."""


def open_questions(config: Config, *threads: int) -> list[Questions]:
    """A reader of the configured database for each number of threads, with connections that the writer never sees.

    Large questions of all of them wait for each other.
    """
    settings = config.exporters.clickhouse
    if settings.endpoint.startswith("null:"):
        return [NothingKept() for _ in threads]
    from agenttrace_collector.clickhouse import ClickHouse  # noqa: PLC0415 - not needed for null://
    from agenttrace_collector.query import Lanes, LargeLane, Reader, large_lane, small_lane  # noqa: PLC0415 - as above

    limit, small, large = config.processors.memory_limiter.limit_mib, None, None
    if settings.embedded:
        small, large = small_lane(limit), LargeLane(large_lane(limit))
    return [
        Reader(ClickHouse(settings.endpoint, settings.database), Lanes(number, small, large))
        for number in threads
    ]
