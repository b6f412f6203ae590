"""Setting a process up: the OTEL_* variables, the application's own provider, what is not installed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider

import agenttrace
from agenttrace import InvalidSetting, MissingExtra
from agenttrace.capture import capture
from agenttrace.exporters import log_exporter, span_exporter
from agenttrace.runtime import active
from agenttrace_schemas import wire
from tests.support.python_process import run


class Receiver(BaseHTTPRequestHandler):
    """Keeps what is posted to it, by path."""

    received: ClassVar[dict[str, list[bytes]]] = {}

    def do_POST(self) -> None:
        """Take a request and answer with an empty success."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.received.setdefault(self.path, []).append(body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    """Where an OTLP/HTTP receiver listens."""
    Receiver.received.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_spans_leave_over_otlp_http(endpoint: str) -> None:
    """The standard endpoint variable is all an agent's process needs."""
    run("-m", "agenttrace.examples.decisions", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    (body,) = Receiver.received.pop("/v1/traces")
    (resource,) = ExportTraceServiceRequest.FromString(body).resource_spans
    named = {item.key: item.value.string_value for item in resource.resource.attributes}
    assert named[wire.SERVICE_NAME] == "support-desk"
    assert sum(len(scope.spans) for scope in resource.scope_spans) == 16
    assert Receiver.received == {}


def test_events_leave_as_logs_too(endpoint: str) -> None:
    """With the log carrier a logger provider is set up beside."""
    run(
        "-m",
        "agenttrace.examples.signals",
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        OTEL_SERVICE_NAME="search",
        AGENTTRACE_EVENTS="both",
    )
    logs = [ExportLogsServiceRequest.FromString(body) for body in Receiver.received["/v1/logs"]]
    spans = [ExportTraceServiceRequest.FromString(body) for body in Receiver.received["/v1/traces"]]
    records = [
        record for log in logs for scope in log.resource_logs[0].scope_logs for record in scope.log_records
    ]
    events = [
        event
        for request in spans
        for scope in request.resource_spans[0].scope_spans
        for span in scope.spans
        for event in span.events
    ]
    named = {item.key: item.value.string_value for item in spans[0].resource_spans[0].resource.attributes}
    assert len(records) == len(events) == 25
    assert named[wire.SERVICE_NAME] == "search"


EXISTING = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
import agenttrace
spans, own = InMemorySpanExporter(), TracerProvider()
own.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(own)
assert agenttrace.configure("desk") is own is agenttrace.configure("desk", "2")
with agenttrace.AgentTracer("desk").start_run(), trace.get_tracer("framework").start_as_current_span("chat"):
    agenttrace.record_decision("tool_selection", "web", "cost_optimization")
trace.get_tracer("framework").start_span("outside").end()
for span in spans.get_finished_spans():
    print(span.name, span.attributes.get("agenttrace.agent.id"), span.attributes.get("agenttrace.agent.version"))
"""


def test_an_existing_provider_is_kept() -> None:
    """It gets our processor, once, and no exporter: nothing is sent anywhere."""
    printed = run("-c", EXISTING, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9").splitlines()
    assert printed == ["chat desk None", "invoke_agent desk desk None", "outside desk 2"]


def test_configure_refuses_what_is_not_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """At start, where someone looks; the message names the variable and what is allowed."""
    provider = TracerProvider(shutdown_on_exit=False)
    with pytest.raises(InvalidSetting, match="events is span, log or both"):
        agenttrace.configure(events="pigeon", tracer_provider=provider)  # type: ignore[arg-type]  # on purpose
    monkeypatch.setenv("AGENTTRACE_LABELS", "poems")
    with pytest.raises(InvalidSetting, match="AGENTTRACE_LABELS: must be one of token, words, relaxed"):
        agenttrace.configure(tracer_provider=provider)


def test_arguments_go_before_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the code says holds over what the environment says."""
    monkeypatch.setenv("AGENTTRACE_LABELS", "words")
    monkeypatch.setenv("AGENTTRACE_ENVIRONMENT", "staging")
    with capture():
        agenttrace.configure(labels="relaxed", tracer_provider=TracerProvider(shutdown_on_exit=False))
        settings = active().settings
    assert (settings.policy.labels, settings.environment) == ("relaxed", "staging")


@pytest.mark.parametrize(("protocol", "package"), [("", "http"), ("http/protobuf", "http"), ("grpc", "grpc")])
def test_the_protocol_variable_chooses_the_exporter(
    monkeypatch: pytest.MonkeyPatch, protocol: str, package: str
) -> None:
    """HTTP is the default of a light install; the traces' own variable goes first."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", protocol)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", protocol)
    for exporter in (span_exporter(), log_exporter()):
        assert exporter is not None
        assert type(exporter).__module__.startswith(f"opentelemetry.exporter.otlp.proto.{package}")
        exporter.shutdown()


@pytest.mark.parametrize("variable", ["OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL"])
def test_other_exporters_are_refused_by_name(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Better a clear word at start than spans that go nowhere."""
    monkeypatch.setenv(variable, "pigeon")
    with pytest.raises(InvalidSetting, match=variable):
        span_exporter()


def test_no_exporter_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`none` means none."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    assert (span_exporter(), log_exporter()) == (None, None)


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A light install has no gRPC."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.grpc.trace_exporter", None)
    with pytest.raises(MissingExtra, match=r"agenttrace-otel\[grpc\]"):
        span_exporter()


def test_the_global_provider_is_untouched_by_tests() -> None:
    """None of the above set one in this process."""
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
