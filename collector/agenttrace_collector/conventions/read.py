"""Reads a span by the tables of the conventions: one pass, values only for keys that are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agenttrace_collector.conventions.facts import SpanFacts
from agenttrace_collector.decode.attributes import value_of
from agenttrace_schemas import wire

_TEXTS: Final[Mapping[str, str]] = {
    wire.GEN_AI_OPERATION_NAME: "operation",
    wire.GEN_AI_AGENT_NAME: "actor",
    wire.GEN_AI_TOOL_NAME: "tool_name",
    wire.GEN_AI_REQUEST_MODEL: "model",
    wire.GEN_AI_RESPONSE_MODEL: "response_model",
    wire.GEN_AI_OUTPUT_TYPE: "output_type",
    wire.GEN_AI_CONVERSATION_ID: "conversation_id",
    wire.ERROR_TYPE: "error_type",
    wire.RUN_ID: "run_id",
    wire.PARENT_RUN_ID: "parent_run_id",
    wire.RUN_STATUS: "run_status",
    wire.STEP_ID: "step_id",
    wire.STEP_TYPE: "step_type",
    wire.STEP_NAME: "name",
    wire.AGENT_ID: "agent_id",
    wire.AGENT_VERSION: "agent_version",
    wire.ENVIRONMENT: "environment",
}
_COUNTS: Final[Mapping[str, str]] = {
    wire.GEN_AI_USAGE_INPUT_TOKENS: "input_tokens",
    wire.GEN_AI_USAGE_OUTPUT_TOKENS: "output_tokens",
    wire.STEP_SEQ: "seq",
    wire.STEP_RETRIEVAL_COUNT: "retrieval_count",
    wire.STEP_ATTEMPT: "attempt",
}
_STEP_TYPES: Final[Mapping[str, str]] = {
    "execute_tool": "tool",
    "retrieval": "retrieve",
    "plan": "plan",
    "chat": "respond",
}
_PREFIX: Final = len(wire.METADATA_PREFIX)


def read_span(span: Span, scope: str = "") -> SpanFacts:
    """The facts of one span; `scope` is the name of its instrumentation scope."""
    facts = SpanFacts()
    for attribute in span.attributes:
        key = attribute.key
        if key in _TEXTS:
            value = value_of(attribute.value)
            if isinstance(value, str):
                setattr(facts, _TEXTS[key], value)
        elif key in _COUNTS:
            value = value_of(attribute.value)
            if isinstance(value, int) and not isinstance(value, bool):
                setattr(facts, _COUNTS[key], value)
        elif key == wire.GEN_AI_RESPONSE_FINISH_REASONS:
            value = value_of(attribute.value)
            facts.finish_reason = (
                next((each for each in value if isinstance(each, str)), "") if isinstance(value, list) else ""
            )
        elif key.startswith(wire.METADATA_PREFIX):
            facts.metadata = facts.metadata or {}
            facts.metadata[key[_PREFIX:]] = value_of(attribute.value)
    return _completed(facts)


def _completed(facts: SpanFacts) -> SpanFacts:
    facts.name = facts.name or facts.tool_name or facts.model or facts.actor
    if facts.operation == "invoke_agent":
        facts.role = "agent"
    if facts.agent_id or facts.run_id:
        facts.source = "agenttrace"
    if facts.step_type == "other":
        facts.step_type = _STEP_TYPES.get(facts.operation, "other")
    return facts
