"""The rows that settling writes: a run's facts, its steps as settled, and what is derived from them.

`settled_at` is the version of a row; `is_deleted` marks a row that a later round no longer produces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from agenttrace_schemas.column_types import (
    LOW_CARDINALITIES,
    SOURCES,
    Column,
    Guard,
    Identifier,
    OptionalUuid,
    SpanId,
    Time,
    Uuid,
    closed_column,
)
from agenttrace_schemas.derivation import DERIVATIONS, RETIRED
from agenttrace_schemas.rows import BY_AGENT, ROWS, DecisionRow, FailureRow, Row, SignalRow, SortKey, StepRow
from agenttrace_schemas.vocabulary import FailureType, RunStatus

Number = Annotated[int, Column("UInt32")]
Sum = Annotated[int, Column("UInt64")]
Flag = Annotated[int, Column("UInt8")]
# One value for each key, of which each is a type and a code of this run: `tool/timeout`.
Counts = Annotated[tuple[int, ...], Column("Array(UInt32)")]
Nanoseconds = Annotated[tuple[int, ...], Column("Array(Int64)")]
Sums = Annotated[tuple[float, ...], Column("Array(Float64)")]
DecisionKeys = Annotated[tuple[str, ...], Column(LOW_CARDINALITIES, Guard.REASON_CODE)]
SignalKeys = Annotated[tuple[str, ...], Column(LOW_CARDINALITIES, Guard.SIGNAL_CODE)]
FailureKeys = Annotated[tuple[str, ...], Column(LOW_CARDINALITIES, Guard.CLOSED, tuple(FailureType))]
Rule = Annotated[str, closed_column((*DERIVATIONS, *RETIRED), empty=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFactsRow:
    """A settled run: who, how it ended, how long, with how many steps and tokens.

    Where `counted` is 1, the arrays hold all its decisions, signals and failures by type and code: how many were
    recorded and how many derived, the first time of a decision and the last of a failure (ns, 0 for none).
    """

    TABLE: ClassVar[str] = "run_facts"
    SORT_KEY: ClassVar[SortKey] = (*BY_AGENT, "started_at", "run_id")

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
    error_type: Identifier
    steps: Number
    failed_steps: Number
    model_calls: Number
    tool_calls: Number
    retrievals: Number
    retries: Number
    input_tokens: Sum
    output_tokens: Sum
    documents: Annotated[int | None, Column("Nullable(UInt64)")]
    step_ids: Annotated[tuple[bytes, ...], Column("Array(UUID)")]
    rules_version: Number
    settled_at: Time
    is_deleted: Flag = 0
    counted: Flag = 0
    decision_keys: DecisionKeys = ()
    decision_recorded: Counts = ()
    decision_derived: Counts = ()
    decision_first_recorded: Nanoseconds = ()
    decision_first_derived: Nanoseconds = ()
    decision_confidences: Counts = ()
    decision_confidence_sums: Sums = ()
    signal_keys: SignalKeys = ()
    signal_recorded: Counts = ()
    signal_derived: Counts = ()
    signal_recorded_true: Counts = ()
    signal_derived_true: Counts = ()
    failure_keys: FailureKeys = ()
    failure_recorded: Counts = ()
    failure_derived: Counts = ()
    failure_last: Nanoseconds = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UncountedRunRow:
    """A settled run with records under this agent, from the first to the last, that its facts do not count."""

    TABLE: ClassVar[str] = "uncounted_runs"
    SORT_KEY: ClassVar[SortKey] = ("tenant", "agent_id", "run_id", "latest")

    run_id: Uuid
    agent_id: Identifier
    tenant: Identifier
    earliest: Time
    latest: Time
    settled_at: Time
    is_deleted: Flag = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledStepRow(StepRow):
    """A step as its run shows it: order, type and role settled, facts of its wrappers taken over."""

    TABLE: ClassVar[str] = "settled_steps"

    # Shown as another record of the tool confirms it.
    tool_name: Identifier
    rules_version: Number
    settled_at: Time
    is_deleted: Flag = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedFailureRow(FailureRow):
    """A failure that the steps show."""

    TABLE: ClassVar[str] = "derived_failures"

    rule: Rule
    rules_version: Number
    settled_at: Time
    is_deleted: Flag = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedDecisionRow(DecisionRow):
    """A decision that the steps show."""

    TABLE: ClassVar[str] = "derived_decisions"

    rule: Rule
    rules_version: Number
    settled_at: Time
    is_deleted: Flag = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedSignalRow(SignalRow):
    """A quality signal that the steps show."""

    TABLE: ClassVar[str] = "derived_signals"

    rule: Rule
    rules_version: Number
    settled_at: Time
    is_deleted: Flag = 0


DERIVED_ROWS: Final[tuple[type[Row], ...]] = (
    RunFactsRow,
    SettledStepRow,
    DerivedFailureRow,
    DerivedDecisionRow,
    DerivedSignalRow,
    UncountedRunRow,
)
ALL_ROWS: Final = (*ROWS, *DERIVED_ROWS)
