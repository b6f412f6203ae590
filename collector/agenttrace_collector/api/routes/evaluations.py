"""What evaluators measured: counted, and beside decisions and quality signals of the same runs."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from agenttrace_collector.api.deps import RequireDecisions, RequireReader
from agenttrace_collector.api.models.finding import MeanFindings
from agenttrace_collector.api.pagination import REFUSALS, ResponsePage, ResponseRecord
from agenttrace_collector.api.params import EventSpan, Name, filter_field

router: Final = APIRouter(tags=["evaluations"], responses=REFUSALS)


class EvaluationAggregation(ResponseRecord):
    """What is evaluated under one name; the number of a run is the mean of its own."""

    name: str
    count: int = Field(description="Evaluations.")
    runs: int
    scored: int = Field(description="Evaluations with a number.")
    errors: int = Field(description="Evaluations that failed.")
    scored_runs: int = Field(description="Runs with a number.")
    mean: float | None
    mean_low: float | None = Field(description="The normal interval at 95 %, for ten runs or more.")
    mean_high: float | None
    deviation: float | None = Field(description="The standard deviation over runs.")
    median: float | None
    least: float | None
    most: float | None
    labels: dict[str, int] = Field(description="Evaluations by their label.")


class EvaluationAggregations(ResponsePage):
    """What is evaluated, by name."""

    aggregations: list[EvaluationAggregation]
    total_evaluations: int


class EvaluationCorrelation(MeanFindings):
    """One decision or signal, and what evaluators gave to runs with and without it."""

    name: str
    kind: Literal["decision", "signal"]
    type: str
    code: str
    runs_present: int = Field(description="Evaluated runs with the decision or signal.")
    runs_absent: int = Field(description="The other evaluated runs.")
    mean_present: float | None
    mean_absent: float | None


class EvaluationCorrelations(ResponsePage):
    """Numbers of evaluations associated with decisions and quality signals."""

    correlations: list[EvaluationCorrelation]


class EvaluationFilter(EventSpan):
    """Which evaluations."""

    name: Name = filter_field("name")


@router.get("/v1/evaluations/aggregate", summary="Evaluations by name")
async def aggregate_evaluations(
    queries: RequireReader, wanted: Annotated[EvaluationFilter, Query()]
) -> EvaluationAggregations:
    """How many there are of how many runs, with their labels, and the numbers of runs."""
    rows = await queries.select("evaluations_aggregate", wanted)
    return EvaluationAggregations.of(rows, wanted, total_evaluations=sum(row["count"] for row in rows))


@router.get(
    "/v1/correlate/evaluations", summary="Evaluations of runs with and without a decision or a signal"
)
async def correlate_evaluations(
    queries: RequireDecisions, wanted: Annotated[EvaluationFilter, Query()]
) -> EvaluationCorrelations:
    """By how much the numbers of runs with a decision or a signal differ from those of the other runs."""
    return EvaluationCorrelations.of(await queries.select("correlate_evaluations", wanted), wanted)
