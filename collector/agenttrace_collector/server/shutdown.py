"""Shutdown: its trigger, its deadline and its cause."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Shutdown:
    """Waits for a signal or for a fatal error of a task."""

    drain_timeout: float
    _ended: asyncio.Event = field(default_factory=asyncio.Event)
    _deadline: float = 0.0
    _fault: BaseException | None = None

    def end(self) -> None:
        """Starts the shutdown; only the first call counts."""
        if not self._ended.is_set():
            self._deadline = asyncio.get_running_loop().time() + self.drain_timeout
            self._ended.set()

    def on_failure(self, task: asyncio.Task[Any]) -> None:
        """End if this task has failed."""
        if not task.cancelled() and task.exception():
            self._fault = task.exception()
            self.end()

    async def wait(self) -> None:
        """Wait for the end."""
        await self._ended.wait()

    def remaining(self) -> float:
        """Seconds left for everything that is still to be done."""
        return max(0.0, self._deadline - asyncio.get_running_loop().time())

    def raise_fault(self) -> None:
        """Raise what ended it, if that was a fault."""
        if self._fault:
            raise self._fault
