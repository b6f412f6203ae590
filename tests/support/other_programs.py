"""Programs of other makes that tests run: started, waited for, and ended."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.support.collector import free_ports
from tests.support.receivers import wait_until

START_SECONDS = 60.0


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


def rotel_program() -> Path | None:
    """Where the program of the package `rotel` is; None where that is not installed, as it is not for every system."""
    found = find_spec("rotel")
    return Path(found.origin).with_name("rotel-agent") if found and found.origin else None


@contextmanager
def running_rotel(log: Path, *exporter: str) -> Iterator[tuple[dict[str, int], subprocess.Popen[bytes]]]:
    """A rotel with its defaults that takes OTLP at its ports (`grpc` and `http`); `exporter`: arguments that say where it goes on."""
    path = rotel_program()
    assert path
    ports = dict(zip(("grpc", "http"), free_ports(2), strict=True))
    listening = (f"--otlp-{name}-endpoint=127.0.0.1:{port}" for name, port in ports.items())
    with program(log, [str(path), "start", *listening, *exporter], ports["grpc"]) as process:
        yield ports, process


def otlp_exporter(protocol: str, endpoint: str) -> tuple[str, ...]:
    """The arguments of a rotel that sends on by this protocol."""
    return "--exporter=otlp", f"--otlp-exporter-protocol={protocol}", f"--otlp-exporter-endpoint={endpoint}"
