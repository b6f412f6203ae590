"""What did not leave, and what the collector has refused, is counted and told once; nothing that it says is repeated."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

import agenttrace
from agenttrace import AgentTracer
from agenttrace.capture import capture
from agenttrace.delivery import CountedLogProcessor, CountedSpanProcessor
from agenttrace.exporters import log_exporter, span_exporter
from agenttrace.settings import Settings
from tests.support.otlp_receiver import grpc_recording
from tests.support.otlp_recorder import Recorder, recording

ANSWER = "3 records refused by rule: decision.reason_code 2, label.pattern 1; said in confidence"


@pytest.fixture(autouse=True)
def own_runtime() -> Iterator[None]:
    """Counters of this test alone."""
    with capture(Settings()):
        yield


class Held(SpanExporter):
    """An exporter that waits until it may go on."""

    def __init__(self) -> None:
        self.busy, self.go_on = threading.Event(), threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Say that it has begun, and wait."""
        del spans
        self.busy.set()
        self.go_on.wait()
        return SpanExportResult.SUCCESS


def test_what_a_slow_exporter_drops_is_counted() -> None:
    """Spans of a full queue, each once."""
    held, provider = Held(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(CountedSpanProcessor(held, max_queue_size=4, max_export_batch_size=2))
    tracer = provider.get_tracer("a")
    for _ in range(2):
        tracer.start_span("first").end()
    held.busy.wait()
    for _ in range(7):
        tracer.start_span("next").end()
    assert agenttrace.counters().dropped == 3
    held.go_on.set()
    provider.shutdown()


@pytest.mark.parametrize("rejected", [3, 2**62])
def test_what_the_collector_refuses_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, rejected: int
) -> None:
    """By rule, for spans and log records; its own words may be anything, and so may its count."""
    traces, logs = ExportTraceServiceResponse(), ExportLogsServiceResponse()
    traces.partial_success.rejected_spans = logs.partial_success.rejected_log_records = rejected
    traces.partial_success.error_message = logs.partial_success.error_message = ANSWER
    with recording() as recorder, caplog.at_level(logging.DEBUG, "agenttrace"):
        recorder.answer = traces.SerializeToString()
        send(monkeypatch, recorder)
        recorder.answer = logs.SerializeToString()
        send_log(monkeypatch, recorder)
    assert agenttrace.counters().rejected == min(6, 2 * rejected) or rejected > 3
    (record,) = caplog.records
    assert "by rule decision.reason_code, label.pattern: this process" in record.message
    assert "confidence" not in record.message


def test_what_the_collector_refuses_over_grpc_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The same."""
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 3
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with grpc_recording() as recorder, caplog.at_level(logging.DEBUG, "agenttrace"):
        recorder.answer = lambda _: answer.SerializeToString()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{recorder.endpoint}")
        send_span()
    assert agenttrace.counters().rejected == 3
    assert "The collector has refused records: this process" in caplog.text


@pytest.mark.parametrize("answer", [b"", b"\xff\xff\xff", b"<html>said in confidence</html>"])
def test_other_answers_are_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, answer: bytes
) -> None:
    """Whatever a proxy answers."""
    with recording() as recorder, caplog.at_level(logging.DEBUG, "agenttrace"):
        recorder.answer = answer
        send(monkeypatch, recorder)
        assert len(recorder.bodies()) == 1
    assert caplog.records == []
    assert (agenttrace.counters().rejected, agenttrace.counters().dropped) == (0, 0)


def test_what_cannot_be_sent_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that takes nothing."""
    with recording() as recorder:
        recorder.status = 400
        send(monkeypatch, recorder)
    assert agenttrace.counters().dropped == 1


def send(monkeypatch: pytest.MonkeyPatch, recorder: Recorder) -> None:
    """Send one run."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", recorder.endpoint)
    send_span()


def send_span() -> None:
    """Send one run to where the variables say."""
    exporter, provider = span_exporter(), TracerProvider(shutdown_on_exit=False)
    assert exporter is not None
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with AgentTracer("desk", tracer_provider=provider).start_run():
        pass
    provider.shutdown()


def send_log(monkeypatch: pytest.MonkeyPatch, recorder: Recorder) -> None:
    """Send one log record."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", recorder.endpoint)
    exporter, provider = log_exporter(), LoggerProvider(shutdown_on_exit=False)
    assert exporter is not None
    provider.add_log_record_processor(CountedLogProcessor(exporter))
    provider.get_logger("a").emit(event_name="event")
    provider.shutdown()
