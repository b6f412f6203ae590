"""A bounded OTLP/gRPC load of distinct requests, and what it cost the process that took it."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.fresh import FreshRequests
from tests.support.reference import SPANS, attribute

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Load:
    """What a load sent, how long each request took and when it was answered (monotonic), in seconds."""

    requests: int
    spans: int
    seconds: float
    latencies: list[float]
    refused: int
    answered: list[float]

    def percentile(self, percent: int) -> float:
        """The latency that this share of the requests stayed under, in milliseconds."""
        return statistics.quantiles(self.latencies, n=100, method="inclusive")[percent - 1] * 1000


def distinct(body: bytes, number: int) -> bytes:
    """The request with an empty envelope added, so that it is not taken for one sent again."""
    envelope = ExportTraceServiceRequest()
    envelope.resource_spans.add().resource.attributes.append(attribute("bench.request", number))
    return body + envelope.SerializeToString()


def send_load(
    endpoint: str, *, seconds: float, clients: int = 4, rate: float | None = None, spans: int = SPANS
) -> Load:
    """Send reference requests from `clients` channels for a fixed time; `rate`: spans per second.

    With a rate the clients take turns, each request at its own time.
    """
    now = time.time_ns()
    requests = [FreshRequests(seed, now, spans) for seed in range(clients)]
    pause = clients * spans / rate if rate else 0.0
    started = time.monotonic()

    def client(place: int) -> tuple[list[tuple[float, float]], int]:
        first = started + place * pause / clients
        with grpc.insecure_channel(endpoint) as channel:
            export = channel.unary_unary(EXPORT, bytes, bytes)
            return _send_until((first, started + seconds), pause, requests[place].next, export)

    with ThreadPoolExecutor(clients) as pool:
        results = [future.result() for future in [pool.submit(client, place) for place in range(clients)]]
    taken = [each for found, _ in results for each in found]
    latencies, answered = [latency for latency, _ in taken], [moment for _, moment in taken]
    refused = sum(count for _, count in results)
    return Load(len(taken), len(taken) * spans, time.monotonic() - started, latencies, refused, answered)


def _send_until(
    period: tuple[float, float], pause: float, body: Callable[[], bytes], export: Callable[[bytes], object]
) -> tuple[list[tuple[float, float]], int]:
    taken: list[tuple[float, float]] = []
    refused = 0
    due, deadline = period
    while due < deadline and time.monotonic() < deadline:
        time.sleep(max(0.0, due - time.monotonic()))
        request = body()
        sent = time.monotonic()
        try:
            export(request)
        except grpc.RpcError:
            refused += 1
        else:
            answered = time.monotonic()
            taken.append((answered - sent, answered))
        due = max(due + pause, sent) if pause else time.monotonic()
    return taken, refused


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peak_memory_mib(pid: int) -> float:
    """The largest resident size a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
