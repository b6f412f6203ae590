"""What a step may state besides its type and name: a closed table of names, numbers and flags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypedDict

from opentelemetry.util.types import AttributeValue

from agenttrace.guard import Misuse
from agenttrace.runtime import Runtime
from agenttrace_schemas import wire
from agenttrace_schemas.counts import count_of
from agenttrace_schemas.rules import OTHER, Violation
from agenttrace_schemas.spellings import FINISH_REASONS, OUTPUT_TYPES, spelling


class Facts(TypedDict, total=False):
    """What a step may state; None leaves a fact out."""

    model: str | None
    response_model: str | None
    tool: str | None
    input_tokens: int | None
    output_tokens: int | None
    retrieval_count: int | None
    attempt: int | None
    finish_reason: str | None
    output_type: str | None
    stream: bool | None


def _name(value: object, runtime: Runtime) -> str:
    return runtime.name(value)


def _count(value: object, _: Runtime) -> int | None:
    return count_of(value)


def _flag(value: object, _: Runtime) -> bool:
    return bool(value)


def _finish_reasons(value: object, _: Runtime) -> tuple[str, ...]:
    return (_spelled(FINISH_REASONS, value),)


def _output_type(value: object, _: Runtime) -> str:
    return _spelled(OUTPUT_TYPES, value)


def _spelled(spellings: Mapping[str, str], value: object) -> str:
    """Our word for a stated one, `other` for one that is not known."""
    known = spelling(spellings, str(value))
    return OTHER if known is None else known


_TABLE: Final[Mapping[str, tuple[str, Callable[[object, Runtime], AttributeValue | None]]]] = {
    "model": (wire.GEN_AI_REQUEST_MODEL, _name),
    "response_model": (wire.GEN_AI_RESPONSE_MODEL, _name),
    "tool": (wire.GEN_AI_TOOL_NAME, _name),
    "input_tokens": (wire.GEN_AI_USAGE_INPUT_TOKENS, _count),
    "output_tokens": (wire.GEN_AI_USAGE_OUTPUT_TOKENS, _count),
    "retrieval_count": (wire.STEP_RETRIEVAL_COUNT, _count),
    "attempt": (wire.STEP_ATTEMPT, _count),
    "finish_reason": (wire.GEN_AI_RESPONSE_FINISH_REASONS, _finish_reasons),
    "output_type": (wire.GEN_AI_OUTPUT_TYPE, _output_type),
    "stream": (wire.GEN_AI_REQUEST_STREAM, _flag),
}


def fact_attributes(facts: Mapping[str, object], runtime: Runtime) -> dict[str, AttributeValue]:
    """The attributes of stated facts.

    Raises `Misuse` for a fact that is not in the table, `Violation` for a count that is none.
    """
    attributes: dict[str, AttributeValue] = {}
    for name, value in facts.items():
        if name not in _TABLE:
            message = f"a step states {', '.join(_TABLE)}"
            raise Misuse(message)
        if value is not None:
            key, read = _TABLE[name]
            kept = read(value, runtime)
            if kept is None:
                raise Violation("count.range", key)
            attributes[key] = kept
    return attributes
