"""POST /v1/evaluations: stores what evaluators measured, through the journal, as an OTLP request."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from agenttrace_collector.api.deps import Built
from agenttrace_collector.api.pagination import REFUSALS, Record
from agenttrace_collector.api.posted import posted_document
from agenttrace_collector.api.problems import FieldProblem, InvalidField, Problem
from agenttrace_collector.decode.run_document.fields import Refusal
from agenttrace_collector.receivers.body import BodyLimits
from agenttrace_collector.receivers.evaluations import LIMIT, READ_SECONDS, EvaluationReceiver

router: Final = APIRouter(tags=["evaluations"], responses=REFUSALS)
_NAMED: Final = 1_000


class EvaluationsAccepted(Record):
    """What became of a document of evaluations."""

    stored: int = Field(description="How many of them are stored.")
    refused: list[FieldProblem] = Field(description="What is not stored, and why.")
    refused_total: int = Field(description="How many places are refused, also those not listed.")


@router.post(
    "/v1/evaluations",
    summary="Store evaluations",
    status_code=201,
    response_model=EvaluationsAccepted,
    responses={
        413: {"model": Problem, "description": "A body of more than 16 MiB."},
        415: {"model": Problem, "description": "A body that is not JSON, or in an unknown encoding."},
    },
)
async def store_evaluations(request: Request, built: Built) -> Response:
    """Responds when the evaluations are on disk; those that a rule refuses are named and cost no other."""
    async with posted_document(request, built, BodyLimits(LIMIT, READ_SECONDS)) as posted:
        batch = await EvaluationReceiver(built.ingest).take(*posted)
    problems = [_problem(each) for each in batch.problems[:_NAMED]]
    if not batch.stored:
        raise InvalidField(problems)
    answer = EvaluationsAccepted(stored=batch.stored, refused=problems, refused_total=len(batch.problems))
    return JSONResponse(answer.model_dump(mode="json", exclude_none=True), 201)


def _problem(refused: Refusal) -> FieldProblem:
    return FieldProblem(field=refused.field, message=refused.message, rule=refused.rule, allowed=None)
