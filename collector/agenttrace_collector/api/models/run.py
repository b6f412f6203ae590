"""Response models of a run and its parts; fields are named as the columns of the views."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from agenttrace_collector.api.pagination import JsonScalar, Moment, ResponsePage, ResponseRecord


class RunRecord(ResponseRecord):
    """One run."""

    run_id: UUID
    agent_id: str
    agent_version: str
    environment: str
    status: str = Field(
        description="success, failure, partial or unknown: as the latest outcome says, if any."
    )
    started_at: Moment
    ended_at: Moment
    created_at: Moment = Field(description="When it was received.")
    trace_id: UUID
    parent_run_id: UUID | None = None
    conversation_id: str = Field(description="An HMAC under the site's key, empty without one.")
    actor: str = Field(description="The outermost agent that a span names.")
    source: str = Field(
        description="The convention of its spans: agenttrace, genai, openinference, …, or api."
    )
    error_type: str
    steps: int
    failed_steps: int
    model_calls: int
    tool_calls: int
    retrievals: int
    retries: int
    input_tokens: int
    output_tokens: int
    documents: int | None = Field(default=None, description="Documents that retrievals returned, if stated.")
    settled: bool = Field(
        description="False while more steps may arrive; counts then cover those that have arrived."
    )


class RunStep(ResponseRecord):
    """One step."""

    step_id: UUID
    run_id: UUID
    seq: int
    step_type: str = Field(description="plan, retrieve, tool, respond or other.")
    name: str
    latency_ms: float
    started_at: Moment
    ended_at: Moment
    metadata: dict[str, JsonScalar]
    actor: str
    role: str = Field(description="leaf for a call, wrapper for a span around one, or agent.")
    operation: str
    status: str
    error_type: str
    tool_name: str
    model: str
    input_tokens: int | None
    output_tokens: int | None
    retrieval_count: int | None
    finish_reason: str
    stream: bool | None
    output_type: str
    attempt: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    cost_nano_usd: int | None = Field(
        description="The cost of the call as stated by the sender, in 10^-9 USD."
    )
    decision_id: UUID | None = Field(
        description="The decision that the step carries out, as stated by the sender."
    )
    source: str
    settled: bool


class RunFailure(ResponseRecord):
    """One failure."""

    failure_id: UUID
    run_id: UUID
    step_id: UUID | None
    failure_type: str
    failure_code: str
    message: str = Field(
        description="A sentence made of type and code, unless the site stores the authors' messages."
    )
    occurred_at: Moment
    metadata: dict[str, JsonScalar]
    source: str = Field(description="recorded or derived.")
    rule: str = Field(description="The derivation rule; empty if the agent recorded it.")


class RunDecision(ResponseRecord):
    """One decision."""

    decision_id: UUID
    run_id: UUID
    step_id: UUID | None
    decision_type: str
    selected: str
    reason_code: str
    confidence: float | None
    candidates: list[str]
    metadata: dict[str, JsonScalar]
    tool_name: str = Field(description="The tool of an approval, else empty.")
    wait_ms: int | None = Field(description="How long the call waited for a person, in milliseconds.")
    recorded_at: Moment
    actor: str
    source: str = Field(description="recorded or derived.")
    rule: str = Field(description="The derivation rule; empty if the agent recorded it.")


class QualitySignal(ResponseRecord):
    """One quality signal."""

    signal_id: UUID
    run_id: UUID
    step_id: UUID | None
    signal_type: str
    signal_code: str
    value: bool
    weight: float | None
    metadata: dict[str, JsonScalar]
    recorded_at: Moment
    actor: str
    source: str = Field(description="recorded or derived.")
    rule: str = Field(description="The derivation rule; empty if the agent recorded it.")


class RunEvaluation(ResponseRecord):
    """What an evaluator measured of the run or of one of its steps."""

    evaluation_id: UUID
    run_id: UUID
    step_id: UUID | None
    name: str
    score: float | None
    label: str = Field(description="Empty where there is none.")
    error_type: str = Field(description="Why there is neither, empty where there is one.")
    metadata: dict[str, JsonScalar]
    recorded_at: Moment
    actor: str


class RunOutcome(ResponseRecord):
    """How the run ended, as somebody said after its end."""

    outcome_id: UUID
    run_id: UUID
    status: str = Field(description="success, failure, partial or unknown.")
    failure_type: str = Field(description="Empty where no failure is named.")
    failure_code: str
    recorded_at: Moment


class Runs(ResponsePage):
    """Runs, the latest first."""

    runs: list[RunRecord]


class RunSteps(ResponsePage):
    """The steps of a run, in their order."""

    steps: list[RunStep]


class Failures(ResponsePage):
    """The failures of a run, in their order."""

    failures: list[RunFailure]


class Details(ResponseRecord):
    """Everything of a run; of each list the first thousand."""

    run: RunRecord
    steps: list[RunStep]
    failure: RunFailure | None = Field(description="The last failure, if any.")
    failures: list[RunFailure]
    decisions: list[RunDecision]
    quality_signals: list[QualitySignal]
    evaluations: list[RunEvaluation]
    outcomes: list[RunOutcome] = Field(description="What was said after its end; the last one counts.")
    decisions_enabled: bool = Field(
        description="True if this collector stores decisions and quality signals."
    )
    steps_total: int
    decisions_total: int
    quality_signals_total: int
    evaluations_total: int
