"""The tree of a run's steps stands whatever a sender names as parents."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

import pytest

from agenttrace_collector.settle import RunRows, Settled, Thresholds, settle_run
from agenttrace_collector.settle.model import SettleContext
from agenttrace_schemas.rows import StepRow
from agenttrace_schemas.rules import Policy

RUN = bytes(15) + b"\x01"


def step(number: int, parent: int, operation: str = "chat") -> StepRow:
    """A step whose ids are its number."""
    return StepRow(
        step_id=number.to_bytes(16),
        run_id=RUN,
        seq=0,
        step_type="respond" if operation == "chat" else "tool",
        name="",
        latency_ms=1.0,
        started_at=number,
        ended_at=number + 1,
        metadata={},
        created_at=0,
        tenant="default",
        agent_id="agent",
        agent_version="1",
        environment="default",
        actor="",
        trace_id=RUN,
        span_id=number,
        parent_span_id=parent,
        role="leaf",
        operation=operation,
        status="ok",
        error_type="",
        tool_name="search" if operation == "execute_tool" else "",
        model="",
        response_model="",
        input_tokens=None,
        output_tokens=None,
        retrieval_count=None,
        finish_reason="",
        stream=None,
        output_type="",
        attempt=None,
        conversation_id="",
        source="genai",
    )


def settled(steps: Iterable[StepRow]) -> Settled:
    """What these steps come to."""
    return settle_run(RunRows("default", RUN, list(steps)), SettleContext(Policy(), Thresholds(), 1))


@pytest.mark.parametrize("operation", ["chat", "execute_tool"])
def test_views_of_one_call_nest_to_any_depth(operation: str) -> None:
    """Deeper than Python recurses: the innermost is the call."""
    facts = settled(step(number, number - 1, operation) for number in range(1, 3001)).facts
    assert facts is not None
    assert facts.step_ids == ((3000).to_bytes(16),)


def test_a_ring_of_parents_settles_the_same_in_any_order() -> None:
    """Spans that name each other as parents stand at the top, whichever arrives first."""
    ring = [step(1, 3), step(2, 1), step(3, 2), step(4, 3, "execute_tool"), step(5, 4)]
    answers = {repr(settled(order)) for order in itertools.permutations(ring)}
    assert len(answers) == 1


def test_a_call_below_an_agent_that_is_created_is_settled() -> None:
    """The span that creates an agent is no step, and in no group of steps."""
    created = replace(step(1, 0, "create_agent"), role="agent")
    asking = replace(step(2, 1), finish_reason="tool_calls")
    facts = settled([created, asking]).facts
    assert facts is not None
    assert facts.steps == 1


def test_a_record_that_stands_above_its_own_span_is_settled() -> None:
    """The span of the call gives the record its place, below itself: a sender may name such parents."""
    record = replace(step(1, 0), source="coding_agent", call_id=RUN)
    wrapper, span = step(2, 1, "chain"), replace(step(3, 2), call_id=RUN, latency_ms=9.0)
    facts = settled([record, wrapper, span, step(9, 0, "execute_tool")]).facts
    assert facts is not None
    assert facts.model_calls == facts.tool_calls == 1
