"""Connections of an HTTP listener: their limit and their timeouts."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol

from agenttrace_collector.telemetry.metrics import Sample

_log: Final = logging.getLogger(__name__)
_LOOK_AGAIN_SECONDS: Final = 0.05


class Phase(IntEnum):
    """What a connection waits for."""

    HEADERS = 0
    # Answered already, while the rest of the body arrives.
    UNREAD = 1
    CLOSING = 2
    IDLE = 3
    BODY = 4
    ANSWER = 5


# Where there are too many connections, the longest waiting of the first of these that has any makes room; work under
# way never does.
_TO_SPARE: Final = ((Phase.HEADERS,), (Phase.UNREAD,), (Phase.CLOSING,), (Phase.IDLE, Phase.BODY))


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections there may be, how long each phase may take, and how often that is checked."""

    most: int = 1024
    # A connection is not closed to make room before it had so long; the new one waits.
    spared_seconds: float = 0.1
    # From the first byte of every request, the TLS handshake of the first one included.
    header_seconds: float = 10.0
    # A body has so long, and a second more for each so many bytes that have arrived.
    body_seconds: float = 10.0
    body_bytes_a_second: int = 1024
    # What still arrives of a body after the answer: read and thrown away, so that the client reads the answer.
    unread_seconds: float = 5.0
    unread_bytes: int = 1024 * 1024
    # An answer of which a client takes less than the rate of bodies for so long is given up.
    stalled_seconds: float = 30.0
    interval: float = 1.0


class Connection(Protocol):
    """One connection in any phase."""

    def is_overdue(self, waited: float, passed: float) -> bool:
        """True if the phase takes too long; `waited`: seconds in this phase, `passed`: seconds since the last check."""

    def abort(self) -> None:
        """Closes the connection at once."""


class Connections:
    """Knows every connection by its phase, the longest waiting first."""

    def __init__(self, limits: ConnectionLimits | None = None, listener: str = "") -> None:
        self._listener = listener
        self.limits = limits or ConnectionLimits()
        self._waiting: dict[Phase, dict[Connection, float]] = {phase: {} for phase in Phase}
        self._phases: dict[Connection, Phase] = {}
        self._closed: Counter[str] = Counter()
        self._left = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def count(self) -> int:
        """The number of connections."""
        return len(self._phases)

    def enter(self, connection: Connection, phase: Phase) -> None:
        """A connection is now at this phase."""
        if (before := self._phases.get(connection)) is not None:
            del self._waiting[before][connection]
        loop = asyncio.get_running_loop()
        self._phases[connection] = phase
        self._waiting[phase][connection] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self.limits.interval, self._check, loop.time())

    def leave(self, connection: Connection) -> None:
        """A connection is closed."""
        if (phase := self._phases.pop(connection, None)) is not None:
            del self._waiting[phase][connection]
            self._left.set()

    async def make_room(self) -> None:
        """Returns when there is room for one more connection; closes an idle one if needed."""
        while self.count >= self.limits.most:
            if not self.evict():
                self._left.clear()
                # Not `wait_for`, which loses a cancellation that comes with the event.
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                        await self._left.wait()

    def evict(self) -> bool:
        """Closes the connection that has waited longest in the most expendable phase; False if none has waited long enough."""
        for phases in _TO_SPARE:
            oldest = [next(iter(entries.items())) for phase in phases if (entries := self._waiting[phase])]
            if oldest:
                return self._close_if_spared(*min(oldest, key=lambda entry: entry[1]))
        return False

    def _close_if_spared(self, connection: Connection, since: float) -> bool:
        if asyncio.get_running_loop().time() - since < self.limits.spared_seconds:
            return False
        self._close(connection, "room")
        _log.warning("a connection was closed to make room for another", extra={"listener": self._listener})
        return True

    def readings(self) -> Iterator[Sample]:
        """The metrics."""
        labels = {"listener": self._listener}
        for phase, entries in self._waiting.items():
            yield Sample("agenttrace_http_connections", len(entries), {**labels, "phase": phase.name.lower()})
        for reason, count in self._closed.items():
            yield Sample("agenttrace_http_closed_connections", count, {**labels, "reason": reason})

    def _check(self, last: float) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        # First, so that whatever fails here is tried again.
        self._timer = loop.call_later(self.limits.interval, self._check, now) if self._phases else None
        for phase, entries in self._waiting.items():
            for connection, since in list(entries.items()):
                if connection.is_overdue(now - since, now - last):
                    self._close(connection, phase.name.lower())

    def _close(self, connection: Connection, reason: str) -> None:
        self._closed[reason] += 1
        # Its file is free an iteration of the loop later, which is soon enough.
        self.leave(connection)
        connection.abort()
