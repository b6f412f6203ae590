"""The copy of a request that may leave, made while it is decoded: bytes that were enforced; no clock, no I/O, no log."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agenttrace_collector.config.pipelines import Forward
from agenttrace_collector.decode import ids
from agenttrace_collector.decode.batch import EncodedRequest
from agenttrace_collector.decode.events import Event
from agenttrace_collector.decode.outgoing import OutgoingStep
from agenttrace_collector.forward import encoding, events
from agenttrace_collector.forward.agents import agent_event, agent_span
from agenttrace_collector.forward.attributes import LONGEST_SPAN_NAME, STAMPS, Attributes, as_sent, normalised
from agenttrace_collector.forward.compiled import compiled_gate
from agenttrace_collector.forward.encoding import In
from agenttrace_collector.forward.records import Records
from agenttrace_collector.forward.structure import ending, structure_name
from agenttrace_collector.forward.values import values_of
from agenttrace_schemas import names, wire
from agenttrace_schemas.checks import fingerprint
from agenttrace_schemas.rebuild import rebuilt_attributes, resource_names, span_name
from agenttrace_schemas.rows import DecisionRow, Row, SignalRow, StepRow
from agenttrace_schemas.rules import Policy
from agenttrace_schemas.texts import identifier

_DISTRIBUTION: Final = "agenttrace-otel"
_FINGERPRINT_DIGITS: Final = 16
_ATTRIBUTES: Final[dict[str, Attributes]] = {"as_sent": as_sent, "genai": normalised}
_ERROR: Final = Status.StatusCode.STATUS_CODE_ERROR
# Trace, span, start and end, then the parent: fields may come in any order.
_WITHOUT: Final = struct.Struct("<2s16s2s8scQcQ")
_WITH_PARENT: Final = struct.Struct("<2s16s2s8scQcQ2s8s")
_NO_PARENT: Final = bytes(ids.SPAN_ID)
_OWN_SCOPE: Final = InstrumentationScope(name=wire.GATE).SerializeToString()


@dataclass(frozen=True, slots=True)
class Gate:
    """What may pass; `stamp` says under which version and policy it did."""

    attributes: Attributes
    keep_structure: bool
    agents_as_spans: bool
    stamp: str
    policy: Policy
    # The same gate for the compiled engine; None where there is none.
    compiled: Any | None = field(default=None, compare=False)
    # Services that have sent a trace: what their log records tell is in it.
    tracing: set[str] = field(default_factory=set)

    def traces(self) -> Copy:
        """The copy of a request of spans, to be filled."""
        return Copy(self, "traces")

    def logs(self) -> Copy:
        """The copy of a request of log records, to be filled."""
        return Copy(self, "logs")


def open_gate(settings: Forward, policy: Policy) -> Gate:
    """The gate of a configuration."""
    stamp = f"{version(_DISTRIBUTION)} {fingerprint(policy)[:_FINGERPRINT_DIGITS]}"
    return Gate(
        _ATTRIBUTES[settings.conventions],
        settings.other_spans == "structure",
        settings.logs == "as_spans",
        stamp,
        policy,
        compiled_gate(settings, stamp),
    )


class Copy:
    """The copy of one request, as decoding tells it (`decode.outgoing`)."""

    def __init__(self, gate: Gate, signal: str) -> None:
        self._gate = gate
        self._policy = gate.policy
        self._signal = signal
        self._events: list[bytes] = []
        self._stated: list[bytes] = []
        self._is_typed = False
        self._left_out: Counter[str] = Counter()
        self._spans, self._logs = Records(), Records()

    def compiled(self, policy: Policy) -> Any | None:
        """What a compiled engine of this policy makes the copy by; None where only Python can make it."""
        return self._gate.compiled if policy is self._policy else None

    def encoded(self, spans: bytes, count: int) -> None:
        """Spans of the next scope that were made by `compiled`, as fields of the scope's message."""
        self._spans.add_encoded(spans, count)

    def typed_event(self, event: Span.Event, stated: Event, row: Row) -> None:
        """A typed event of the next span, and its row."""
        self._is_typed = True
        self._events.append(events.typed_event(event, stated, row, self._policy))

    def other_event(self, event: Span.Event, *, in_range: bool) -> None:
        """Another event of the next span; `in_range` says whether its time may be kept."""
        if left := events.other_event(event, self._policy, in_range=in_range):
            self._events.append(left)
        else:
            self._left_out["spans.events"] += 1

    def stated(self, row: DecisionRow | SignalRow) -> None:
        """A decision or a signal that the next span states by its attributes."""
        self._stated.append(events.stated_event(row))

    def step(self, step: OutgoingStep) -> None:
        """A span that is a step; its own attributes state what they stated."""
        gate, (span, _, facts, row, unconfirmed) = self._gate, step
        self._take_stated(leave=gate.attributes is not as_sent)
        name = b""
        if gate.attributes is as_sent and not unconfirmed and len(span.name) <= LONGEST_SPAN_NAME:
            failed = facts.failed or facts.error_type or span.status.code == _ERROR
            if not failed or facts.operation not in names.OPERATIONS:
                name = _own_name(span.name)
        code = _ERROR if facts.failed else span.status.code
        attributes = gate.attributes(step, self._policy)
        self._add(span, name or _step_name(row.operation, row.name), attributes, code)
        if len(span.attributes) > len(step.sent):
            self._left_out["spans.attributes"] += len(span.attributes) - len(step.sent)

    def other_span(self, span: Span) -> None:
        """A span that is no step: what carries typed events has its stamps, the others their structure only."""
        self._take_stated(leave=True)
        if self._is_typed or span.name == wire.EVENTS_SPAN:
            stated = rebuilt_attributes(values_of(span.attributes), self._policy)
            stamps = (encoding.attribute(In.SPAN, *each) for each in stated if each[0].startswith(STAMPS))
            name = wire.EVENTS_SPAN if span.name == wire.EVENTS_SPAN else structure_name(span)
            self._add(span, _name(name), b"".join(stamps), span.status.code)
        elif self._gate.keep_structure:
            self._events.clear()
            self._left_out["spans.attributes"] += len(span.attributes)
            self._add(span, _name(structure_name(span)), b"", span.status.code)
        else:
            self._events.clear()
            self._left_out["spans"] += 1

    def typed_record(self, record: LogRecord, stated: Event, row: Row) -> None:
        """A log record that is a typed event."""
        self._logs.add(events.typed_record(record, stated, row, self._policy))

    def agent_step(self, row: StepRow, service: str) -> None:
        """A coding agent's record of a call: a span where its service sends no traces."""
        if self._gate.agents_as_spans and service not in self._gate.tracing:
            self._spans.add(agent_span(row))
        else:
            self._left_out["log_records"] += 1

    def agent_event(self, row: DecisionRow | SignalRow) -> None:
        """A decision or a signal that a coding agent's record states, which leaves as a typed event."""
        self._logs.add(agent_event(row))

    def end_scope(self, scope: InstrumentationScope) -> None:
        """All of a scope was told."""
        kept = InstrumentationScope(name=identifier(scope.name), version=identifier(scope.version))
        self.end_encoded_scope(kept.SerializeToString())

    def end_encoded_scope(self, scope: bytes) -> None:
        """All of a scope was told; its message was made by `compiled`."""
        # Spans made of log records are the gate's own: those of their sender's scope mean something else.
        self._spans.end_scope(scope if self._signal == "traces" else _OWN_SCOPE)
        self._logs.end_scope(scope)

    def end_resource(self, resource: Resource, service: str) -> None:
        """All of a resource was told; `service` is its enforced name."""
        stated = {**resource_names(values_of(resource.attributes), self._policy), wire.GATE: self._gate.stamp}
        kept = b"".join(encoding.attribute(In.RESOURCE, key, value) for key, value in stated.items())
        self.end_encoded_resource(kept, service)

    def end_encoded_resource(self, resource: bytes, service: str) -> None:
        """All of a resource was told; its message was made by `compiled`, `service` is its enforced name."""
        if self._signal == "traces":
            self._gate.tracing.add(service)
        for records in (self._spans, self._logs):
            records.end_resource(resource)

    def left_out(self, key: str, count: int = 1) -> None:
        """Counts what stays here, under a field of the protocol."""
        self._left_out[key] += count

    def forwarded(self) -> Mapping[str, EncodedRequest]:
        """The copy: OTLP requests by signal, with their numbers of spans or log records."""
        made = {"traces": self._spans.encoded(), "logs": self._logs.encoded()}
        return {signal: each for signal, each in made.items() if each.records or signal == self._signal}

    def receipt(self) -> Mapping[str, int]:
        """How much was left out, by field of the protocol."""
        return {key: count for key, count in self._left_out.items() if count}

    def _take_stated(self, *, leave: bool) -> None:
        if self._stated and leave:
            self._is_typed = True
            self._events += self._stated
        self._stated.clear()

    def _add(self, span: Span, name: bytes, attributes: bytes, code: int) -> None:
        """A new span: of the old one its ids, times, kind and status code."""
        parent, start, end = span.parent_span_id, span.start_time_unix_nano, span.end_time_unix_nano
        own = (b"\x0a\x10", span.trace_id, b"\x12\x08", span.span_id, b"\x39", start, b"\x41", end)
        if len(parent) == ids.SPAN_ID and parent != _NO_PARENT:
            head = _WITH_PARENT.pack(*own, b"\x22\x08", parent)
        else:
            head = _WITHOUT.pack(*own)
        self._spans.add(b"".join((head, name, attributes, *self._events, ending(span.kind, code))))
        if self._events:
            self._events.clear()
            self._is_typed = False


@lru_cache(4_096)
def _name(name: str) -> bytes:
    return encoding.field(b"\x2a", name.encode())


@lru_cache(4_096)
def _own_name(name: str) -> bytes:
    """A step's own name where it is of a form that says nothing, else empty."""
    return _name(name) if span_name(name) == name else b""


@lru_cache(4_096)
def _step_name(operation: str, name: str) -> bytes:
    """The operation, and what it is done with."""
    return _name(f"{operation} {name}".rstrip())
