"""OpenLLMetry (`traceloop.*`), current and older names."""

from __future__ import annotations

from typing import Final

from agenttrace_collector.decode.conventions.operations import REQUEST_TYPES, TRACELOOP_KINDS
from agenttrace_collector.decode.conventions.table import (
    AttributeRow,
    Constant,
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
    AttributeRow(KIND, "operation", Spelled(TRACELOOP_KINDS, unknown="chain")),
    AttributeRow("llm.request.type", "operation", Spelled(REQUEST_TYPES)),
    AttributeRow(KIND, "source", _SOURCE),
    AttributeRow("traceloop.workflow.name", "source", _SOURCE),
    AttributeRow("traceloop.entity.name", "source", _SOURCE),
    AttributeRow("traceloop.entity.name", "name", name),
    AttributeRow("gen_ai.task.name", "name", name),
    AttributeRow("llm.usage.prompt_tokens", "input_tokens", count),
    AttributeRow("llm.usage.completion_tokens", "output_tokens", count),
    AttributeRow("llm.response.finish_reason", "finish_reason", Spelled(FINISH_REASONS, unknown="other")),
    AttributeRow("llm.is_streaming", "stream", flag),
    AttributeRow("db.vector.query.result_count", "retrieval_count", count),
    AttributeRow("gen_ai.task.status", "failed", failed),
    AttributeRow("traceloop.association.properties.thread_id", "conversation_id", text),
    AttributeRow("traceloop.association.properties.session_id", "conversation_id", text),
)
