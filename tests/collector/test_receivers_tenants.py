"""Two tenants on one collector: what one of them leaves undone does not stop the other."""

from __future__ import annotations

import gc
import itertools
import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest

from agenttrace_collector.receivers.admission import Limits
from agenttrace_collector.server.auth import Authenticator
from tests.support import plain_http
from tests.support.otlp import STEP, ASpan, traces
from tests.support.receivers import EXPORT_TRACES, MIB, Receivers, Settings, receivers

GREEDY, OTHER = ("authorization", "Bearer greedy"), ("authorization", "Bearer other")
# More than may be under way at a time.
MANY = 20
TOKENS = """tokens:
  - {token: greedy, tenant: greedy}
  - {token: other, tenant: other}
"""
numbers = itertools.count()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receivers]:
    """Receivers for both, of four requests and eight bodies at a time."""
    file: Path = tmp_path_factory.mktemp("tokens") / "tokens.yaml"
    file.write_text(TOKENS)
    limits = Limits(requests=4, soft_bytes=2**60, hard_bytes=2**60, bodies=8)
    with receivers(Settings(authenticator=Authenticator.from_file(file), limits=limits)) as listening:
        yield listening


@contextmanager
def stalled_over_http(live: Receivers) -> Iterator[None]:
    """Requests that announce a body and send none, or half of one."""
    where = urlsplit(live.http)
    head = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
    with ExitStack() as stack:
        for number in range(MANY):
            connection = socket.create_connection((where.hostname, where.port), 10)
            stack.enter_context(connection)
            request = f"{head}{GREEDY[0]}: {GREEDY[1]}\r\nContent-Length: 10\r\n\r\n"
            connection.sendall(request.encode() + bytes(number % 2 * 5))
        yield


@contextmanager
def stalled_over_grpc(live: Receivers) -> Iterator[None]:
    """Calls that never send their message."""
    ended = threading.Event()

    def never() -> Iterator[bytes]:
        ended.wait(30)
        yield from ()

    with grpc.insecure_channel(live.grpc) as channel:
        export = channel.stream_unary(EXPORT_TRACES, None, None)
        calls = [export.future(never(), metadata=(GREEDY,)) for _ in range(MANY)]
        yield
        for call in calls:
            call.cancel()  # type: ignore[no-untyped-call]  # its stubs say nothing
        ended.set()


@pytest.mark.parametrize("sender", [GREEDY, OTHER])
@pytest.mark.parametrize("stalled", [stalled_over_http, stalled_over_grpc])
def test_bodies_that_do_not_come_hold_no_place(
    live: Receivers, stalled: Callable[[Receivers], AbstractContextManager[None]], sender: tuple[str, str]
) -> None:
    """Whoever sends whole ones is served, over both protocols, as often as it likes."""
    kind = {"content-type": "application/x-protobuf"}
    with stalled(live):
        for _ in range(5):
            answer = plain_http.post(live.http + "/v1/traces", content=body(), headers=dict([sender]) | kind)
            assert answer.status_code == 200
            live.export(body(), metadata=[sender])


def body() -> bytes:
    """One that was not sent before."""
    return traces(ASpan(attributes=STEP, end=10**18 + next(numbers)))


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_refused_body_is_let_go_at_once(live: Receivers, protocol: str) -> None:
    """Not when garbage is collected, which may be a thousand bodies later."""
    refused, count = b"\xff" * MIB, 16
    metadata, url = (GREEDY,), live.http + "/v1/traces"
    headers = {"content-type": "application/x-protobuf", GREEDY[0]: GREEDY[1]}

    def send() -> None:
        if protocol == "grpc":
            live.refused(refused, metadata=metadata)
        else:
            assert plain_http.post(url, content=refused, headers=headers).status_code == 400

    send()
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(count):
            send()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert held < count * MIB / 4
