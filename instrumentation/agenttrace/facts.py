"""What a step may state besides its type and name: a closed table of names, numbers and flags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, SupportsFloat, TypeAlias, TypedDict
from uuid import UUID

from opentelemetry.util.types import AttributeValue

from agenttrace.codes import FinishReason, OutputType
from agenttrace.guard import Apart, Misuse
from agenttrace.numeric import plain
from agenttrace.runtime import Runtime
from agenttrace_schemas import wire
from agenttrace_schemas.counts import count_of
from agenttrace_schemas.rules import Violation
from agenttrace_schemas.spellings import FINISH_REASONS, OUTPUT_TYPES, flag_of

WholeNumber: TypeAlias = int | SupportsFloat


class Facts(TypedDict, total=False):
    """What a step may state; None leaves a fact out."""

    model: str | None
    response_model: str | None
    tool: str | None
    input_tokens: WholeNumber | None
    output_tokens: WholeNumber | None
    retrieval_count: WholeNumber | None
    attempt: WholeNumber | None
    finish_reason: FinishReason | None
    output_type: OutputType | None
    stream: bool | None
    decision: str | None


class _Fact(NamedTuple):
    """A fact as it was stated, and what it is recorded under."""

    name: str
    key: str
    value: object
    runtime: Runtime


def _name(fact: _Fact) -> str:
    return fact.runtime.name(fact.value, fact.name)


def _count(fact: _Fact) -> int:
    count = count_of(plain(fact.value))
    if count is None:
        raise Violation("count.range", fact.key)
    return count


def _flag(fact: _Fact) -> bool:
    flag = flag_of(plain(fact.value))
    if flag is None:
        message = f"{fact.name} is left out: it must be True or False"
        raise Misuse(message)
    return flag


def _decision_id(fact: _Fact) -> str:
    try:
        return str(UUID(str(fact.value)))
    except ValueError as error:
        message = f"{fact.name} is left out: it must be the id that record_decision has returned"
        raise Misuse(message) from error


def _finish_reasons(fact: _Fact) -> tuple[str, ...] | None:
    word = fact.runtime.word(fact.value, FINISH_REASONS, fact.name)
    return (word,) if word else None


def _output_type(fact: _Fact) -> str | None:
    return fact.runtime.word(fact.value, OUTPUT_TYPES, fact.name) or None


_TABLE: Final[Mapping[str, tuple[str, Callable[[_Fact], AttributeValue | None]]]] = {
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
    "decision": (wire.STEP_DECISION_ID, _decision_id),
}


def fact_attributes(facts: Mapping[str, object], runtime: Runtime) -> tuple[dict[str, AttributeValue], Apart]:
    """The attributes of stated facts, and apart from them what is to be refused: one bad fact costs no other."""
    attributes: dict[str, AttributeValue] = {}
    apart = Apart()
    for name, value in facts.items():
        with apart:
            if name not in _TABLE:
                message = f"a fact is left out: a step states {', '.join(_TABLE)}"
                raise Misuse(message)
            if value is not None:
                key, read = _TABLE[name]
                if (kept := read(_Fact(name, key, value, runtime))) is not None:
                    attributes[key] = kept
    return attributes, apart
