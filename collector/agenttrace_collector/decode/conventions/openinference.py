"""OpenInference, and the spellings of the instrumentations that follow it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_collector.decode.conventions.operations import OPENINFERENCE_KINDS
from agenttrace_collector.decode.conventions.table import (
    AttributeRow,
    Constant,
    Family,
    Spelled,
    count,
    length,
    name,
    text,
)
from agenttrace_schemas.spellings import FINISH_REASONS

KIND: Final = "openinference.span.kind"
ROWS: Final = (
    AttributeRow(KIND, "operation", Spelled(OPENINFERENCE_KINDS, unknown="chain")),
    AttributeRow(KIND, "source", Constant("openinference")),
    AttributeRow("agent.name", "actor", name),
    AttributeRow("tool.name", "tool_name", name),
    AttributeRow("llm.model_name", "model", name),
    AttributeRow("llm.request.model_name", "model", name),
    AttributeRow("llm.response.model_name", "response_model", name),
    AttributeRow("embedding.model_name", "model", name),
    AttributeRow("reranker.model_name", "model", name),
    AttributeRow("llm.token_count.prompt", "input_tokens", count),
    AttributeRow("llm.token_count.completion", "output_tokens", count),
    AttributeRow("llm.finish_reason", "finish_reason", Spelled(FINISH_REASONS, unknown="other")),
    AttributeRow("retrieval.documents", "retrieval_count", length),
    AttributeRow("session.id", "conversation_id", text),
)


def _documents(facts: SpanFacts, rest: str, _: AnyValue) -> None:
    """`retrieval.documents.2.document.id`: three documents at least, whatever they hold."""
    index = rest.partition(".")[0]
    if index.isascii() and index.isdigit() and len(index) < DIGITS:
        facts.retrieval_count = max(facts.retrieval_count or 0, int(index) + 1)


def _requested(facts: SpanFacts, rest: str, value: AnyValue) -> None:
    """`llm.output_messages.0.message.tool_calls.0.tool_call.function.name`: the answer asks for a tool."""
    if rest.endswith(".tool_call.function.name") and value.string_value:
        facts.asked_for_tools = True


DIGITS: Final = 7
FAMILIES: Final = (
    Family("retrieval.documents.", "documents", _documents),
    Family("llm.output_messages.", "output_messages", _requested),
)

# The node, class or agent that a span of these operations is named for; a name of one word only.
NAMED_FOR: Final[Mapping[str, str]] = {
    "invoke_agent": "actor",
    "chain": "name",
    "retrieval": "name",
    "rerank": "name",
    "guardrail": "name",
    "evaluation": "name",
    "embeddings": "name",
    "postprocess": "name",
}
# These name spans `Class.method`; some methods say more than the kind does.
METHOD_SCOPES: Final = frozenset({"openinference.instrumentation.llama_index"})
METHODS: Final[Mapping[str, str]] = {
    "_prepare_chat_with_tools": "chain",
    "_postprocess_nodes": "postprocess",
    "postprocess_nodes": "postprocess",
}
STREAMING_METHODS: Final = frozenset({"stream_chat", "astream_chat", "stream_complete", "astream_complete"})
# Agno and others call an agent's span `<agent>.run`.
AGENT_SUFFIX: Final = ".run"
