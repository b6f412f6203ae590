"""Flow control: how many requests at a time, and how much memory they may take.

Over a limit a sender is asked to come later; nothing is dropped and nothing waits without end. What one tenant
holds beyond its share is taken back for another.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from agenttrace_collector.errors import Throttled, Unavailable
from agenttrace_collector.memory import give_memory_back, resident_bytes
from agenttrace_collector.turns import Turns

_MIB: Final = 1024 * 1024
_PATIENCE: Final = 2.0
_RETRY_AFTER: Final = 2.0
_RETURN_SECONDS: Final = 1.0
# What a body takes while it is decoded, as a multiple of its size; measured on the reference request.
_DECODING_FACTOR: Final = 7
# How fast large bodies are forgotten, and what is expected at least.
_FORGETTING: Final = 0.9
_SMALLEST: Final = 65_536
# The part of what lies between the limits that each tenant may take when there is no other room.
_ALWAYS: Final = 1 / 8


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests at a time; bytes from which new ones are refused, and which none may take beyond.

    `body_bytes` is the largest body: what a body is expected to be until smaller ones are seen.
    """

    requests: int
    soft_bytes: int
    hard_bytes: int
    body_bytes: int = 64 * _MIB


@dataclass(eq=False, slots=True)
class Arriving:
    """One body on its way in; it may be cut off while its clock runs."""

    tenant: str
    size: int = 0
    clock: asyncio.Timeout | None = None


@dataclass(eq=False, slots=True)
class _Waiting:
    """What waits for room: so many bytes to reserve, others to be free beside them; to decode, without a body."""

    tenant: str
    cost: int
    beside: int
    body: Arriving | None
    granted: asyncio.Future[None]


class Flow:
    """Admits requests, within limits."""

    def __init__(
        self, limits: Limits, *, resident: Callable[[], int] = resident_bytes, patience: float = _PATIENCE
    ) -> None:
        self._limits = limits
        self._resident = resident
        self._patience = patience
        self._turns = Turns(limits.requests)
        # The oldest first.
        self._bodies: dict[Arriving, None] = {}
        # By tenant: bytes that have arrived, and bytes that will be needed.
        self._held: Counter[str] = Counter()
        self._reserved: Counter[str] = Counter()
        self._decoding = 0
        self._waiting: list[_Waiting] = []
        self._expected: dict[str, float] = {}

    @property
    def has_room(self) -> bool:
        """Whether memory is under the soft limit."""
        return self._resident() < self._limits.soft_bytes

    @asynccontextmanager
    async def receiving(self, tenant: str) -> AsyncIterator[Arriving]:
        """What a body holds from before it is read until it is answered; over the soft limit it is refused."""
        if not self.has_room:
            raise _throttled("memory")
        body = Arriving(tenant)
        self._bodies[body] = None
        try:
            yield body
        finally:
            self._resize(body, 0)
            del self._bodies[body]
            self._wake()

    @asynccontextmanager
    async def reading(self, body: Arriving, seconds: float) -> AsyncIterator[None]:
        """Bounds the time a sender may take for a body; where others need its room it ends at once."""
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(deadline) as body.clock:
                yield
        except TimeoutError:
            raise _late(cut_off=asyncio.get_running_loop().time() < deadline) from None
        finally:
            body.clock = None

    async def grow(self, body: Arriving, size: int, announced: int = 0) -> None:
        """So many more bytes of a body have arrived; waits until there is room to decode it."""
        self._resize(body, body.size + size)
        await self._wait_for(self._wanted(body, 0, max(body.size, announced)))

    @asynccontextmanager
    async def expecting(self, body: Arriving) -> AsyncIterator[None]:
        """Keeps room for a body of which nothing shows until it is there.

        For one as large as this tenant's before, and beyond it for decoding one, so that bodies which have arrived do
        not leave too little to take any of them.
        """
        expected = int(self._expectation(body.tenant))
        self._resize(body, expected)
        async with self._reserve(self._wanted(body, expected, expected)):
            yield

    @asynccontextmanager
    async def admitted(self, tenant: str) -> AsyncIterator[None]:
        """A request's place from when its body is there until it is answered."""
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._turns.place(tenant, self._patience))
            except TimeoutError:
                raise _throttled("requests") from None
            yield

    @asynccontextmanager
    async def room(self, size: int, tenant: str) -> AsyncIterator[None]:
        """Memory to decode a body of this size in; one alone always gets it."""
        self._expected[tenant] = max(size, self._expectation(tenant) * _FORGETTING, _SMALLEST)
        cost = size * _DECODING_FACTOR
        granted = asyncio.get_running_loop().create_future()
        async with self._reserve(_Waiting(tenant, cost, 0, None, granted)):
            yield

    async def watch(self, interval: float) -> None:
        """Look at the memory for ever: give back what can be, over the hard limit cut readers off."""
        loop = asyncio.get_running_loop()
        next_return = 0.0
        while True:
            await asyncio.sleep(interval)
            resident = self._resident()
            if resident >= self._limits.hard_bytes:
                _cut_off(self._bodies)
            if resident >= self._limits.soft_bytes and loop.time() >= next_return:
                give_memory_back()
                next_return = loop.time() + _RETURN_SECONDS
            self._wake()

    def _expectation(self, tenant: str) -> float:
        # Of a tenant that is new, what was seen of the others.
        others = max(self._expected.values(), default=float(self._limits.body_bytes))
        return self._expected.get(tenant, others)

    def _resize(self, body: Arriving, size: int) -> None:
        _add(self._held, body.tenant, size - body.size)
        body.size = size

    def _wanted(self, body: Arriving, cost: int, size: int) -> _Waiting:
        granted = asyncio.get_running_loop().create_future()
        return _Waiting(body.tenant, cost, size * _DECODING_FACTOR, body, granted)

    @asynccontextmanager
    async def _reserve(self, wanted: _Waiting) -> AsyncIterator[None]:
        await self._wait_for(wanted)
        try:
            yield
        finally:
            self._count(wanted, -wanted.cost)
            self._wake()

    async def _wait_for(self, wanted: _Waiting) -> None:
        """Reserve the cost when there is room for it; raises `Throttled` where there is none in time."""
        if not self._is_behind(wanted.tenant) and self._fits(wanted):
            self._count(wanted, wanted.cost)
            return
        self._waiting.append(wanted)
        self._take_back_for(wanted.tenant)
        try:
            async with asyncio.timeout(self._patience):
                await wanted.granted
        except BaseException as error:
            if wanted in self._waiting:
                self._waiting.remove(wanted)
            else:
                self._count(wanted, -wanted.cost)
            if isinstance(error, TimeoutError):
                raise _throttled("memory") from None
            raise

    def _count(self, wanted: _Waiting, amount: int) -> None:
        _add(self._reserved, wanted.tenant, amount)
        if wanted.body is None:
            self._decoding += amount

    def _uses(self, tenant: str) -> int:
        return self._held[tenant] + self._reserved[tenant]

    def _is_behind(self, tenant: str) -> bool:
        return any(self._uses(each.tenant) < self._uses(tenant) for each in self._waiting)

    def _fits(self, wanted: _Waiting) -> bool:
        always = (self._limits.hard_bytes - self._limits.soft_bytes) * _ALWAYS
        if self._uses(wanted.tenant) + wanted.cost <= always or self._is_alone(wanted):
            return True
        beside = 0 if self._is_first(wanted) else wanted.beside
        needed = self._reserved.total() + wanted.cost + beside
        return self._resident() + needed <= self._limits.soft_bytes

    def _is_alone(self, wanted: _Waiting) -> bool:
        """Whether nothing is under way that would give room back; it would wait in vain."""
        if wanted.body is None:
            return not self._decoding
        return not self._reserved and wanted.body is next(iter(self._bodies))

    def _is_first(self, wanted: _Waiting) -> bool:
        """Whether the tenant has nothing older: of each one body at least goes on, however large."""
        return wanted.body is next((each for each in self._bodies if each.tenant == wanted.tenant), None)

    def _wake(self) -> None:
        """Give room to those that wait, who uses least first; none overtakes one that uses less."""
        most = None
        for wanted in sorted(self._waiting, key=lambda each: self._uses(each.tenant)):
            if most is not None and self._uses(wanted.tenant) > most:
                return
            if wanted.granted.done():
                continue
            if self._fits(wanted):
                self._waiting.remove(wanted)
                self._count(wanted, wanted.cost)
                wanted.granted.set_result(None)
            else:
                most = self._uses(wanted.tenant)

    def _take_back_for(self, tenant: str) -> None:
        """Cut bodies off of tenants that hold more than their share, the largest first, for one that does not."""
        share = max(self._limits.body_bytes, self._held.total() // max(1, len(self._held)))
        if self._held[tenant] > share:
            return
        for other, held in self._held.items():
            _cut_off(self._beyond(other, held - share))

    def _beyond(self, tenant: str, excess: int) -> Iterator[Arriving]:
        """Bodies of a tenant that still arrive, as many as hold the excess, the largest first."""
        arriving = [each for each in self._bodies if each.tenant == tenant and each.clock]
        for body in sorted(arriving, key=lambda each: each.size, reverse=True):
            if excess <= 0:
                return
            yield body
            excess -= body.size


def _add(counts: Counter[str], tenant: str, amount: int) -> None:
    counts[tenant] += amount
    if not counts[tenant]:
        del counts[tenant]


def _cut_off(bodies: Iterable[Arriving]) -> None:
    now = asyncio.get_running_loop().time()
    for body in bodies:
        if body.clock and not body.clock.expired():
            body.clock.reschedule(now)


def _throttled(limit: str) -> Throttled:
    message = f"the collector is at its limit of {limit}"
    return Throttled(message, _RETRY_AFTER)


def _late(*, cut_off: bool) -> Unavailable:
    if cut_off:
        return _throttled("memory")
    return Unavailable("the body took too long to arrive", _RETRY_AFTER)
