"""POST /v1/evaluations and /v1/outcomes: store what is said of runs later, through the journal, as an OTLP request."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from agenttrace_collector.api.deps import ApiDeps, Built
from agenttrace_collector.api.pagination import REFUSALS, ResponseRecord
from agenttrace_collector.api.posted import posted_document
from agenttrace_collector.api.problems import FieldProblem, InvalidField, ProblemDetails
from agenttrace_collector.decode.event_documents import EVALUATIONS, OUTCOMES, DocumentKind
from agenttrace_collector.decode.run_document.fields import Refusal
from agenttrace_collector.receivers.body import BodyLimits
from agenttrace_collector.receivers.event_documents import LIMIT, READ_SECONDS, EventReceiver

router: Final = APIRouter(responses=REFUSALS)
_NAMED: Final = 1_000
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    413: {"model": ProblemDetails, "description": "A body of more than 16 MiB."},
    415: {"model": ProblemDetails, "description": "A body that is not JSON, or in an unknown encoding."},
}


class EventsAccepted(ResponseRecord):
    """What became of a document of evaluations or outcomes."""

    stored: int = Field(description="How many of them are stored.")
    refused: list[FieldProblem] = Field(description="What is not stored, and why.")
    refused_total: int = Field(description="How many places are refused, also those not listed.")


@router.post(
    "/v1/evaluations",
    tags=["evaluations"],
    summary="Store evaluations",
    status_code=201,
    response_model=EventsAccepted,
    responses=_REFUSED,
)
async def store_evaluations(request: Request, built: Built) -> Response:
    """Responds when the evaluations are on disk; those that a rule refuses are named and cost no other."""
    return await _store(EVALUATIONS, request, built)


@router.post(
    "/v1/outcomes",
    tags=["runs"],
    summary="Store how runs ended",
    status_code=201,
    response_model=EventsAccepted,
    responses=_REFUSED,
)
async def store_outcomes(request: Request, built: Built) -> Response:
    """Responds when the outcomes are on disk; their runs are settled again, by the outcome recorded last."""
    return await _store(OUTCOMES, request, built)


async def _store(kind: DocumentKind, request: Request, built: ApiDeps) -> Response:
    async with posted_document(request, built, BodyLimits(LIMIT, READ_SECONDS)) as posted:
        batch = await EventReceiver(built.ingest, kind).take(*posted)
    problems = [_problem(each) for each in batch.problems[:_NAMED]]
    if not batch.stored:
        raise InvalidField(problems)
    answer = EventsAccepted(stored=batch.stored, refused=problems, refused_total=len(batch.problems))
    return JSONResponse(answer.model_dump(mode="json", exclude_none=True), 201)


def _problem(refused: Refusal) -> FieldProblem:
    return FieldProblem(field=refused.field, message=refused.message, rule=refused.rule, allowed=None)
