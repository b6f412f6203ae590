"""Decodes OTLP requests to enforced rows: bytes and a context in, a batch out; no clock, no I/O, no log."""

from __future__ import annotations

from dataclasses import replace

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agenttrace_collector.decode.agent_facts import Prompts
from agenttrace_collector.decode.agent_records import decode_agent_record
from agenttrace_collector.decode.agent_runs import agent_run
from agenttrace_collector.decode.batch import Batch, Context, Unread
from agenttrace_collector.decode.builder import BatchBuilder, digest_of
from agenttrace_collector.decode.confirm import confirm
from agenttrace_collector.decode.conventions.agent_spans import AGENT_SPANS, AgentSpans, is_read
from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_collector.decode.conventions.read import read_span
from agenttrace_collector.decode.events import KINDS, TABLES, EventIds, Origin, event_row, read_event
from agenttrace_collector.decode.guardrails import add_guardrail
from agenttrace_collector.decode.origin import read_origin
from agenttrace_collector.decode.outgoing import Outgoing, OutgoingStep
from agenttrace_collector.decode.parse import parse
from agenttrace_collector.decode.resource import Sender, read_sender
from agenttrace_collector.decode.steps import link_row, run_row, step_row
from agenttrace_collector.decode.typed_records import decode_typed_record, tell_explanation
from agenttrace_schemas import wire
from agenttrace_schemas.rows import RunRow, StepRow
from agenttrace_schemas.rules import Violation


def decode_traces(
    body: bytes, context: Context, unread: Unread = (), outgoing: Outgoing | None = None, /
) -> Batch:
    """The batch of one ExportTraceServiceRequest, and its copy where it goes on.

    Raises `Rejected` where the bytes are not one.
    """
    request = parse(ExportTraceServiceRequest, body)
    builder = BatchBuilder(context, digest_of("traces", body, context), outgoing)
    for number, resource_spans in enumerate(request.resource_spans):
        sender, before = read_sender(resource_spans.resource, builder.identifier), builder.counts()
        for scope_spans in resource_spans.scope_spans:
            scope = scope_spans.scope.name
            for span in scope_spans.spans:
                builder.received += 1
                decode_span(span, scope, sender, builder)
            if outgoing:
                outgoing.end_scope(scope_spans.scope)
        if outgoing:
            outgoing.end_resource(resource_spans.resource, sender.agent_id)
        builder.not_read(unread[number] if unread else {})
        builder.sent_by(sender.agent_id, before)
    return builder.batch()


def decode_logs(
    body: bytes, context: Context, unread: Unread = (), outgoing: Outgoing | None = None, /
) -> Batch:
    """The batch of one ExportLogsServiceRequest, and its copy where it goes on.

    Raises `Rejected` where the bytes are not one.
    """
    request = parse(ExportLogsServiceRequest, body)
    builder = BatchBuilder(context, digest_of("logs", body, context), outgoing)
    for number, resource_logs in enumerate(request.resource_logs):
        sender, before = read_sender(resource_logs.resource, builder.identifier), builder.counts()
        prompts = Prompts()
        for scope_logs in resource_logs.scope_logs:
            for record in scope_logs.log_records:
                builder.received += 1
                _decode_record(record, scope_logs.scope.name, sender, builder, prompts=prompts)
            if outgoing:
                outgoing.end_scope(scope_logs.scope)
        if outgoing:
            outgoing.end_resource(resource_logs.resource, sender.agent_id)
        builder.not_read(unread[number] if unread else {})
        builder.sent_by(sender.agent_id, before)
    return builder.batch()


def decode_span(span: Span, scope: str, sender: Sender, builder: BatchBuilder) -> None:
    """Adds what a span stands for to the batch, or refuses it."""
    agent = AGENT_SPANS.get(scope)
    if agent is None:
        _decode_read(span, scope, sender, builder)
    elif is_read(agent, span.name):
        _decode_read(span, scope, replace(sender, agent_id=agent.agent_id), builder)
    else:
        builder.ignored += 1
        if builder.outgoing:
            _copy_repeated(span, scope, sender, builder)


def _decode_read(span: Span, scope: str, sender: Sender, builder: BatchBuilder) -> None:
    sent: list[tuple[str, AnyValue]] | None = [] if builder.outgoing else None
    facts = read_span(span, scope, sent)
    unconfirmed = confirm(facts, span, builder)
    origin = read_origin(span, facts, sender, builder)
    violation = _span_violation(span, facts, origin, builder)
    if violation:
        _refuse_span(span, violation, origin, builder)
        return
    for rule, key in facts.not_understood or ():
        builder.changed(rule, key)
    if span.events:
        _decode_events(span, origin, builder)
    if facts.outcome or facts.tripped is not None:
        add_guardrail(span, facts, origin, builder)
    if facts.operation:
        row = step_row(span, facts, origin, builder)
        builder.add(row)
        builder.conventions[facts.source] += 1
        if builder.outgoing:
            builder.outgoing.step(OutgoingStep(span, sent or (), facts, row, unconfirmed))
        _add_told_run(span, scope, facts, origin, builder=builder)
    else:
        _add_link(span, origin, builder)


def _refuse_span(span: Span, violation: Violation, origin: Origin, builder: BatchBuilder) -> None:
    builder.refused += 1
    builder.refuse("span", violation, origin)
    for event in span.events:
        if event.name in KINDS:
            builder.refuse(KINDS[event.name], violation, origin)


def _add_told_run(span: Span, scope: str, facts: SpanFacts, origin: Origin, *, builder: BatchBuilder) -> None:
    agent = AGENT_SPANS.get(scope)
    if agent is not None and agent.calls_tell_runs:
        _add_agent_run(span, facts, origin, builder, table=agent)
    elif facts.role == "agent":
        _add_run(span, facts, origin, builder)


def _add_agent_run(
    span: Span, facts: SpanFacts, origin: Origin, builder: BatchBuilder, *, table: AgentSpans
) -> None:
    run = agent_run(span, facts, origin, builder, table=table)
    if run is not None and builder.in_range(run.started_at, RunRow.TABLE):
        builder.add(run)


def _copy_repeated(span: Span, scope: str, sender: Sender, builder: BatchBuilder) -> None:
    """A span that tells what log records do makes no row, and goes on all the same: other backends read spans."""
    sent: list[tuple[str, AnyValue]] = []
    outgoing, facts = builder.outgoing, read_span(span, scope, sent)
    unconfirmed = confirm(facts, span, builder)
    origin = read_origin(span, facts, sender, builder)
    if outgoing is None or _span_violation(span, facts, origin, builder):
        return
    if facts.operation:
        outgoing.step(OutgoingStep(span, sent, facts, step_row(span, facts, origin, builder), unconfirmed))
    else:
        outgoing.other_span(span)


def _add_link(span: Span, origin: Origin, builder: BatchBuilder) -> None:
    if builder.outgoing:
        builder.outgoing.other_span(span)
    if span.name != wire.EVENTS_SPAN:
        builder.ignored += 1
        builder.add(link_row(span, origin))


def _add_run(span: Span, facts: SpanFacts, origin: Origin, builder: BatchBuilder) -> None:
    """A run may be kept for a shorter time than its steps are."""
    if builder.in_range(span.start_time_unix_nano, RunRow.TABLE):
        builder.add(run_row(span, facts, origin, builder))
    else:
        builder.refuse("run", Violation("time.range", "start_time_unix_nano"), origin)


def _span_violation(span: Span, facts: SpanFacts, origin: Origin, builder: BatchBuilder) -> Violation | None:
    if not origin.trace_id or not origin.span_id:
        return Violation("span.id", "trace_id" if not origin.trace_id else "span_id")
    started, ended = span.start_time_unix_nano, span.end_time_unix_nano or span.start_time_unix_nano
    table = StepRow.TABLE if facts.operation else ""
    for key, time in (("start_time_unix_nano", started), ("end_time_unix_nano", ended)):
        if not builder.in_range(time, table):
            return Violation("time.range", key)
    return None


def _decode_events(span: Span, origin: Origin, builder: BatchBuilder) -> None:
    ids, outgoing = EventIds(origin), builder.outgoing
    for event in span.events:
        kind = KINDS.get(event.name)
        if kind is None:
            if outgoing:
                outgoing.other_event(event, in_range=builder.in_range(event.time_unix_nano))
            continue
        time = event.time_unix_nano or span.start_time_unix_nano
        try:
            if not builder.in_range(time, TABLES[kind]):
                raise Violation("time.range", "time_unix_nano")
            stated = read_event(event.name, event.attributes, time)
            row = event_row(stated, origin, builder.context.policy, ids)
            builder.add_event(row)
            tell_explanation(stated, builder)
            if outgoing:
                outgoing.typed_event(event, stated, row)
        except Violation as violation:
            builder.refuse(kind, violation, origin)


def _decode_record(
    record: LogRecord, scope: str, sender: Sender, builder: BatchBuilder, *, prompts: Prompts
) -> None:
    if decode_typed_record(record, sender, builder) or decode_agent_record(
        record, scope, sender, builder, prompts=prompts
    ):
        return
    builder.ignored += 1
    if builder.outgoing:
        builder.outgoing.left_out("log_records")
