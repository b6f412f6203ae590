"""Associations of decisions with failures and of signals with outcomes, counted over runs; they do not imply causation."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import Field

from agenttrace_collector.api.deps import RequireDecisions
from agenttrace_collector.api.models.finding import Findings, OfDecisions, OfSignals
from agenttrace_collector.api.pagination import REFUSALS, ResponsePage
from agenttrace_collector.api.params import EventSpan, FailureFilter, filter_field

router: Final = APIRouter(tags=["decisions and quality signals"], responses=REFUSALS)


class DecisionFailures(Findings, OfDecisions):
    """One reason code and the failures after it; the test compares the shares of runs with a failure, with and without it."""

    total_occurrences: int
    runs: int = Field(description="Runs in which it was stated.")
    runs_with_failures: int = Field(description="Runs with a failure after it.")
    correlation_rate: float = Field(
        description="The share of these runs, with its 95 % interval in the next two fields."
    )
    correlation_rate_low: float
    correlation_rate_high: float
    runs_with_failures_in_any_order: int = Field(description="Runs with a failure before or after it.")
    rate_in_any_order: float
    runs_without: int = Field(description="Runs in which it was not stated.")
    runs_without_with_failures: int = Field(description="Runs without it that have a failure.")
    rate_without: float | None
    associated_failure_types: dict[str, int] = Field(description="Runs by the type of the failure after it.")


class DecisionFailureCorrelations(ResponsePage):
    """Failures associated with each reason."""

    correlations: list[DecisionFailures]


class DecisionSteps(Findings, OfDecisions):
    """One reason code and the steps that carried out its decisions; the test compares it with other reasons of its type."""

    total_occurrences: int = Field(description="Decisions that a step carried out.")
    runs: int = Field(description="Runs in which a step carried out a decision of this reason.")
    runs_with_failed_steps: int = Field(
        description="Of these, runs in which such a step ended in error, or a failure was recorded for it."
    )
    step_failure_rate: float = Field(
        description="The share of these runs, with its 95 % interval in the next two fields."
    )
    step_failure_rate_low: float
    step_failure_rate_high: float
    runs_with_other_reasons: int = Field(
        description="Runs in which steps carried out decisions of this type, none of this reason."
    )
    other_runs_with_failed_steps: int
    rate_of_other_reasons: float | None


class DecisionStepCorrelations(ResponsePage):
    """Failures of the steps that carried out decisions, by reason."""

    correlations: list[DecisionSteps]


class SignalOutcomes(Findings, OfSignals):
    """One signal code and the outcomes of runs with and without it; the test compares the shares with the outcome."""

    total_occurrences: int
    runs_present: int = Field(description="Runs in which it was observed as true.")
    runs_absent: int = Field(description="Runs in which it was not observed as true.")
    outcome_present: int = Field(description="Runs with the signal and the outcome.")
    outcome_absent: int = Field(description="The same for runs without the signal.")
    success_rate_when_present: float | None = Field(
        description="The share of runs with the signal that have the outcome; success by default."
    )
    success_rate_when_present_low: float | None
    success_rate_when_present_high: float | None
    success_rate_when_absent: float | None = Field(description="The same for runs without the signal.")
    success_rate_when_absent_low: float | None
    success_rate_when_absent_high: float | None
    correlation_strength: float | None = Field(description="The phi coefficient of presence and outcome.")


class SignalOutcomeCorrelations(ResponsePage):
    """Outcomes associated with each signal."""

    correlations: list[SignalOutcomes]


class OutcomeFilter(EventSpan):
    """Filters of quality signals, and the outcome."""

    outcome: str | None = filter_field("outcome")


@router.get("/v1/correlate/decisions-failures", summary="Failures that came after a decision")
async def correlate_decisions_failures(
    queries: RequireDecisions, wanted: Annotated[FailureFilter, Query()]
) -> DecisionFailureCorrelations:
    """Counts runs in which a failure came after a decision with this reason, and runs with any failure."""
    return DecisionFailureCorrelations.of(
        await queries.select("correlate_decisions_failures", wanted), wanted
    )


@router.get("/v1/correlate/decisions-steps", summary="Failures of the steps that carried out a decision")
async def correlate_decisions_steps(
    queries: RequireDecisions, wanted: Annotated[EventSpan, Query()]
) -> DecisionStepCorrelations:
    """Counts runs in which the step that carried out a decision failed, beside decisions of other reasons."""
    return DecisionStepCorrelations.of(await queries.select("correlate_decisions_steps", wanted), wanted)


@router.get("/v1/correlate/signals-outcomes", summary="Outcomes of runs with and without a signal")
async def correlate_signals_outcomes(
    queries: RequireDecisions, wanted: Annotated[OutcomeFilter, Query()]
) -> SignalOutcomeCorrelations:
    """Returns the share of runs with the outcome, with and without the signal."""
    return SignalOutcomeCorrelations.of(await queries.select("correlate_signals_outcomes", wanted), wanted)
