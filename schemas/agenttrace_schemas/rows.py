"""One frozen dataclass per table: its fields are the columns, their annotations type and rule.

Values are what RowBinary wants: ids as 16 raw bytes, span ids as UInt64 (0: none), times as UTC nanoseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, ClassVar, Final, Protocol, TypeAlias, get_type_hints

from agenttrace_schemas.column_types import (
    FINISH_REASONS,
    LOW_CARDINALITY,
    OPERATIONS,
    OUTPUT_TYPES,
    REFUSED_KINDS,
    ROLES,
    SOURCES,
    STATUSES,
    AttributeKey,
    Column,
    Count,
    DecidedTool,
    Fraction,
    Guard,
    Identifier,
    Metadata,
    OptionalUuid,
    RuleId,
    SpanId,
    Time,
    Tool,
    Uuid,
    closed_column,
)
from agenttrace_schemas.gate_receipts import GateReceiptRow
from agenttrace_schemas.vocabulary import FailureType, RunStatus, StepType

SortKey: TypeAlias = tuple[str, ...]
# Most answers are of one tenant, and many of one agent or version.
BY_AGENT: Final[SortKey] = ("tenant", "agent_id", "agent_version")


class Row(Protocol):
    """Any row class below; of rows that agree in every column of the sort key, ClickHouse keeps the latest."""

    TABLE: ClassVar[str]
    SORT_KEY: ClassVar[SortKey]
    __dataclass_fields__: ClassVar[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A span that may be a run; several candidates of one trace are settled into one run."""

    TABLE: ClassVar[str] = "agent_runs"
    SORT_KEY: ClassVar[SortKey] = (*BY_AGENT, "started_at", "run_id", "span_id")

    run_id: Uuid
    agent_id: Identifier
    agent_version: Identifier
    environment: Identifier
    status: Annotated[str, closed_column(tuple(RunStatus))]
    started_at: Time
    ended_at: Time
    created_at: Time
    tenant: Identifier
    trace_id: Uuid
    span_id: SpanId
    parent_run_id: OptionalUuid
    conversation_id: Annotated[str, Column("String", Guard.HASH)]
    actor: Identifier
    source: Annotated[str, closed_column(SOURCES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """A span with a GenAI meaning: a leaf call, a wrapper around one, or an agent."""

    TABLE: ClassVar[str] = "agent_steps"
    SORT_KEY: ClassVar[SortKey] = (*BY_AGENT, "step_type", "started_at", "step_id")

    step_id: Uuid
    run_id: Uuid
    seq: Annotated[int, Column("UInt32")]
    step_type: Annotated[str, closed_column(tuple(StepType))]
    name: Identifier
    latency_ms: Annotated[float, Column("Float64")]
    started_at: Time
    ended_at: Time
    metadata: Metadata
    created_at: Time
    tenant: Identifier
    agent_id: Identifier
    agent_version: Identifier
    environment: Identifier
    actor: Identifier
    trace_id: Uuid
    span_id: SpanId
    parent_span_id: SpanId
    role: Annotated[str, closed_column(ROLES)]
    operation: Annotated[str, closed_column(OPERATIONS)]
    status: Annotated[str, closed_column(STATUSES)]
    error_type: Identifier
    tool_name: Tool
    model: Identifier
    response_model: Identifier
    input_tokens: Count
    output_tokens: Count
    retrieval_count: Count
    finish_reason: Annotated[str, closed_column(FINISH_REASONS)]
    stream: Annotated[bool | None, Column("Nullable(Bool)")]
    output_type: Annotated[str, closed_column(OUTPUT_TYPES)]
    attempt: Count
    conversation_id: Annotated[str, Column("String", Guard.HASH)]
    source: Annotated[str, closed_column(SOURCES)]
    # One call that several records tell, made of the id that they name it by.
    call_id: OptionalUuid = None
    cache_read_tokens: Count = None
    cache_write_tokens: Count = None
    # What the sender says that the call cost.
    cost_nano_usd: Count = None
    # The decision that it carries out.
    decision_id: OptionalUuid = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRow:
    """A failure that the agent recorded."""

    TABLE: ClassVar[str] = "agent_failures"
    SORT_KEY: ClassVar[SortKey] = (*BY_AGENT, "failure_type", "occurred_at", "failure_id")

    failure_id: Uuid
    run_id: Uuid
    step_id: OptionalUuid
    failure_type: Annotated[str, Column(LOW_CARDINALITY, Guard.FAILURE_TYPE, tuple(FailureType))]
    failure_code: Identifier
    message: Annotated[str, Column("String", Guard.MESSAGE)]
    created_at: Time
    tenant: Identifier
    agent_id: Identifier
    agent_version: Identifier
    environment: Identifier
    occurred_at: Time
    metadata: Metadata
    source: Annotated[str, closed_column(SOURCES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """A decision that the agent recorded."""

    TABLE: ClassVar[str] = "agent_decisions"
    SORT_KEY: ClassVar[SortKey] = (*BY_AGENT, "decision_type", "recorded_at", "decision_id")

    decision_id: Uuid
    run_id: Uuid
    step_id: OptionalUuid
    decision_type: Annotated[str, Column(LOW_CARDINALITY, Guard.DECISION_TYPE)]
    selected: Annotated[str, Column("String", Guard.SELECTED)]
    reason_code: Annotated[str, Column(LOW_CARDINALITY, Guard.REASON_CODE)]
    confidence: Fraction
    metadata: Metadata
    recorded_at: Time
    created_at: Time
    tenant: Identifier
    agent_id: Identifier
    agent_version: Identifier
    environment: Identifier
    actor: Identifier
    candidates: Annotated[Sequence[str], Column("Array(String)", Guard.CANDIDATES)]
    trace_id: Uuid
    span_id: SpanId
    # The tool that an approval is about, and how long a person made it wait.
    tool_name: DecidedTool = ""
    wait_ms: Count = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRow:
    """A quality signal that the agent recorded."""

    TABLE: ClassVar[str] = "agent_quality_signals"
    SORT_KEY: ClassVar[SortKey] = (*BY_AGENT, "signal_type", "recorded_at", "signal_id")

    signal_id: Uuid
    run_id: Uuid
    step_id: OptionalUuid
    signal_type: Annotated[str, Column(LOW_CARDINALITY, Guard.SIGNAL_TYPE)]
    signal_code: Annotated[str, Column(LOW_CARDINALITY, Guard.SIGNAL_CODE)]
    value: Annotated[bool, Column("Bool")]
    weight: Fraction
    metadata: Metadata
    recorded_at: Time
    created_at: Time
    tenant: Identifier
    agent_id: Identifier
    agent_version: Identifier
    environment: Identifier
    actor: Identifier
    trace_id: Uuid
    span_id: SpanId


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRow:
    """What somebody else measured of a run or a step: a name, a score or a label, as observed."""

    TABLE: ClassVar[str] = "agent_evaluations"
    SORT_KEY: ClassVar[SortKey] = (*BY_AGENT, "name", "recorded_at", "evaluation_id")

    evaluation_id: Uuid
    run_id: Uuid
    step_id: OptionalUuid
    name: Annotated[str, Column(LOW_CARDINALITY, Guard.EVALUATION_NAME)]
    score: Annotated[float | None, Column("Nullable(Float64)", Guard.SCORE)]
    label: Annotated[str, Column(LOW_CARDINALITY, Guard.EVALUATION_LABEL)]
    error_type: Identifier
    metadata: Metadata
    recorded_at: Time
    created_at: Time
    tenant: Identifier
    agent_id: Identifier
    agent_version: Identifier
    environment: Identifier
    actor: Identifier
    trace_id: Uuid
    span_id: SpanId
    source: Annotated[str, closed_column(SOURCES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRow:
    """How a run ended, as somebody said after its end; the latest one counts."""

    TABLE: ClassVar[str] = "agent_outcomes"
    SORT_KEY: ClassVar[SortKey] = ("tenant", "run_id", "recorded_at", "outcome_id")

    outcome_id: Uuid
    run_id: Uuid
    status: Annotated[str, Column(LOW_CARDINALITY, Guard.OUTCOME_STATUS, tuple(RunStatus))]
    failure_type: Annotated[str, Column(LOW_CARDINALITY, Guard.OUTCOME_FAILURE, tuple(FailureType))]
    failure_code: Identifier
    recorded_at: Time
    created_at: Time
    tenant: Identifier
    source: Annotated[str, closed_column(SOURCES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionRow:
    """A record that a rule refused: ids, rule and attribute key, never a value."""

    TABLE: ClassVar[str] = "agent_rejections"
    SORT_KEY: ClassVar[SortKey] = (*BY_AGENT, "rule", "rejected_at", "rejection_id")

    rejection_id: Uuid
    rejected_at: Time
    kind: Annotated[str, closed_column(REFUSED_KINDS)]
    rule: RuleId
    attribute_key: AttributeKey
    tenant: Identifier
    agent_id: Identifier
    agent_version: Identifier
    environment: Identifier
    run_id: OptionalUuid
    trace_id: OptionalUuid
    span_id: SpanId
    created_at: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanLinkRow:
    """The parent of a span that is no step, so that chains of parents stay whole."""

    TABLE: ClassVar[str] = "span_links"
    SORT_KEY: ClassVar[SortKey] = ("tenant", "run_id", "span_id")

    tenant: Identifier
    run_id: Uuid
    trace_id: Uuid
    span_id: SpanId
    parent_span_id: SpanId
    started_at: Time
    created_at: Time


_TOLD: Final = (RunRow, StepRow, FailureRow, DecisionRow, SignalRow, EvaluationRow, OutcomeRow)
ROWS: Final[tuple[type[Row], ...]] = (*_TOLD, RejectionRow, GateReceiptRow, SpanLinkRow)


@cache
def columns(row: type[Row]) -> dict[str, Column]:
    """The columns of a row class in order: name to type and rule."""
    hints = get_type_hints(row, include_extras=True)
    return {field.name: hints[field.name].__metadata__[0] for field in fields(row)}
