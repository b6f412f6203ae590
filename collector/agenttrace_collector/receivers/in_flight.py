"""Bodies in flight: how much each tenant holds, and which are ended when others need the room."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType


@dataclass(eq=False, slots=True)
class Arriving:
    """One body on its way in; it may be cut off while its clock runs."""

    tenant: str
    size: int = 0
    clock: asyncio.Timeout | None = None
    # Since when its size has not shown; None where that shows as it arrives.
    unseen_since: float | None = None

    def cut_off(self) -> bool:
        """End its reading at once; False where that has ended."""
        if self.clock is None or self.clock.expired():
            return False
        self.clock.reschedule(asyncio.get_running_loop().time())
        return True


class ArrivalClock:
    """Bounds the time that a body takes to arrive; the failures are made by `late` and `cut_off`."""

    __slots__ = ("_body", "_cut_off", "_late", "_seconds", "_until")

    def __init__(
        self,
        body: Arriving,
        seconds: float,
        *,
        late: Callable[[], Exception],
        cut_off: Callable[[], Exception],
    ) -> None:
        self._body = body
        self._seconds = seconds
        self._late = late
        self._cut_off = cut_off
        self._until = 0.0

    async def __aenter__(self) -> None:
        self._until = asyncio.get_running_loop().time() + self._seconds
        self._body.clock = await asyncio.timeout_at(self._until).__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        clock, self._body.clock = self._body.clock, None
        try:
            if clock:
                await clock.__aexit__(kind, error, trace)
        except TimeoutError:
            is_late = asyncio.get_running_loop().time() >= self._until
            failure = self._late() if is_late else self._cut_off()
            raise failure from None


class Bodies:
    """Every body from before it is read until it is answered, the oldest first."""

    def __init__(self) -> None:
        self._bodies: dict[Arriving, None] = {}
        self._held: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._bodies)

    def add(self, body: Arriving) -> None:
        """One more."""
        self._bodies[body] = None

    def remove(self, body: Arriving) -> None:
        """One less, with all that it held."""
        self.resize(body, 0)
        del self._bodies[body]

    def resize(self, body: Arriving, size: int) -> None:
        """A body holds so much now."""
        add(self._held, body.tenant, size - body.size)
        body.size = size

    def held(self, tenant: str) -> int:
        """The bytes of a tenant's bodies."""
        return self._held[tenant]

    def tenants(self) -> Iterable[str]:
        """Those that have any."""
        return self._held.keys()

    def is_first(self, body: Arriving | None) -> bool:
        """Whether there is none older."""
        return body is next(iter(self._bodies), None)

    def is_first_of(self, tenant: str, body: Arriving | None) -> bool:
        """Whether this tenant has none older."""
        return body is next((each for each in self._bodies if each.tenant == tenant), None)

    def cut_off_all(self) -> None:
        """End the reading of every one."""
        for body in self._bodies:
            body.cut_off()

    def cut_off_unseen(self, seconds: float, tenants: Container[str] | None = None) -> None:
        """End the reading of those of which nothing has shown for so long: a small one is there at once.

        Of these tenants, or of all.
        """
        latest = asyncio.get_running_loop().time() - seconds
        for body in self._bodies:
            is_unseen = body.unseen_since is not None and body.unseen_since <= latest
            if is_unseen and (tenants is None or body.tenant in tenants):
                body.cut_off()

    def cut_off_beyond_share(self, tenant: str, least: int) -> None:
        """For a tenant within its share cut bodies of others off, as many as hold more than theirs, the largest first.

        A share is what all hold together by the number of tenants, `least` bytes at least.
        """
        share = max(least, self._held.total() // max(1, len(self._held)))
        if self._held[tenant] > share:
            return
        for other, held in self._held.items():
            largest = sorted(self._arriving(other), key=lambda each: each.size, reverse=True)
            _cut_off_bytes(largest, held - share)

    def cut_off_oldest(self, count: int) -> int:
        """Cut so many off of the tenant that has the most, the longest arriving first; how many there were."""
        tenants = Counter(body.tenant for body in self._bodies)
        most = max(tenants, key=lambda tenant: tenants[tenant], default="")
        return sum(body.cut_off() for body, _ in zip(self._arriving(most), range(count), strict=False))

    def _arriving(self, tenant: str) -> Iterator[Arriving]:
        return (body for body in self._bodies if body.tenant == tenant and body.clock)


def _cut_off_bytes(bodies: Iterable[Arriving], excess: int) -> None:
    for body in bodies:
        if excess <= 0:
            return
        body.cut_off()
        excess -= body.size


def add(counts: Counter[str], tenant: str, amount: int) -> None:
    """Count more of a tenant's, or less; none is no entry."""
    counts[tenant] += amount
    if not counts[tenant]:
        del counts[tenant]
