"""Where decoded batches go: the protocol that the journal implements."""

from __future__ import annotations

from typing import Protocol

from agenttrace_collector.decode.batch import Batch


class Sink(Protocol):
    """Takes a batch for good: when `write` returns, its rows will not be lost."""

    async def write(self, batch: Batch) -> bool:
        """Keep the batch, False where it was kept before; raises `Rejected` or `Unavailable`, nothing else."""
