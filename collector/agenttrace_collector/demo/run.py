"""Starts a collector, lets real agents send to it over OTLP/gRPC, and stops it again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

_EXAMPLES: Final = ("agenttrace", "examples")
_DEMO: Final = ("agenttrace_collector", "demo")
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.05


class DemoSender(NamedTuple):
    """A program that sends, by its name in a package, and what to say of it."""

    name: str
    title: str
    package: tuple[str, ...] = _EXAMPLES

    @property
    def module(self) -> str:
        """What `python -m` runs; only its name is known here, the SDK is not imported."""
        return ".".join((*self.package, self.name))


SENDERS: Final = (
    DemoSender("decisions", "an agent that records its decisions"),
    DemoSender("signals", "an agent that records quality signals"),
    DemoSender("everything", "an agent with both, retries and a failure"),
    DemoSender("replay", "200 published runs of a customer-service agent, replayed"),
    DemoSender("forbidden", "a sender that says what must never be stored"),
    DemoSender("coding_agents", "Claude Code, Codex and Gemini CLI, prompts and answers included", _DEMO),
)
_LISTENERS: Final = (
    "receivers.otlp.protocols.grpc.endpoint",
    "extensions.health_check.endpoint",
)
_SWITCHED_OFF: Final = (
    "receivers.otlp.protocols.http.endpoint",
    "extensions.api.endpoint",
    "extensions.clickhouse_http.endpoint",
    "service.telemetry.metrics.address",
)


class DemoFailed(Exception):
    """A part of the demonstration did not do what it should; the message says where to look."""


@dataclass(frozen=True, slots=True)
class DemoDirectory:
    """The directory of a demonstration and what stands where in it."""

    directory: Path

    @property
    def data(self) -> Path:
        """The embedded database."""
        return self.directory / "data"

    @property
    def settings(self) -> Mapping[str, str]:
        """What a collector needs to run here."""
        return {
            "journal.directory": str(self.directory / "journal"),
            "exporters.clickhouse.endpoint": f"chdb://{self.data}",
        }

    @property
    def log(self) -> Path:
        """What the collector and the senders printed."""
        return self.directory / "demo.log"


@contextmanager
def collector(place: DemoDirectory) -> Iterator[str]:
    """A collector process on loopback ports of its own; yields its OTLP/gRPC endpoint."""
    grpc, health = (f"127.0.0.1:{port}" for port in _free_ports(len(_LISTENERS)))
    settings = {**place.settings, **dict(zip(_LISTENERS, (grpc, health), strict=True))}
    settings |= dict.fromkeys(_SWITCHED_OFF, "null")
    process = _start(command(settings), place.log, {})
    try:
        _wait_until_ready(process, f"http://{health}/", place)
        yield grpc
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_STOP_SECONDS)


def command(settings: Mapping[str, str]) -> list[str]:
    """The command that runs a collector with these settings."""
    chosen = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    return [sys.executable, "-m", "agenttrace_collector.cli", "collector", "run", *chosen]


def send(sender: DemoSender, endpoint: str, place: DemoDirectory) -> None:
    """Run one sender to its end."""
    variables = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{endpoint}",
        "OTEL_EXPORTER_OTLP_INSECURE": "true",
    }
    process = _start([sys.executable, "-m", sender.module], place.log, variables)
    if process.wait() != 0:
        message = f"{sender.module} ended with code {process.returncode}: see {place.log}"
        raise DemoFailed(message)


def _start(arguments: Sequence[str], log: Path, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own modules
            arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **variables}
        )


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, place: DemoDirectory) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _is_ready(url):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            message = f"the collector did not start: see {place.log}"
            raise DemoFailed(message)
        time.sleep(_POLL_SECONDS)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - loopback
            return True
    except (urllib.error.URLError, OSError):
        return False


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()
