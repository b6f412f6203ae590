"""Frameworks with names of their own for what a span is: Vercel AI SDK, LangSmith, Mastra, Laminar, Agent Framework.

Their word for the kind of a span (fact `kind`) wins over the operation that the same span names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from agenttrace_collector.decode.conventions.table import (
    AttributeRow,
    Constant,
    Spelled,
    count,
    filled,
    flag,
    name,
    text,
)
from agenttrace_schemas.spellings import FINISH_REASONS

# A span that is no step, whatever operation it names.
NO_STEP: Final = "-"
_finish_reason: Final = Spelled(FINISH_REASONS, unknown="other")

_AI_SDK: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("ai_generate_text", "ai_stream_text", "ai_generate_object", "ai_stream_object"), "invoke_agent"
    ),
    "ai_generate_text_do_generate": "chat",
    "ai_stream_text_do_stream": "chat",
    "ai_generate_object_do_generate": "chat",
    "ai_stream_object_do_stream": "chat",
    "ai_tool_call": "execute_tool",
    **dict.fromkeys(("ai_embed", "ai_embed_many", "ai_rerank"), "chain"),
    **dict.fromkeys(("ai_embed_do_embed", "ai_embed_many_do_embed"), "embeddings"),
    "ai_rerank_do_rerank": "rerank",
}
_LANGSMITH: Final[Mapping[str, str]] = {
    "llm": "chat",
    "tool": "execute_tool",
    "retriever": "retrieval",
    "embedding": "embeddings",
    **dict.fromkeys(("chain", "prompt", "parser"), "chain"),
}
_MASTRA: Final[Mapping[str, str]] = {
    "agent_run": "invoke_agent",
    "workflow_run": "invoke_workflow",
    "model_inference": "chat",
    **dict.fromkeys(("model_generation", "model_step", "processor_run", "llm_generation"), "chain"),
    **dict.fromkeys(("tool_call", "mcp_tool_call"), "execute_tool"),
    **dict.fromkeys(("workflow_step", "workflow_conditional", "workflow_parallel"), "chain"),
    **dict.fromkeys(("workflow_loop", "workflow_sleep", "workflow_wait_event"), "chain"),
    **dict.fromkeys(("model_chunk", "llm_chunk", "workflow_conditional_eval", "generic"), NO_STEP),
}
# A span around the calls of a model names no model.
MODEL_SPAN: Final = "llm"
_LAMINAR: Final[Mapping[str, str]] = {"llm": MODEL_SPAN, "tool": "execute_tool"}
# What a guardrail did, by LiteLLM's word. One that failed to respond may have let the call through or not.
GUARDRAIL: Final = "guardrail"
PASSED: Final = "passed"
TRIP: Final = "tripped"
MASKED: Final = "masked"
SELECTED: Final[Mapping[str, str]] = {PASSED: "allow", TRIP: "deny", MASKED: "modify"}
_outcome: Final = Spelled({"success": PASSED, "guardrail_intervened": TRIP, "blocked": TRIP}, is_open=True)
_guards: Final = Spelled(
    {
        **dict.fromkeys(("pre_call", "during_call", "realtime_input_transcription"), "input"),
        "post_call": "output",
        **dict.fromkeys(("pre_mcp_call", "during_mcp_call", "post_mcp_call"), "tool"),
    },
    is_open=True,
)

ROWS: Final = (
    AttributeRow("langsmith.span.kind", "kind", Spelled(_LANGSMITH, is_open=True)),
    AttributeRow("ai.operationId", "kind", Spelled(_AI_SDK, is_open=True)),
    AttributeRow("mastra.span.type", "kind", Spelled(_MASTRA, is_open=True)),
    AttributeRow("lmnr.span.type", "kind", Spelled(_LAMINAR, is_open=True)),
    # LiteLLM tells a guardrail's outcome beside the calls that it guards.
    AttributeRow("guardrail_name", "kind", Constant(NO_STEP)),
    AttributeRow("ai.telemetry.functionId", "actor", name),
    AttributeRow("langsmith.metadata.lc_agent_name", "actor", name),
    AttributeRow("workflow.name", "actor", name),
    AttributeRow("ai.toolCall.name", "tool_name", name),
    AttributeRow("ai.model.id", "model", name),
    AttributeRow("ai.response.model", "response_model", name),
    AttributeRow("ai.usage.inputTokens", "input_tokens", count),
    AttributeRow("ai.usage.promptTokens", "input_tokens", count),
    AttributeRow("ai.usage.outputTokens", "output_tokens", count),
    AttributeRow("ai.usage.completionTokens", "output_tokens", count),
    AttributeRow("ai.usage.cachedInputTokens", "cache_read_tokens", count),
    AttributeRow("ai.response.finishReason", "finish_reason", _finish_reason),
    AttributeRow("anthropic.message.stop_reason", "finish_reason", _finish_reason),
    AttributeRow("ai.toolCall.id", "call_id", text),
    AttributeRow("lmnr.association.properties.metadata.tool_call_id", "call_id", text),
    AttributeRow("ai.telemetry.metadata.sessionId", "conversation_id", text),
    AttributeRow("langsmith.metadata.thread_id", "conversation_id", text),
    AttributeRow("lmnr.association.properties.session_id", "conversation_id", text),
    AttributeRow("guardrail.triggered", "tripped", flag),
    AttributeRow("guardrail_name", "guardrail", name),
    AttributeRow("litellm.guardrail.name", "guardrail", name),
    AttributeRow("guardrail_status", "outcome", _outcome),
    AttributeRow("litellm.guardrail.status", "outcome", _outcome),
    AttributeRow("masked_entity_count", "masked", filled),
    AttributeRow("litellm.guardrail.masked_entity_count", "masked", filled),
    AttributeRow("guardrail_mode", "guards", _guards),
    AttributeRow("litellm.guardrail.mode", "guards", _guards),
)
# Tools that are a framework's way to give the answer, by instrumentation scope.
ANSWER_TOOLS: Final[Mapping[str, frozenset[str]]] = {
    "openinference.instrumentation.smolagents": frozenset({"final_answer"}),
}
# What a guardrail that tripped ended in, where nothing else says it.
TRIPPED: Final = "tripwire"
# Vercel's prefix of the names of its errors.
ERROR_PREFIX: Final = "AI_"
