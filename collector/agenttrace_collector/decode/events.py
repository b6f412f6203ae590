"""Turns typed events, from span events or log records, into enforced rows of their tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from agenttrace_collector.clickhouse import rowbinary
from agenttrace_collector.decode import ids as identity
from agenttrace_collector.decode.attributes import DuplicateKey, to_dict
from agenttrace_schemas import wire
from agenttrace_schemas.evaluation import evaluation_of
from agenttrace_schemas.events import decision_of, failure_of, metadata_of, signal_of
from agenttrace_schemas.outcome import outcome_of
from agenttrace_schemas.rows import DecisionRow, EvaluationRow, FailureRow, OutcomeRow, Row, SignalRow
from agenttrace_schemas.rules import Decision, Policy, Violation

KINDS: Final = {
    wire.EVENT_DECISION: "decision",
    wire.EVENT_SIGNAL: "quality_signal",
    wire.EVENT_FAILURE: "failure",
    **dict.fromkeys(wire.EVALUATIONS, "evaluation"),
    wire.EVENT_OUTCOME: "outcome",
}
# The table of each kind.
TABLES: Final = {
    "decision": DecisionRow.TABLE,
    "quality_signal": SignalRow.TABLE,
    "failure": FailureRow.TABLE,
    "evaluation": EvaluationRow.TABLE,
    "outcome": OutcomeRow.TABLE,
}


@dataclass(frozen=True, slots=True)
class Origin:
    """The ids and enforced names of the span or log record that carries events.

    `span_number` is the span id as the unsigned integer of the span columns. A log record may have neither trace nor
    span: their ids, and that of its step, are empty then.
    """

    tenant: str
    run_id: bytes
    step_id: bytes
    trace_id: bytes
    span_id: bytes
    span_number: int
    agent_id: str
    agent_version: str
    environment: str
    actor: str
    created_at: int


class EventIds:
    """Ids of the events of one span or log record: the stated ones, else hashes of what the events state."""

    def __init__(self, origin: Origin) -> None:
        # A log record may name its run alone.
        self._span = origin.trace_id + origin.span_id or origin.run_id
        self._seen: dict[tuple[str, int, bytes], int] = {}

    def made_from(self, name: str, time: int, fields: bytes) -> bytes:
        """`fields` are the encoded enforced values; twins within one span differ by an ordinal."""
        ordinal = self._seen.get((name, time, fields), 0)
        self._seen[name, time, fields] = ordinal + 1
        return identity.event(self._span, name, time, fields, ordinal=ordinal)


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it arrived: its name, its attributes by key, its time in nanoseconds."""

    name: str
    values: Mapping[str, object]
    time: int


def read_event(name: str, attributes: Iterable[KeyValue], time: int) -> Event:
    """Returns the event; `time` in nanoseconds since 1970. Raises `Violation` if an attribute key occurs twice."""
    try:
        return Event(name, to_dict(attributes), time)
    except DuplicateKey:
        raise Violation("event.duplicate_key", name) from None


def event_row(event: Event, origin: Origin, policy: Policy, ids: EventIds) -> Row:
    """Returns the row of one event; raises `Violation` if a rule refuses it."""
    if event.name == wire.EVENT_FAILURE:
        return _failure(event, origin, policy, ids)
    if event.name in wire.EVALUATIONS:
        return _evaluation(event, origin, policy, ids)
    if event.name == wire.EVENT_OUTCOME:
        return _outcome(event, origin, policy, ids)
    if not policy.decisions:
        raise Violation("event.disabled", event.name)
    if event.name == wire.EVENT_DECISION:
        return _decision(event, origin, policy, ids)
    return _signal(event, origin, policy, ids)


def _decision(event: Event, origin: Origin, policy: Policy, ids: EventIds) -> DecisionRow:
    decision = decision_of(event.values, policy)
    metadata = metadata_of(event.values, policy)
    return DecisionRow(
        decision_id=_id(event, wire.DECISION_ID, ids, rowbinary.canonical(_identifying(decision), metadata)),
        run_id=origin.run_id,
        step_id=_step_id(event, origin),
        decision_type=decision.decision_type,
        selected=decision.selected,
        reason_code=decision.reason_code,
        confidence=decision.confidence,
        metadata=metadata,
        recorded_at=event.time,
        created_at=origin.created_at,
        tenant=origin.tenant,
        agent_id=origin.agent_id,
        agent_version=origin.agent_version,
        environment=origin.environment,
        actor=origin.actor,
        candidates=decision.candidates,
        trace_id=origin.trace_id or identity.ZERO,
        span_id=origin.span_number,
        tool_name=decision.tool_name,
        wait_ms=decision.wait_ms,
    )


# Those of the first release.
_FIRST_FIELDS: Final = 5


def _identifying(decision: Decision) -> tuple[object, ...]:
    """The fields that make the id: one that names no tool and no time has the id that it had before they could."""
    told = decision.tool_name or decision.wait_ms is not None
    return decision if told else decision[:_FIRST_FIELDS]


def _signal(event: Event, origin: Origin, policy: Policy, ids: EventIds) -> SignalRow:
    signal = signal_of(event.values, policy)
    metadata = metadata_of(event.values, policy)
    return SignalRow(
        signal_id=_id(event, wire.SIGNAL_ID, ids, rowbinary.canonical(signal, metadata)),
        run_id=origin.run_id,
        step_id=_step_id(event, origin),
        signal_type=signal.signal_type,
        signal_code=signal.signal_code,
        value=signal.value,
        weight=signal.weight,
        metadata=metadata,
        recorded_at=event.time,
        created_at=origin.created_at,
        tenant=origin.tenant,
        agent_id=origin.agent_id,
        agent_version=origin.agent_version,
        environment=origin.environment,
        actor=origin.actor,
        trace_id=origin.trace_id or identity.ZERO,
        span_id=origin.span_number,
    )


def _failure(event: Event, origin: Origin, policy: Policy, ids: EventIds) -> FailureRow:
    failure = failure_of(event.values, policy)
    metadata = metadata_of(event.values, policy)
    return FailureRow(
        failure_id=_id(event, wire.FAILURE_ID, ids, rowbinary.canonical(failure, metadata)),
        run_id=origin.run_id,
        step_id=_step_id(event, origin),
        failure_type=failure.failure_type,
        failure_code=failure.failure_code,
        message=failure.message,
        created_at=origin.created_at,
        tenant=origin.tenant,
        agent_id=origin.agent_id,
        agent_version=origin.agent_version,
        environment=origin.environment,
        occurred_at=event.time,
        metadata=metadata,
        source="agenttrace",
    )


def _evaluation(event: Event, origin: Origin, policy: Policy, ids: EventIds) -> EvaluationRow:
    evaluation = evaluation_of(event.name, event.values, policy)
    metadata = metadata_of(event.values, policy)
    return EvaluationRow(
        evaluation_id=_id(event, wire.EVALUATION_ID, ids, rowbinary.canonical(evaluation, metadata)),
        run_id=origin.run_id,
        step_id=_step_id(event, origin),
        name=evaluation.name,
        score=evaluation.score,
        label=evaluation.label,
        error_type=evaluation.error_type,
        metadata=metadata,
        recorded_at=event.time,
        created_at=origin.created_at,
        tenant=origin.tenant,
        agent_id=origin.agent_id,
        agent_version=origin.agent_version,
        environment=origin.environment,
        actor=origin.actor,
        trace_id=origin.trace_id or identity.ZERO,
        span_id=origin.span_number,
        source="agenttrace" if event.name == wire.EVENT_EVALUATION else "genai",
    )


def _outcome(event: Event, origin: Origin, policy: Policy, ids: EventIds) -> OutcomeRow:
    outcome = outcome_of(event.values, policy)
    return OutcomeRow(
        outcome_id=_id(event, wire.OUTCOME_ID, ids, rowbinary.canonical(outcome, {})),
        run_id=origin.run_id,
        status=outcome.status,
        failure_type=outcome.failure_type,
        failure_code=outcome.failure_code,
        recorded_at=event.time,
        created_at=origin.created_at,
        tenant=origin.tenant,
        source="agenttrace",
    )


def _id(event: Event, key: str, ids: EventIds, fields: Callable[[], bytes]) -> bytes:
    stated = event.values.get(key)
    if isinstance(stated, str) and stated:
        return identity.parse_or_hash_id(stated)
    return ids.made_from(event.name, event.time, fields())


def _step_id(event: Event, origin: Origin) -> bytes | None:
    stated = event.values.get(wire.STEP_ID)
    return identity.parse_or_hash_id(stated) if isinstance(stated, str) and stated else origin.step_id or None
