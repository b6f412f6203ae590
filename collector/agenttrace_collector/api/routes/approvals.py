"""Decisions of type approval: which calls of tools were let through, by whom, and how long they waited."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import Field

from agenttrace_collector.api.deps import RequireDecisions
from agenttrace_collector.api.pagination import REFUSALS, Moment, ResponsePage, ResponseRecord
from agenttrace_collector.api.params import EventSpan
from agenttrace_schemas.vocabulary import DecisionType

router: Final = APIRouter(tags=["approvals"], responses=REFUSALS)


class ToolApprovals(ResponseRecord):
    """How calls of one tool were decided; shares with an interval are of runs, at 95 %."""

    agent_id: str
    agent_version: str
    tool_name: str
    decided: int = Field(description="Decisions on calls of the tool.")
    allowed: int
    denied: int
    asked: int = Field(description="Those that a person took.")
    unstated: int = Field(description="Those that state no reason.")
    denied_share: float | None = Field(description="Of the decisions, the share that denied the call.")
    asked_share: float | None = Field(
        description="Of the decisions that state a reason, the share that a person took."
    )
    runs: int = Field(description="Runs that asked for the tool.")
    denied_runs: int = Field(description="Those of them in which a call was denied.")
    denied_run_rate: float | None
    denied_run_rate_low: float | None
    denied_run_rate_high: float | None
    asked_runs: int = Field(description="Those of them in which a person was asked.")
    asked_run_rate: float | None
    asked_run_rate_low: float | None
    asked_run_rate_high: float | None
    always_allowed: bool = Field(
        description="Every decision let the call through; `denied_run_rate_high` bounds the share of runs with"
        " a denial that this agrees with."
    )
    waits: int = Field(description="Decisions that tell how long a person made the call wait.")
    wait_p50_ms: int | None = Field(description="The median of those times, in milliseconds.")
    wait_p95_ms: int | None
    wait_total_ms: int | None


class ApprovalsByTool(ResponsePage):
    """Tools, those with the most decisions first."""

    tools: list[ToolApprovals]
    total_decided: int


class ReasonApprovals(ResponseRecord):
    """How often calls of one tool were decided so, for one reason."""

    agent_id: str
    agent_version: str
    tool_name: str
    selected: str
    reason_code: str
    count: int
    runs: int
    waits: int
    wait_p50_ms: int | None
    wait_max_ms: int | None


class ApprovalsByReason(ResponsePage):
    """Reasons, the most frequent first."""

    reasons: list[ReasonApprovals]
    total_decided: int


class RuleApprovals(ResponseRecord):
    """A rule that decided calls of one tool, within the range of time (`count`) or before it."""

    agent_id: str
    tool_name: str
    selected: str
    reason_code: str
    count: int = Field(description="How often within the range: 0 for a rule that did not fire in it.")
    runs: int
    first: Moment
    last: Moment


class ApprovalsByRule(ResponsePage):
    """Rules, those that did not fire in the range first."""

    rules: list[RuleApprovals]
    total_silent: int = Field(description="Rules on all pages that did not fire in the range.")
    never_observed: tuple[str, ...] = Field(
        description="Reasons of the vocabulary that no rule of these stated."
    )


@router.get("/v1/approvals/tools", summary="Tools and how their calls were decided")
async def approvals_by_tool(
    queries: RequireDecisions, wanted: Annotated[EventSpan, Query()]
) -> ApprovalsByTool:
    """How many calls of each tool were let through, denied, and put to a person."""
    rows = await queries.select("approvals_tools", wanted)
    return ApprovalsByTool.of(rows, wanted, total_decided=sum(row["decided"] for row in rows))


@router.get("/v1/approvals/reasons", summary="Reasons for which calls were let through or denied")
async def approvals_by_reason(
    queries: RequireDecisions, wanted: Annotated[EventSpan, Query()]
) -> ApprovalsByReason:
    """How often each tool's calls were decided for each reason."""
    rows = await queries.select("approvals_reasons", wanted)
    return ApprovalsByReason.of(rows, wanted, total_decided=sum(row["count"] for row in rows))


@router.get("/v1/approvals/rules", summary="Rules that decided calls, and those that did not")
async def approvals_by_rule(
    queries: RequireDecisions, wanted: Annotated[EventSpan, Query()]
) -> ApprovalsByRule:
    """How often each rule fired in the range; those that fired before it only count 0."""
    rows = await queries.select("approvals_rules", wanted)
    observed = {row["reason_code"] for row in rows}
    known = queries.answers.policy.vocabulary.decisions[DecisionType.APPROVAL]
    never = tuple(each for each in known if is_rule(each) and each not in observed)
    silent = sum(not row["count"] for row in rows)
    return ApprovalsByRule.of(rows, wanted, total_silent=silent, never_observed=never)


def is_rule(reason_code: str) -> bool:
    """Whether a reason of an approval is a rule's, as `approvals_rules` has it: no person's answer, and stated."""
    return not reason_code.startswith("user_") and reason_code != "unstated"
