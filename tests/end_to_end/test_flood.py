"""Idle connections, slow senders and floods do not take a collector down."""

from __future__ import annotations

import functools
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TypeAlias

import grpc
import pytest
import trustme

from tests.support import plain_http
from tests.support.collector import Collector, running_collector, start_collector, until_stopped
from tests.support.load import EXPORT, distinct, peak_memory_mib
from tests.support.reference import reference_request

pytestmark = pytest.mark.long

LIMIT_MIB = 400
IDLE = 1000
FILES = 800
Send: TypeAlias = Callable[[Collector, bytes], object]
BIG_SPANS = 24_000  # about 30 MB


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One with little memory to its name."""
    limits = {"processors__memory_limiter__limit_mib": str(LIMIT_MIB), "journal__max_size_mib": "512"}
    directory: Path = tmp_path_factory.mktemp("collector")
    with running_collector(directory, exporters__clickhouse__endpoint="null://", **limits) as running:
        yield running


def over_http(collector: Collector, body: bytes) -> int:
    """The status of a request over a connection of its own."""
    headers = {"content-type": "application/x-protobuf"}
    url = collector.url("http", "/v1/traces")
    return plain_http.post(url, content=body, headers=headers).status_code


def over_grpc(collector: Collector, body: bytes) -> grpc.StatusCode:
    """The same over gRPC."""
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(collector.grpc, options) as channel:
        try:
            channel.unary_unary(EXPORT, None, None)(body, timeout=60)
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK


def test_a_thousand_idle_connections_leave_room_for_work(collector: Collector) -> None:
    """On both ports, some of them with half a request."""
    with ExitStack() as stack:
        for number in range(IDLE):
            port = collector.ports["http" if number % 2 else "grpc"]
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            if number % 4 == 1:
                connection.sendall(b"POST /v1/traces HTTP/1.1\r\nHost")
        assert over_grpc(collector, reference_request(1, time.time_ns(), spans=16)) is grpc.StatusCode.OK
        assert collector.ready()


@pytest.mark.parametrize("listener", ["http", "api", "clickhouse", "health", "metrics"])
def test_more_slow_clients_than_files_leave_room_for_work(tmp_path: Path, listener: str) -> None:
    """Each with a complete request first and half a second one; others are answered, and the log stays short."""
    # Of the API a path that asks the database nothing: so many pages would keep its readers busy for a while.
    paths = {"http": "/v1/traces", "api": "/nothing", "clickhouse": "/ping", "metrics": "/metrics"}
    request = f"GET {paths.get(listener, '/')} HTTP/1.1\r\nHost: localhost\r\n".encode()
    with until_stopped(start_collector(tmp_path, files=FILES)) as collector, ExitStack() as stack:
        for _ in range(FILES + 100):
            port = collector.ports[listener]
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            connection.sendall(request + b"\r\n" + request)
        for send in (over_grpc, over_http):
            body = reference_request(1, time.time_ns(), spans=16)
            assert send(collector, body) in {grpc.StatusCode.OK, 200}
        assert collector.ready()
        assert "runs" in collector.get("api", "/v1/stats")
        assert f"only {FILES} files may be open: " in collector.log()
        assert collector.log().count("\n") < 100


def test_requests_that_are_none_do_not_fill_the_log(collector: Collector) -> None:
    """Neither those that cannot be parsed, nor those that ask for another protocol."""
    before = collector.log().count("\n")
    upgrade = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
    for number in range(400):
        with socket.create_connection(("127.0.0.1", collector.ports["health"]), 10) as connection:
            connection.sendall(upgrade if number % 2 else b"nonsense\r\n\r\n")
            connection.recv(1000)
    assert collector.log().count("\n") - before < 100


def test_handshakes_that_are_none_do_not_fill_the_log(tmp_path: Path) -> None:
    """On the port of gRPC, whose library has a log of its own, and on one of HTTP."""
    certificate = trustme.CA().issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "crt")
    certificate.private_key_pem.write_to_path(tmp_path / "key")
    tls = f"{{cert_file: {tmp_path / 'crt'}, key_file: {tmp_path / 'key'}}}"
    protocols = "receivers__otlp__protocols"
    secure = {f"{protocols}__{name}__tls": tls for name in ("grpc", "http")}
    with running_collector(tmp_path, **secure, exporters__clickhouse__endpoint="null://") as collector:
        for number in range(400):
            port = collector.ports["grpc" if number % 2 else "http"]
            with socket.create_connection(("127.0.0.1", port), 10) as connection, suppress(ConnectionError):
                connection.sendall(b"GET / HTTP/1.1\r\n\r\n" * 3)
                while connection.recv(1000):
                    pass
        assert collector.log().count("\n") < 100


@pytest.mark.parametrize(
    ("send", "taken", "later"),
    [(over_grpc, grpc.StatusCode.OK, {grpc.StatusCode.UNAVAILABLE}), (over_http, 200, {429, 503})],
)
def test_a_flood_of_large_requests_stays_within_the_memory_limit(
    collector: Collector, send: Send, taken: object, later: set[object]
) -> None:
    """Each is taken, or asked to come later; none is answered otherwise, and the process lives."""
    body = reference_request(2, time.time_ns(), spans=BIG_SPANS)
    bodies = [distinct(body, number) for number in range(24)]
    with ThreadPoolExecutor(12) as pool:
        outcomes = set(pool.map(functools.partial(send, collector), bodies))
    peak = peak_memory_mib(collector.pid)
    print(f"peak {peak:.0f} MiB of {LIMIT_MIB}, {outcomes}")
    assert {taken} <= outcomes <= {taken} | later
    assert peak < LIMIT_MIB
    assert over_grpc(collector, reference_request(3, time.time_ns(), spans=16)) is grpc.StatusCode.OK
