"""Sinks with behaviour: what tests and benches put behind the receivers in place of the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agenttrace_collector.decode.batch import Batch
from agenttrace_collector.errors import CollectorError
from agenttrace_collector.receivers.sink import Sink


class MemorySink:
    """Keeps every batch in a list; a digest that is there already is acknowledged and not kept again."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self._digests: set[bytes] = set()

    async def write(self, batch: Batch) -> bool:
        """Keep the batch unless its digest was seen."""
        if batch.digest and batch.digest in self._digests:
            return False
        self._digests.add(batch.digest)
        self.batches.append(batch)
        return True

    def rows(self, table: str) -> int:
        """How many rows of a table were kept."""
        return sum(batch.blocks[table].rows for batch in self.batches if table in batch.blocks)


class DiscardingSink:
    """Acknowledges everything and keeps the counts only: for measuring what comes before."""

    def __init__(self) -> None:
        self.batches = 0
        self.rows = 0

    async def write(self, batch: Batch) -> bool:
        """Count the batch."""
        self.batches += 1
        self.rows += sum(block.rows for block in batch.blocks.values())
        return True


class FailingSink:
    """Raises what `failure` makes while it makes something, then hands on to the sink behind it."""

    def __init__(self, failure: Callable[[], CollectorError | None], behind: Sink) -> None:
        self._failure = failure
        self._behind = behind

    async def write(self, batch: Batch) -> bool:
        """Fail as told, else hand on."""
        error = self._failure()
        if error is not None:
            raise error
        return await self._behind.write(batch)


class GatedSink:
    """Holds every write until `opened` is set: a sink as slow as a test wants it."""

    def __init__(self, behind: Sink) -> None:
        self.opened = asyncio.Event()
        self.waiting = 0
        self._behind = behind

    async def write(self, batch: Batch) -> bool:
        """Wait for the gate, then hand on."""
        self.waiting += 1
        await self.opened.wait()
        self.waiting -= 1
        return await self._behind.write(batch)
