"""What decoding tells of a request whose enforced copy goes on to other backends."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agenttrace_collector.decode.batch import EncodedRequest
from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_collector.decode.events import Event
from agenttrace_schemas.rows import DecisionRow, Row, SignalRow, StepRow
from agenttrace_schemas.rules import Policy


class OutgoingStep(NamedTuple):
    """A span that is a step, as it was read.

    `sent` are the attributes that were read, `unconfirmed` the facts whose name nothing confirms.
    """

    span: Span
    sent: Sequence[tuple[str, AnyValue]]
    facts: SpanFacts
    row: StepRow
    unconfirmed: Collection[str]


class Outgoing(Protocol):
    """The copy of one request: it is told of what no rule refused.

    Events come before their span, spans before their scope, scopes before their resource.
    """

    def compiled(self, policy: Policy) -> Any | None:
        """What a compiled engine of this policy makes the copy by; None where only Python can make it."""

    def encoded(self, spans: bytes, count: int) -> None:
        """Spans of the next scope that were made by `compiled`, as fields of the scope's message."""

    def end_encoded_scope(self, scope: bytes) -> None:
        """All of a scope was told; its message was made by `compiled`."""

    def end_encoded_resource(self, resource: bytes, service: str) -> None:
        """All of a resource was told; its message was made by `compiled`, `service` is its enforced name."""

    def typed_event(self, event: Span.Event, stated: Event, row: Row) -> None:
        """A typed event of the next span, and its row."""

    def other_event(self, event: Span.Event, *, in_range: bool) -> None:
        """Another event of the next span; `in_range` says whether its time may be kept."""

    def stated(self, row: DecisionRow | SignalRow) -> None:
        """A decision or a signal that the next span states by its attributes."""

    def step(self, step: OutgoingStep) -> None:
        """A span that is a step."""

    def other_span(self, span: Span) -> None:
        """A span that is no step."""

    def typed_record(self, record: LogRecord, stated: Event, row: Row) -> None:
        """A log record that is a typed event."""

    def agent_step(self, row: StepRow, service: str) -> None:
        """A coding agent's record of a call; `service` is the enforced name of who sent it."""

    def agent_event(self, row: DecisionRow | SignalRow) -> None:
        """A decision or a signal that a coding agent's record states."""

    def end_scope(self, scope: InstrumentationScope) -> None:
        """All of a scope was told."""

    def end_resource(self, resource: Resource, service: str) -> None:
        """All of a resource was told; `service` is its enforced name."""

    def left_out(self, key: str, count: int = 1) -> None:
        """Counts what stays here, under a field of the protocol."""

    def forwarded(self) -> Mapping[str, EncodedRequest]:
        """The copy: OTLP requests by signal, with their numbers of spans or log records."""

    def receipt(self) -> Mapping[str, int]:
        """How much was left out, by field of the protocol."""
