"""Turns spans with a GenAI meaning into rows of steps and runs, and other spans into links to their parents."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agenttrace_collector.decode import ids as identity
from agenttrace_collector.decode.builder import BatchBuilder
from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_collector.decode.conventions.read import key_of
from agenttrace_collector.decode.events import Origin
from agenttrace_schemas import rules
from agenttrace_schemas.column_types import FINISH_REASONS, OPERATIONS, OUTPUT_TYPES, STATUSES, Guard
from agenttrace_schemas.metadata import check_metadata
from agenttrace_schemas.names import conversation_hash, is_redacted, kept_name
from agenttrace_schemas.rows import RunRow, SpanLinkRow, StepRow
from agenttrace_schemas.rules import Scalar, Violation
from agenttrace_schemas.vocabulary import RunStatus, StepType

_MILLISECOND = 1_000_000
_SPAN_ID = 8
STEP_TYPES = frozenset(map(str, StepType))


def step_row(span: Span, facts: SpanFacts, origin: Origin, builder: BatchBuilder) -> StepRow:
    """Returns the row of the step that a span stands for, with every name enforced."""
    started, ended = times(span)
    attributes = span.attributes

    def name(fact: str) -> str:
        return named(facts, fact, attributes, builder)

    model = name("model")
    response_model = name("response_model")
    return StepRow(
        step_id=origin.step_id,
        run_id=origin.run_id,
        seq=facts.seq,
        step_type=rules.closed(facts.step_type, STEP_TYPES),
        name=name("name"),
        latency_ms=(ended - started) / _MILLISECOND,
        started_at=started,
        ended_at=ended,
        metadata=_metadata(facts, origin, builder),
        created_at=origin.created_at,
        tenant=origin.tenant,
        agent_id=origin.agent_id,
        agent_version=origin.agent_version,
        environment=origin.environment,
        actor=origin.actor,
        trace_id=origin.trace_id,
        span_id=origin.span_number,
        parent_span_id=_parent(span),
        role=facts.role,
        operation=rules.closed(facts.operation, OPERATIONS),
        status=_status(span, facts, builder),
        error_type=name("error_type"),
        tool_name=name("tool_name"),
        model=model or response_model,
        response_model=response_model,
        input_tokens=facts.input_tokens,
        output_tokens=facts.output_tokens,
        retrieval_count=facts.retrieval_count,
        finish_reason=rules.closed(facts.finish_reason, FINISH_REASONS),
        stream=facts.stream,
        output_type=rules.closed(facts.output_type, OUTPUT_TYPES),
        attempt=facts.attempt,
        conversation_id=conversation_hash(builder.context.policy.site_key, facts.conversation_id),
        source=facts.source,
        decision_id=identity.parse_or_hash_id(facts.decision_id) if facts.decision_id else None,
        call_id=identity.call(facts.call_id),
        cache_read_tokens=facts.cache_read_tokens,
        cache_write_tokens=facts.cache_write_tokens,
    )


def named(facts: SpanFacts, fact: str, attributes: Iterable[KeyValue], builder: BatchBuilder) -> str:
    """Returns an enforced name from the facts; a redacted one is counted under the attribute key that stated it."""
    value = getattr(facts, fact)
    kept = kept_name(builder.context.policy.site_key, value) if value else ""
    if is_redacted(kept) and (fact != "name" or value not in (facts.tool_name, facts.model, facts.actor)):
        builder.changed(Guard.IDENTIFIER, key_of(attributes, fact))
    return kept


def run_row(span: Span, facts: SpanFacts, origin: Origin, builder: BatchBuilder) -> RunRow:
    """Returns the row of the run that an agent or workflow span may be."""
    started, ended = times(span)
    return RunRow(
        run_id=origin.run_id,
        agent_id=origin.agent_id,
        agent_version=origin.agent_version,
        environment=origin.environment,
        status=_run_status(span, facts),
        started_at=started,
        ended_at=ended,
        created_at=origin.created_at,
        tenant=origin.tenant,
        trace_id=origin.trace_id,
        span_id=origin.span_number,
        parent_run_id=identity.parse_or_hash_id(facts.parent_run_id) if facts.parent_run_id else None,
        conversation_id=conversation_hash(builder.context.policy.site_key, facts.conversation_id),
        actor=origin.actor,
        source=facts.source,
    )


def link_row(span: Span, origin: Origin) -> SpanLinkRow:
    """Returns the row that links a span that is no step to its parent."""
    return SpanLinkRow(
        tenant=origin.tenant,
        run_id=origin.run_id,
        trace_id=origin.trace_id,
        span_id=origin.span_number,
        parent_span_id=_parent(span),
        started_at=span.start_time_unix_nano,
        created_at=origin.created_at,
    )


def times(span: Span) -> tuple[int, int]:
    """Returns start and end in nanoseconds since 1970; an end that is missing or before the start is the start."""
    started = span.start_time_unix_nano
    return started, max(started, span.end_time_unix_nano)


def _metadata(facts: SpanFacts, origin: Origin, builder: BatchBuilder) -> dict[str, Scalar]:
    """A step keeps its place when its metadata is refused."""
    if not facts.metadata:
        return {}
    try:
        return check_metadata(builder.context.policy, facts.metadata)
    except Violation as violation:
        builder.refuse("step", violation, origin)
        return {}


def _parent(span: Span) -> int:
    raw = span.parent_span_id
    return int.from_bytes(raw) if len(raw) == _SPAN_ID else 0


def _status(span: Span, facts: SpanFacts, builder: BatchBuilder) -> str:
    if facts.failed:
        return STATUSES[Status.StatusCode.STATUS_CODE_ERROR]
    if facts.is_begun:
        return STATUSES[Status.StatusCode.STATUS_CODE_UNSET]
    if 0 <= span.status.code < len(STATUSES):
        return STATUSES[span.status.code]
    builder.changed(Guard.CLOSED, "status.code")
    return STATUSES[0]


def _run_status(span: Span, facts: SpanFacts) -> str:
    if facts.run_status:
        return facts.run_status
    failed = facts.failed or span.status.code == Status.StatusCode.STATUS_CODE_ERROR
    return RunStatus.FAILURE if failed else RunStatus.SUCCESS
