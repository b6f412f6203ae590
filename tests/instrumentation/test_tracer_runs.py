"""Runs beside and inside each other: ids of their own, tasks, threads, and what is current where."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import get_current_span

from agenttrace import AgentTracer, Run
from agenttrace.capture import Capture, capture
from agenttrace.guard import Misuse
from agenttrace.settings import Settings
from agenttrace_schemas import wire

RUN_SPAN = "invoke_agent agent"


def test_a_run_may_have_an_id_of_its_own(agenttrace_capture: Capture) -> None:
    """A UUID of the application's own is taken; anything else is refused."""
    stated = UUID("7d3a4b52-9f7e-4a43-8a53-0a4d32a1a4a6")
    tracer = agenttrace_capture.tracer()
    assert tracer.start_run(run_id=stated).id == str(stated)
    assert tracer.start_run(run_id=stated.hex).id == str(stated)
    with pytest.raises(Misuse):
        tracer.start_run(run_id="run-7")


def test_nested_runs_have_ids_of_their_own(agenttrace_capture: Capture) -> None:
    """One trace, two runs: the inner one names the outer one as its parent."""
    outer_tracer, inner_tracer = agenttrace_capture.tracer("outer"), agenttrace_capture.tracer("inner")
    with outer_tracer.start_run() as outer, outer.step("plan", "delegate"):
        with inner_tracer.start_run() as inner, inner.step("tool", "a"):
            outer.record_decision("response_mode", "x", "batch_preferred")
        with outer.step("respond", "b"):
            pass
    spans = {span.name: span for span in agenttrace_capture.spans}
    stamps = {name: dict(span.attributes or {}) for name, span in spans.items()}
    assert stamps["invoke_agent inner"][wire.PARENT_RUN_ID] == outer.id
    assert wire.PARENT_RUN_ID not in stamps["invoke_agent outer"]
    assert stamps["execute_tool a"][wire.RUN_ID] == inner.id
    assert stamps["chat b"][wire.RUN_ID] == outer.id
    assert len({span.context.trace_id for span in agenttrace_capture.spans}) == 1
    assert [event.span for event in agenttrace_capture.events()] == ["invoke_agent outer"]


async def _branch(run: Run, name: str) -> None:
    async with run.step("tool", name):
        await asyncio.sleep(0)
        run.record_decision("tool_selection", name, "cost_optimization")


async def _branches(tracer: AgentTracer) -> None:
    async with tracer.start_run() as run:
        await asyncio.gather(*(_branch(run, f"t{index}") for index in range(20)))


def test_parallel_tasks_keep_their_steps(agenttrace_capture: Capture) -> None:
    """What is recorded in a task belongs to that task's step."""
    asyncio.run(_branches(agenttrace_capture.tracer()))
    events = agenttrace_capture.events(wire.EVENT_DECISION)
    assert len(events) == 20
    assert all(event.span == f"execute_tool {event.attributes[wire.DECISION_SELECTED]!s}" for event in events)


def test_threads_without_context_stay_in_the_run(agenttrace_capture: Capture) -> None:
    """A worker thread starts with an empty context; the run object still knows where it belongs."""

    def work(index: int) -> None:
        with run.step("tool", f"t{index}"):
            run.record_decision("tool_selection", f"t{index}", "cost_optimization")
        run.record_quality_signal("tool_success", "first_attempt", value=True)

    with agenttrace_capture.tracer().start_run() as run, ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(50)))
    parent = agenttrace_capture.span(RUN_SPAN).context
    steps = [span for span in agenttrace_capture.spans if span.name != RUN_SPAN]
    assert all(span.parent == parent for span in steps)
    assert {(span.attributes or {})[wire.STEP_SEQ] for span in steps} == set(range(1, 51))
    assert {event.span for event in agenttrace_capture.events(wire.EVENT_SIGNAL)} == {RUN_SPAN}


def test_the_context_is_as_before(agenttrace_capture: Capture) -> None:
    """Neither a run nor a step leaves anything behind."""
    before = get_current_span()
    with agenttrace_capture.tracer().start_run() as run, run.step("tool", "a"):
        assert get_current_span() is not before
    assert get_current_span() is before


def test_a_run_must_be_entered(agenttrace_capture: Capture) -> None:
    """A forgotten `with` is said, not guessed around."""
    run = agenttrace_capture.tracer().start_run()
    with pytest.raises(Misuse):
        run.record_failure("tool", "timeout")
    with pytest.raises(Misuse), run.step("tool", "a"):
        pass


def test_a_run_is_entered_once(agenttrace_capture: Capture) -> None:
    """A second run needs a second `start_run`."""
    with agenttrace_capture.tracer().start_run() as run:
        pass
    with pytest.raises(Misuse), run:
        pass
    assert len(agenttrace_capture.spans) == 1


@pytest.mark.parametrize("enabled", [True, False])
def test_everything_can_be_switched_off(*, enabled: bool) -> None:
    """Switched off, the agent runs as before and no span is made."""
    with capture(Settings(enabled=enabled, strict=True)) as captured:
        with captured.tracer().start_run() as run, run.step("tool", "a", attempt=1) as step:
            step.add_metadata(a=1)
            step.set(attempt=2)
            step.set_error("timeout")
            run.record_failure("tool", "timeout")
        assert len(captured.spans) == (2 if enabled else 0)


def test_without_the_processor_our_spans_are_stamped_too() -> None:
    """An application's own provider need not know of us."""
    provider = TracerProvider(shutdown_on_exit=False)
    with capture(), AgentTracer("agent", tracer_provider=provider).start_run() as run:
        span = get_current_span()
        assert (getattr(span, "attributes", None) or {})[wire.RUN_ID] == run.id
