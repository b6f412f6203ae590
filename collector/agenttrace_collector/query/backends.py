"""Query backends: ClickHouse, or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from agenttrace_collector.clickhouse.database import open_reader
from agenttrace_collector.config.sections import Config
from agenttrace_collector.errors import Unavailable
from agenttrace_collector.query import Answer, Reader, lanes

# At a time, of which each has its part of the memory (`query.lanes`).
_QUESTIONS: Final = 3
_LOOKUPS: Final = 2


class QueryReader(Protocol):
    """Runs the named queries."""

    async def ask(self, name: str, tenant: str, parameters: Mapping[str, Any]) -> Answer:
        """Runs a named query; raises `Rejected` or `Unavailable`."""

    def close(self) -> None:
        """Closes the connections."""


class NullReader:
    """The backend of `null://`, which stores no rows."""

    async def ask(self, name: str, tenant: str, parameters: Mapping[str, Any]) -> Answer:
        """Raises `Unavailable`."""
        del name, tenant, parameters
        message = "this collector stores no rows (exporters.clickhouse.endpoint)"
        raise Unavailable(message, 60.0)

    def close(self) -> None:
        """Do nothing."""


def open_questions(config: Config) -> tuple[QueryReader, QueryReader]:
    """Opens two readers of the configured database: one for queries of users, one for lookups of the ingest.

    They have connections of their own, and share the lane of large queries.
    """
    settings = config.exporters.clickhouse
    limit, large = config.processors.memory_limiter.limit_mib, None
    if settings.embedded:
        large = lanes.LargeLane(lanes.large_lane(limit, lanes.LARGE_QUESTION_PARTS))

    def reader(threads: int, parts: int) -> QueryReader:
        database = open_reader(settings)
        if database is None:
            return NullReader()
        small = lanes.small_lane(limit, parts) if settings.embedded else None
        return Reader(database, lanes.Lanes(threads, small, large))

    return reader(_QUESTIONS, lanes.QUESTION_PARTS), reader(_LOOKUPS, lanes.LOOKUP_PARTS)
