"""Routes that compare two versions of an agent."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import Field

from agenttrace_collector.api.deps import RequireDecisions
from agenttrace_collector.api.models.finding import MeanFindings, OfDecisions, OfSignals, VersionRates
from agenttrace_collector.api.pagination import REFUSALS, ResponseRecord, paginate
from agenttrace_collector.api.params import EventTimes, RequiredName

router: Final = APIRouter(tags=["decisions and quality signals"], responses=REFUSALS)


class DecisionDelta(VersionRates, OfDecisions):
    """One reason code in both versions; the test compares the shares of runs in which it was stated."""

    version_a_count: int
    version_b_count: int
    delta_percentage: float | None = Field(
        description="Difference of the counts in percent of the first; null if the first is 0."
    )


class SignalDelta(VersionRates, OfSignals):
    """One signal code in both versions; the test compares the shares of runs in which it was true."""

    version_a_count: int
    version_b_count: int
    version_a_true_rate: float | None = Field(description="The share of true among its occurrences.")
    version_b_true_rate: float | None
    delta: float | None = Field(description="The second rate minus the first.")


class _Outcome(ResponseRecord):
    outcome: str


class OutcomeDelta(VersionRates, _Outcome):
    """One outcome in both versions; the test compares the shares of runs that ended so."""

    version_a_count: int
    version_b_count: int
    version_a_rate: float | None = Field(description="The share of the version's runs.")
    version_b_rate: float | None
    delta: float | None = Field(description="The second rate minus the first.")


class EvaluationDelta(MeanFindings):
    """The numbers that evaluators gave to runs, in both versions; the number of a run is the mean of its own."""

    name: str
    version_a_runs: int
    version_a_mean: float | None
    version_b_runs: int
    version_b_mean: float | None


class Comparison(ResponseRecord):
    """What differs between two versions."""

    version_a: str
    version_b: str
    decision_deltas: list[DecisionDelta]
    signal_deltas: list[SignalDelta]
    outcome_deltas: list[OutcomeDelta]
    evaluation_deltas: list[EvaluationDelta]


class Compared(ResponseRecord):
    """A comparison; paging applies to each list."""

    comparison: Comparison
    decision_deltas_total: int
    signal_deltas_total: int
    page: int
    page_size: int


class CompareFilter(EventTimes):
    """The agent and the two versions to compare."""

    agent_id: RequiredName = Field(description="The agent.")
    version_a: RequiredName = Field(description="The version to compare with.")
    version_b: RequiredName = Field(description="The version that is compared.")


@router.get("/v1/compare/versions", summary="Two versions of an agent")
async def compare_versions(queries: RequireDecisions, wanted: Annotated[CompareFilter, Query()]) -> Compared:
    """Returns by how much decisions, quality signals, outcomes and evaluations of two versions differ."""
    names = ("compare_decisions", "compare_signals", "compare_outcomes", "compare_evaluations")
    decisions, signals, outcomes, evaluations = await asyncio.gather(
        *(queries.select(name, wanted) for name in names)
    )
    return Compared(
        comparison=Comparison(
            version_a=wanted.version_a,
            version_b=wanted.version_b,
            decision_deltas=[DecisionDelta(**row) for row in paginate(decisions, wanted)],
            signal_deltas=[SignalDelta(**row) for row in paginate(signals, wanted)],
            outcome_deltas=[OutcomeDelta(**row) for row in outcomes],
            evaluation_deltas=[EvaluationDelta(**row) for row in evaluations],
        ),
        decision_deltas_total=len(decisions),
        signal_deltas_total=len(signals),
        page=wanted.page,
        page_size=wanted.page_size,
    )
