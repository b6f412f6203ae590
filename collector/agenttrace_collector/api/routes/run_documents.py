"""POST /v1/runs: stores one run document through the journal, as an OTLP request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from agenttrace_collector.api.deps import Built
from agenttrace_collector.api.pagination import REFUSALS, ResponseRecord
from agenttrace_collector.api.posted import posted_document
from agenttrace_collector.api.problems import FieldProblem, InvalidField, ProblemDetails
from agenttrace_collector.decode.run_document.document import RunBatch
from agenttrace_collector.decode.run_document.fields import Refusal
from agenttrace_collector.errors import CollectorError
from agenttrace_collector.query.backends import QueryReader
from agenttrace_collector.receivers.body import BodyLimits
from agenttrace_collector.receivers.run_documents import LIMIT, READ_SECONDS, RunReceiver

router: Final = APIRouter(tags=["runs"], responses=REFUSALS)
_NAMED: Final = 1_000
# A database that does not answer so soon does not hold a document up; its ids keep it from being doubled.
_PATIENCE: Final = 1.0


class Stored(ResponseRecord):
    """How many rows of each kind were stored."""

    steps: int
    failures: int
    decisions: int
    quality_signals: int


class Accepted(ResponseRecord):
    """The result of storing a run document."""

    run_id: UUID = Field(description="The run's id; another name than a UUID becomes one.")
    created: bool = Field(description="False where this run was stored before: nothing is doubled.")
    stored: Stored = Field(description="What the document holds that is stored.")
    refused: list[FieldProblem] = Field(description="Decisions and signals that are not stored, and why.")
    refused_total: int = Field(description="How many places are refused, also those not listed.")


@dataclass(frozen=True, slots=True)
class StoredRuns:
    """Looks for runs that were stored as documents."""

    questions: QueryReader

    async def __call__(self, tenant: str, run_id: UUID) -> bool:
        """Whether the run is stored; False if the database does not respond in time."""
        try:
            async with asyncio.timeout(_PATIENCE):
                answer = await self.questions.ask("run_posted", tenant, {"run_id": run_id})
        except (CollectorError, TimeoutError):
            return False
        return bool(answer.rows[0][0])


@router.post(
    "/v1/runs",
    summary="Store a run",
    status_code=201,
    response_model=Accepted,
    responses={
        200: {"model": Accepted, "description": "This run was stored before; nothing is stored again."},
        413: {"model": ProblemDetails, "description": "A body of more than 16 MiB."},
        415: {"model": ProblemDetails, "description": "A body that is not JSON, or in an unknown encoding."},
    },
)
async def store_run(request: Request, built: Built) -> Response:
    """Responds when the run is on disk; refused decisions and signals are reported and the run is stored."""
    async with posted_document(request, built, BodyLimits(LIMIT, READ_SECONDS)) as posted:
        receiver = RunReceiver(built.ingest, StoredRuns(built.lookups))
        batch, is_new = await receiver.take(*posted)
    if batch.problems:
        raise InvalidField([_problem(each) for each in batch.problems])
    return JSONResponse(
        _accepted(batch, is_new=is_new).model_dump(mode="json", exclude_none=True), 201 if is_new else 200
    )


def _accepted(batch: RunBatch, *, is_new: bool) -> Accepted:
    return Accepted(
        run_id=UUID(bytes=batch.run_id),
        created=is_new,
        stored=Stored(**batch.stored),
        refused=[_problem(each) for each in batch.refused_parts[:_NAMED]],
        refused_total=len(batch.refused_parts),
    )


def _problem(refused: Refusal) -> FieldProblem:
    return FieldProblem(field=refused.field, message=refused.message, rule=refused.rule, allowed=None)
