"""Routes of runs: the list, one run, its steps, its failures, all of it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query

from agenttrace_collector.api.deps import RequireReader, TenantQueries
from agenttrace_collector.api.models.run import (
    Details,
    Failures,
    QualitySignal,
    RunDecision,
    RunEvaluation,
    RunFailure,
    RunOutcome,
    RunRecord,
    Runs,
    RunStep,
    RunSteps,
)
from agenttrace_collector.api.pagination import MISSING, REFUSALS
from agenttrace_collector.api.params import Paging, Span, filter_field
from agenttrace_collector.errors import NotFound

router: Final = APIRouter(tags=["runs"], responses=REFUSALS)
_MOST_DETAILS: Final = 1_000
RunId = Annotated[UUID, Path(description="The run's id.")]


class RunFilter(Span):
    """Filters of runs."""

    status: str | None = filter_field("status")


@router.get("/v1/runs", summary="Runs, the latest first")
async def list_runs(queries: RequireReader, wanted: Annotated[RunFilter, Query()]) -> Runs:
    """Returns one page of the runs that match the filters."""
    rows = await queries.select("runs", wanted, limit=wanted.page_size, offset=wanted.offset)
    # A page after the last has no row that could say how many there are.
    first = rows or (await queries.select("runs", wanted, limit=1, offset=0) if wanted.offset else [])
    return Runs.of(rows, wanted, total=first[0]["total"] if first else 0)


@router.get("/v1/runs/{run_id}", summary="One run", responses=MISSING)
async def get_run(queries: RequireReader, run_id: RunId) -> RunRecord:
    """Returns the run of this id."""
    return RunRecord(**await _run(queries, run_id))


@router.get("/v1/runs/{run_id}/steps", summary="The steps of a run", responses=MISSING)
async def list_steps(queries: RequireReader, run_id: RunId, page: Annotated[Paging, Query()]) -> RunSteps:
    """Returns the steps in order; of a run that is not settled, the steps that have arrived."""
    await _run(queries, run_id)
    rows = await queries.records("run_steps", {"run_id": run_id})
    return RunSteps.of(rows, page)


@router.get("/v1/runs/{run_id}/failures", summary="The failures of a run", responses=MISSING)
async def list_failures(queries: RequireReader, run_id: RunId, page: Annotated[Paging, Query()]) -> Failures:
    """Returns recorded and derived failures in order."""
    await _run(queries, run_id)
    rows = await queries.records("run_failures", {"run_id": run_id})
    return Failures.of(rows, page)


@router.get("/v1/runs/{run_id}/details", summary="Everything of a run", responses=MISSING)
async def get_details(queries: RequireReader, run_id: RunId) -> Details:
    """Returns the run with its steps, failures, decisions, quality signals, evaluations and outcomes."""
    run = await _run(queries, run_id)
    is_kept = queries.answers.policy.decisions
    names = [
        "run_steps",
        "run_failures",
        "run_evaluations",
        "run_outcomes",
        *(["run_decisions", "run_signals"] if is_kept else []),
    ]
    parts = await asyncio.gather(*(queries.records(name, {"run_id": run_id}) for name in names))
    found: dict[str, list[dict[str, Any]]] = dict(zip(names, parts, strict=True))
    steps, failures = found["run_steps"], [RunFailure(**row) for row in found["run_failures"]]
    evaluations = found["run_evaluations"]
    decisions, signals = found.get("run_decisions", []), found.get("run_signals", [])
    return Details(
        run=RunRecord(**run),
        steps=[RunStep(**row) for row in steps[:_MOST_DETAILS]],
        failure=failures[-1] if failures else None,
        failures=failures[:_MOST_DETAILS],
        decisions=[RunDecision(**row) for row in decisions[:_MOST_DETAILS]],
        quality_signals=[QualitySignal(**row) for row in signals[:_MOST_DETAILS]],
        outcomes=[RunOutcome(**row) for row in found["run_outcomes"][:_MOST_DETAILS]],
        evaluations=[RunEvaluation(**row) for row in evaluations[:_MOST_DETAILS]],
        decisions_enabled=is_kept,
        steps_total=len(steps),
        decisions_total=len(decisions),
        quality_signals_total=len(signals),
        evaluations_total=len(evaluations),
    )


async def _run(queries: TenantQueries, run_id: UUID) -> dict[str, Any]:
    asked = {"run_id": run_id}
    # A run that is being settled may be missed: what settled it and what waits are not read at one moment.
    rows = await queries.records("run", asked) or await queries.records("run", asked)
    if not rows:
        message = "there is no such run"
        raise NotFound(message)
    return rows[0]
