"""Enforced OTLP from a request: bytes in, bytes out; no clock, no I/O, no log."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agenttrace_collector.config.pipelines import Forward
from agenttrace_collector.decode import ids
from agenttrace_collector.decode.batch import Context, EncodedRows
from agenttrace_collector.decode.builder import BatchBuilder
from agenttrace_collector.decode.confirm import confirm
from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_collector.decode.conventions.read import read_span
from agenttrace_collector.decode.parse import parse
from agenttrace_collector.decode.steps import named
from agenttrace_collector.forward.attributes import Attributes, as_sent, normalised
from agenttrace_collector.forward.structure import structure_name
from agenttrace_collector.forward.values import to_attributes, values_of
from agenttrace_schemas import names, rules, wire
from agenttrace_schemas.checks import fingerprint
from agenttrace_schemas.column_types import OPERATIONS
from agenttrace_schemas.rebuild import (
    event_attributes,
    rebuilt_attributes,
    resource_names,
    span_name,
    typed_event,
)
from agenttrace_schemas.rules import Policy
from agenttrace_schemas.texts import identifier

_DISTRIBUTION: Final = "agenttrace-otel"
_FINGERPRINT_DIGITS: Final = 16
_ATTRIBUTES: Final[dict[str, Attributes]] = {"as_sent": as_sent, "genai": normalised}
_ERROR: Final = Status.StatusCode.STATUS_CODE_ERROR
# Whose an event is, on a carrier that is no step.
_STAMPS: Final = ("agenttrace.", wire.GEN_AI_AGENT_NAME)
# Facts that name what a model may have made up.
_NAMING: Final = ("tool_name", "name", "actor")


@dataclass(frozen=True, slots=True)
class Gate:
    """What may pass; `stamp` says under which version and policy it did."""

    attributes: Attributes
    keep_structure: bool
    stamp: str

    def traces(self, body: bytes, context: Context) -> EncodedRows:
        """An ExportTraceServiceRequest of the spans that may leave; empty where none may."""
        request, builder = parse(ExportTraceServiceRequest, body), BatchBuilder(context, b"")
        left, count = ExportTraceServiceRequest(), 0
        for resource in request.resource_spans:
            kept = [
                (scope, self._spans(scope.spans, scope.scope.name, builder)) for scope in resource.scope_spans
            ]
            if any(spans for _, spans in kept):
                target = left.resource_spans.add(resource=self._resource(resource.resource, context.policy))
                for scope, spans in kept:
                    target.scope_spans.add(scope=_scope(scope.scope), spans=spans)
                    count += len(spans)
        return EncodedRows(count, left.SerializeToString())

    def logs(self, body: bytes, context: Context) -> EncodedRows:
        """An ExportLogsServiceRequest of the typed events that keep every rule; empty where none does."""
        request, builder = parse(ExportLogsServiceRequest, body), BatchBuilder(context, b"")
        left, count = ExportLogsServiceRequest(), 0
        for resource in request.resource_logs:
            kept = [(scope, _records(scope.log_records, builder)) for scope in resource.scope_logs]
            if any(records for _, records in kept):
                target = left.resource_logs.add(resource=self._resource(resource.resource, context.policy))
                for scope, records in kept:
                    target.scope_logs.add(scope=_scope(scope.scope), log_records=records)
                    count += len(records)
        return EncodedRows(count, left.SerializeToString())

    def _resource(self, resource: Resource, policy: Policy) -> Resource:
        stated = resource_names(values_of(resource.attributes), policy)
        return Resource(attributes=to_attributes({**stated, wire.GATE: self.stamp}))

    def _spans(self, spans: Iterable[Span], scope: str, builder: BatchBuilder) -> list[Span]:
        return [left for span in spans if (left := self._span(span, scope, builder))]

    def _span(self, span: Span, scope: str, builder: BatchBuilder) -> Span | None:
        ended = span.end_time_unix_nano or span.start_time_unix_nano
        times = builder.in_range(span.start_time_unix_nano) and builder.in_range(ended)
        if (
            not times
            or not ids.valid(span.trace_id, ids.TRACE_ID)
            or not ids.valid(span.span_id, ids.SPAN_ID)
        ):
            return None
        facts = read_span(span, scope)
        said = [getattr(facts, fact) for fact in _NAMING]
        confirm(facts, span, builder)
        unconfirmed = frozenset(
            fact for fact, value in zip(_NAMING, said, strict=True) if getattr(facts, fact) != value
        )
        events = [left for event in span.events if (left := _event(event, builder))]
        typed = any(event.name in wire.EVENT_NAMES for event in events)
        if facts.operation:
            attributes = self.attributes(span, facts, unconfirmed, builder)
            name = span.name if self._may_keep_name(span, facts, unconfirmed) else _step_name(facts, builder)
            return _left(span, name, attributes, events, failed=facts.failed)
        if typed or span.name == wire.EVENTS_SPAN:
            attributes = dict(rebuilt_attributes(values_of(span.attributes), builder.context.policy))
            stamps = {key: value for key, value in attributes.items() if key.startswith(_STAMPS)}
            name = wire.EVENTS_SPAN if span.name == wire.EVENTS_SPAN else structure_name(span)
            return _left(span, name, stamps, events)
        return _left(span, structure_name(span), {}, []) if self.keep_structure else None

    def _may_keep_name(self, span: Span, facts: SpanFacts, unconfirmed: Collection[str]) -> bool:
        """Whether a step's own name is of a form that says nothing, and no name that a model may have made up."""
        if self.attributes is not as_sent or unconfirmed or span_name(span.name) != span.name:
            return False
        failed = facts.failed or facts.error_type or span.status.code == _ERROR
        return not failed or facts.operation not in names.OPERATIONS


def open_gate(settings: Forward, policy: Policy) -> Gate:
    """The gate of a configuration."""
    stamp = f"{version(_DISTRIBUTION)} {fingerprint(policy)[:_FINGERPRINT_DIGITS]}"
    return Gate(_ATTRIBUTES[settings.conventions], settings.other_spans == "structure", stamp)


def _step_name(facts: SpanFacts, builder: BatchBuilder) -> str:
    """The operation, and what it is done with."""
    operation = rules.closed(facts.operation, OPERATIONS)
    return f"{operation} {named(facts, 'name', (), builder)}".rstrip()


def _left(
    span: Span, name: str, attributes: dict[str, Any], events: list[Span.Event], *, failed: bool = False
) -> Span:
    """A new span: of the old one its ids, times, kind and status code."""
    known = span.kind in Span.SpanKind.values()
    code = span.status.code if span.status.code in Status.StatusCode.values() else 0
    return Span(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=ids.valid(span.parent_span_id, ids.SPAN_ID),
        name=name,
        kind=span.kind if known else Span.SpanKind.SPAN_KIND_UNSPECIFIED,
        start_time_unix_nano=span.start_time_unix_nano,
        end_time_unix_nano=span.end_time_unix_nano,
        attributes=to_attributes(attributes),
        events=events,
        status=Status(code=_ERROR if failed else Status.StatusCode.ValueType(code)),
    )


def _event(event: Span.Event, builder: BatchBuilder) -> Span.Event | None:
    policy = builder.context.policy
    if not _may_leave(event.name, [each.key for each in event.attributes], policy):
        return None
    kept = event_attributes(event.name, values_of(event.attributes), policy)
    if kept is None:
        return None
    time = event.time_unix_nano
    return Span.Event(
        name=event.name,
        time_unix_nano=time if builder.in_range(time) else 0,
        attributes=to_attributes(kept),
    )


def _records(records: Iterable[LogRecord], builder: BatchBuilder) -> list[LogRecord]:
    return [left for record in records if (left := _record(record, builder))]


def _record(record: LogRecord, builder: BatchBuilder) -> LogRecord | None:
    policy, name = builder.context.policy, record.event_name
    time = record.time_unix_nano or record.observed_time_unix_nano
    keys = [each.key for each in record.attributes]
    if name not in wire.EVENT_NAMES or not builder.in_range(time) or not _may_leave(name, keys, policy):
        return None
    stated = values_of(record.attributes)
    typed = typed_event(name, stated, policy)
    if typed is None:
        return None
    stamps = {key: value for key, value in rebuilt_attributes(stated, policy) if key.startswith(_STAMPS)}
    return LogRecord(
        time_unix_nano=time,
        event_name=name,
        attributes=to_attributes({**stamps, **typed}),
        trace_id=ids.valid(record.trace_id, ids.TRACE_ID),
        span_id=ids.valid(record.span_id, ids.SPAN_ID),
    )


def _may_leave(name: str, keys: list[str], policy: Policy) -> bool:
    """Whether a typed event tells each thing once, and is one that the site takes."""
    if name not in wire.EVENT_NAMES:
        return True
    return len(set(keys)) == len(keys) and (policy.decisions or name == wire.EVENT_FAILURE)


def _scope(scope: InstrumentationScope) -> InstrumentationScope:
    return InstrumentationScope(name=identifier(scope.name), version=identifier(scope.version))
