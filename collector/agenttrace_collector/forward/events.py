"""Events as they leave: typed ones from their enforced rows, of others what the allow-list names."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agenttrace_collector.decode import ids
from agenttrace_collector.decode.events import Event
from agenttrace_collector.forward import encoding
from agenttrace_collector.forward.attributes import STAMPS, metadata
from agenttrace_collector.forward.encoding import In
from agenttrace_collector.forward.values import values_of
from agenttrace_schemas import names, wire
from agenttrace_schemas.allowlist import EVENTS
from agenttrace_schemas.evaluation import Evaluation, evaluation_attributes
from agenttrace_schemas.outcome import Outcome, outcome_attributes
from agenttrace_schemas.rebuild import event_attributes, rebuilt_attributes
from agenttrace_schemas.rows import DecisionRow, EvaluationRow, FailureRow, OutcomeRow, Row, SignalRow
from agenttrace_schemas.rules import Policy

_EVENT: Final = b"\x5a"
_TIME: Final = struct.Struct("<cQ")
_NAMES: Final = {name: encoding.field(b"\x12", name.encode()) for name in (*wire.EVENT_NAMES, *EVENTS)}
_CONFIDENCE: Final = {tag: encoding.Double(tag, wire.DECISION_CONFIDENCE) for tag in (In.EVENT, In.RECORD)}
_WEIGHT: Final = {tag: encoding.Double(tag, wire.SIGNAL_WEIGHT) for tag in (In.EVENT, In.RECORD)}
_IDS: Final = {
    (tag, key): encoding.Id(tag, key)
    for tag in (In.EVENT, In.RECORD)
    for key in (
        wire.DECISION_ID,
        wire.SIGNAL_ID,
        wire.FAILURE_ID,
        wire.EVALUATION_ID,
        wire.OUTCOME_ID,
        wire.STEP_ID,
    )
}


def typed_event(event: Span.Event, stated: Event, row: Row, policy: Policy) -> bytes:
    """A typed event of a span; it has a time of its own only where it was sent with one."""
    time = event.time_unix_nano
    sent = _TIME.pack(b"\x09", time) if time else b""
    return encoding.field(
        _EVENT, sent + _NAMES[stated.name] + typed_attributes(In.EVENT, stated, row, policy)
    )


def stated_event(row: DecisionRow | SignalRow) -> bytes:
    """A typed event of a span that states it by its attributes."""
    name = wire.EVENT_DECISION if isinstance(row, DecisionRow) else wire.EVENT_SIGNAL
    made = own_attributes(In.EVENT, row)
    return encoding.field(_EVENT, _TIME.pack(b"\x09", row.recorded_at) + _NAMES[name] + made)


def own_attributes(tag: bytes, row: DecisionRow | SignalRow) -> bytes:
    """The attributes of what a sender states in its own words: with the row's id, and the tool that it is about."""
    if isinstance(row, SignalRow):
        return signal_attributes(tag, row) + _IDS[tag, wire.SIGNAL_ID](row.signal_id)
    made = decision_attributes(tag, row) + _IDS[tag, wire.DECISION_ID](row.decision_id)
    return made + encoding.text(tag, wire.GEN_AI_TOOL_NAME, row.tool_name) if row.tool_name else made


def other_event(event: Span.Event, policy: Policy, *, in_range: bool) -> bytes:
    """Another event of a span, empty where it does not leave."""
    kept = event_attributes(event.name, values_of(event.attributes), policy)
    if kept is None:
        return b""
    time = _TIME.pack(b"\x09", event.time_unix_nano) if in_range else b""
    pieces = (encoding.attribute(In.EVENT, key, value) for key, value in kept.items())
    return encoding.field(_EVENT, time + _NAMES[event.name] + b"".join(pieces))


def typed_record(record: LogRecord, stated: Event, row: Row, policy: Policy) -> bytes:
    """A typed event in a log record, with the stamps that tell whose it is."""
    stamps = (
        encoding.attribute(In.RECORD, key, value)
        for key, value in rebuilt_attributes(stated.values, policy)
        if key.startswith(STAMPS) and key != wire.STEP_ID and not key.startswith(wire.METADATA_PREFIX)
    )
    attributes = b"".join(stamps) + typed_attributes(In.RECORD, stated, row, policy)
    trace, span = ids.valid(record.trace_id, ids.TRACE_ID), ids.valid(record.span_id, ids.SPAN_ID)
    return log_record(stated.name, stated.time, attributes, (trace, span))


def log_record(name: str, time: int, attributes: bytes, context: tuple[bytes, bytes]) -> bytes:
    """A log record of a typed event; `context` are the ids of a trace and a span, each may be empty."""
    trace, span = context
    return b"".join(
        (
            _TIME.pack(b"\x09", time),
            attributes,
            encoding.field(b"\x4a", trace) if trace else b"",
            encoding.field(b"\x52", span) if span else b"",
            encoding.field(b"\x62", name.encode()),
        )
    )


def typed_attributes(tag: bytes, stated: Event, row: Row, policy: Policy) -> bytes:
    """The attributes of a typed event: what its row holds, under the ids that it stated."""
    if isinstance(row, DecisionRow):
        made, own, raw = decision_attributes(tag, row), wire.DECISION_ID, row.decision_id
    elif isinstance(row, SignalRow):
        made, own, raw = signal_attributes(tag, row), wire.SIGNAL_ID, row.signal_id
    elif isinstance(row, FailureRow):
        made = _failure(tag, row.failure_type, row.failure_code, row.message)
        own, raw = wire.FAILURE_ID, row.failure_id
    elif isinstance(row, EvaluationRow):
        made, own, raw = _evaluation(tag, row, stated.name), wire.EVALUATION_ID, row.evaluation_id
    elif isinstance(row, OutcomeRow):
        return _outcome(tag, row) + _id(_IDS[tag, wire.OUTCOME_ID], stated, row.outcome_id, policy)
    else:
        return b""
    made += _id(_IDS[tag, own], stated, raw, policy)
    if wire.STEP_ID in stated.values:
        made += _id(_IDS[tag, wire.STEP_ID], stated, row.step_id, policy)
    return made + metadata(row.metadata, tag) if row.metadata else made


def decision_attributes(tag: bytes, row: DecisionRow) -> bytes:
    """What a decision says."""
    made = _decision(tag, row.decision_type, (row.selected, row.reason_code), tuple(row.candidates))
    if row.confidence is not None:
        made += _CONFIDENCE[tag](row.confidence)
    if row.tool_name:
        made += encoding.attribute(tag, wire.DECISION_TOOL_NAME, row.tool_name)
    return made if row.wait_ms is None else made + encoding.attribute(tag, wire.DECISION_WAIT_MS, row.wait_ms)


def signal_attributes(tag: bytes, row: SignalRow) -> bytes:
    """What a signal says."""
    made = _signal(tag, row.signal_type, row.signal_code, row.value)
    return made if row.weight is None else made + _WEIGHT[tag](row.weight)


def _evaluation(tag: bytes, row: EvaluationRow, event: str) -> bytes:
    evaluation = Evaluation(row.name, row.score, row.label, row.error_type)
    stated = evaluation_attributes(evaluation, event)
    return b"".join(encoding.attribute(tag, key, value) for key, value in stated.items())


def _outcome(tag: bytes, row: OutcomeRow) -> bytes:
    stated = outcome_attributes(Outcome(row.status, row.failure_type, row.failure_code))
    return b"".join(encoding.attribute(tag, key, value) for key, value in stated.items())


def _id(own: encoding.Id, stated: Event, raw: bytes | None, policy: Policy) -> bytes:
    said = stated.values.get(own.key)
    if not isinstance(said, str):
        return b""
    if raw and encoding.is_uuid(said, raw):
        return own.as_said(said)
    return encoding.attribute(own.tag, own.key, names.kept_name(policy.site_key, said))


@lru_cache(4_096)
def _decision(tag: bytes, kind: str, why: tuple[str, str], candidates: tuple[str, ...]) -> bytes:
    selected, reason = why
    made = (
        encoding.attribute(tag, wire.DECISION_TYPE, kind)
        + encoding.attribute(tag, wire.DECISION_SELECTED, selected)
        + encoding.attribute(tag, wire.DECISION_REASON_CODE, reason)
    )
    return made + encoding.attribute(tag, wire.DECISION_CANDIDATES, candidates) if candidates else made


@lru_cache(4_096)
def _signal(tag: bytes, kind: str, code: str, value: bool) -> bytes:  # noqa: FBT001 - remembered by place
    return (
        encoding.attribute(tag, wire.SIGNAL_TYPE, kind)
        + encoding.attribute(tag, wire.SIGNAL_CODE, code)
        + encoding.attribute(tag, wire.SIGNAL_VALUE, value)
    )


@lru_cache(4_096)
def _failure(tag: bytes, kind: str, code: str, message: str) -> bytes:
    return (
        encoding.attribute(tag, wire.FAILURE_TYPE, kind)
        + encoding.attribute(tag, wire.FAILURE_CODE, code)
        + encoding.attribute(tag, wire.FAILURE_MESSAGE, message)
    )
