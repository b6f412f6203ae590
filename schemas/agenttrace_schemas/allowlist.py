"""The attributes of other instrumentations' spans that may leave a process: every key that is read, and its form.

The collector's conventions say what each key means; this list says what its value may look like. A test holds both to
the same keys. An attribute that is not listed does not leave the process.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from agenttrace_schemas import wire


class ValueForm(StrEnum):
    """What remains of a value."""

    NAME = "an identifier, else `_redacted`"
    FINISH_REASON = "a finish reason of the closed list, else `other`"
    OUTPUT_TYPE = "an output type of the closed list, else `other`"
    COUNT = "a whole number in the range of a count"
    FLAG = "a boolean"
    LENGTH = "a list as long, of nothing, or a count"


_NAMES: Final = (
    wire.AGENT_ID,
    wire.AGENT_VERSION,
    wire.ENVIRONMENT,
    wire.ERROR_TYPE,
    wire.GEN_AI_AGENT_NAME,
    wire.GEN_AI_CONVERSATION_ID,
    wire.GEN_AI_OPERATION_NAME,
    wire.GEN_AI_REQUEST_MODEL,
    wire.GEN_AI_RESPONSE_MODEL,
    wire.GEN_AI_TOOL_NAME,
    wire.PARENT_RUN_ID,
    wire.RUN_ID,
    wire.RUN_STATUS,
    wire.STEP_DECISION_ID,
    wire.STEP_ID,
    wire.STEP_NAME,
    wire.STEP_TYPE,
    "agent.name",
    "agent_name",
    "embedding.model_name",
    "gcp.vertex.agent.session_id",
    "gen_ai.data_source.id",
    "gen_ai.request.model_name",
    "gen_ai.task.name",
    "gen_ai.task.status",
    "gen_ai.tool.status",
    "gen_ai.workflow.name",
    "llm.model_name",
    "llm.request.model_name",
    "llm.request.type",
    "llm.response.model_name",
    "mcp.method.name",
    "openinference.span.kind",
    "reranker.model_name",
    "session.id",
    "tool.name",
    "traceloop.association.properties.session_id",
    "traceloop.association.properties.thread_id",
    "traceloop.entity.name",
    "traceloop.span.kind",
    "traceloop.workflow.name",
    "ai.model.id",
    "ai.operationId",
    "ai.response.model",
    "ai.telemetry.functionId",
    "ai.telemetry.metadata.sessionId",
    "ai.toolCall.id",
    "ai.toolCall.name",
    wire.GEN_AI_RESPONSE_ID,
    wire.GEN_AI_TOOL_CALL_ID,
    "guardrail_mode",
    "guardrail_name",
    "guardrail_status",
    "langsmith.metadata.lc_agent_name",
    "langsmith.metadata.thread_id",
    "langsmith.span.kind",
    "litellm.guardrail.mode",
    "litellm.guardrail.name",
    "litellm.guardrail.status",
    "lmnr.association.properties.metadata.tool_call_id",
    "lmnr.association.properties.session_id",
    "lmnr.span.type",
    "mastra.span.type",
    "workflow.name",
)
_FINISH_REASONS: Final = (
    wire.GEN_AI_RESPONSE_FINISH_REASONS,
    "gen_ai.response.finish_reason",
    "llm.finish_reason",
    "llm.response.finish_reason",
    "ai.response.finishReason",
    "anthropic.message.stop_reason",
)
_OUTPUT_TYPES: Final = (
    wire.GEN_AI_OUTPUT_TYPE,
    "gen_ai.openai.request.response_format",
    "gen_ai.request.response_format",
)
_COUNTS: Final = (
    wire.GEN_AI_USAGE_INPUT_TOKENS,
    wire.GEN_AI_USAGE_OUTPUT_TOKENS,
    wire.STEP_ATTEMPT,
    wire.STEP_RETRIEVAL_COUNT,
    wire.STEP_SEQ,
    "ai.usage.cachedInputTokens",
    "ai.usage.completionTokens",
    "ai.usage.inputTokens",
    "ai.usage.outputTokens",
    "ai.usage.promptTokens",
    "db.vector.query.result_count",
    wire.GEN_AI_USAGE_CACHE_WRITE,
    "gen_ai.usage.cache_creation_input_tokens",
    wire.GEN_AI_USAGE_CACHE_READ,
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.completion_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.token_count.completion",
    "llm.token_count.prompt",
    "llm.usage.completion_tokens",
    "llm.usage.prompt_tokens",
    "pydantic_ai.model_request.attempt",
    "pydantic_ai.tool.retry.attempt",
)
_FLAGS: Final = (
    wire.GEN_AI_REQUEST_STREAM,
    "gen_ai.request.is_stream",
    "llm.is_streaming",
    "guardrail.triggered",
)
_LENGTHS: Final = (
    "gen_ai.retrieval.documents",
    "retrieval.documents",
    "litellm.guardrail.masked_entity_count",
    "masked_entity_count",
)

KEYS: Final[Mapping[str, ValueForm]] = {
    **dict.fromkeys(_NAMES, ValueForm.NAME),
    **dict.fromkeys(_FINISH_REASONS, ValueForm.FINISH_REASON),
    **dict.fromkeys(_OUTPUT_TYPES, ValueForm.OUTPUT_TYPE),
    **dict.fromkeys(_COUNTS, ValueForm.COUNT),
    **dict.fromkeys(_FLAGS, ValueForm.FLAG),
    **dict.fromkeys(_LENGTHS, ValueForm.LENGTH),
}
# Flattened lists: the key has indexes in it, and nothing else that a sender chose.
FAMILIES: Final[Mapping[re.Pattern[str], ValueForm]] = {
    re.compile(r"gen_ai\.completion\.[0-9]{1,6}\.tool_calls\.[0-9]{1,6}\.name"): ValueForm.NAME,
    re.compile(r"gen_ai\.completion\.[0-9]{1,6}\.finish_reason"): ValueForm.FINISH_REASON,
    re.compile(
        r"llm\.output_messages\.[0-9]{1,6}\.message\.tool_calls\.[0-9]{1,6}\.tool_call\.function\.name"
    ): ValueForm.NAME,
}
# Of a flattened list of documents only how many there are: the highest index.
DOCUMENTS: Final = re.compile(r"retrieval\.documents\.([0-9]{1,6})\..*", re.DOTALL)
DOCUMENT_KEY: Final = "retrieval.documents.{}.document.id"

RESOURCE: Final = frozenset(
    {
        wire.SERVICE_NAME,
        wire.SERVICE_VERSION,
        wire.DEPLOYMENT_ENVIRONMENT,
        wire.DEPLOYMENT_ENVIRONMENT_OLD,
        wire.AGENT_ID,
        wire.AGENT_VERSION,
        wire.ENVIRONMENT,
    }
)
# Of the events of another instrumentation: the type of an exception, the finish reason of a choice.
EVENTS: Final[Mapping[str, tuple[str, ValueForm]]] = {
    wire.EXCEPTION_EVENT: (wire.EXCEPTION_TYPE, ValueForm.NAME),
    "gen_ai.choice": ("finish_reason", ValueForm.FINISH_REASON),
}

_TOKEN: Final = r"(?:@[A-Za-z0-9_.-]+/|[~/])?[A-Za-z0-9_][A-Za-z0-9_.:/@+#-]{0,127}"  # noqa: S105 - a pattern
# A span's name is one word, or says what is done with what: "execute_tool search", "agent_run [planner]".
SPAN_NAME: Final = re.compile(
    rf"({_TOKEN}|(chat|text_completion|embeddings|generate_content|invoke_agent|execute_tool|invocation|agent_run"
    rf"|call_llm|executor\.process|model|model request attempt|tools/call|MCP send tools/call|handoff to) \[?{_TOKEN}\]?)",
    re.ASCII,
)
