"""Associations of decisions with failures and of signals with outcomes, counted over runs; they do not imply causation."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import Field

from agenttrace_collector.api.deps import RequireDecisions
from agenttrace_collector.api.models.finding import Findings, OfDecisions, OfSignals
from agenttrace_collector.api.pagination import REFUSALS, Page
from agenttrace_collector.api.params import EventSpan, FailureFilter, filter_field

router: Final = APIRouter(tags=["decisions and quality signals"], responses=REFUSALS)


class DecisionFailures(Findings, OfDecisions):
    """One reason, and the failures that came after it; tested are failures in any order, with and without it."""

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


class DecisionFailureCorrelations(Page):
    """Failures associated with each reason."""

    correlations: list[DecisionFailures]


class SignalOutcomes(Findings, OfSignals):
    """One signal, and how runs with and without it ended; tested is how many ended so."""

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


class SignalOutcomeCorrelations(Page):
    """Outcomes associated with each signal."""

    correlations: list[SignalOutcomes]


class OutcomeFilter(EventSpan):
    """Which quality signals and outcomes."""

    outcome: str | None = filter_field("outcome")


@router.get("/v1/correlate/decisions-failures", summary="Failures that came after a decision")
async def correlate_decisions_failures(
    queries: RequireDecisions, wanted: Annotated[FailureFilter, Query()]
) -> DecisionFailureCorrelations:
    """In how many runs with a reason a failure came after it, and in how many there was one at all."""
    return DecisionFailureCorrelations.of(
        await queries.select("correlate_decisions_failures", wanted), wanted
    )


@router.get("/v1/correlate/signals-outcomes", summary="Outcomes of runs with and without a signal")
async def correlate_signals_outcomes(
    queries: RequireDecisions, wanted: Annotated[OutcomeFilter, Query()]
) -> SignalOutcomeCorrelations:
    """In which share of the runs with a signal the outcome was observed, and in those without."""
    return SignalOutcomeCorrelations.of(await queries.select("correlate_signals_outcomes", wanted), wanted)
