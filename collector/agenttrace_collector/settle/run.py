"""Settles one run: a pure function of its rows, whatever their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agenttrace_collector.decode.conventions.read import UNKNOWN_ERROR
from agenttrace_collector.settle.classify import classify
from agenttrace_collector.settle.coding_agent import last_told, set_denied_apart, set_side_calls, set_waits
from agenttrace_collector.settle.counts import with_counts
from agenttrace_collector.settle.derive import derive, mark_fallbacks
from agenttrace_collector.settle.model import (
    AGENT,
    CODING_AGENT,
    MODEL,
    RERANK,
    RETRIEVAL,
    STATED,
    TOOL,
    Node,
    RunRows,
    SettleContext,
    Settled,
)
from agenttrace_collector.settle.rows import RowBuilder
from agenttrace_collector.settle.tree import build, calls
from agenttrace_schemas import wire
from agenttrace_schemas.counts import MOST_SUMMED
from agenttrace_schemas.derivation import DERIVATIONS, RULES_VERSION
from agenttrace_schemas.derived_rows import RunFactsRow
from agenttrace_schemas.rows import RunRow, StepRow
from agenttrace_schemas.vocabulary import RunStatus


def settle_run(rows: RunRows, this: SettleContext) -> Settled:
    """Settles the rows of one run id; the result has no facts if they are not a run."""
    return with_counts(rows, _settled(rows, this), this)


def _settled(rows: RunRows, this: SettleContext) -> Settled:
    nodes = [node for node in build(rows) if node.step.operation != "create_agent"]
    set_denied_apart(rows, nodes)
    set_waits(nodes)
    if sides := set_side_calls(nodes):
        rows = replace(rows, candidates=[each for each in rows.candidates if each.span_id not in sides])
    steps = calls(nodes)
    told = rows.candidates or any(each.source != CODING_AGENT for each in rows.steps)
    if not told or (
        not rows.candidates and not any(node.kind in (MODEL, TOOL, RETRIEVAL, RERANK) for node in steps)
    ):
        return Settled()
    classify(nodes, steps)
    mark_fallbacks(steps)
    facts = _facts(rows, nodes, steps, this)
    maker = RowBuilder(rows, facts, this.policy)
    found = [(node, DERIVATIONS[rule]) for node, rule in derive(nodes, steps, this.thresholds)]
    return Settled(
        facts=facts,
        steps=tuple(maker.step(node) for node in nodes),
        signals=tuple(maker.signals(found)),
        decisions=tuple(maker.decisions(found)),
        failures=tuple(maker.failures(steps)),
    )


def _facts(rows: RunRows, nodes: Sequence[Node], steps: Sequence[Node], this: SettleContext) -> RunFactsRow:
    top = _outermost(rows, nodes)
    last = _last_stated(rows, nodes, top)
    spans: list[RunRow | StepRow] = [*(node.step for node in nodes), *rows.candidates]
    actor = _actor(nodes, top)
    failing = _failing(steps)
    models = [node for node in steps if node.kind == MODEL]
    return RunFactsRow(
        run_id=rows.run_id,
        agent_id=(actor or top.agent_id) if top.agent_id == wire.UNKNOWN else top.agent_id,
        agent_version=top.agent_version,
        environment=top.environment,
        status=_run_status(rows, nodes, top, last=last, failing=failing),
        started_at=min(span.started_at for span in spans),
        ended_at=max(span.ended_at for span in spans),
        created_at=max(span.created_at for span in spans),
        tenant=rows.tenant,
        trace_id=top.trace_id,
        span_id=top.span_id,
        parent_run_id=next(
            (each.parent_run_id for each in _in_order(rows.candidates) if each.parent_run_id), None
        ),
        conversation_id=top.conversation_id or _first(nodes, "conversation_id"),
        actor=actor,
        source=top.source,
        error_type=_error_type(nodes, last, failing),
        steps=len(steps),
        failed_steps=sum(node.failed for node in steps),
        model_calls=len(models),
        tool_calls=sum(node.kind == TOOL for node in steps),
        retrievals=sum(node.kind == RETRIEVAL for node in steps),
        retries=sum(len(node.tries) + (node.previous is not None) for node in models),
        input_tokens=_sum(models, "input_tokens") or 0,
        output_tokens=_sum(models, "output_tokens") or 0,
        documents=_sum([node for node in steps if node.kind == RETRIEVAL], "retrieval_count"),
        step_ids=tuple(node.step.step_id for node in steps),
        rules_version=RULES_VERSION,
        settled_at=this.settled_at,
    )


def _run_status(
    rows: RunRows,
    nodes: Sequence[Node],
    top: RunRow | StepRow,
    *,
    last: RunRow | StepRow,
    failing: Node | None,
) -> str:
    """How the run ended: as was said after its end, else as its spans tell."""
    if rows.outcome:
        return rows.outcome.status
    return last_told(rows.candidates) if _is_told_by_calls(nodes, top) else _status(last, failing)


def _is_told_by_calls(nodes: Sequence[Node], top: RunRow | StepRow) -> bool:
    """Whether no span of the agent itself says how its run ended."""
    own = (top.trace_id, top.span_id)
    return top.source == CODING_AGENT and all(
        (node.step.trace_id, node.step.span_id) != own for node in nodes
    )


def _outermost(rows: RunRows, nodes: Sequence[Node]) -> RunRow | StepRow:
    """The candidate whose span stands above the others, else the topmost step that there is."""
    depths = {(node.step.trace_id, node.step.span_id): node.depth for node in nodes}
    if rows.candidates:
        return min(
            rows.candidates,
            key=lambda each: (
                depths.get((each.trace_id, each.span_id), 0),
                each.started_at,
                each.trace_id,
                each.span_id,
            ),
        )
    return min(nodes, key=lambda node: (node.depth, node.step.started_at, node.step.step_id)).step


def _last_stated(rows: RunRows, nodes: Sequence[Node], top: RunRow | StepRow) -> RunRow | StepRow:
    """The span that says how a run ended: of several that state it, the one that ended last.

    A run goes on under its id in a second process, on a span of its own: in another trace, or below the
    first one's. Agents of a framework inside it have a place in its sequence, and state nothing.
    """
    if not isinstance(top, RunRow) or top.source not in STATED:
        return top
    inside = {(node.step.trace_id, node.step.span_id) for node in nodes if node.step.seq}
    stating = [
        each
        for each in rows.candidates
        if each.source in STATED and (each.trace_id, each.span_id) not in inside
    ]
    return max(
        [top, *stating],
        key=lambda each: (each.ended_at, each is top, each.started_at, each.trace_id, each.span_id),
    )


def _in_order(candidates: Sequence[RunRow]) -> list[RunRow]:
    return sorted(candidates, key=lambda each: (each.started_at, each.trace_id, each.span_id))


def _actor(nodes: Sequence[Node], top: RunRow | StepRow) -> str:
    """The name of the outermost agent that has one."""
    if top.actor:
        return top.actor
    named = [node for node in nodes if node.kind == AGENT and node.step.actor]
    chosen = min(named, key=lambda node: (node.depth, node.step.started_at), default=None)
    return chosen.step.actor if chosen else ""


def _failing(steps: Sequence[Node]) -> Node | None:
    """The last call, if it ended in error for its caller and nothing came after it."""
    if not steps:
        return None
    last = max(steps, key=lambda node: (node.step.ended_at, node.step.started_at, node.step.step_id))
    return last if last.failed and last.caller_failed else None


def _status(top: RunRow | StepRow, failing: Node | None) -> str:
    if isinstance(top, RunRow):
        if top.source in STATED:
            return top.status
        failed = top.status == RunStatus.FAILURE
    else:
        # The first of several calls beside each other says nothing about the others.
        failed = top.status == "error" and top.role != "leaf"
    return str(RunStatus.FAILURE if failed or failing else RunStatus.SUCCESS)


def _error_type(nodes: Sequence[Node], top: RunRow | StepRow, failing: Node | None) -> str:
    """What the outermost span names, unless it does not know; then what the last call names."""
    own = [
        node.step for node in nodes if (node.step.trace_id, node.step.span_id) == (top.trace_id, top.span_id)
    ]
    named = [step.error_type for step in own if step.error_type not in ("", UNKNOWN_ERROR)]
    if named:
        return named[0]
    return str(failing.fact("error_type")) if failing else ""


def _first(nodes: Sequence[Node], name: str) -> str:
    return next((str(value) for node in nodes if (value := node.fact(name))), "")


def _sum(nodes: Sequence[Node], name: str) -> int | None:
    counts = [count for node in nodes if isinstance(count := node.fact(name), int)]
    return min(sum(counts), MOST_SUMMED) if counts else None
