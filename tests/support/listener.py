"""An HTTP listener and its clients in one event loop, with limits of the test's choice."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Receive, Scope, Send

from agenttrace_collector.config.sections import Tls
from agenttrace_collector.server.connections import ConnectionLimits, Connections
from agenttrace_collector.server.http import serve_http

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
# Limits that no test reaches but the one whose limit it is, so that the one in question ends it.
NEVER = 1000.0
PATIENT = {
    "header_seconds": NEVER,
    "body_seconds": NEVER,
    "unread_seconds": NEVER,
    "stalled_seconds": NEVER,
    "interval": 0.01,
    "spared_seconds": 0.0,
}
BIG = 64 * 1024 * 1024


def post(path: str, size: int) -> bytes:
    """The headers of a request with a body of this size."""
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the size of the body; /early before it is read, /big with much, /wait not at all."""
    size, more, path = 0, True, scope["path"]
    while more and path == "/":
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message["more_body"]
    if path == "/wait":
        await asyncio.Event().wait()
    content = bytes(BIG) if path == "/big" else b"%d" % size
    headers = [(b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


@dataclass(frozen=True)
class Client:
    """One connection to the listener."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, request: bytes = GET, status: int = 200) -> bytes:
        """Send a request; the body of its answer."""
        self.writer.write(request)
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)
        assert f" {status} ".encode() in head
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        return await self.reader.readexactly(length)

    async def is_closed(self) -> bool:
        """Whether the listener closes the connection without another answer."""
        with suppress(ConnectionError):
            return await asyncio.wait_for(self.reader.read(), 10) == b""
        return True


@dataclass(frozen=True)
class Listening:
    """A listener in this event loop."""

    port: int
    connections: Connections
    clients: list[Client] = field(default_factory=list)

    async def connect(self, first: bytes = b"", context: ssl.SSLContext | None = None) -> Client:
        """A new connection, with what is sent on it at once."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, limit=BIG, server_hostname="localhost" if context else None
        )
        writer.write(first)
        self.clients.append(Client(reader, writer))
        return self.clients[-1]

    def closed(self) -> dict[str, float]:
        """How many connections were closed, by reason."""
        name = "agenttrace_http_closed_connections"
        readings = [each for each in self.connections.readings() if each.name == name]
        return {each.labels["reason"]: each.value for each in readings}


@asynccontextmanager
async def listening(
    tls: Tls | None = None, served: ASGIApp = app, **limits: float
) -> AsyncIterator[Listening]:
    """A listener with these limits."""
    connections = Connections(ConnectionLimits(**{**PATIENT, **limits}))  # type: ignore[arg-type]  # by name
    listener = serve_http(served, "127.0.0.1:0", tls, connections)
    live = Listening(listener.address.port, connections)
    try:
        yield live
    finally:
        for client in live.clients:
            client.writer.transport.abort()
        await listener.stop(1)


async def held(condition: Callable[[], bool]) -> None:
    """Return when a condition holds that the event loop brings about."""
    for _ in range(3_000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError
