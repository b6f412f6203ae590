"""Plants a token in every string-bearing field of OTLP messages, at every depth, in every event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agenttrace_schemas import wire

TOKEN = "CANARY-5e1f"
# Not an identifier and not a label: what somebody said, with the token at both ends and alone.
SAID = f'{TOKEN}: "where is my order?", asked — {TOKEN}, please!'
_DEPTH = 6

_KEYS = [value for name, value in vars(wire).items() if name.isupper() and isinstance(value, str)]
# The operation is what makes a span a step: it stays readable, or nothing would be stored at all.
_PLANTED_KEYS = [
    *(key for key in _KEYS if key != wire.GEN_AI_OPERATION_NAME),
    f"{wire.METADATA_PREFIX}note",
    SAID,
]


def planted(kind: type[Message], depth: int = 0) -> Message:
    """A message of this kind with the token in every field that can hold text."""
    message = kind()
    for field in kind.DESCRIPTOR.fields:
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            if depth < _DEPTH:
                _plant_child(message, field, depth)
        elif field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
            value = SAID if field.type == FieldDescriptor.TYPE_STRING else SAID.encode()
            _put(message, field, value)
    return message


def _plant_child(message: Message, field: Any, depth: int) -> None:
    child = getattr(message, field.name)
    target = child.add() if field.is_repeated else child
    target.CopyFrom(planted(type(target), depth + 1))


def _put(message: Message, field: Any, value: object) -> None:
    if field.is_repeated:
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)


def any_values() -> Iterator[AnyValue]:
    """The sentence as a string, as bytes, in a list, and in maps nested in lists."""
    text = AnyValue(string_value=SAID)
    yield text
    yield AnyValue(bytes_value=SAID.encode())
    listed = AnyValue()
    listed.array_value.values.append(text)
    yield listed
    for _ in range(_DEPTH):
        nested = AnyValue()
        nested.kvlist_value.values.append(KeyValue(key=SAID, value=listed))
        listed = AnyValue()
        listed.array_value.values.append(nested)
        yield listed


def trace_requests(now: int) -> Iterator[ExportTraceServiceRequest]:
    """Valid spans with the token everywhere else: under unknown keys, and under each key of the contract."""
    everything = planted(ExportTraceServiceRequest)
    assert isinstance(everything, ExportTraceServiceRequest)
    _make_storable(everything.resource_spans[0].scope_spans[0].spans[0], 1, now)
    yield everything
    for number, value in enumerate(any_values(), start=2):
        request = ExportTraceServiceRequest()
        request.CopyFrom(everything)
        span = request.resource_spans[0].scope_spans[0].spans[0]
        _make_storable(span, number, now)
        _plant_keys(request, span, value)
        yield request
    yield made_up_names(now)


# An identifier: only that nothing shows such a tool to exist keeps it out.
MADE_UP = f"{TOKEN}_delete_the_account_of_anna"
_CALLS: tuple[tuple[str, dict[str, str]], ...] = (
    ("execute_tool", {wire.GEN_AI_TOOL_NAME: MADE_UP}),
    ("execute_tool", {wire.GEN_AI_TOOL_NAME: f"transfer_to_{MADE_UP}"}),
    ("execute_tool", {"tool.name": MADE_UP, wire.STEP_NAME: MADE_UP, "traceloop.entity.name": MADE_UP}),
    ("execute_tool", {}),
    ("handoff", {wire.GEN_AI_TOOL_NAME: MADE_UP, wire.GEN_AI_AGENT_NAME: "planner"}),
    ("invoke_agent", {wire.GEN_AI_AGENT_NAME: MADE_UP, wire.ERROR_TYPE: "agent_not_found"}),
)


def made_up_names(now: int) -> ExportTraceServiceRequest:
    """Failed calls of tools and of subagents by names that a model made up, in every key that names one."""
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for number, (operation, attributes) in enumerate(_CALLS * 2, start=1):
        span = spans.add(name=f"{operation} {MADE_UP}")
        _make_storable(span, 1_000 + number, now)
        span.status.code = Status.STATUS_CODE_ERROR
        error = {wire.ERROR_TYPE: "tool_not_found"} if number > len(_CALLS) else {}
        for key, value in {wire.GEN_AI_OPERATION_NAME: operation, **error, **attributes}.items():
            span.attributes.append(_attribute(key, value))
    return request


def _plant_keys(request: ExportTraceServiceRequest, span: Span, value: AnyValue) -> None:
    """Every key of the contract carries the value: on the resource, the scope, the span, each event."""
    attributes = [KeyValue(key=key, value=value) for key in _PLANTED_KEYS]
    resource_spans = request.resource_spans[0]
    resource_spans.resource.attributes.extend(attributes)
    resource_spans.scope_spans[0].scope.attributes.extend(attributes)
    span.attributes.extend(attributes)
    span.attributes.append(_attribute(wire.GEN_AI_OPERATION_NAME, "execute_tool"))
    for name in (*sorted(wire.EVENT_NAMES), wire.EXCEPTION_EVENT):
        event = span.events.add(name=name, time_unix_nano=span.start_time_unix_nano)
        event.attributes.extend(attributes)
        for key in attributes:
            span.events.add(name=name, time_unix_nano=span.start_time_unix_nano).attributes.append(key)


def log_requests(now: int) -> Iterator[ExportLogsServiceRequest]:
    """Log records of every event name with the token in every field and under each key."""
    for number, value in enumerate(any_values(), start=1):
        for name in (*sorted(wire.EVENT_NAMES), SAID):
            request = planted(ExportLogsServiceRequest)
            assert isinstance(request, ExportLogsServiceRequest)
            record = request.resource_logs[0].scope_logs[0].log_records[0]
            record.event_name = name
            record.time_unix_nano = now
            record.trace_id = number.to_bytes(16)
            record.span_id = number.to_bytes(8)
            record.attributes.extend(KeyValue(key=key, value=value) for key in _KEYS)
            yield request


def _attribute(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def _make_storable(span: Span, number: int, now: int) -> None:
    span.trace_id = number.to_bytes(16)
    span.span_id = number.to_bytes(8)
    span.parent_span_id = (number + 1).to_bytes(8)
    span.start_time_unix_nano = span.end_time_unix_nano = now
