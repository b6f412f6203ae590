"""Flow control: how many requests at a time, and how much memory they may take.

Over a limit a sender is asked to come later; nothing is dropped and nothing waits without end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from agenttrace_collector.errors import Throttled, Unavailable
from agenttrace_collector.memory import give_memory_back, resident_bytes

_MIB: Final = 1024 * 1024
_PATIENCE: Final = 2.0
_RETRY_AFTER: Final = 2.0
_RETURN_SECONDS: Final = 1.0
# What a body takes while it is decoded, as a multiple of its size; measured on the reference request.
_DECODING_FACTOR: Final = 7
# How fast large bodies are forgotten, and what is expected at least.
_FORGETTING: Final = 0.9
_SMALLEST: Final = 65_536


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests at a time; bytes from which new ones are refused, and which none may take beyond.

    `body_bytes` is the largest body: what a body is expected to be until smaller ones are seen.
    """

    requests: int
    soft_bytes: int
    hard_bytes: int
    body_bytes: int = 64 * _MIB


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
        self._waiting: list[asyncio.Future[None]] = []
        self._expected = float(limits.body_bytes)

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
        """Bounds the time a sender may take for a body; over the hard limit it ends at once.

        How large the body is shows only afterwards: room is kept for one as large as those before, and beyond it
        for decoding one, so that bodies which have arrived do not leave too little to take any of them.
        """
        expected = int(self._expected)
        async with self._reserved_bytes(expected, beside=expected * _DECODING_FACTOR):
            deadline = asyncio.get_running_loop().time() + seconds
            try:
                async with asyncio.timeout_at(deadline) as timeout:
                    self._readers.add(timeout)
                    try:
                        yield
                    finally:
                        self._readers.discard(timeout)
            except TimeoutError:
                raise _late(cut_off=asyncio.get_running_loop().time() < deadline) from None

    @asynccontextmanager
    async def room(self, size: int) -> AsyncIterator[None]:
        """Memory to decode a body of this size in; one alone always gets it."""
        self._expected = max(size, self._expected * _FORGETTING, _SMALLEST)
        async with self._reserved_bytes(size * _DECODING_FACTOR):
            yield

    async def watch(self, interval: float) -> None:
        """Look at the memory for ever: give back what can be, over the hard limit cut readers off."""
        loop = asyncio.get_running_loop()
        next_return = 0.0
        while True:
            await asyncio.sleep(interval)
            resident = self._resident()
            if resident >= self._limits.hard_bytes:
                self._cut_readers_off()
            if resident >= self._limits.soft_bytes and loop.time() >= next_return:
                give_memory_back()
                next_return = loop.time() + _RETURN_SECONDS
            self._wake()

    @asynccontextmanager
    async def _reserved_bytes(self, cost: int, beside: int = 0) -> AsyncIterator[None]:
        if not self._fits(cost + beside):
            await self._wait_for(cost + beside)
        self._reserved += cost
        try:
            yield
        finally:
            self._reserved -= cost
            self._wake()

    async def _wait_for(self, cost: int) -> None:
        try:
            async with asyncio.timeout(self._patience):
                while not self._fits(cost):
                    freed = asyncio.get_running_loop().create_future()
                    self._waiting.append(freed)
                    await freed
        except TimeoutError:
            raise _throttled("memory") from None

    def _fits(self, cost: int) -> bool:
        return not self._reserved or self._resident() + self._reserved + cost <= self._limits.soft_bytes

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for freed in waiting:
            if not freed.done():
                freed.set_result(None)

    def _cut_readers_off(self) -> None:
        now = asyncio.get_running_loop().time()
        for timeout in list(self._readers):
            timeout.reschedule(now)


def _throttled(limit: str) -> Throttled:
    message = f"the collector is at its limit of {limit}"
    return Throttled(message, _RETRY_AFTER)


def _late(*, cut_off: bool) -> Unavailable:
    if cut_off:
        return _throttled("memory")
    return Unavailable("the body took too long to arrive", _RETRY_AFTER)
