"""What a span of a guardrail states: a decision on what it guards, and a signal where it tripped."""

from __future__ import annotations

from typing import Any, Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agenttrace_collector.decode.agent_facts import event_of
from agenttrace_collector.decode.builder import BatchBuilder
from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_collector.decode.conventions.frameworks import GUARDRAIL, MASKED, PASSED, SELECTED, TRIP
from agenttrace_collector.decode.events import Origin
from agenttrace_collector.decode.steps import named, times
from agenttrace_schemas.names import kept_name
from agenttrace_schemas.rows import DecisionRow, SignalRow

TRIGGERED: Final = "guardrail_triggered"
_ORIGIN: Final = "tenant run_id step_id trace_id agent_id agent_version environment actor created_at".split()


def add_guardrail(span: Span, facts: SpanFacts, origin: Origin, builder: BatchBuilder) -> None:
    """Add the decision and the signal that a span states, if it is one of a guardrail."""
    outcome = outcome_of(facts)
    policy, time = builder.context.policy, times(span)[1]
    if not outcome or not policy.decisions:
        return
    place: dict[str, Any] = {name: getattr(origin, name) for name in _ORIGIN}
    place |= {"span_id": origin.span_number, "metadata": {}, "recorded_at": time}
    codes = policy.vocabulary.decisions.get(GUARDRAIL, ())
    if outcome in codes and builder.in_range(time, DecisionRow.TABLE):
        _add(
            DecisionRow(
                **place,
                decision_id=event_of(origin.step_id, GUARDRAIL),
                decision_type=GUARDRAIL,
                selected=SELECTED[outcome],
                reason_code=outcome,
                confidence=None,
                candidates=(),
                tool_name=_name(span, facts, builder),
            ),
            builder,
        )
    codes = policy.vocabulary.signals.get(TRIGGERED, ())
    if outcome == TRIP and facts.guards in codes and builder.in_range(time, SignalRow.TABLE):
        _add(
            SignalRow(
                **place,
                signal_id=event_of(origin.step_id, TRIGGERED),
                signal_type=TRIGGERED,
                signal_code=facts.guards,
                value=True,
                weight=None,
            ),
            builder,
        )


def _add(row: DecisionRow | SignalRow, builder: BatchBuilder) -> None:
    builder.add(row)
    if builder.outgoing:
        builder.outgoing.stated(row)


def outcome_of(facts: SpanFacts) -> str:
    """The reason code of what a guardrail did; empty where the span is of none, or does not say."""
    if facts.operation == GUARDRAIL and facts.tripped is not None:
        return TRIP if facts.tripped else PASSED
    if facts.outcome == PASSED and facts.masked:
        return MASKED
    return facts.outcome if facts.guardrail else ""


def _name(span: Span, facts: SpanFacts, builder: BatchBuilder) -> str:
    """What the guardrail is called; under the name of its step where it has no key of its own."""
    if facts.guardrail:
        return named(facts, "guardrail", span.attributes, builder)
    return kept_name(builder.context.policy.site_key, facts.name) if facts.name else ""
