"""Connections of the gRPC listener: each has its time for a handshake, for a call and at all; there are so many."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import grpc
import pytest
import trustme

from agenttrace_collector.config.sections import Tls
from agenttrace_collector.receivers.otlp_grpc import GrpcLimits
from tests.support.otlp import STEP, ASpan, traces
from tests.support.receivers import EXPORT_TRACES, Settings, receivers

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = struct.pack(">IBI", 4, 0, 0)  # a length of 24 bits and the type; flags; the stream
# Half of a frame that opens a stream.
HEADERS = struct.pack(">IBI", 100 << 8 | 1, 0, 1) + bytes(10)
BODY = traces(ASpan(attributes=STEP))
LONG = 100.0


def seconds_until_closed(address: str, sent: bytes) -> float:
    """How long a connection lives on which no more than this is sent."""
    host, _, port = address.rpartition(":")
    started = time.monotonic()
    with socket.create_connection((host, int(port)), 10) as connection, suppress(ConnectionError):
        connection.sendall(sent)
        while connection.recv(4096):
            pass
    return time.monotonic() - started


@pytest.mark.parametrize("sent", [b"", PREFACE[:10], PREFACE])
def test_a_handshake_has_its_time(sent: bytes) -> None:
    """Nothing, half of it, and all but the settings."""
    limits = GrpcLimits(handshake_seconds=0.3, idle_seconds=LONG)
    with receivers(Settings(grpc=limits)) as live:
        assert seconds_until_closed(live.grpc, sent) < 5


@pytest.mark.parametrize("sent", [SETTINGS, SETTINGS + HEADERS])
def test_a_connection_without_a_call_has_its_time(sent: bytes) -> None:
    """Also where a call has half begun."""
    with receivers(Settings(grpc=GrpcLimits(handshake_seconds=LONG, idle_seconds=0.3))) as live:
        assert seconds_until_closed(live.grpc, PREFACE + sent) < 5


def test_a_client_goes_on_when_its_connection_is_too_old() -> None:
    """It opens another, and no call of it fails."""
    limits = GrpcLimits(age_seconds=0.2, grace_seconds=5)
    with receivers(Settings(grpc=limits)) as live, grpc.insecure_channel(live.grpc) as channel:
        export = channel.unary_unary(EXPORT_TRACES, None, None)
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            export(BODY, timeout=10)


def test_a_tls_handshake_has_its_time(tmp_path: Path) -> None:
    """A client that says nothing is let go."""
    certificate = trustme.CA().issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "server.crt")
    certificate.private_key_pem.write_to_path(tmp_path / "server.key")
    tls = Tls(cert_file=tmp_path / "server.crt", key_file=tmp_path / "server.key")
    with receivers(Settings(tls=tls, grpc=GrpcLimits(handshake_seconds=0.3))) as live:
        assert seconds_until_closed(live.grpc, b"\x16\x03\x01") < 5


def test_there_are_so_many_connections() -> None:
    """More are refused; one that is there is served."""
    with (
        receivers(Settings(grpc=GrpcLimits(connections=4, handshake_seconds=LONG))) as live,
        ExitStack() as stack,
        grpc.insecure_channel(live.grpc) as channel,
    ):
        export = channel.unary_unary(EXPORT_TRACES, None, None)
        export(BODY, timeout=10)
        host, _, port = live.grpc.rpartition(":")
        for _ in range(3):
            stack.enter_context(socket.create_connection((host, int(port)), 10))
        for _ in range(3):
            assert seconds_until_closed(live.grpc, b"") < 5
        export(BODY, timeout=10)
