"""OpenLLMetry (`traceloop.*`), current and older names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from agenttrace_collector.conventions.spellings import FINISH_REASONS, failed
from agenttrace_collector.conventions.table import (
    Row,
    constant,
    count,
    first_spelled,
    flag,
    spelled,
    text,
)

KINDS: Final[Mapping[str, str]] = {
    "workflow": "invoke_workflow",
    "agent": "invoke_agent",
    "task": "task",
    "tool": "execute_tool",
    "handoff": "handoff",
}
REQUEST_TYPES: Final[Mapping[str, str]] = {
    "chat": "chat",
    "completion": "text_completion",
    "embedding": "embeddings",
    "rerank": "rerank",
}
_SOURCE: Final = constant("openllmetry")

ROWS: Final = (
    Row("traceloop.span.kind", "operation", spelled(KINDS, unknown="chain")),
    Row("llm.request.type", "operation", spelled(REQUEST_TYPES)),
    Row("traceloop.span.kind", "source", _SOURCE),
    Row("traceloop.workflow.name", "source", _SOURCE),
    Row("traceloop.entity.name", "source", _SOURCE),
    Row("traceloop.entity.name", "name", text),
    Row("gen_ai.task.name", "name", text),
    Row("llm.usage.prompt_tokens", "input_tokens", count),
    Row("llm.usage.completion_tokens", "output_tokens", count),
    Row("llm.response.finish_reason", "finish_reason", first_spelled(FINISH_REASONS, "other")),
    Row("llm.is_streaming", "stream", flag),
    Row("db.vector.query.result_count", "retrieval_count", count),
    Row("gen_ai.task.status", "failed", failed),
    Row("traceloop.association.properties.thread_id", "conversation_id", text),
    Row("traceloop.association.properties.session_id", "conversation_id", text),
)
