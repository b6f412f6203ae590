"""Flow control: how many requests at a time, and how much memory they may take.

Over a limit a sender is asked to come later; nothing is dropped and nothing waits without end.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agenttrace_collector.errors import Throttled, Unavailable

_MIB: Final = 1024 * 1024
_PATIENCE: Final = 2.0
_RETRY_AFTER: Final = 2.0
# What a body may take while it is decoded, as a multiple of its size; measured on the reference request.
_DECODING_FACTOR: Final = 6


def resident_bytes() -> int:
    """The memory this process holds; 0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests at a time; bytes from which new ones wait, and from which reading ones are cut off."""

    requests: int
    soft_bytes: int
    hard_bytes: int


class Flow:
    """Admits requests, within limits."""

    def __init__(
        self, limits: Limits, *, resident: Callable[[], int] = resident_bytes, patience: float = _PATIENCE
    ) -> None:
        self._limits = limits
        self._resident = resident
        self._patience = patience
        self._slots = asyncio.Semaphore(limits.requests)
        self._readers: set[asyncio.Timeout] = set()
        self._reserved = 0
        self._freed = asyncio.Condition()

    @property
    def has_room(self) -> bool:
        """Whether memory is under the soft limit."""
        return self._resident() < self._limits.soft_bytes

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """A request's place from before its body is read until it is answered."""
        if not self.has_room:
            raise _throttled("memory")
        try:
            async with asyncio.timeout(self._patience):
                await self._slots.acquire()
        except TimeoutError:
            raise _throttled("requests") from None
        try:
            yield
        finally:
            self._slots.release()

    @asynccontextmanager
    async def reading(self, seconds: float) -> AsyncIterator[None]:
        """Bounds the time a sender may take for a body; over the hard limit it ends at once."""
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(deadline) as timeout:
                self._readers.add(timeout)
                try:
                    yield
                finally:
                    self._readers.discard(timeout)
        except TimeoutError:
            if asyncio.get_running_loop().time() < deadline:
                raise _throttled("memory") from None
            message = f"the body took more than {seconds:g} seconds to arrive"
            raise Unavailable(message, _RETRY_AFTER) from None

    @asynccontextmanager
    async def room(self, size: int) -> AsyncIterator[None]:
        """Memory to decode a body of this size in; one alone always gets it."""
        cost = size * _DECODING_FACTOR
        if not self._fits(cost):
            await self._wait_for_room(cost)
        self._reserved += cost
        try:
            yield
        finally:
            self._reserved -= cost
            async with self._freed:
                self._freed.notify_all()

    async def _wait_for_room(self, cost: int) -> None:
        try:
            async with asyncio.timeout(self._patience), self._freed:
                await self._freed.wait_for(lambda: self._fits(cost))
        except TimeoutError:
            raise _throttled("memory") from None

    def _fits(self, cost: int) -> bool:
        return not self._reserved or self._resident() + self._reserved + cost <= self._limits.hard_bytes

    async def watch(self, interval: float) -> None:
        """Look at the memory for ever; over the hard limit cut readers off and give memory back."""
        while True:
            await asyncio.sleep(interval)
            if self._resident() >= self._limits.hard_bytes:
                self._cut_readers_off()
                give_memory_back()

    def _cut_readers_off(self) -> None:
        now = asyncio.get_running_loop().time()
        for timeout in list(self._readers):
            timeout.reschedule(now)


def give_memory_back() -> None:
    """Collect garbage and return free heap to the system, where the C library can."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def _throttled(limit: str) -> Throttled:
    message = f"the collector is at its limit of {limit}"
    return Throttled(message, _RETRY_AFTER)
