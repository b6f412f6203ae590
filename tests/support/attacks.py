"""Bounded attacks of one tenant, or of nobody, on a collector on this machine; run as a process of low priority.

`python -m tests.support.attacks NAME SECONDS PORTS`, where PORTS is JSON: a loopback port for each listener. An
attack sends until its time is over, and takes every refusal or closed connection as an answer.
"""

from __future__ import annotations

import functools
import gzip
import http.client
import itertools
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Final, TypeAlias

import grpc

from tests.support.load import EXPORT
from tests.support.otlp import one_span_runs

Ports: TypeAlias = Mapping[str, int]
TOKEN: Final = "initech-admin"
AUTHORIZED: Final = f"authorization: Bearer {TOKEN}\r\n"
HTTP_LISTENERS: Final = ("http", "api", "clickhouse", "health", "metrics")
CONNECTIONS: Final = 900
_TRACES: Final = "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-protobuf\r\n"
_BLOCKS: Final = "(SELECT arrayJoin(range(2000000)) * 40 + k AS n FROM (SELECT arrayJoin(range(40)) AS k))"
_STREAM: Final = (
    "(SELECT arrayJoin(range(2000)) * 10000 + k AS n FROM (SELECT arrayJoin(range(100)) * 100 + b AS k"
    " FROM (SELECT arrayJoin(range(100)) AS b)) SETTINGS max_block_size = 100)"
)
_LARGE: Final = tuple(
    statement.replace("ROWS", rows)
    for rows in (_BLOCKS, _STREAM)
    for statement in (
        "SELECT count() FROM (SELECT toString(n) AS s, count() FROM ROWS GROUP BY s)",
        "SELECT n FROM ROWS ORDER BY toString(n) DESC LIMIT 1 OFFSET 10000000",
        "SELECT uniqExact(n) FROM ROWS",
        "SELECT count() FROM ROWS AS a JOIN ROWS AS b ON a.n = b.n",
        "SELECT length(arrayStringConcat(groupArray(toString(n)))) FROM ROWS",
        "SELECT n, n, n FROM ROWS",
    )
)
_LINES: Final = (
    "GET /v1/runs",
    "GET /",
    "POST /v1/purge",
    "POST /v1/traces",
    "POST /sign-in",
    "GET /?query=SELECT%201",
    "GET /metrics",
)
_CHUNK: Final = b" " * 2**20
_REFUSED: Final = (OSError, http.client.HTTPException)


def nothing(_ports: Ports, until: float) -> None:
    """The run that the others are compared with."""
    _wait(until)


def unknown_bodies(ports: Ports, until: float) -> None:
    """700 MiB of spaces from nobody to each listener that reads bodies, and bodies that never come."""
    paths = (("api", "/v1/purge"), ("api", "/v1/runs"), ("http", "/v1/traces"), ("clickhouse", "/"))
    with ThreadPoolExecutor(2 * len(paths)) as pool:
        for listener, path in paths:
            head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            pool.submit(_repeat, until, functools.partial(_send_spaces, ports[listener], head, until))
            pool.submit(_hold, ports[listener], f"{head}content-length: 734003200\r\n\r\n{{", 16, until)


def slow_senders(ports: Ports, until: float) -> None:
    """One complete request, then a part of a header, on many connections to every listener."""
    whole = "GET /nothing HTTP/1.1\r\nhost: localhost\r\n\r\n"
    part = "GET /nothing HTTP/1.1\r\nhost: loc"
    with ThreadPoolExecutor(len(HTTP_LISTENERS) + 1) as pool:
        for listener in HTTP_LISTENERS:
            count = CONNECTIONS if listener == "health" else 50
            pool.submit(_hold, ports[listener], whole + part, count, until)
        pool.submit(_hold, ports["grpc"], "PRI * HTTP/2.0\r\n", 200, until)


def packed_members(ports: Ports, until: float) -> None:
    """Gzip bodies of many empty members: 2 MiB each, to OTLP/HTTP and to the SQL endpoint."""
    body = gzip.compress(b"") * (2 * 2**20 // 20)
    head = f"content-encoding: gzip\r\n{AUTHORIZED}content-length: {len(body)}\r\n\r\n"
    traces = (_TRACES + head).encode() + body
    statement = f"POST / HTTP/1.1\r\nhost: localhost\r\n{head}".encode() + body
    with ThreadPoolExecutor(4) as pool:
        for port, request in ((ports["http"], traces), (ports["clickhouse"], statement)) * 2:
            pool.submit(_repeat, until, functools.partial(_ask, port, request, until))


def announced(ports: Ports, until: float) -> None:
    """Bodies that are announced and never come, small and as large as is allowed."""
    with ThreadPoolExecutor(4) as pool:
        for listener, head in (
            ("http", _TRACES),
            ("api", "POST /v1/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"),
        ):
            for length in (10, 64 * 2**20):
                request = f"{head}{AUTHORIZED}content-length: {length}\r\n\r\n"
                pool.submit(_hold, ports[listener], request, 64, until)


def many_runs(ports: Ports, until: float) -> None:
    """Two requests of 100,000 runs of one span each, and smaller ones after them."""
    options = [("grpc.max_send_message_length", -1)]
    metadata = (("authorization", f"Bearer {TOKEN}"),)
    with grpc.insecure_channel(f"127.0.0.1:{ports['grpc']}", options) as channel:
        export = channel.unary_unary(EXPORT, None, None)
        for spans in itertools.chain((100_000, 100_000), itertools.repeat(5_000)):
            if (left := until - time.monotonic()) <= 0:
                return
            with suppress(grpc.RpcError):
                export(one_span_runs(spans, time.time_ns()), metadata=metadata, timeout=max(1, left))


def large_queries(ports: Ports, until: float) -> None:
    """Statements that want gigabytes, four at a time: grouped, sorted, joined, one value, one answer."""
    with ThreadPoolExecutor(4) as pool:
        for first in range(4):
            statements = itertools.cycle(_LARGE[first:] + _LARGE[:first])
            pool.submit(_repeat, until, functools.partial(_query, ports["clickhouse"], statements, until))


def other_sites(ports: Ports, until: float) -> None:
    """What a page of another site sends through a browser: under a name of its own, from its origin, with forms."""
    requests = [
        f"{line} HTTP/1.1\r\nhost: {host}\r\norigin: http://evil.example\r\n"
        f"content-type: application/x-www-form-urlencoded\r\ncontent-length: 0\r\n\r\n"
        for line in _LINES
        for host in ("evil.example", "localhost")
    ]
    with ThreadPoolExecutor(len(HTTP_LISTENERS)) as pool:
        for listener in HTTP_LISTENERS:
            turns = itertools.cycle(requests)
            pool.submit(_repeat, until, functools.partial(_ask_next, ports[listener], turns, until))


ATTACKS: Final[Mapping[str, Callable[[Ports, float], None]]] = {
    attack.__name__: attack
    for attack in (
        nothing,
        unknown_bodies,
        slow_senders,
        packed_members,
        announced,
        many_runs,
        large_queries,
        other_sites,
    )
}


def _repeat(until: float, request: Callable[[], object]) -> None:
    while time.monotonic() < until:
        started = time.monotonic()
        with suppress(*_REFUSED):
            request()
        # A refusal at once is not answered by a storm: the attack is bounded.
        _wait(min(until, started + 0.05))


def _ask_next(port: int, requests: Iterator[str], until: float) -> None:
    _ask(port, next(requests).encode(), until)


def _query(port: int, statements: Iterator[str], until: float) -> None:
    with closing(
        http.client.HTTPConnection("127.0.0.1", port, timeout=max(1.0, until - time.monotonic()))
    ) as asked:
        asked.request("POST", "/", next(statements), {"Authorization": f"Bearer {TOKEN}"})
        asked.getresponse().read()


def _send_spaces(port: int, head: str, until: float) -> None:
    with closing(_connect(port)) as connection:
        connection.sendall(f"{head}content-length: {700 * len(_CHUNK)}\r\n\r\n".encode())
        for _ in range(700):
            if time.monotonic() > until:
                return
            connection.sendall(_CHUNK)
        connection.recv(4096)


def _ask(port: int, request: bytes, until: float) -> None:
    with closing(_connect(port, max(1.0, until - time.monotonic()))) as connection:
        connection.sendall(request)
        connection.recv(4096)


def _hold(port: int, request: str, count: int, until: float) -> None:
    """Keep so many connections, each with this request; those that are closed are opened again."""
    held: list[socket.socket] = []
    try:
        while time.monotonic() < until:
            held = [connection for connection in held if _open(connection)]
            held.extend(_started(port, request, count - len(held)))
            _wait(min(until, time.monotonic() + 0.5))
    finally:
        for connection in held:
            connection.close()


def _started(port: int, request: str, count: int) -> Iterator[socket.socket]:
    with suppress(OSError):
        for _ in range(count):
            connection = _connect(port, 2)
            yield connection
            connection.sendall(request.encode())
            connection.setblocking(False)


def _open(connection: socket.socket) -> bool:
    """Whether the other side has not closed it; what it answered is read and forgotten."""
    try:
        while connection.recv(65_536):
            pass
    except BlockingIOError:
        return True
    except OSError:
        pass
    connection.close()
    return False


def _connect(port: int, timeout: float = 5.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout)


def _wait(until: float) -> None:
    time.sleep(max(0.0, until - time.monotonic()))


if __name__ == "__main__":
    os.nice(19)
    ATTACKS[sys.argv[1]](json.loads(sys.argv[3]), time.monotonic() + float(sys.argv[2]))
