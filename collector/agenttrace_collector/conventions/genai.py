"""OpenTelemetry GenAI conventions, current and older names, and the spellings of those who follow them.

Frameworks that trace themselves (pydantic-ai, Google ADK, Strands) and OpenLIT and MCP use these names
with their own additions, which are rows here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from agenttrace_collector.conventions.facts import SpanFacts
from agenttrace_collector.conventions.spellings import FINISH_REASONS, OUTPUT_TYPES, failed
from agenttrace_collector.conventions.table import (
    Family,
    Row,
    count,
    first_spelled,
    flag,
    length,
    next_count,
    spelled,
    text,
)
from agenttrace_schemas import wire

OPERATIONS: Final[Mapping[str, str]] = {
    "chat": "chat",
    "completion": "text_completion",
    "text_completion": "text_completion",
    "generate_content": "generate_content",
    "embeddings": "embeddings",
    "embedding": "embeddings",
    "retrieval": "retrieval",
    "retrieve": "retrieval",
    "rerank": "rerank",
    "execute_tool": "execute_tool",
    "execute_code": "execute_tool",
    "invoke_agent": "invoke_agent",
    "invoke_workflow": "invoke_workflow",
    "create_agent": "create_agent",
    "plan": "plan",
    "guardrail": "guardrail",
    "evaluation": "evaluation",
    "handoff": "handoff",
    "search_memory": "memory",
    "create_memory": "memory",
    "update_memory": "memory",
    "upsert_memory": "memory",
    "delete_memory": "memory",
    "create_memory_store": "memory",
    "delete_memory_store": "memory",
    # OpenLLMetry
    "execute_task": "task",
    "vector_db_retrieve": "retrieval",
    # Strands
    "execute_event_loop_cycle": "chain",
    "invoke_swarm": "invoke_workflow",
    "invoke_graph": "invoke_workflow",
    # AutoGen
    "create": "other",
}
# Of the Model Context Protocol only a tool call is a step.
MCP_METHODS: Final[Mapping[str, str]] = {"tools/call": "execute_tool"}

ROWS: Final = (
    Row(wire.GEN_AI_OPERATION_NAME, "operation", spelled(OPERATIONS, unknown="other")),
    Row("mcp.method.name", "operation", spelled(MCP_METHODS)),
    Row(wire.GEN_AI_AGENT_NAME, "actor", text),
    Row("agent_name", "actor", text),
    Row("gen_ai.workflow.name", "actor", text),
    Row(wire.GEN_AI_TOOL_NAME, "tool_name", text),
    Row(wire.GEN_AI_REQUEST_MODEL, "model", text),
    Row("gen_ai.request.model_name", "model", text),
    Row(wire.GEN_AI_RESPONSE_MODEL, "response_model", text),
    Row(wire.GEN_AI_USAGE_INPUT_TOKENS, "input_tokens", count),
    Row("gen_ai.usage.prompt_tokens", "input_tokens", count),
    Row(wire.GEN_AI_USAGE_OUTPUT_TOKENS, "output_tokens", count),
    Row("gen_ai.usage.completion_tokens", "output_tokens", count),
    Row(wire.GEN_AI_RESPONSE_FINISH_REASONS, "finish_reason", first_spelled(FINISH_REASONS, "other")),
    Row("gen_ai.response.finish_reason", "finish_reason", first_spelled(FINISH_REASONS, "other")),
    Row(wire.GEN_AI_REQUEST_STREAM, "stream", flag),
    Row("gen_ai.request.is_stream", "stream", flag),
    Row(wire.GEN_AI_OUTPUT_TYPE, "output_type", spelled(OUTPUT_TYPES, unknown="other")),
    Row("gen_ai.openai.request.response_format", "output_type", spelled(OUTPUT_TYPES, unknown="other")),
    Row("gen_ai.request.response_format", "output_type", spelled(OUTPUT_TYPES, unknown="other")),
    Row("gen_ai.retrieval.documents", "retrieval_count", length),
    Row("gen_ai.data_source.id", "name", text),
    Row(wire.GEN_AI_CONVERSATION_ID, "conversation_id", text),
    Row("gcp.vertex.agent.session_id", "conversation_id", text),
    Row(wire.ERROR_TYPE, "error_type", text),
    Row("gen_ai.tool.status", "failed", failed),
    Row("pydantic_ai.tool.retry.attempt", "attempt", count),
    Row("pydantic_ai.model_request.attempt", "request_attempt", next_count),
)


def _requested(facts: SpanFacts, rest: str, value: AnyValue) -> None:
    """Older spans flatten the answer: `gen_ai.completion.0.tool_calls.0.name`."""
    if ".tool_calls." in rest and rest.endswith(".name") and value.string_value:
        facts.asked_for_tools = True
    elif rest.endswith(".finish_reason") and not facts.finish_reason:
        facts.finish_reason = str(first_spelled(FINISH_REASONS, "other")(value) or "")


FAMILIES: Final = (Family("gen_ai.completion.", _requested),)

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
}
# The finish reason of a call stands in this span event where it stands in no attribute.
CHOICE_EVENT: Final = "gen_ai.choice"
CHOICE_FINISH_REASON: Final = "finish_reason"
