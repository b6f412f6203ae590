"""A semaphore with fair turns for tenants."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from functools import partial
from typing import Final

from agenttrace_collector.receivers.holding import Holding

# A tenant takes places while it has less than so many times those that are left: alone three quarters of them,
# so that whoever comes next finds one.
_BORROWED: Final = 3


class Turns:
    """Permits; a free one goes to the waiting tenant that holds the fewest."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._taken: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def take_turn(self, tenant: str, patience: float | None = None) -> Holding[None]:
        """Waits for a permit and holds it; raises `TimeoutError` after `patience` seconds."""
        return Holding(partial(self.take, tenant, patience), partial(self.give_back, tenant))

    async def take(self, tenant: str, patience: float | None = None) -> None:
        """Waits for a permit, which is to be given back; raises `TimeoutError` after `patience` seconds."""
        if self._waiting or not self._may_take(tenant):
            await self._wait(tenant, patience)
        else:
            self._take(tenant)

    def give_back(self, tenant: str) -> None:
        """Ends a turn."""
        self._free += 1
        self._taken[tenant] -= 1
        if not self._taken[tenant]:
            del self._taken[tenant]
        self._grant()

    async def _wait(self, tenant: str, patience: float | None) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(turn)
        self._grant()
        try:
            async with asyncio.timeout(patience):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.give_back(tenant)
            else:
                self._forget(tenant, turn)
            raise

    def _grant(self) -> None:
        while self._waiting and (tenant := self._next()) is not None:
            turn = self._waiting[tenant][0]
            self._forget(tenant, turn)
            if not turn.done():
                self._take(tenant)
                turn.set_result(None)

    def _next(self) -> str | None:
        able = [tenant for tenant in self._waiting if self._may_take(tenant)]
        return min(able, key=lambda tenant: self._taken[tenant], default=None)

    def _forget(self, tenant: str, turn: asyncio.Future[None]) -> None:
        queue = self._waiting.get(tenant, deque())
        if turn in queue:
            queue.remove(turn)
        if not queue:
            self._waiting.pop(tenant, None)

    def _may_take(self, tenant: str) -> bool:
        return self._taken[tenant] < _BORROWED * self._free

    def _take(self, tenant: str) -> None:
        self._free -= 1
        self._taken[tenant] += 1
