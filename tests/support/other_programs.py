"""Programs of other makes that tests run: started, waited for, and ended."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import rotel

from tests.support.collector import free_ports
from tests.support.receivers import wait_until

START_SECONDS = 60.0
_ROTEL = Path(rotel.__file__).with_name("rotel-agent")


@contextmanager
def program(
    log: Path, command: Sequence[str], port: int, seconds: float = START_SECONDS, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A program from when it listens on a port until the block ends; it writes to the log."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **environment})
    try:
        wait_until(lambda: process.poll() is not None or accepts(port), seconds)
        assert process.poll() is None
        yield process
    finally:
        process.terminate()
        process.wait(60)


def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running_rotel(
    log: Path, protocol: str, endpoint: str
) -> Iterator[tuple[dict[str, int], subprocess.Popen[bytes]]]:
    """A rotel that sends on by this protocol what comes to its ports (`grpc` and `http`), with its defaults."""
    ports = dict(zip(("grpc", "http"), free_ports(2), strict=True))
    arguments = {
        "--otlp-grpc-endpoint": f"127.0.0.1:{ports['grpc']}",
        "--otlp-http-endpoint": f"127.0.0.1:{ports['http']}",
        "--exporter": "otlp",
        "--otlp-exporter-protocol": protocol,
        "--otlp-exporter-endpoint": endpoint,
    }
    command = [str(_ROTEL), "start", *(part for pair in arguments.items() for part in pair)]
    with program(log, command, ports["grpc"]) as process:
        yield ports, process
