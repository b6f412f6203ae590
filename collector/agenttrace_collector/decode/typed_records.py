"""Typed events that came as log records: decisions, signals, failures, outcomes, evaluations."""

from __future__ import annotations

from typing import Final

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from agenttrace_collector.decode.attributes import value_of
from agenttrace_collector.decode.builder import BatchBuilder
from agenttrace_collector.decode.conventions.coding_agents import EVENT_NAME
from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_collector.decode.events import KINDS, TABLES, Event, EventIds, event_row, read_event
from agenttrace_collector.decode.origin import read_origin
from agenttrace_collector.decode.resource import Sender
from agenttrace_schemas import wire
from agenttrace_schemas.evaluation import EXPLANATION
from agenttrace_schemas.rules import Violation

_STAMPS: Final = {
    wire.RUN_ID: "run_id",
    wire.STEP_ID: "step_id",
    wire.AGENT_ID: "agent_id",
    wire.AGENT_VERSION: "agent_version",
    wire.ENVIRONMENT: "environment",
    wire.GEN_AI_AGENT_NAME: "actor",
}


def decode_typed_record(record: LogRecord, sender: Sender, builder: BatchBuilder) -> bool:
    """Adds or refuses the typed event that a log record is; False where it is none."""
    name = record.event_name or _stated_name(record)
    kind = KINDS.get(name)
    if kind is None:
        return False
    facts = _stamps(record)
    origin = read_origin(record, facts, sender, builder)
    time = record.time_unix_nano or record.observed_time_unix_nano
    try:
        if not origin.run_id:
            raise Violation("event.no_run", wire.RUN_ID)
        if not builder.in_range(time, TABLES[kind]):
            raise Violation("time.range", "time_unix_nano")
        stated = read_event(name, record.attributes, time)
        row = event_row(stated, origin, builder.context.policy, EventIds(origin))
        builder.add_event(row)
        tell_explanation(stated, builder)
        if builder.outgoing:
            builder.outgoing.typed_record(record, stated, row)
    except Violation as violation:
        builder.refused += 1
        builder.refuse(kind, violation, origin)
    return True


def _stated_name(record: LogRecord) -> str:
    """The name that stands among the attributes, where the sender's protocol has no place for it."""
    named = (each.value.string_value for each in record.attributes if each.key == EVENT_NAME)
    return next(named, "")


def tell_explanation(event: Event, builder: BatchBuilder) -> None:
    """Count the explanation of an evaluation, which is not kept."""
    if wire.GEN_AI_EVALUATION_EXPLANATION in event.values:
        builder.changed(EXPLANATION, wire.GEN_AI_EVALUATION_EXPLANATION)


def _stamps(record: LogRecord) -> SpanFacts:
    facts = SpanFacts()
    for attribute in record.attributes:
        field = _STAMPS.get(attribute.key)
        value = value_of(attribute.value) if field else None
        if field and isinstance(value, str):
            setattr(facts, field, value)
    return facts
