"""HTTP/1.1 by uvicorn, with a timeout for each phase of a request.

uvicorn's own clock runs between requests only, and stops with the first byte of the next one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from agenttrace_collector.server.connections import Connections, Phase

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn.server import ServerState


_READ_BYTES: Final = 64 * 1024


class WatchedProtocol(H11Protocol):
    """Tells the connections' table which phase it is at."""

    def __init__(self, config: Config, state: ServerState, connections: Connections) -> None:
        super().__init__(config, state, {})
        self.opening: asyncio.Task[None] | None = None
        self._table = connections
        self._received = 0
        self._spent = 0.0
        self._stalled = 0.0
        self._unsent = 0
        self._enter(Phase.HEADERS)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Read in small pieces: each connection may hold one before its sender is known."""
        super().connection_made(transport)
        if hasattr(transport, "max_size"):
            transport.max_size = _READ_BYTES

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the table, and no timer that would hold what is left of the connection."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._table.leave(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request."""
        self._received += len(data)
        super().data_received(data)
        self._follow()
        if self._phase is Phase.UNREAD and self._received > self._table.limits.unread_bytes:
            self.abort()

    def on_response_complete(self) -> None:
        """The answer is written."""
        super().on_response_complete()
        self._follow()

    def timeout_keep_alive_handler(self) -> None:
        """No next request came."""
        super().timeout_keep_alive_handler()
        self._follow()

    def is_overdue(self, waited: float, passed: float) -> bool:
        """Whether its phase takes too long."""
        limits = self._table.limits
        match self._phase:
            case Phase.HEADERS:
                return waited >= limits.header_seconds
            case Phase.UNREAD:
                return waited >= limits.unread_seconds
            case Phase.BODY:
                return self._is_slow(passed) or self._is_stalled(passed)
            case Phase.IDLE:
                # uvicorn's clock.
                return False
        self._follow()
        return self._is_stalled(passed)

    def abort(self) -> None:
        """Close at once; during the TLS handshake by ending it."""
        if self.opening is not None and not self.opening.done():
            self.opening.cancel()
        else:
            self.transport.abort()

    def _follow(self) -> None:
        if (phase := self._current_phase()) is not self._phase:
            self._enter(phase)

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._received, self._spent, self._stalled = 0, 0.0, 0.0
        self._table.enter(self, phase)

    def _current_phase(self) -> Phase:
        if self.transport.is_closing():
            return Phase.CLOSING
        if self.conn.their_state is h11.IDLE:
            return self._phase_between_requests()
        if self.cycle.response_complete:
            return Phase.UNREAD
        return Phase.BODY if self.cycle.more_body else Phase.ANSWER

    def _phase_between_requests(self) -> Phase:
        if self.conn.their_http_version is None or self.conn.trailing_data[0]:
            return Phase.HEADERS
        return Phase.ANSWER if self.transport.get_write_buffer_size() else Phase.IDLE

    def _is_slow(self, passed: float) -> bool:
        """Whether the body arrives below the rate; the clock stops while nobody takes it."""
        if not self.flow.read_paused:
            self._spent += passed
        limits = self._table.limits
        return self._spent > limits.body_seconds + self._received / limits.body_bytes_a_second

    def _is_stalled(self, passed: float) -> bool:
        """Whether the client does not take the answer."""
        limits, unsent = self._table.limits, self.transport.get_write_buffer_size()
        is_moving = not unsent or unsent <= self._unsent - passed * limits.body_bytes_a_second
        self._stalled = 0.0 if is_moving else self._stalled + passed
        self._unsent = unsent
        return self._stalled > limits.stalled_seconds

    def resume_writing(self) -> None:
        """The client has taken what was written."""
        super().resume_writing()
        self._stalled = 0.0
