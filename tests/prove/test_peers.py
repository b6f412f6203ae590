"""Senders of other makes deliver through an outage of the collector: only what they drop themselves is missing."""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from agenttrace_schemas import wire
from agenttrace_schemas.rows import StepRow
from tests.support.collector import Collector, start_collector, wait_until_ready
from tests.support.other_programs import otlp_exporter, running_rotel
from tests.support.read_back import read_back

FULL = os.environ.get("PROVE") == "full"
OUTAGE_SECONDS = 30.0 if FULL else 3.0
BEFORE_SECONDS = AFTER_SECONDS = 6.0 if FULL else 1.0
SPANS_PER_SECOND = 20
# Longer than any of them waits between two attempts.
QUIET_SECONDS = 35.0 if FULL else 6.0
Relay: TypeAlias = Callable[[Path, Collector], AbstractContextManager[Collector]]


class Watched(SpanExporter):
    """An exporter, and the ids of the steps it says it delivered or dropped."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self.delivered: set[str] = set()
        self.dropped: set[str] = set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export, and take note of the outcome."""
        result = self._exporter.export(spans)
        ids = {str((span.attributes or {})[wire.STEP_ID]) for span in spans}
        (self.delivered if result is SpanExportResult.SUCCESS else self.dropped).update(ids)
        return result

    def shutdown(self) -> None:
        """End the exporter."""
        self._exporter.shutdown()


def work(provider: TracerProvider, stop: threading.Event) -> None:
    """An agent that calls a tool again and again."""
    tracer = provider.get_tracer("peer")
    while not stop.wait(1 / SPANS_PER_SECOND):
        with tracer.start_as_current_span("execute_tool lookup") as span:
            span.set_attribute(wire.GEN_AI_OPERATION_NAME, "execute_tool")
            span.set_attribute(wire.GEN_AI_TOOL_NAME, "lookup")
            span.set_attribute(wire.STEP_ID, str(uuid.uuid4()))


@contextmanager
def working(exporter: SpanExporter) -> Iterator[None]:
    """Agents at work; at the end everything they have goes through the exporter."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    stop = threading.Event()
    agent = threading.Thread(target=work, args=(provider, stop))
    agent.start()
    try:
        yield
    finally:
        stop.set()
        agent.join()
        provider.shutdown()


def through_an_outage(
    directory: Path, relay: Relay, exporter: Callable[[Collector], SpanExporter]
) -> Watched:
    """Work while a collector is killed and, after a while, started again; then wait for the rest."""
    clock = threading.Event()
    collector = start_collector(directory)
    wait_until_ready(collector)
    with relay(directory, collector) as entrance:
        watched = Watched(exporter(entrance))
        with working(watched):
            clock.wait(BEFORE_SECONDS)
            collector.kill()
            clock.wait(OUTAGE_SECONDS)
            collector = start_collector(directory, ports=collector.ports)
            wait_until_ready(collector)
            clock.wait(AFTER_SECONDS)
        if relay is not directly:
            wait_until_quiet(collector)
    assert collector.stop() == 0
    return watched


def wait_until_quiet(collector: Collector) -> None:
    """Return when nothing has come for as long as a sender may wait between two attempts."""
    clock = threading.Event()
    seen = -1.0
    while (now := received(collector)) != seen:
        seen = now
        clock.wait(QUIET_SECONDS)


def received(collector: Collector) -> float:
    """The spans that this process of the collector has received."""
    text = collector.get("metrics", "/metrics")
    return sum(
        float(line.split()[-1]) for line in text.splitlines() if line.startswith("agenttrace_received_spans{")
    )


def stored(directory: Path) -> Counter[str]:
    """How many rows each step has."""
    tables = dict(part.split("\n", 1) for part in read_back(directory / "data").split("# ")[1:])
    return Counter(json.loads(line)["step_id"] for line in tables[StepRow.TABLE].splitlines() if line)


def report(name: str, watched: Watched, rows: Counter[str]) -> None:
    """One line of figures."""
    print(
        f"\n{name}: {OUTAGE_SECONDS:.0f} s away, {len(watched.delivered)} spans delivered, {len(watched.dropped)}"
        f" dropped by the exporter, {len(rows)} stored, {rows.total() - len(rows)} twice"
    )


@contextmanager
def directly(_: Path, collector: Collector) -> Iterator[Collector]:
    """Nothing in between."""
    yield collector


@contextmanager
def through_rotel(directory: Path, collector: Collector) -> Iterator[Collector]:
    """A rotel that forwards to the collector with default settings, to be sent to in its place."""
    with running_rotel(directory / "rotel.log", *otlp_exporter("grpc", f"http://{collector.grpc}")) as (
        ports,
        process,
    ):
        yield Collector(directory, {}, ports, process)


def over_grpc(collector: Collector) -> SpanExporter:
    """The Python exporter for gRPC with its defaults."""
    return GrpcExporter(collector.grpc, insecure=True)


def over_http(collector: Collector) -> SpanExporter:
    """The Python exporter for HTTP with its defaults."""
    return HttpExporter(collector.url("http", "/v1/traces"))


@pytest.mark.parametrize(
    ("name", "relay", "exporter"),
    [
        ("Python gRPC exporter", directly, over_grpc),
        ("Python HTTP exporter", directly, over_http),
        ("rotel", through_rotel, over_grpc),
    ],
)
def test_only_what_a_sender_drops_itself_is_lost(
    tmp_path: Path, name: str, relay: Relay, exporter: Callable[[Collector], SpanExporter]
) -> None:
    """With default settings; what it says it delivered is stored, each once."""
    watched = through_an_outage(tmp_path, relay, exporter)
    rows = stored(tmp_path)
    report(name, watched, rows)
    assert watched.delivered <= set(rows) <= watched.delivered | watched.dropped
    assert rows.total() == len(rows) > 0
