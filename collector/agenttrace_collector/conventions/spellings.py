"""How conventions and vendors spell finish reasons, output types and outcomes; ours are the values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

FINISH_REASONS: Final[Mapping[str, str]] = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "completed": "stop",
    "complete": "stop",
    "eos": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "refusal": "content_filter",
    "guardrail_intervened": "content_filter",
    "recitation": "content_filter",
    "error": "error",
    "failed": "error",
}
OUTPUT_TYPES: Final[Mapping[str, str]] = {
    "text": "text",
    "json": "json",
    "json_object": "json",
    "json_schema": "json",
    "image": "image",
    "speech": "speech",
    "audio": "speech",
}
_FAILURES: Final = frozenset({"error", "failure", "failed"})


def failed(value: AnyValue) -> bool | None:
    """Whether a status word says that the call failed."""
    return True if value.string_value.lower() in _FAILURES else None
