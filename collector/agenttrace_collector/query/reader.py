"""Runs named queries in ClickHouse for one tenant, within limits, outside the event loop."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.query.catalogue import catalogue
from agenttrace_collector.query.lanes import Lanes, QuerySettings
from agenttrace_collector.telemetry.spans import SpanName, span

_THREADS: Final = 4
# Seconds and rows that one question may take; one that takes more is refused by ClickHouse, as by its lane's limits.
_SETTINGS: Final = {
    "max_execution_time": 30,
    "max_result_rows": 100_000,
    # A row and the one that replaces it have the same time, which tells the partition.
    "do_not_merge_across_partitions_select_final": 1,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query and the names of its columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def records(self) -> list[dict[str, Any]]:
        """Each row as a mapping."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class Reader:
    """Runs queries on its own connections and threads, so that they do not delay ingest."""

    def __init__(self, database: ClickHouse, lanes: Lanes | None = None) -> None:
        self._database = database
        self._lanes = lanes or Lanes(_THREADS)

    async def ask(self, name: str, tenant: str, parameters: Mapping[str, Any]) -> Answer:
        """Runs a named query; raises `Unavailable` if the database does not respond."""
        return await self._lanes.run(functools.partial(self.ask_now, name, tenant, parameters))

    def ask_now(
        self, name: str, tenant: str, parameters: Mapping[str, Any], limits: QuerySettings | None = None
    ) -> Answer:
        """Runs a named query in this thread, within these limits."""
        query = catalogue()[name]
        bound = {**parameters, "tenant": tenant}
        values = {key: bound[key] for key in query.parameters}
        settings = {**_SETTINGS, **self._scope(tenant), **(limits or {})}
        with span(SpanName.QUERY, query=name) as own:
            answer = Answer(*self._database.read(query.statement, values, settings))
            own.count(rows=len(answer.rows))
        return answer

    def _scope(self, tenant: str) -> QuerySettings:
        """Which runs are unsettled is asked of this tenant's marks alone: views ask it of all, and others may have many."""
        condition = f"tenant = {_quoted(tenant)}"
        return {
            "additional_table_filters": f"{{{_quoted(f'{self._database.name}.run_marks')}: {_quoted(condition)}}}"
        }

    def close(self) -> None:
        """Waits for running queries and closes the connections."""
        self._lanes.close()
        self._database.close()


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
