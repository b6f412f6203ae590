"""Routes that count decisions and quality signals."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import Field

from agenttrace_collector.api.deps import RequireDecisions
from agenttrace_collector.api.models.finding import OfDecisions, OfSignals
from agenttrace_collector.api.pagination import REFUSALS, ResponsePage
from agenttrace_collector.api.params import EventSpan, filter_field

router: Final = APIRouter(tags=["decisions and quality signals"], responses=REFUSALS)


class DecisionAggregation(OfDecisions):
    """How often one reason was stated."""

    count: int
    avg_confidence: float | None = Field(description="Average over the decisions that state a confidence.")
    agent_versions: list[str]
    runs: int = Field(description="Runs in which it was stated.")


class DecisionAggregations(ResponsePage):
    """How often each reason was stated."""

    aggregations: list[DecisionAggregation]
    total_decisions: int


class SignalAggregation(OfSignals):
    """How often one code was observed."""

    true_count: int
    false_count: int
    true_percentage: float
    runs: int = Field(description="Runs in which it was observed.")
    runs_with_true: int = Field(description="Runs in which it was true at least once.")
    run_rate: float | None = Field(
        description="The share of these runs, with its 95 % interval in the next two fields."
    )
    run_rate_low: float | None
    run_rate_high: float | None


class SignalAggregations(ResponsePage):
    """How often each code was observed."""

    aggregations: list[SignalAggregation]
    total_signals: int


class DecisionFilter(EventSpan):
    """Filters of decisions."""

    decision_type: str | None = filter_field("decision_type")


class SignalFilter(EventSpan):
    """Filters of quality signals."""

    signal_type: str | None = filter_field("signal_type")


@router.get("/v1/decisions/aggregate", summary="Decisions by type and reason")
async def aggregate_decisions(
    queries: RequireDecisions, wanted: Annotated[DecisionFilter, Query()]
) -> DecisionAggregations:
    """Counts each reason, and lists the versions that stated it."""
    rows = await queries.select("decisions_aggregate", wanted)
    return DecisionAggregations.of(rows, wanted, total_decisions=sum(row["count"] for row in rows))


@router.get("/v1/signals/aggregate", summary="Quality signals by type and code")
async def aggregate_signals(
    queries: RequireDecisions, wanted: Annotated[SignalFilter, Query()]
) -> SignalAggregations:
    """Counts how often each code was observed as true and as false."""
    rows = await queries.select("signals_aggregate", wanted)
    total = sum(row["true_count"] + row["false_count"] for row in rows)
    return SignalAggregations.of(rows, wanted, total_signals=total)
