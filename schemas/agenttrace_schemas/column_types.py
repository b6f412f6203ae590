"""The types of columns: what ClickHouse stores, the rule that the values keep, and the closed lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

from agenttrace_schemas.names import CONFIRMING
from agenttrace_schemas.rules import OTHER, RULES, Scalar


class Guard(StrEnum):
    """Which rule a column is held to; the values are rule ids."""

    IDENTIFIER = "identifier.pattern"
    CLOSED = "closed.set"
    HASH = "conversation.hash"
    MESSAGE = "failure.message"
    SELECTED = "decision.selected"
    CANDIDATES = "decision.candidates"
    METADATA = "metadata.type"
    DECISION_TYPE = "decision.type"
    REASON_CODE = "decision.reason_code"
    SIGNAL_TYPE = "signal.type"
    SIGNAL_CODE = "signal.code"
    FAILURE_TYPE = "failure.type"
    ATTRIBUTE_KEY = "metadata.key"
    FRACTION = "decision.confidence"
    COUNT = "count.range"
    TOOL = "tool.confirmed"
    EVALUATION_NAME = "evaluation.name"
    EVALUATION_LABEL = "evaluation.label"
    SCORE = "evaluation.score"
    OUTCOME_STATUS = "outcome.status"
    OUTCOME_FAILURE = "outcome.failure"


@dataclass(frozen=True, slots=True)
class Column:
    """A column's ClickHouse type, the rule its values keep, and the closed list if it has one.

    Of a tool that a decision names the list has the types of decisions that confirm it.
    """

    type: str
    guard: Guard | None = None
    closed: tuple[str, ...] = ()


OPERATIONS: Final = (
    "chat",
    "text_completion",
    "generate_content",
    "embeddings",
    "retrieval",
    "rerank",
    "execute_tool",
    "invoke_agent",
    "invoke_workflow",
    "create_agent",
    "plan",
    "memory",
    "guardrail",
    "evaluation",
    "chain",
    "task",
    "handoff",
    "postprocess",
)
ROLES: Final = ("leaf", "wrapper", "agent")
STATUSES: Final = ("unset", "ok", "error")
SOURCES: Final = ("agenttrace", "genai", "openinference", "openllmetry", "api", "coding_agent")
FINISH_REASONS: Final = ("stop", "length", "tool_calls", "content_filter", "error")
OUTPUT_TYPES: Final = ("text", "json", "image", "speech")
# What became of values and records that do not leave a gate as they came.
RECEIPT_KINDS: Final = ("refused", "changed", "left_out")
REFUSED_KINDS: Final = (
    *("decision", "quality_signal", "failure", "evaluation", "outcome"),
    *("span", "log_record", "step", "run", "row"),
)

LOW_CARDINALITY: Final = "LowCardinality(String)"
LOW_CARDINALITIES: Final = "Array(LowCardinality(String))"


def closed_column(values: Sequence[str], *, empty: bool = True) -> Column:
    """A column of a closed list: the values, `other`, and empty unless told otherwise."""
    listed = (*values, OTHER) if OTHER not in values else tuple(values)
    return Column(LOW_CARDINALITY, Guard.CLOSED, (("", *listed) if empty else listed))


Uuid = Annotated[bytes, Column("UUID")]
OptionalUuid = Annotated[bytes | None, Column("Nullable(UUID)")]
SpanId = Annotated[int, Column("UInt64")]
Time = Annotated[int, Column("DateTime64(9, 'UTC')")]
Identifier = Annotated[str, Column(LOW_CARDINALITY, Guard.IDENTIFIER)]
Tool = Annotated[str, Column(LOW_CARDINALITY, Guard.TOOL)]
DecidedTool = Annotated[str, Column(LOW_CARDINALITY, Guard.TOOL, CONFIRMING)]
Count = Annotated[int | None, Column("Nullable(UInt64)", Guard.COUNT)]
Fraction = Annotated[float | None, Column("Nullable(Float64)", Guard.FRACTION)]
AttributeKey = Annotated[str, Column("String", Guard.ATTRIBUTE_KEY)]
RuleId = Annotated[str, closed_column(tuple(RULES))]
Metadata = Annotated[
    Mapping[str, Scalar],
    Column("Map(LowCardinality(String), Variant(Bool, Float64, Int64, String))", Guard.METADATA),
]
