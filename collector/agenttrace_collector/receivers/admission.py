"""Admission control: limits on concurrent requests and on their memory.

Over a limit a sender is asked to retry later; nothing is dropped and nothing waits without end. Memory that a tenant
holds beyond its share is reclaimed for another.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from agenttrace_collector.config.sections import Config
from agenttrace_collector.errors import Reason, Throttled, Unavailable
from agenttrace_collector.receivers.fair_queue import Turns
from agenttrace_collector.receivers.holding import Holding
from agenttrace_collector.receivers.in_flight import ArrivalClock, Arriving, Bodies, add
from agenttrace_collector.receivers.recent import RecentBytes
from agenttrace_collector.telemetry.memory import ResidentMemory, give_memory_back

_MIB: Final = 1024 * 1024
_PATIENCE: Final = 2.0
_RETRY_AFTER: Final = 2.0
_RETURN_SECONDS: Final = 1.0
# What a body takes while it is decoded, as a multiple of its size; measured on the reference request.
_DECODING_FACTOR: Final = 7
# How fast large bodies are forgotten, and what is expected at least.
_FORGETTING: Final = 0.9
_SMALLEST: Final = 65_536
# So that many new ones do not count all bodies each time.
_CUT_OFF_AT_ONCE: Final = 32
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
    # On their way in at a time; for one more the oldest of the tenant that has the most are cut off.
    bodies: int = 1024


@dataclass(eq=False, slots=True)
class _Waiting:
    """What waits for room: so many bytes to reserve, others to be free beside them; to decode, without a body."""

    tenant: str
    cost: int
    beside: int
    body: Arriving | None = None
    granted: asyncio.Future[None] | None = None


class AdmissionController:
    """Admits requests within the limits."""

    def __init__(
        self, limits: Limits, *, resident: Callable[[], int] | None = None, patience: float = _PATIENCE
    ) -> None:
        self._limits = limits
        self._resident = resident or ResidentMemory()
        self._patience = patience
        self._turns = Turns(limits.requests)
        self._bodies = Bodies()
        # By tenant, bytes that will be needed.
        self._reserved: Counter[str] = Counter()
        self._decoding = 0
        self._waiting: list[_Waiting] = []
        self._expected: dict[str, float] = {}
        self._recent = RecentBytes()

    @property
    def has_room(self) -> bool:
        """Whether memory is under the soft limit."""
        return self._resident() < self._limits.soft_bytes

    def receiving(self, tenant: str) -> Holding[Arriving]:
        """Accounts for a body from before it is read until its response; refuses it over the soft limit.

        Up to the hard limit it is not refused if others hold more than their share and this tenant does not, or if
        this tenant sent less than others: what was stored is still settled and merged, which takes memory.
        """
        body = Arriving(tenant)
        return Holding(partial(self._begin, body), partial(self._end, body))

    def receive(self, body: Arriving, seconds: float) -> ArrivalClock:
        """Bounds the time a sender may take for a body; where others need its room it ends at once."""
        return ArrivalClock(body, seconds, late=_late, cut_off=partial(_throttled, "memory"))

    async def grow(self, body: Arriving, size: int, announced: int = 0) -> None:
        """So many more bytes of a body have arrived; waits until there is room to decode it."""
        self._bodies.resize(body, body.size + size)
        beside = max(body.size, announced) * _DECODING_FACTOR
        await self._wait_for(_Waiting(body.tenant, 0, beside, body))

    def expecting(self, body: Arriving) -> Holding[None]:
        """Reserves memory for a body that the library shows only when it is complete.

        For one as large as this tenant's before, and beyond it for decoding one, so that bodies which have arrived do
        not leave too little to take any of them.
        """
        expected = int(self._expectation(body.tenant))
        wanted = _Waiting(body.tenant, expected, expected * _DECODING_FACTOR, body)
        return Holding(partial(self._expect, wanted), partial(self._leave, wanted))

    def admit(self, tenant: str) -> Holding[None]:
        """Holds a slot from the end of the body until the response."""
        return Holding(partial(self._take_turn, tenant), partial(self._turns.give_back, tenant))

    def reserve(self, size: int, tenant: str) -> Holding[None]:
        """Reserves memory to decode a body of this size; a single request always gets it."""
        self._expected[tenant] = max(size, self._expectation(tenant) * _FORGETTING, _SMALLEST)
        self._recent.add(tenant, size)
        wanted = _Waiting(tenant, size * _DECODING_FACTOR, 0)
        return Holding(partial(self._wait_for, wanted), partial(self._leave, wanted))

    async def watch(self, interval: float) -> None:
        """Watches the memory: returns free heap to the system and ends the reading of bodies.

        Over the soft limit those that are large and do not show it, over the hard limit every one that still arrives,
        below both those of which nothing comes while others of their tenant wait for room.
        """
        loop = asyncio.get_running_loop()
        next_return = 0.0
        while True:
            await asyncio.sleep(interval)
            resident = self._resident()
            if resident >= self._limits.hard_bytes:
                self._bodies.cut_off_all()
            elif resident >= self._limits.soft_bytes:
                self._bodies.cut_off_unseen(interval)
            else:
                # What sends nothing holds room that others of its tenant wait for.
                self._bodies.cut_off_unseen(self._patience / 2, {each.tenant for each in self._waiting})
            if resident >= self._limits.soft_bytes and loop.time() >= next_return:
                give_memory_back()
                next_return = loop.time() + _RETURN_SECONDS
            self._wake()

    def _expectation(self, tenant: str) -> float:
        return self._expected.get(tenant, float(self._limits.body_bytes))

    async def _begin(self, body: Arriving) -> Arriving:
        if not self.has_room and not self._is_less_than_others(body.tenant):
            raise _throttled("memory")
        if len(self._bodies) >= self._limits.bodies and not self._bodies.cut_off_oldest(_CUT_OFF_AT_ONCE):
            raise _throttled("requests")
        self._bodies.add(body)
        return body

    def _end(self, body: Arriving) -> None:
        self._bodies.remove(body)
        self._wake()

    async def _take_turn(self, tenant: str) -> None:
        try:
            await self._turns.take(tenant, self._patience)
        except TimeoutError:
            raise _throttled("requests") from None

    async def _expect(self, wanted: _Waiting) -> None:
        if body := wanted.body:
            self._bodies.resize(body, wanted.cost)
            await self._wait_for(wanted)
            body.unseen_since = asyncio.get_running_loop().time()

    def _leave(self, wanted: _Waiting) -> None:
        if wanted.body:
            wanted.body.unseen_since = None
        self._count(wanted, -wanted.cost)
        self._wake()

    async def _wait_for(self, wanted: _Waiting) -> None:
        """Reserve the cost when there is room for it; raises `Throttled` where there is none in time."""
        if not self._is_behind(wanted.tenant) and self._fits(wanted):
            self._count(wanted, wanted.cost)
            return
        wanted.granted = asyncio.get_running_loop().create_future()
        self._waiting.append(wanted)
        self._bodies.cut_off_beyond_share(wanted.tenant, self._limits.body_bytes)
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
        add(self._reserved, wanted.tenant, amount)
        if wanted.body is None:
            self._decoding += amount

    def _is_less_than_others(self, tenant: str) -> bool:
        """Whether memory is what other tenants take or took, below the hard limit."""
        share = self._share()
        if self._uses(tenant) > share or self._resident() >= self._limits.hard_bytes:
            return False
        most = max(map(self._uses, {*self._reserved, *self._bodies.tenants()} - {tenant}), default=0)
        return most > share or self._recent.is_less_than_others(tenant)

    def _share(self) -> float:
        return (self._limits.hard_bytes - self._limits.soft_bytes) * _ALWAYS

    def _uses(self, tenant: str) -> int:
        return self._bodies.held(tenant) + self._reserved[tenant]

    def _is_behind(self, tenant: str) -> bool:
        return any(self._uses(each.tenant) < self._uses(tenant) for each in self._waiting)

    def _fits(self, wanted: _Waiting) -> bool:
        if self._uses(wanted.tenant) + wanted.cost <= self._share() or self._is_alone(wanted):
            return True
        beside = 0 if self._bodies.is_first_of(wanted.tenant, wanted.body) else wanted.beside
        needed = self._reserved.total() + wanted.cost + beside
        return self._resident() + needed <= self._limits.soft_bytes

    def _is_alone(self, wanted: _Waiting) -> bool:
        """Whether nothing is under way that would give room back; it would wait in vain."""
        if wanted.body is None:
            return not self._decoding
        return not self._reserved and self._bodies.is_first(wanted.body)

    def _wake(self) -> None:
        """Give room to those that wait, who uses least first; none overtakes one that uses less."""
        if not self._waiting:
            return
        most = None
        for wanted in sorted(self._waiting, key=lambda each: self._uses(each.tenant)):
            if most is not None and self._uses(wanted.tenant) > most:
                return
            if wanted.granted is None or wanted.granted.done():
                continue
            if self._fits(wanted):
                self._waiting.remove(wanted)
                self._count(wanted, wanted.cost)
                wanted.granted.set_result(None)
            else:
                most = self._uses(wanted.tenant)


def _throttled(limit: str) -> Throttled:
    message = f"the collector is at its limit of {limit}"
    return Throttled(message, _RETRY_AFTER, Reason.MEMORY if limit == "memory" else Reason.RATE)


def _late() -> Unavailable:
    return Unavailable("the body took too long to arrive", _RETRY_AFTER)


def limits_from(config: Config) -> Limits:
    """The limits of a configuration; the largest body is that of the receiver that takes more."""
    limiter, otlp = config.processors.memory_limiter, config.receivers.otlp
    largest = max(otlp.protocols.grpc.max_recv_msg_size_mib, otlp.protocols.http.max_recv_msg_size_mib)
    return Limits(
        requests=otlp.max_concurrent_requests,
        soft_bytes=limiter.soft_limit_mib * _MIB,
        hard_bytes=limiter.limit_mib * _MIB,
        body_bytes=largest * _MIB,
    )
