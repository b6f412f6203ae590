"""Decodes in threads: one for large bodies, one for small ones, tenants in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Self, TypeVar

from agenttrace_collector.receivers.fair_queue import Turns

# From here on decoding takes long enough for others to notice.
_LARGE_BYTES: Final = 256 * 1024
# One under way and one that follows it without a hop to the event loop.
_AT_A_TIME: Final = 2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Lane:
    thread: ThreadPoolExecutor
    turns: Turns = field(default_factory=lambda: Turns(_AT_A_TIME))


class Decoder:
    """Runs decoding functions, few at a time, since they share one interpreter."""

    def __init__(self) -> None:
        self._small = _Lane(ThreadPoolExecutor(1, "decode"))
        self._large = _Lane(ThreadPoolExecutor(1, "decode large"))

    async def run(self, decode: Callable[[], T], tenant: str, size: int) -> T:
        """Runs `decode` in a thread and returns its result; `size`: the bytes of the content, as far as known."""
        lane = self._large if size > _LARGE_BYTES else self._small
        async with lane.turns.take_turn(tenant):
            return await asyncio.get_running_loop().run_in_executor(lane.thread, decode)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for lane in (self._small, self._large):
            lane.thread.shutdown()
