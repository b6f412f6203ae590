"""OpenLLMetry (`traceloop.*`), current and older names."""

from __future__ import annotations

from typing import Final

from agenttrace_collector.decode.conventions.operations import REQUEST_TYPES, TRACELOOP_KINDS
from agenttrace_collector.decode.conventions.table import (
    Constant,
    Row,
    Spelled,
    count,
    failed,
    flag,
    name,
    text,
)
from agenttrace_schemas.spellings import FINISH_REASONS

KIND: Final = "traceloop.span.kind"
_SOURCE: Final = Constant("openllmetry")

ROWS: Final = (
    Row(KIND, "operation", Spelled(TRACELOOP_KINDS, unknown="chain")),
    Row("llm.request.type", "operation", Spelled(REQUEST_TYPES)),
    Row(KIND, "source", _SOURCE),
    Row("traceloop.workflow.name", "source", _SOURCE),
    Row("traceloop.entity.name", "source", _SOURCE),
    Row("traceloop.entity.name", "name", name),
    Row("gen_ai.task.name", "name", name),
    Row("llm.usage.prompt_tokens", "input_tokens", count),
    Row("llm.usage.completion_tokens", "output_tokens", count),
    Row("llm.response.finish_reason", "finish_reason", Spelled(FINISH_REASONS, unknown="other")),
    Row("llm.is_streaming", "stream", flag),
    Row("db.vector.query.result_count", "retrieval_count", count),
    Row("gen_ai.task.status", "failed", failed),
    Row("traceloop.association.properties.thread_id", "conversation_id", text),
    Row("traceloop.association.properties.session_id", "conversation_id", text),
)
