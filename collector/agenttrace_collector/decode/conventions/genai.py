"""OpenTelemetry GenAI conventions, current and older names, and the spellings of those who follow them.

Frameworks that trace themselves (pydantic-ai, Google ADK, Strands) and OpenLIT and MCP use these names
with their own additions, which are rows here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_collector.decode.conventions.operations import MCP_METHODS, OPERATIONS
from agenttrace_collector.decode.conventions.table import (
    AttributeRow,
    Family,
    Spelled,
    count,
    failed,
    flag,
    length,
    name,
    next_count,
    take,
    text,
)
from agenttrace_schemas import wire
from agenttrace_schemas.spellings import FINISH_REASONS, OUTPUT_TYPES

_finish_reason: Final = Spelled(FINISH_REASONS, unknown="other")
# Under which key a finish reason in a flattened answer is counted.
COMPLETION_KEY: Final = "gen_ai.completion.*.finish_reason"
_output_type: Final = Spelled(OUTPUT_TYPES, unknown="other")

ROWS: Final = (
    AttributeRow(wire.GEN_AI_OPERATION_NAME, "operation", Spelled(OPERATIONS, unknown="other")),
    AttributeRow("mcp.method.name", "operation", Spelled(MCP_METHODS, is_open=True)),
    AttributeRow(wire.GEN_AI_AGENT_NAME, "actor", name),
    AttributeRow("agent_name", "actor", name),
    AttributeRow("gen_ai.workflow.name", "actor", name),
    AttributeRow(wire.GEN_AI_TOOL_NAME, "tool_name", name),
    AttributeRow(wire.GEN_AI_REQUEST_MODEL, "model", name),
    AttributeRow("gen_ai.request.model_name", "model", name),
    AttributeRow(wire.GEN_AI_RESPONSE_MODEL, "response_model", name),
    AttributeRow(wire.GEN_AI_USAGE_INPUT_TOKENS, "input_tokens", count),
    AttributeRow("gen_ai.usage.prompt_tokens", "input_tokens", count),
    AttributeRow(wire.GEN_AI_USAGE_OUTPUT_TOKENS, "output_tokens", count),
    AttributeRow("gen_ai.usage.completion_tokens", "output_tokens", count),
    AttributeRow(wire.GEN_AI_USAGE_CACHE_READ, "cache_read_tokens", count),
    AttributeRow("gen_ai.usage.cache_read_input_tokens", "cache_read_tokens", count),
    AttributeRow(wire.GEN_AI_USAGE_CACHE_WRITE, "cache_write_tokens", count),
    AttributeRow("gen_ai.usage.cache_creation_input_tokens", "cache_write_tokens", count),
    AttributeRow(wire.GEN_AI_RESPONSE_ID, "call_id", text),
    AttributeRow(wire.GEN_AI_TOOL_CALL_ID, "call_id", text),
    AttributeRow(wire.GEN_AI_RESPONSE_FINISH_REASONS, "finish_reason", _finish_reason),
    AttributeRow("gen_ai.response.finish_reason", "finish_reason", _finish_reason),
    AttributeRow(wire.GEN_AI_REQUEST_STREAM, "stream", flag),
    AttributeRow("gen_ai.request.is_stream", "stream", flag),
    AttributeRow(wire.GEN_AI_OUTPUT_TYPE, "output_type", _output_type),
    AttributeRow("gen_ai.openai.request.response_format", "output_type", _output_type),
    AttributeRow("gen_ai.request.response_format", "output_type", _output_type),
    AttributeRow("gen_ai.retrieval.documents", "retrieval_count", length),
    AttributeRow("gen_ai.data_source.id", "name", name),
    AttributeRow(wire.GEN_AI_CONVERSATION_ID, "conversation_id", text),
    AttributeRow("gcp.vertex.agent.session_id", "conversation_id", text),
    AttributeRow(wire.ERROR_TYPE, "error_type", name),
    AttributeRow("gen_ai.tool.status", "failed", failed),
    AttributeRow("pydantic_ai.tool.retry.attempt", "attempt", count),
    AttributeRow("pydantic_ai.model_request.attempt", "request_attempt", next_count),
)


def _requested(facts: SpanFacts, rest: str, value: AnyValue) -> None:
    """Older spans flatten the answer: `gen_ai.completion.0.tool_calls.0.name`."""
    if ".tool_calls." in rest and rest.endswith(".name") and value.string_value:
        facts.asked_for_tools = True
    elif rest.endswith(".finish_reason") and not facts.finish_reason:
        take(facts, "finish_reason", COMPLETION_KEY, _finish_reason(value))


FAMILIES: Final = (Family("gen_ai.completion.", "completion", _requested),)

# A span of these scopes may have no attributes; its name then is "<operation> <model, agent or tool>".
NAMED_SPANS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "openlit.otel.tracing": {
        "chat": ("chat", "model"),
        "text_completion": ("text_completion", "model"),
        "embeddings": ("embeddings", "model"),
        "invoke_agent": ("invoke_agent", "actor"),
        "execute_tool": ("execute_tool", "tool_name"),
    },
    "gcp.vertex.agent": {
        "invocation": ("invoke_workflow", "actor"),
        "agent_run": ("invoke_agent", "actor"),
        "call_llm": ("generate_content", "model"),
        "execute_tool": ("execute_tool", "tool_name"),
    },
    "pydantic-ai": {
        "model": ("chat", ""),
    },
    "agent_framework": {
        "workflow.run": ("invoke_workflow", ""),
        "executor.process": ("chain", "name"),
    },
    "lmnr.tracer": {
        "conversation": ("invoke_agent", ""),
    },
}
# The finish reason of a call stands in this span event where it stands in no attribute.
CHOICE_EVENT: Final = "gen_ai.choice"
CHOICE: Final = AttributeRow("finish_reason", "finish_reason", _finish_reason)
