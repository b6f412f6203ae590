"""Small OTLP requests for tests: spans with attributes and events, log records with attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import randbytes

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agenttrace_schemas import wire
from tests.support.reference import Value, attribute

NOW = 1_790_000_000_000_000_000
TRACE_ID = bytes(range(1, 17))
SPAN_ID = bytes(range(1, 9))
DECISION: Mapping[str, Value] = {
    wire.DECISION_TYPE: "tool_selection",
    wire.DECISION_SELECTED: "search_flights",
    wire.DECISION_REASON_CODE: "fresh_data_required",
}
SIGNAL: Mapping[str, Value] = {
    wire.SIGNAL_TYPE: "tool_success",
    wire.SIGNAL_CODE: "first_attempt",
    wire.SIGNAL_VALUE: True,
}
FAILURE: Mapping[str, Value] = {wire.FAILURE_TYPE: "tool", wire.FAILURE_CODE: "timeout"}
STEP: Mapping[str, Value] = {
    wire.GEN_AI_OPERATION_NAME: "execute_tool",
    wire.GEN_AI_TOOL_NAME: "search_flights",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ASpan:
    """A span to send; events are pairs of name and attributes."""

    attributes: Mapping[str, Value] = field(default_factory=dict)
    events: Sequence[tuple[str, Mapping[str, Value]]] = ()
    trace_id: bytes = TRACE_ID
    span_id: bytes = SPAN_ID
    name: str = "span"
    start: int = NOW
    end: int = NOW + 5_000_000
    error: bool = False


def traces(*spans: ASpan, resource: Mapping[str, Value] | None = None) -> bytes:
    """An ExportTraceServiceRequest of these spans."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    for key, value in (resource or {}).items():
        resource_spans.resource.attributes.append(attribute(key, value))
    resource_spans.scope_spans.add().spans.extend(map(_span, spans))
    return request.SerializeToString()


def one_span_runs(count: int, now: int) -> bytes:
    """An ExportTraceServiceRequest of runs of one model call each, with fresh ids; `now` in ns."""
    call: Mapping[str, Value] = {wire.GEN_AI_OPERATION_NAME: "chat", wire.GEN_AI_REQUEST_MODEL: "gpt-4o"}
    return traces(
        *(
            ASpan(attributes=call, trace_id=randbytes(16), span_id=randbytes(8), start=now, end=now + 1_000)
            for _ in range(count)
        ),
        resource={wire.SERVICE_NAME: "desk"},
    )


def _span(given: ASpan) -> Span:
    span = Span(
        trace_id=given.trace_id,
        span_id=given.span_id,
        name=given.name,
        start_time_unix_nano=given.start,
        end_time_unix_nano=given.end,
    )
    if given.error:
        span.status.code = Status.STATUS_CODE_ERROR
    span.attributes.extend(attribute(key, value) for key, value in given.attributes.items())
    for name, attributes in given.events:
        event = span.events.add(name=name, time_unix_nano=given.start)
        event.attributes.extend(attribute(key, value) for key, value in attributes.items())
    return span


def logs(
    name: str,
    attributes: Mapping[str, Value],
    trace_id: bytes = TRACE_ID,
    span_id: bytes = SPAN_ID,
    *,
    scope: str = "",
) -> bytes:
    """An ExportLogsServiceRequest of one record."""
    request = ExportLogsServiceRequest()
    scoped = request.resource_logs.add().scope_logs.add()
    scoped.scope.name = scope
    record = scoped.log_records.add()
    record.event_name, record.time_unix_nano = name, NOW
    record.trace_id, record.span_id = trace_id, span_id
    record.attributes.extend(attribute(key, value) for key, value in attributes.items())
    return request.SerializeToString()
