"""What there is: counts, agents with their versions, refused records."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import Field

from agenttrace_collector.api.asking import Reading
from agenttrace_collector.api.listed import REFUSALS, Listed, Moment, Record, part
from agenttrace_collector.api.parameters import AgentTimes, Span, Times

router: Final = APIRouter(tags=["counts"], responses=REFUSALS)


class Stats(Record):
    """How much there is of everything."""

    runs: int
    successful: int = Field(description="Runs that ended in success.")
    failed: int = Field(description="Runs that ended in failure.")
    partial: int = Field(description="Runs that ended in part.")
    agents: int
    versions: int = Field(description="Pairs of agent and version.")
    steps: int = Field(description="Calls: what stands around them is not counted.")
    failures: int
    decisions: int | None = Field(description="None where they are switched off.")
    quality_signals: int | None = Field(description="None where they are switched off.")


class AgentVersion(Record):
    """A version of an agent in an environment."""

    agent_id: str
    agent_version: str
    environment: str
    runs: int
    first: Moment = Field(description="When its first run began.")
    last: Moment = Field(description="When its last run began.")


class Agents(Listed):
    """Who ran."""

    agents: list[AgentVersion]


class Rejection(Record):
    """What one rule refused under one attribute key."""

    kind: str = Field(description="What was refused: decision, quality_signal, failure, span, run, …")
    rule: str
    attribute_key: str = Field(description="The key, never a value.")
    count: int
    first: Moment
    last: Moment


class Rejections(Listed):
    """Refused records by rule, the most frequent first."""

    aggregations: list[Rejection]
    total_rejections: int


@router.get("/v1/stats", summary="Counts of everything")
async def get_stats(asker: Reading, wanted: Annotated[AgentTimes, Query()]) -> Stats:
    """Runs by outcome, and how many steps, failures, decisions and quality signals there are."""
    rows = await asker.records("stats", wanted.bound())
    is_kept = asker.answers.policy.decisions
    return Stats(**(rows[0] if is_kept else {**rows[0], "decisions": None, "quality_signals": None}))


@router.get("/v1/agents", summary="Agents and their versions")
async def list_agents(asker: Reading, wanted: Annotated[Times, Query()]) -> Agents:
    """Who ran, in which version and environment."""
    rows = await asker.records("agents", wanted.bound())
    return Agents(agents=[AgentVersion(**row) for row in part(rows, wanted)], **wanted.place(len(rows)))


@router.get("/v1/rejections/aggregate", summary="Refused records by rule")
async def aggregate_rejections(asker: Reading, wanted: Annotated[Span, Query()]) -> Rejections:
    """How many records each rule refused, by kind and attribute key."""
    rows = await asker.records("rejections_aggregate", wanted.bound())
    return Rejections(
        aggregations=[Rejection(**row) for row in part(rows, wanted)],
        total_rejections=sum(row["count"] for row in rows),
        **wanted.place(len(rows)),
    )
