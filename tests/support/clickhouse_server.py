"""A ClickHouse server over HTTP as far as the driver speaks to one: the embedded engine answers."""

from __future__ import annotations

import base64
import gzip
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import clickhouse_connect
import lz4.frame
from backports import zstd
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error

from agenttrace_schemas.expressions import quoted
from tests.support.database import engine

# What belongs to the transport or is read only, and is no setting of a statement.
_NOT_SETTINGS: Final = {"database", "query", "client_protocol_version", "enable_http_compression"}

_IDLE: Final[dict[str, list[Client]]] = {}
_UNPACK: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "gzip": gzip.decompress,
    "lz4": lz4.frame.decompress,
    "zstd": zstd.decompress,
}
_AUTHENTICATION_FAILED: Final = (403, 516, "Code: 516. DB::Exception: CANARY. (AUTHENTICATION_FAILED)")


class Fault(StrEnum):
    """What happens to one insert."""

    RESET = "the connection breaks before it"
    ERROR = "500, and nothing is stored"
    APPLIED_RESET = "it is applied, and the connection breaks before the answer"
    APPLIED_ERROR = "it is applied, and a proxy answers 504"
    APPLIED_SLOW = "it is applied, and the answer comes when the client has given up"


@dataclass
class Server:
    """Where it listens, what it was asked, what it wants to know, and what it does wrong.

    `trouble` is an answer to everything, `faults` happen to the next inserts of a collector, one each; while
    `away` every connection breaks.
    """

    port: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)
    packed: set[str] = field(default_factory=set)
    trouble: tuple[int, int, str] | None = None
    faults: deque[Fault] = field(default_factory=deque)
    away: bool = False
    password: str = ""
    waiting: threading.Event = field(default_factory=threading.Event)

    @property
    def endpoint(self) -> str:
        """The DSN of the server."""
        return f"http://127.0.0.1:{self.port}"

    def knows(self, headers: Message) -> bool:
        """Whether a request has the password."""
        scheme, _, pair = headers.get("Authorization", "").partition(" ")
        sent = base64.b64decode(pair).decode().partition(":")[2] if scheme == "Basic" else ""
        return not self.password or self.password in {sent, headers.get("X-ClickHouse-Key", "")}


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
    with _client(parameters.get("database", "default")) as client:
        if statement.startswith("INSERT") and " FORMAT " in statement:
            head, _, form = statement.partition(" FORMAT ")
            table, _, names = head.removeprefix("INSERT INTO ").partition(" (")
            columns = [name.strip(" `)") for name in names.split(",")]
            client.raw_insert(table.strip(" `"), columns, body, settings=settings, fmt=form.split()[0])
            return b""
        text = statement or body.decode()
        return bytes(client.raw_query(text, settings={**settings, **bound}))


def _with_external(parameters: dict[str, str], boundary: str, body: bytes) -> dict[str, str]:
    """The parameters of a query over rows that came beside it, which then stand in the query."""
    part = next(part for part in body.split(f"--{boundary}".encode()) if b"filename=" in part)
    rows = part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
    bound = {key: value for key, value in parameters.items() if not key.startswith("waiting_")}
    structure, packed = quoted(parameters["waiting_structure"]), base64.b64encode(rows).decode()
    table = f"SELECT * FROM format({parameters['waiting_format']}, {structure}, base64Decode('{packed}'))"  # noqa: S608 - ours
    return {
        **bound,
        "query": f"WITH waiting AS ({table}) {parameters['query']}",
        "max_query_size": str(64 << 20),
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer leaves as one piece: two would wait for each other on a connection that is kept.
    wbufsize = -1
    disable_nagle_algorithm = True
    served: Server

    def do_POST(self) -> None:
        """Run a statement, or give the trouble that a test wants."""
        if self.served.away:
            self._break()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if packing := self.headers.get("Content-Encoding"):
            self.served.packed.add(packing)
            body = _UNPACK[packing](body)
        parameters = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        self.served.asked.append(parameters)
        boundary = self.headers.get_boundary() if self.headers.get_content_maintype() == "multipart" else None
        if boundary:
            parameters, body = _with_external(parameters, boundary, body), b""
        if not self.served.knows(self.headers):
            self._fail(*_AUTHENTICATION_FAILED)
        elif self.served.trouble:
            self._fail(*self.served.trouble)
        elif "insert_deduplication_token" in parameters and self.served.faults:
            self._go_wrong(self.served.faults.popleft(), parameters, body)
        else:
            self._run(parameters, body)

    def _run(self, parameters: dict[str, str], body: bytes) -> None:
        try:
            self._answer(200, _run(parameters, body))
        except Error as error:
            self._fail(500, error.code or 0, str(error))

    def _go_wrong(self, fault: Fault, parameters: dict[str, str], body: bytes) -> None:
        if fault.name.startswith("APPLIED"):
            _run(parameters, body)
        if fault is Fault.APPLIED_SLOW:
            self.served.waiting.wait(60)
        if fault is Fault.ERROR:
            self._fail(500, 241, "Code: 241. DB::Exception: CANARY. (MEMORY_LIMIT_EXCEEDED)")
        elif fault is Fault.APPLIED_ERROR:
            self._fail(504, 0, "CANARY")
        else:
            self._break()

    def _break(self) -> None:
        """Reset the connection, as a host does that goes away."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

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


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that were broken."""


@contextmanager
def clickhouse_server(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server on a free port, until the block ends."""
    server = Server()
    listener = _Listener(("127.0.0.1", 0), type("Handler", (_Handler,), {"served": server}))
    if tls:
        listener.socket = tls.wrap_socket(listener.socket, server_side=True)
    server.port = listener.server_address[1]
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.waiting.set()
        listener.shutdown()
        thread.join()
        listener.server_close()
