"""Floods of HTTP/2 frames on the gRPC listener: another client is answered meanwhile, and memory stays."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import grpc
import pytest

from tests.support.collector import Collector, running_collector
from tests.support.load import EXPORT, peak_memory_mib
from tests.support.otlp import STEP, ASpan, traces

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_FLAGS, END_HEADERS, ACKNOWLEDGED = 0, 4, 1
DATA, HEADERS, RESET, SETTINGS, PING, CONTINUATION, PRIORITY, WINDOW = 0, 1, 3, 4, 6, 9, 2, 8
SECONDS = 1.5
ANSWER_SECONDS = 2.0
MORE_MIB = 128
# A call's headers, each a literal that is not indexed.
CALL = b"".join(
    b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value
    for name, value in (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", EXPORT.encode()),
        (b":authority", b"localhost"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
    )
)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame: a length of 24 bits, type, flags, stream, payload."""
    return struct.pack(">IBI", len(payload) << 8 | kind, flags, stream) + payload


def rapid_reset() -> Iterator[bytes]:
    """Calls that are taken back as soon as they are made."""
    for stream in range(1, 2**31, 2):
        yield frame(HEADERS, END_HEADERS, stream, CALL) + frame(RESET, NO_FLAGS, stream, struct.pack(">I", 8))


def continuations() -> Iterator[bytes]:
    """Headers that never end."""
    yield frame(HEADERS, NO_FLAGS, 1, CALL)
    while True:
        yield frame(CONTINUATION, NO_FLAGS, 1, b"\x00\x01a\x7f\xff\x7e" + b"b" * 16_000)


def empty_continuations() -> Iterator[bytes]:
    """And those that do not even grow."""
    yield frame(HEADERS, NO_FLAGS, 1, CALL)
    while True:
        yield frame(CONTINUATION, NO_FLAGS, 1) * 1_000


def settings() -> Iterator[bytes]:
    """Each asks for an answer."""
    while True:
        yield frame(SETTINGS, NO_FLAGS, 0, struct.pack(">HI", 4, 65_535)) * 100


def pings() -> Iterator[bytes]:
    """The same."""
    while True:
        yield frame(PING, NO_FLAGS, 0, bytes(8)) * 100


def empty_data() -> Iterator[bytes]:
    """Parts of a message that hold nothing."""
    yield frame(HEADERS, END_HEADERS, 1, CALL)
    while True:
        yield frame(DATA, NO_FLAGS, 1) * 1_000


def priorities() -> Iterator[bytes]:
    """Of streams that there are not."""
    for stream in range(1, 2**31, 2):
        yield frame(PRIORITY, NO_FLAGS, stream, struct.pack(">IB", 0, 1)) * 100


def window_updates() -> Iterator[bytes]:
    """Byte by byte."""
    while True:
        yield frame(WINDOW, NO_FLAGS, 0, struct.pack(">I", 1)) * 100


FLOODS = (rapid_reset, settings, pings, empty_data, priorities, window_updates)
# gRPC's C core takes 16 MiB of them from a client that does not acknowledge its settings (OPERATING, Threats).
HEADER_FLOODS = (continuations, empty_continuations)


pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One that keeps no rows."""
    directory: Path = tmp_path_factory.mktemp("flooded")
    with running_collector(directory, exporters__clickhouse__endpoint="null://") as running:
        yield running


def flood(address: str, frames: Callable[[], Iterator[bytes]], until: float) -> None:
    """Send on connection after connection, without reading an answer."""
    host, _, port = address.rpartition(":")
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection((host, int(port)), 5) as connection:
            connection.settimeout(0.5)
            connection.sendall(PREFACE + frame(SETTINGS, NO_FLAGS, 0))
            for data in frames():
                connection.sendall(data)
                if time.monotonic() > until:
                    return


def test_bytes_of_headers_are_not_logged(collector: Collector) -> None:
    """Of a value that is no UTF-8 gRPC's own log line holds all of it."""
    note = b"\x00\x06x-note\x20CANARY asked for a refund of \xff\xff\xff"
    host, _, port = collector.grpc.rpartition(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        call = frame(HEADERS, END_HEADERS, 1, CALL + note) + frame(DATA, 1, 1, bytes(5))
        connection.sendall(PREFACE + frame(SETTINGS, NO_FLAGS, 0) + call)
        answered = b""
        while b"grpc-status" not in answered:
            answered += connection.recv(4096)
    assert "CANARY" not in collector.log()
    assert "refund" not in collector.log()


@pytest.mark.parametrize("frames", HEADER_FLOODS)
def test_after_a_flood_of_headers_calls_are_taken_again(
    collector: Collector, frames: Callable[[], Iterator[bytes]]
) -> None:
    """Headers that do not end, for a second on one connection."""
    flood(collector.grpc, frames, time.monotonic() + 1)
    with grpc.insecure_channel(collector.grpc) as channel:
        export = channel.unary_unary(EXPORT, None, None)
        export(traces(ASpan(attributes=STEP)), timeout=60, wait_for_ready=True)
    assert "bbbb" not in collector.log()


@pytest.mark.parametrize("frames", FLOODS)
def test_a_flood_of_frames_holds_nobody_up(
    collector: Collector, frames: Callable[[], Iterator[bytes]]
) -> None:
    """On two connections; what the listener does about them is its own affair."""
    before, lines = peak_memory_mib(collector.pid), len(collector.log().splitlines())
    until = time.monotonic() + SECONDS
    attackers = [
        threading.Thread(target=flood, args=(collector.grpc, frames, until), daemon=True) for _ in range(2)
    ]
    for attacker in attackers:
        attacker.start()
    taken = []
    with grpc.insecure_channel(collector.grpc) as channel:
        export = channel.unary_unary(EXPORT, None, None)
        while time.monotonic() < until:
            started = time.monotonic()
            export(traces(ASpan(attributes=STEP)), timeout=30, wait_for_ready=True)
            taken.append(time.monotonic() - started)
    for attacker in attackers:
        attacker.join(10)
    assert len(taken) > 1
    assert max(taken) < ANSWER_SECONDS
    assert peak_memory_mib(collector.pid) < before + MORE_MIB
    assert len(collector.log().splitlines()) < lines + 20
