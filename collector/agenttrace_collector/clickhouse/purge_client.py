"""Purges a run, an agent, a conversation or old rows from every table, after counting them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from agenttrace_collector.clickhouse.database import open_purger
from agenttrace_collector.clickhouse.purge_subject import Subject
from agenttrace_collector.config.sections import ClickHouseExporter
from agenttrace_collector.errors import Unavailable

_FLUSH_SECONDS: Final = 30.0


class Erases(Protocol):
    """Counts and erases rows; both return rows by table, and raise `Rejected` or `Unavailable`."""

    def count(self, subject: Subject) -> Mapping[str, int]:
        """Returns the number of rows by table."""

    def erase(self, subject: Subject) -> Mapping[str, int]:
        """Erases the rows; returns their number by table."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """Erases rows of a collector; waiting rows of its journal are delivered first, then erased."""

    eraser: Erases
    flush: Callable[[float], Awaitable[bool]]
    set_aside: Callable[[], int]

    async def __call__(self, subject: Subject, *, erase: bool) -> Mapping[str, int]:
        """Returns the rows of the subject by table, and erases them if `erase`; raises `Rejected` or `Unavailable`."""
        if not await self.flush(_FLUSH_SECONDS):
            message = "rows wait in the journal: nothing is counted or erased until the database and every exporter take them"
            raise Unavailable(message)
        if rows := self.set_aside():
            message = (
                f"{rows} rows are set aside in the journal: nothing is counted or erased until the rules of the"
                " database take them, or agenttrace collector discard gives them up"
            )
            raise Unavailable(message)
        return await asyncio.to_thread(self.eraser.erase if erase else self.eraser.count, subject)


@asynccontextmanager
async def opened_erasure(
    settings: ClickHouseExporter, flush: Callable[[float], Awaitable[bool]], set_aside: Callable[[], int]
) -> AsyncIterator[Erasure | None]:
    """Yields the erasure in the configured database, as the user of `purge_endpoint` if that is set; None for `null://`.

    Its connections are closed at the end.
    """
    database = open_purger(settings)
    if database is None:
        yield None
        return
    from agenttrace_collector.clickhouse.purge import Eraser  # noqa: PLC0415 - brings the driver's libraries

    try:
        yield Erasure(Eraser(database), flush, set_aside)
    finally:
        await asyncio.to_thread(database.close)
