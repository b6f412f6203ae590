"""Two lanes for queries: small ones run in parallel, large ones one after the other.

The memory of all lanes is a share of `memory_limiter`, so that queries leave memory to the ingest. A query starts in the
small lane; one that exceeds its limits runs again in the large lane, which spills to disk.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from agenttrace_collector.clickhouse.client import QueryRejected, ServerUnavailable
from agenttrace_collector.errors import Throttled

QuerySettings: TypeAlias = Mapping[str, Any]
T = TypeVar("T")

_MIB: Final = 1024 * 1024
# What each takes of the limit, in parts of 32. With three questions, two lookups and two statements at a time, and one
# large question and one large statement, all of them make 19 parts.
_PARTS: Final = 32
QUESTION_PARTS: Final = 2
LOOKUP_PARTS: Final = 1
STATEMENT_PARTS: Final = 1
LARGE_QUESTION_PARTS: Final = 5
LARGE_STATEMENT_PARTS: Final = 4
_LEAST: Final = 16 * _MIB
# A large question spills what exceeds this part of its memory, so much to disk in all, as a multiple of it.
_SPILLING_PART: Final = 4
_SPILLED: Final = 32
# An answer is held several times while it is formed and sent.
_RESULT_PART: Final = 2
# ClickHouse's codes for too much memory and too large an answer: the large lane may have the room.
_DOES_NOT_FIT: Final = frozenset({241, 396})
# And those for a join that cannot be sorted.
_NO_SORTED_JOIN: Final = frozenset({48, 403})
_MOST_WAITING: Final = 16
# A server has limits of its own; these bound what one question of ours may take there.
_SERVER: Final = {"max_memory_usage": 4 << 30}


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """The limits of one query in bytes; `spills` if it may continue on disk."""

    memory: int
    result: int
    spills: bool = False

    @property
    def settings(self) -> QuerySettings:
        """The limits as ClickHouse settings."""
        limits = {"max_memory_usage": self.memory, "max_result_bytes": self.result}
        if not self.spills:
            return limits
        spilling = self.memory // _SPILLING_PART
        kinds = ("group_by", "sort", "distinct", "join")
        return {
            **limits,
            **{f"max_bytes_before_external_{kind}": spilling for kind in kinds},
            **{f"max_bytes_ratio_before_external_{kind}": 0 for kind in kinds},
            "max_temporary_data_on_disk_size_for_query": _SPILLED * self.memory,
            # Hash joins hold their right side; a sorted one spills, and hash must not be named beside it.
            "join_algorithm": "full_sorting_merge",
            "max_block_size": 32_768,
            # Half of the processors are left to what is to be stored.
            "max_threads": max(1, (os.cpu_count() or 1) // 2),
        }


def small_lane(limit_mib: int, parts: int) -> QueryLimits:
    """Returns the limits of a query in the small lane: `parts` of 32 of the memory."""
    memory = max(_LEAST, limit_mib * _MIB * parts // _PARTS)
    return QueryLimits(memory, memory // _RESULT_PART)


def large_lane(limit_mib: int, parts: int) -> QueryLimits:
    """Returns the limits of a query in the large lane."""
    memory = max(2 * _LEAST, limit_mib * _MIB * parts // _PARTS)
    return QueryLimits(memory, memory // _RESULT_PART, spills=True)


class Lanes:
    """Several threads for small queries; `large` may be shared, and is None for a server."""

    def __init__(
        self, threads: int, small: QueryLimits | None = None, large: LargeLane | None = None
    ) -> None:
        self._threads = ThreadPoolExecutor(threads, "small")
        self._small: QuerySettings = small.settings if small else _SERVER
        self._large = large

    async def run(self, ask: Callable[[QuerySettings], T]) -> T:
        """Calls `ask` with the settings of the small lane, then of the large one; raises what it raises, or `Throttled`."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, ask, self._small)
        except (ServerUnavailable, QueryRejected) as error:
            if self._large is None or error.code not in _DOES_NOT_FIT:
                raise
        return await self._large.run(ask)

    def close(self) -> None:
        """Waits for running queries."""
        self._threads.shutdown(cancel_futures=True)
        if self._large:
            self._large.close()


class LargeLane:
    """One thread, so that large queries run one after the other."""

    def __init__(self, lane: QueryLimits) -> None:
        self._settings = lane.settings
        self._thread = ThreadPoolExecutor(1, "large")
        self._asked = 0

    async def run(self, ask: Callable[[QuerySettings], T]) -> T:
        """The same as `Lanes.run`."""
        if self._asked >= _MOST_WAITING:
            message = "too many large queries are waiting"
            raise Throttled(message)
        self._asked += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._ask, ask)
        finally:
            self._asked -= 1

    def _ask(self, ask: Callable[[QuerySettings], T]) -> T:
        try:
            return ask(self._settings)
        except QueryRejected as error:
            if error.code not in _NO_SORTED_JOIN:
                raise
            return ask({**self._settings, "join_algorithm": "default"})

    def close(self) -> None:
        """Waits for running queries."""
        self._thread.shutdown(cancel_futures=True)
