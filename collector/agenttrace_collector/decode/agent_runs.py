"""How a coding agent's run stands as of one of its model calls: its root never fails."""

from __future__ import annotations

from typing import Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agenttrace_collector.decode import ids as identity
from agenttrace_collector.decode.builder import BatchBuilder
from agenttrace_collector.decode.conventions.agent_spans import AgentSpans
from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_collector.decode.events import Origin
from agenttrace_collector.decode.steps import times
from agenttrace_schemas.names import conversation_hash
from agenttrace_schemas.rows import RunRow
from agenttrace_schemas.vocabulary import RunStatus

# Answers that did not end by themselves.
CUT: Final = frozenset({"content_filter", "error", "length", "other"})
_SPAN: Final = slice(0, 8)


def agent_run(
    span: Span, facts: SpanFacts, origin: Origin, builder: BatchBuilder, *, table: AgentSpans
) -> RunRow | None:
    """The run as a model call or the span of a prompt shows it; None for every other span."""
    if (facts.operation != "chat" and span.name not in table.prompts) or facts.is_begun:
        return None
    ended = times(span)[1]
    call_id = identity.call(facts.call_id) if facts.operation == "chat" else None
    number = identity.uuid5(origin.run_id + b"\x1f" + call_id)[_SPAN] if call_id else origin.span_id
    return RunRow(
        run_id=origin.run_id,
        agent_id=origin.agent_id,
        agent_version=origin.agent_version,
        environment=origin.environment,
        status=_status(span, facts, table),
        started_at=ended,
        ended_at=ended,
        created_at=origin.created_at,
        tenant=origin.tenant,
        trace_id=origin.trace_id,
        span_id=int.from_bytes(number),
        parent_run_id=None,
        conversation_id=conversation_hash(builder.context.policy.site_key, facts.conversation_id),
        actor="",
        source=facts.source,
    )


def _status(span: Span, facts: SpanFacts, table: AgentSpans) -> str:
    if facts.operation != "chat":
        return RunStatus.UNKNOWN
    if facts.failed or span.status.code == Status.StatusCode.STATUS_CODE_ERROR:
        return RunStatus.FAILURE if table.is_failure_final else RunStatus.UNKNOWN
    # A call whose end nothing tells may have been cut.
    is_answer = facts.finish_reason and facts.finish_reason not in CUT
    return RunStatus.SUCCESS if is_answer else RunStatus.UNKNOWN
