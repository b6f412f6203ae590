"""The protocol of a sink for decoded batches; the journal implements it."""

from __future__ import annotations

from typing import Protocol

from agenttrace_collector.decode.batch import Batch


class Sink(Protocol):
    """Stores batches durably: when `write` returns, no row will be lost."""

    async def write(self, batch: Batch) -> bool:
        """Stores the batch; False if it was stored before. Raises only `Rejected` or `Unavailable`."""
