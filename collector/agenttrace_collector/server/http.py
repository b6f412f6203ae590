"""The one way to serve HTTP inside the collector's event loop: uvicorn on a socket bound beforehand."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import uvicorn

from agenttrace_collector.config.sections import Tls
from agenttrace_collector.config.values import Address, address
from agenttrace_collector.server.connections import Connections
from agenttrace_collector.server.protocol import WatchedProtocol

_log: Final = logging.getLogger(__name__)
_BACKLOG: Final = 1024
_KEEP_ALIVE_SECONDS: Final = 75
_FULL: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE_SECONDS: Final = 0.1
_DATE_SECONDS: Final = 1.0


class _Server(uvicorn.Server):
    """Accepts connections within the limits of all listeners, and leaves signals to the service."""

    def __init__(self, config: uvicorn.Config, connections: Connections) -> None:
        super().__init__(config)
        self._connections = connections
        self._accepting: list[asyncio.Task[None]] = []
        self._opening: set[asyncio.Task[None]] = set()
        self.stopping = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections; asyncio's own way knows no limit and writes a line for each that fails."""
        self.servers = []
        self._accepting = [asyncio.create_task(self._accept(each)) for each in sockets or ()]
        self.started = True

    async def main_loop(self) -> None:
        """Sets the date of answers each second until the end; uvicorn's own loop wakes ten times as often."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), _DATE_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, and end as uvicorn does."""
        for task in (*self._accepting, *self._opening):
            task.cancel()
        await asyncio.gather(*self._accepting, *self._opening, return_exceptions=True)
        await super().shutdown(sockets)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(listening)
            except OSError as error:
                await self._recover(error)
                continue
            try:
                await self._connections.make_room()
            except asyncio.CancelledError:
                accepted.close()
                raise
            self._open(accepted)
            # Those who are here already have their turn between two that come.
            await asyncio.sleep(0)

    async def _recover(self, error: OSError) -> None:
        if error.errno in _FULL:
            _log.warning("no connection can be accepted: the limit of open files or of memory is reached")
            self._connections.evict()
        await asyncio.sleep(_PAUSE_SECONDS)

    def _open(self, accepted: socket.socket) -> None:
        protocol = WatchedProtocol(self.config, self.server_state, self._connections)
        protocol.opening = task = asyncio.create_task(self._connect(accepted, protocol))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

        def close_if_failed(task: asyncio.Task[None]) -> None:
            if task.cancelled() or task.exception():
                self._connections.leave(protocol)
                accepted.close()

        task.add_done_callback(close_if_failed)

    async def _connect(self, accepted: socket.socket, protocol: WatchedProtocol) -> None:
        seconds = self._connections.limits.header_seconds if self.config.ssl else None
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: protocol, accepted, ssl=self.config.ssl, ssl_handshake_timeout=seconds
        )


@dataclass(frozen=True, slots=True)
class HttpListener:
    """An HTTP application that listens."""

    address: Address
    server: _Server
    task: asyncio.Task[None]

    async def stop(self, grace: float) -> None:
        """Take no new connections; requests under way have `grace` seconds."""
        self.server.config.timeout_graceful_shutdown = max(1, int(grace))
        self.server.should_exit = True
        self.server.stopping.set()
        await self.task


def serve_http(
    app: Any, endpoint: str, tls: Tls | None = None, connections: Connections | None = None
) -> HttpListener:
    """Serve an ASGI application; returns when it listens, raises `OSError` where it cannot.

    `connections` says how many there may be and how long each may take, by default as `ConnectionLimits` has it.
    """
    wanted = address(endpoint)
    bound = _bind(wanted)
    config = _config(app, tls)
    # What can be wrong with it shows here; the socket listens already and keeps who comes early.
    config.load()
    server = _Server(config, connections or Connections())
    task = asyncio.create_task(server.serve(sockets=[bound]), name=f"http {wanted}")
    return HttpListener(Address(wanted.host, bound.getsockname()[1]), server, task)


def _bind(wanted: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in wanted.host else socket.AF_INET
    # asyncio switches Nagle's delay off only where a socket says that it is TCP.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(wanted)
        listening.listen(_BACKLOG)
        listening.settimeout(0)
    except OSError as error:
        listening.close()
        message = f"cannot listen on {wanted}: is another process using it?"
        raise OSError(message) from error
    return listening


def _config(app: Any, tls: Tls | None) -> uvicorn.Config:
    secure: dict[str, Any] = {}
    if tls:
        secure = {
            "ssl_certfile": str(tls.cert_file),
            "ssl_keyfile": str(tls.key_file),
            "ssl_ca_certs": str(tls.client_ca_file) if tls.client_ca_file else None,
            "ssl_cert_reqs": ssl.CERT_REQUIRED if tls.client_ca_file else ssl.CERT_NONE,
        }
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        backlog=_BACKLOG,
        **secure,
    )
