"""Whose a span or log record is: its ids and names, enforced."""

from __future__ import annotations

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agenttrace_collector.decode import ids as identity
from agenttrace_collector.decode.builder import BatchBuilder
from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_collector.decode.events import Origin
from agenttrace_collector.decode.resource import Sender
from agenttrace_collector.decode.steps import named
from agenttrace_schemas import wire


def read_origin(carrier: Span | LogRecord, facts: SpanFacts, sender: Sender, builder: BatchBuilder) -> Origin:
    """Ids and names of a span or log record; an id that is no id is empty."""
    trace = identity.valid(carrier.trace_id, identity.TRACE_ID)
    span = identity.valid(carrier.span_id, identity.SPAN_ID)
    return Origin(
        tenant=builder.context.tenant,
        run_id=identity.parse_or_hash_id(facts.run_id) if facts.run_id else trace,
        step_id=identity.parse_or_hash_id(facts.step_id) if facts.step_id else _own_step(trace, span),
        trace_id=trace,
        span_id=span,
        span_number=int.from_bytes(span),
        agent_id=builder.identifier(facts.agent_id, wire.AGENT_ID) or sender.agent_id,
        agent_version=builder.identifier(facts.agent_version, wire.AGENT_VERSION) or sender.agent_version,
        environment=builder.identifier(facts.environment, wire.ENVIRONMENT) or sender.environment,
        actor=named(facts, "actor", carrier.attributes, builder),
        created_at=builder.context.received_at,
    )


def _own_step(trace: bytes, span: bytes) -> bytes:
    return identity.step(trace, span) if span else b""
