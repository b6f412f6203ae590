"""The stamps of our own instrumentation, which win over every convention."""

from __future__ import annotations

from typing import Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from agenttrace_collector.decode.attributes import value_of
from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_collector.decode.conventions.table import (
    AttributeRow,
    Family,
    Spelled,
    count,
    name,
    sequence,
    text,
)
from agenttrace_schemas import wire
from agenttrace_schemas.spellings import RUN_STATUSES, STEP_TYPES


def _metadata(facts: SpanFacts, rest: str, value: AnyValue) -> None:
    if facts.metadata is None:
        facts.metadata = {}
    facts.metadata[rest] = value_of(value)


ROWS: Final = (
    AttributeRow(wire.RUN_ID, "run_id", text),
    AttributeRow(wire.PARENT_RUN_ID, "parent_run_id", text),
    AttributeRow(wire.RUN_STATUS, "run_status", Spelled(RUN_STATUSES)),
    AttributeRow(wire.STEP_ID, "step_id", text),
    AttributeRow(wire.STEP_DECISION_ID, "decision_id", text),
    AttributeRow(wire.STEP_TYPE, "step_type", Spelled(STEP_TYPES, unknown="other")),
    AttributeRow(wire.STEP_NAME, "name", name),
    AttributeRow(wire.STEP_SEQ, "seq", sequence),
    AttributeRow(wire.STEP_ATTEMPT, "attempt", count),
    AttributeRow(wire.STEP_RETRIEVAL_COUNT, "retrieval_count", count),
    AttributeRow(wire.AGENT_ID, "agent_id", name),
    AttributeRow(wire.AGENT_VERSION, "agent_version", name),
    AttributeRow(wire.ENVIRONMENT, "environment", name),
)
FAMILIES: Final = (Family(wire.METADATA_PREFIX, "metadata", _metadata),)
