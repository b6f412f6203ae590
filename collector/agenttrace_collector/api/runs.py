"""Runs as they are read: the list, one run, its steps, its failures, everything of it."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from agenttrace_collector.api.asking import Reading
from agenttrace_collector.api.listed import REFUSALS, Listed, Moment, Record
from agenttrace_collector.api.parameters import STATUSES, Span, one_of

router: Final = APIRouter(tags=["runs"], responses=REFUSALS)


class Run(Record):
    """One run."""

    run_id: UUID
    agent_id: str
    agent_version: str
    environment: str
    status: str
    started_at: Moment
    ended_at: Moment


class Runs(Listed):
    """Runs, the latest first."""

    runs: list[Run]


class RunFilter(Span):
    """Which runs."""

    status: str | None = Field(default=None, description="Only runs that ended so.")


@router.get("/v1/runs", summary="Runs, the latest first")
async def list_runs(asker: Reading, wanted: Annotated[RunFilter, Query()]) -> Runs:
    """One page of the runs that the filters leave."""
    status = one_of("status", wanted.status, STATUSES)
    rows = await asker.records("runs", wanted.bound(status=status))
    total = rows[0]["total"] if rows else 0
    return Runs(runs=[Run(**row) for row in rows], total=total, page=wanted.page, page_size=wanted.page_size)
