"""Routes that count: runs, agents, failures, refused records."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from agenttrace_collector.api.deps import RequireReader
from agenttrace_collector.api.pagination import REFUSALS, Moment, ResponsePage, ResponseRecord
from agenttrace_collector.api.params import AgentTimes, FailureFilter, Span, Times

router: Final = APIRouter(tags=["counts"], responses=REFUSALS)


class Stats(ResponseRecord):
    """The number of records of each kind."""

    runs: int
    successful: int = Field(description="Runs that ended in success.")
    failed: int = Field(description="Runs that ended in failure.")
    partial: int = Field(description="Runs that ended in part.")
    agents: int
    versions: int = Field(description="Pairs of agent and version.")
    steps: int = Field(description="Calls; spans around them are not counted.")
    failures: int
    decisions: int | None = Field(description="null if decisions and signals are switched off.")
    quality_signals: int | None = Field(description="null if decisions and signals are switched off.")
    evaluations: int


class AgentVersion(ResponseRecord):
    """A version of an agent in an environment."""

    agent_id: str
    agent_version: str
    environment: str
    runs: int
    first: Moment = Field(description="When its first run began.")
    last: Moment = Field(description="When its last run began.")


class Agents(ResponsePage):
    """Agents and their versions."""

    agents: list[AgentVersion]


class Rejection(ResponseRecord):
    """Records that one rule refused under one attribute key."""

    kind: str = Field(description="What was refused: decision, quality_signal, failure, span, run, …")
    rule: str
    attribute_key: str = Field(description="The attribute key, never a value.")
    count: int
    first: Moment
    last: Moment


class Rejections(ResponsePage):
    """Refused records by rule, the most frequent first."""

    aggregations: list[Rejection]
    total_rejections: int


class UnplacedRun(ResponseRecord):
    """A run of which only events are stored."""

    run_id: UUID
    agent_id: str = Field(description="As its latest event says; empty where only outcomes are there.")
    decisions: int
    quality_signals: int
    failures: int
    evaluations: int
    outcomes: int
    events: int
    first: Moment
    last: Moment


class UnplacedRuns(ResponsePage):
    """Runs of which only events are stored, the latest first."""

    runs: list[UnplacedRun]


class Interval(ResponseRecord):
    """The runs that began in an interval, by how they ended."""

    time: Moment = Field(description="When the interval begins.")
    runs: int
    successful: int
    failed: int
    partial: int


class OverTime(ResponseRecord):
    """Runs over time; an interval without any is not listed."""

    step: int = Field(description="Seconds of an interval.")
    intervals: list[Interval]


class StepFilters(AgentTimes):
    """Filters by agent and time, and the length of the intervals."""

    step: int = Field(default=86_400, ge=60, le=31_536_000, description="Seconds of an interval.")


class FailureAggregation(ResponseRecord):
    """How often one failure occurred."""

    failure_type: str
    failure_code: str
    count: int
    runs: int = Field(description="Runs in which it occurred.")
    derived: int = Field(description="How many of them were derived from steps; agents recorded the others.")


class FailureAggregations(ResponsePage):
    """Failures by type and code, the most frequent first."""

    aggregations: list[FailureAggregation]
    total_failures: int


@router.get("/v1/stats/over-time", summary="Runs over time")
async def runs_over_time(queries: RequireReader, wanted: Annotated[StepFilters, Query()]) -> OverTime:
    """Counts the runs that began in each interval, by outcome."""
    rows = await queries.select("runs_over_time", wanted)
    return OverTime(step=wanted.step, intervals=[Interval(**row) for row in rows])


@router.get("/v1/failures/aggregate", summary="Failures by type and code")
async def aggregate_failures(
    queries: RequireReader, wanted: Annotated[FailureFilter, Query()]
) -> FailureAggregations:
    """Counts each failure, and the runs in which it occurred."""
    rows = await queries.select("failures_aggregate", wanted)
    return FailureAggregations.of(rows, wanted, total_failures=sum(row["count"] for row in rows))


@router.get("/v1/stats", summary="Counts of everything")
async def get_stats(queries: RequireReader, wanted: Annotated[AgentTimes, Query()]) -> Stats:
    """Counts runs by outcome, steps, failures, decisions, quality signals and evaluations."""
    rows = await queries.select("stats", wanted)
    is_kept = queries.answers.policy.decisions
    return Stats(**(rows[0] if is_kept else {**rows[0], "decisions": None, "quality_signals": None}))


@router.get("/v1/agents", summary="Agents and their versions")
async def list_agents(queries: RequireReader, wanted: Annotated[Times, Query()]) -> Agents:
    """Lists agents with their versions and environments."""
    return Agents.of(await queries.select("agents", wanted), wanted)


@router.get("/v1/rejections/aggregate", summary="Refused records by rule")
async def aggregate_rejections(queries: RequireReader, wanted: Annotated[Span, Query()]) -> Rejections:
    """Counts the records that each rule refused, by kind and attribute key."""
    rows = await queries.select("rejections_aggregate", wanted)
    return Rejections.of(rows, wanted, total_rejections=sum(row["count"] for row in rows))


@router.get("/v1/unplaced", summary="Events whose run is unknown, by run")
async def list_unplaced(queries: RequireReader, wanted: Annotated[Span, Query()]) -> UnplacedRuns:
    """Lists runs of which only events are stored: their spans come when they end, or never came."""
    rows = await queries.select("events_unplaced", wanted, limit=wanted.page_size, offset=wanted.offset)
    first = rows or (
        await queries.select("events_unplaced", wanted, limit=1, offset=0) if wanted.offset else []
    )
    return UnplacedRuns.of(rows, wanted, total=first[0]["total"] if first else 0)
