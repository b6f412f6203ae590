"""Everything a collector prints is JSON when JSON is asked for: its own log, gRPC's and the engine's."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from tests.support.collector import free_ports
from tests.support.load import EXPORT
from tests.support.otlp import ASpan, traces
from tests.support.plain_http import get
from tests.support.receivers import wait_until

pytestmark = pytest.mark.long
CANARY = "canary-3e1f"
# The collector as it is shipped, in a process whose engine can be made to log a query.
PROGRAM = f"""
import signal, sys, threading
def speak():
    import clickhouse_connect
    client = clickhouse_connect.get_client(interface="chdb", path=sys.argv[-1].partition("chdb://")[2])
    client.query("SELECT '{CANARY}'", settings={{"send_logs_level": "trace"}})
    print("{CANARY}", file=sys.stderr)
signal.signal(signal.SIGUSR1, lambda *_: threading.Thread(target=speak).start())
from agenttrace_collector.launch import main
main()
"""  # noqa: S608 - ours


@contextmanager
def started(
    directory: Path, ports: Mapping[str, int], **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A collector that logs JSON into `log`, and whatever else its process prints."""
    settings = {
        "receivers.otlp.protocols.grpc.endpoint": f"127.0.0.1:{ports['grpc']}",
        "receivers.otlp.protocols.http.endpoint": "null",
        "extensions.api.endpoint": "null",
        "extensions.clickhouse_http.endpoint": "null",
        "extensions.health_check.endpoint": f"127.0.0.1:{ports['health']}",
        "service.telemetry.metrics.address": "null",
        "service.telemetry.logs.encoding": "json",
        "service.telemetry.logs.level": "debug",
        "journal.directory": str(directory / "journal"),
        "exporters.clickhouse.endpoint": f"chdb://{directory / 'data'}",
    }
    words = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "collector", "run", *words],
            stdout=log,
            stderr=log,
            env={**os.environ, **environment},
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait(60)


def lines(directory: Path) -> list[dict[str, Any]]:
    """What was printed, which must be an object a line."""
    printed = [json.loads(line) for line in (directory / "log").read_text().splitlines()]
    assert all(isinstance(line, dict) for line in printed)
    return printed


def is_ready(port: int) -> bool:
    """Whether requests are taken."""
    try:
        return get(f"http://127.0.0.1:{port}/").status_code == 200
    except httpx.TransportError:
        return False


def test_grpc_and_the_engine_log_json_and_nothing_of_what_they_were_sent(tmp_path: Path) -> None:
    """Frames and texts of queries; of each line its source, and where in gRPC it comes from."""
    ports = dict(zip(("grpc", "health"), free_ports(2), strict=True))
    with started(tmp_path, ports, GRPC_VERBOSITY="debug", GRPC_TRACE="http,tcp") as process:
        wait_until(lambda: is_ready(ports["health"]), seconds=60)
        with grpc.insecure_channel(f"127.0.0.1:{ports['grpc']}") as channel:
            body = traces(ASpan(name=CANARY))
            metadata = (("x-said", CANARY),)
            channel.unary_unary(EXPORT, None, None)(body, timeout=10, metadata=metadata)
        with socket.create_connection(("127.0.0.1", ports["grpc"])) as other:
            other.sendall(f"GET /{CANARY} HTTP/1.1\r\n\r\n".encode())
            other.recv(1024)
        process.send_signal(signal.SIGUSR1)
        wait_until(lambda: {"grpc", "engine", "process"} <= {line.get("source") for line in lines(tmp_path)})
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    printed = lines(tmp_path)
    assert CANARY not in json.dumps(printed)
    assert any(line.get("place", "").partition(":")[0].endswith(".cc") for line in printed)


def test_a_start_that_fails_says_why_as_json(tmp_path: Path) -> None:
    """The port is taken: by gRPC's word, which is not shown, and by ours."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = {"grpc": taken.getsockname()[1], "health": free_ports(1)[0]}
        with started(tmp_path, ports, GRPC_VERBOSITY="error") as process:
            assert process.wait(60) == 1
    printed = lines(tmp_path)
    assert "another process using it" in printed[-1]["msg"]
    assert any(line.get("source") == "grpc" and line.get("place") for line in printed)
