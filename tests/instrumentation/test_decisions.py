"""A decision and the steps that carry it out."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextvars import copy_context
from typing import Any

import pytest

import agenttrace
from agenttrace.capture import Capture, capture
from agenttrace.settings import Settings
from agenttrace_schemas import wire

OWN = "7d3a4b52-9f7e-4a43-8a53-0a4d32a1a4a6"
DECIDED: Any = ("tool_selection", "orders", "cost_optimization")


def links(captured: Capture) -> dict[str, object]:
    """What the spans that ended say of their decision."""
    return {
        span.name: (span.attributes or {})[wire.STEP_DECISION_ID]
        for span in captured.spans
        if wire.STEP_DECISION_ID in (span.attributes or {})
    }


def test_a_step_takes_the_id_of_its_decision(agenttrace_capture: Capture) -> None:
    """At its start, or as soon as it is known."""
    with agenttrace_capture.tracer().start_run() as run:
        chosen = run.record_decision(*DECIDED)
        with run.step("tool", "orders", decision=chosen):
            pass
        with run.step("tool", "later") as step:
            step.set(decision=step.record_decision(*DECIDED))
        with run.step("tool", "none", decision=None):
            pass
    ids = [event.attributes[wire.DECISION_ID] for event in agenttrace_capture.events()]
    assert links(agenttrace_capture) == {"execute_tool orders": ids[0], "execute_tool later": ids[1]}


def test_the_steps_of_a_block_are_linked(agenttrace_capture: Capture) -> None:
    """Those that start in it directly, whoever starts them; an id of their own goes first."""
    with agenttrace_capture.tracer().start_run() as run:
        with run.decision(*DECIDED) as decision:
            with run.step("tool", "first"), agenttrace.step("tool", "inside"):
                pass
            with agenttrace.step("tool", "second"):
                pass
            with run.step("tool", "own", decision=OWN):
                pass
            framework = agenttrace_capture.tracer_provider.get_tracer("framework")
            with framework.start_as_current_span("foreign"), framework.start_as_current_span("below"):
                pass
        with run.step("tool", "after"):
            pass
    assert links(agenttrace_capture) == {
        "execute_tool first": decision.id,
        "execute_tool second": decision.id,
        "execute_tool own": OWN,
        "foreign": decision.id,
    }


def test_a_block_in_a_thread_and_in_a_task(
    agenttrace_capture: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    """The thread knows nothing of the context; the block may be left in a copy of it."""

    def work() -> None:
        with run.decision(*DECIDED), run.step("tool", "thread"):
            pass

    async def answer() -> None:
        async with run.step("plan", "task") as step, step.decision(*DECIDED), agenttrace.step("tool", "task"):
            await asyncio.sleep(0)

    with caplog.at_level(logging.DEBUG, "opentelemetry"), agenttrace_capture.tracer().start_run() as run:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        asyncio.run(answer())
        block = run.decision(*DECIDED)
        block.__enter__()
        copy_context().run(block.__exit__, None, None, None)
    assert set(links(agenttrace_capture)) == {"execute_tool thread", "execute_tool task"}
    assert caplog.records == []


def test_a_decision_that_is_refused_links_nothing() -> None:
    """The block runs, and so do calls that are no calls."""
    with capture(Settings()) as captured:
        with captured.tracer().start_run() as run:
            decision = run.decision("tool_selection", "said by the user", "cost_optimization")
            with decision, run.step("tool", "orders"):
                pass
            with run.decision(selectd="x"):  # type: ignore[call-overload]  # on purpose
                pass
            with run.step("tool", "lookup", decision="said by the user"):
                pass
        assert decision.id is None
        assert links(captured) == {}
        assert captured.counters().refused == {"label.pattern": 1, "misuse": 2}
    with capture(Settings(enabled=False)), agenttrace.AgentTracer("a").start_run() as run:
        decision = run.decision(*DECIDED)
        with decision:
            assert decision.id is None
