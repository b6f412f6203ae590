"""A ClickHouse server over HTTP as far as the driver speaks to one: the embedded engine answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error

from tests.support.database import engine

# What belongs to the transport or is read only, and is no setting of a statement.
_NOT_SETTINGS: Final = {"database", "query", "client_protocol_version", "enable_http_compression"}

_IDLE: Final[dict[str, list[Client]]] = {}


@dataclass
class Server:
    """Where it listens, what it was asked, and an answer that it gives to everything instead."""

    port: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)
    trouble: tuple[int, int, str] | None = None

    @property
    def endpoint(self) -> str:
        """The DSN of the server."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def _client(database: str) -> Iterator[Client]:
    """An engine's client that is idle; one that saw an error is not used again."""
    idle = _IDLE.setdefault(database, [])
    client = idle.pop() if idle else clickhouse_connect.get_client(dsn=engine(), database=database)
    try:
        yield client
    except Error:
        client.close()
        raise
    idle.append(client)


def _run(parameters: dict[str, str], body: bytes) -> bytes:
    settings = {key: value for key, value in parameters.items() if key not in _NOT_SETTINGS}
    bound = {key: settings.pop(key) for key in list(settings) if key.startswith("param_")}
    statement = parameters.get("query", "")
    if body.startswith(b"INSERT") and b" FORMAT " in body.partition(b"\n")[0]:
        line, _, body = body.partition(b"\n")
        statement = line.decode()
    with clickhouse_connect.get_client(
        dsn=engine(), database=parameters.get("database", "default")
    ) as client:
        if statement.startswith("INSERT") and " FORMAT " in statement:
            head, _, form = statement.partition(" FORMAT ")
            table, _, names = head.removeprefix("INSERT INTO ").partition(" (")
            columns = [name.strip(" `)") for name in names.split(",")]
            client.raw_insert(table.strip(" `"), columns, body, settings=settings, fmt=form.split()[0])
            return b""
        text = statement or body.decode()
        return bytes(client.raw_query(text, settings={**settings, **bound}))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer leaves as one piece: two would wait for each other on a connection that is kept.
    wbufsize = -1
    disable_nagle_algorithm = True
    served: Server

    def do_POST(self) -> None:
        """Run a statement, or give the trouble that a test wants."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parameters = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        self.served.asked.append(parameters)
        try:
            if self.served.trouble:
                self._fail(*self.served.trouble)
                return
            self._answer(200, _run(parameters, body))
        except Error as error:
            self._fail(500, error.code or 0, str(error))

    def _fail(self, status: int, code: int, text: str) -> None:
        self._answer(status, text.encode(), {"X-ClickHouse-Exception-Code": str(code)})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def clickhouse_server() -> Iterator[Server]:
    """A server on a free port, until the block ends."""
    server = Server()
    listener = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"served": server}))
    server.port = listener.server_address[1]
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
