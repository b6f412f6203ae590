"""Asks ClickHouse the named queries, for one tenant at a time, within limits, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from agenttrace_collector.clickhouse import ClickHouse
from agenttrace_collector.query.catalogue import catalogue

# Seconds, bytes and rows that one question may take; a question that takes more is refused by ClickHouse.
_SETTINGS: Final = {
    "max_execution_time": 30,
    "max_memory_usage": 4 << 30,
    "max_result_rows": 100_000,
    # A row and the one that replaces it have the same time, which tells the partition.
    "do_not_merge_across_partitions_select_final": 1,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows under the names of their columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def records(self) -> list[dict[str, Any]]:
        """Each row as a mapping."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class Reader:
    """Reads with connections and threads of its own: a slow question never delays ingest."""

    def __init__(self, database: ClickHouse, threads: int = 4) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(threads, "read")

    async def ask(self, name: str, tenant: str, parameters: Mapping[str, Any]) -> Answer:
        """The answer to a query of the catalogue; raises `Unavailable` where the database is away."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self.ask_now, name, tenant, parameters)

    def ask_now(self, name: str, tenant: str, parameters: Mapping[str, Any]) -> Answer:
        """The same, in this thread."""
        query = catalogue()[name]
        bound = {**parameters, "tenant": tenant}
        values = {key: bound[key] for key in query.parameters}
        return Answer(*self._database.read(query.statement, values, _SETTINGS))

    def close(self) -> None:
        """Wait for what is being asked, and let go."""
        self._threads.shutdown(cancel_futures=True)
        self._database.close()
