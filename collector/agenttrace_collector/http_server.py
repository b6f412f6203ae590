"""The one way to serve HTTP inside the collector's event loop: uvicorn on a socket bound beforehand."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from agenttrace_collector.config.sections import Tls
from agenttrace_collector.config.values import Address, address

_BACKLOG: Final = 1024
_HEADER_SECONDS: Final = 10.0
_KEEP_ALIVE_SECONDS: Final = 75


class PatientProtocol(H11Protocol):
    """Closes a connection that sends no complete request in its first seconds."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Start the clock of a new connection."""
        super().connection_made(transport)
        self.loop.call_later(_HEADER_SECONDS, self._close_if_silent)

    def _close_if_silent(self) -> None:
        if not self._has_begun() and not self.transport.is_closing():
            self.transport.close()

    def _has_begun(self) -> bool:
        return self.cycle is not None


class _Server(uvicorn.Server):
    """Leaves signals to the service."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


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
        await self.task


def serve_http(app: Any, endpoint: str, tls: Tls | None = None) -> HttpListener:
    """Serve an ASGI application; returns when it listens, raises `OSError` where it cannot."""
    wanted = address(endpoint)
    bound = _bind(wanted)
    config = _config(app, tls)
    # What can be wrong with it shows here; the socket listens already and keeps who comes early.
    config.load()
    server = _Server(config)
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
    except OSError as error:
        listening.close()
        message = f"{wanted} cannot be listened on: is another process there?"
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
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        backlog=_BACKLOG,
        **secure,
    )
