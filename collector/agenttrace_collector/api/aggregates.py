"""Decisions and signals counted, compared between versions, and set beside failures and outcomes."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import Field

from agenttrace_collector.api.asking import ReadingDecisions
from agenttrace_collector.api.listed import REFUSALS, Listed, Record, part
from agenttrace_collector.api.parameters import EventSpan, one_of

router: Final = APIRouter(tags=["decisions and signals"], responses=REFUSALS)


class DecisionAggregation(Record):
    """One reason of one decision type."""

    decision_type: str
    reason_code: str
    count: int
    avg_confidence: float | None
    agent_versions: list[str]


class DecisionAggregations(Listed):
    """How often each reason was stated."""

    aggregations: list[DecisionAggregation]
    total_decisions: int


class DecisionFilter(EventSpan):
    """Which decisions."""

    decision_type: str | None = Field(default=None, description="Only decisions of this type.")


@router.get("/v1/decisions/aggregate", summary="Decisions by type and reason")
async def aggregate_decisions(
    asker: ReadingDecisions, wanted: Annotated[DecisionFilter, Query()]
) -> DecisionAggregations:
    """How often each reason was stated, by which versions."""
    kinds = tuple(asker.answers.policy.vocabulary.decisions)
    decision_type = one_of("decision_type", wanted.decision_type, kinds)
    rows = await asker.records("decisions_aggregate", wanted.bound(decision_type=decision_type))
    return DecisionAggregations(
        aggregations=[DecisionAggregation(**row) for row in part(rows, wanted)],
        total_decisions=sum(row["count"] for row in rows),
        total=len(rows),
        page=wanted.page,
        page_size=wanted.page_size,
    )
