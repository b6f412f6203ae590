"""A real collector process on ports and directories of its own."""

from __future__ import annotations

import random
import resource
import shutil
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.commands import Process, agenttrace, start
from tests.support.shared import made_once

START_SECONDS = 60.0
# What is the default where nothing is set: for measuring, since `start_collector` waits for nothing.
SHIPPED: Mapping[str, str] = {"exporters__clickhouse__block_age": "5s", "derive__round_wait": "10s"}
STOP_SECONDS = 60.0
_POLL_SECONDS = 0.05
_PORTS = range(15_000, 32_000)

# A database that is made under these is another one.
_OF_SCHEMA = ("processors.enforce.", "exporters.clickhouse.database", "exporters.clickhouse.ttl")


@dataclass(slots=True)
class Collector:
    """Where a collector process listens and what it wrote; paths are below `directory`."""

    directory: Path
    settings: Mapping[str, str]
    ports: Mapping[str, int]
    process: Process = field(repr=False)

    @property
    def grpc(self) -> str:
        """The OTLP/gRPC endpoint as host and port."""
        return f"127.0.0.1:{self.ports['grpc']}"

    def url(self, listener: str, path: str = "/") -> str:
        """A URL of one of the HTTP listeners: http, api, clickhouse, health, metrics."""
        return f"http://127.0.0.1:{self.ports[listener]}{path}"

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def log(self) -> str:
        """Everything the process has printed."""
        return (self.directory / "collector.log").read_text(errors="replace")

    def get(self, listener: str, path: str = "/") -> str:
        """The body of a GET request."""
        with urllib.request.urlopen(self.url(listener, path), timeout=10) as answer:  # noqa: S310 - loopback
            return str(answer.read().decode())

    def ready(self) -> bool:
        """Whether the health endpoint says that requests are accepted."""
        try:
            self.get("health")
        except (urllib.error.URLError, OSError):
            return False
        return True

    def stop(self) -> int:
        """Ask the process to end as an operator does and wait until it has; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """End the process at once, as a crash does."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on just now.

    Below the ports that the kernel gives to clients, and at random: a port that was asked of the kernel may be
    some client's by the time the collector listens on it.
    """
    free: list[int] = []
    while len(free) < count:
        port = random.choice(_PORTS)
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("127.0.0.1", port))
            if port not in free:
                free.append(port)
    return free


_LISTENERS = {
    "grpc": "receivers.otlp.protocols.grpc.endpoint",
    "http": "receivers.otlp.protocols.http.endpoint",
    "api": "extensions.api.endpoint",
    "clickhouse": "extensions.clickhouse_http.endpoint",
    "health": "extensions.health_check.endpoint",
    "metrics": "service.telemetry.metrics.address",
}


def start_collector(
    directory: Path,
    settings: Mapping[str, str] | None = None,
    ports: Mapping[str, int] | None = None,
    files: int | None = None,
    *,
    config: Path | None = None,
) -> Collector:
    """Start `agenttrace collector run` with at most so many open files; the caller waits for `ready` and stops it.

    `config` is a file for what the settings do not say: what it says may change, and SIGHUP has it read again.
    """
    ports = ports or dict(zip(_LISTENERS, free_ports(len(_LISTENERS)), strict=True))
    chosen = {
        **{key: f"127.0.0.1:{ports[name]}" for name, key in _LISTENERS.items()},
        "journal.directory": str(directory / "journal"),
        "exporters.clickhouse.endpoint": f"chdb://{directory / 'data'}",
        # As soon as may be: what a test sends is little, and it waits for it.
        "exporters.clickhouse.block_age": "500ms",
        "derive.round_wait": "0s",
        **(settings or {}),
    }
    _make_database(directory / "data", chosen)
    arguments = [part for key, value in chosen.items() for part in ("--set", f"{key}={value}")]
    arguments += ["--config", str(config)] if config else []
    log = directory / "collector.log"
    process = start(["collector", "run", *arguments], log, log)
    if files:
        # Long before it raises its limit: it imports its libraries first.
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (files, files))
    return Collector(directory, chosen, ports, process)


def _migrate(directory: Path) -> None:
    """Make a database with the schema and no rows by `agenttrace migrate`, which costs 1.5 s of CPU."""
    made = agenttrace("migrate", "up", "--set", f"exporters.clickhouse.endpoint=chdb://{directory / 'data'}")
    assert made.returncode == 0, made.stderr


def _make_database(place: Path, settings: Mapping[str, str]) -> None:
    """Copy the empty database where a collector would make one with the default rules."""
    ours = settings["exporters.clickhouse.endpoint"] == f"chdb://{place}" and not place.exists()
    if ours and not any(key.startswith(_OF_SCHEMA) for key in settings):
        shutil.copytree(made_once("empty", _migrate) / "data", place, symlinks=True)


def wait_until_ready(collector: Collector, seconds: float = START_SECONDS) -> None:
    """Return when requests are accepted; a process that ends or never gets there fails the test."""
    deadline = time.monotonic() + seconds
    while not collector.ready():
        if collector.process.poll() is not None or time.monotonic() > deadline:
            collector.process.kill()
            raise AssertionError(collector.log()[-4000:])
        time.sleep(_POLL_SECONDS)


@contextmanager
def running_collector(directory: Path, **settings: str) -> Iterator[Collector]:
    """A collector that accepts requests, stopped at the end; `a__b` in a setting's name means `a.b`."""
    chosen = {key.replace("__", "."): value for key, value in settings.items()}
    with until_stopped(start_collector(directory, chosen)) as collector:
        yield collector


@contextmanager
def until_stopped(collector: Collector) -> Iterator[Collector]:
    """One that was started, once it accepts requests."""
    try:
        wait_until_ready(collector)
        yield collector
    finally:
        if collector.process.poll() is None:
            collector.stop()
