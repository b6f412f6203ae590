"""Spans and log records made anew from what may leave the process; the originals stay as they are."""

from __future__ import annotations

from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Status, StatusCode

from agenttrace.confirm import confirmed_attributes, confirmed_span_name
from agenttrace_schemas import wire
from agenttrace_schemas.rebuild import (
    event_attributes,
    rebuilt_attributes,
    resource_names,
    span_name,
    typed_event,
)
from agenttrace_schemas.rules import Policy
from agenttrace_schemas.texts import identifier


def rebuilt_span(span: ReadableSpan, policy: Policy) -> ReadableSpan:
    """The span with ids, times, kind and status code, and of the rest what the allow-list names."""
    return ReadableSpan(
        name=span_name(confirmed_span_name(span, policy)),
        context=span.context,
        parent=span.parent,
        resource=rebuilt_resource(span.resource, policy),
        attributes=confirmed_attributes(
            span, dict(rebuilt_attributes(span.attributes or {}, policy)), policy
        ),
        events=[kept for event in span.events if (kept := _event(event, policy))],
        kind=span.kind,
        status=Status(StatusCode(span.status.status_code)),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=_scope(span.instrumentation_scope),
    )


def rebuilt_log(record: ReadableLogRecord, policy: Policy) -> ReadableLogRecord | None:
    """A typed event that keeps every rule; None for every other record."""
    said = record.log_record
    if said.event_name not in wire.EVENT_NAMES:
        return None
    attributes = typed_event(said.event_name, said.attributes or {}, policy)
    if attributes is None:
        return None
    kept = LogRecord(
        timestamp=said.timestamp,
        observed_timestamp=said.observed_timestamp,
        context=said.context,
        severity_number=said.severity_number,
        event_name=said.event_name,
        attributes={**dict(rebuilt_attributes(said.attributes or {}, policy)), **attributes},
    )
    resource = rebuilt_resource(record.resource, policy)
    return ReadableLogRecord(kept, resource, _scope(record.instrumentation_scope))


def rebuilt_resource(resource: Resource, policy: Policy) -> Resource:
    """Who sends: names that look like names, and nothing of the machine."""
    return Resource(resource_names(resource.attributes, policy))


def _event(event: Event, policy: Policy) -> Event | None:
    kept = event_attributes(event.name, event.attributes or {}, policy)
    return None if kept is None else Event(event.name, kept, event.timestamp)


def _scope(scope: InstrumentationScope | None) -> InstrumentationScope | None:
    if scope is None:
        return None
    return InstrumentationScope(identifier(scope.name), identifier(scope.version or ""))
