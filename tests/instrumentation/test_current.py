"""The current run and step, and runs and steps that are started and ended by hand."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextvars import copy_context

import pytest

import agenttrace
from agenttrace.capture import Capture, capture
from agenttrace.settings import Settings
from agenttrace_schemas import wire


def test_outside_of_a_run_there_is_neither(agenttrace_capture: Capture) -> None:
    """The context decides, never the last run that was opened anywhere."""
    run = agenttrace_capture.tracer().start_run()
    assert (agenttrace.current_run(), agenttrace.current_step()) == (None, None)
    run.start()
    seen: list[object] = []
    thread = threading.Thread(target=lambda: seen.append(agenttrace.current_run()))
    thread.start()
    thread.join()
    assert (agenttrace.current_run(), seen) == (run, [None])
    run.end()
    assert agenttrace.current_run() is None


def test_a_nested_run_is_current_until_it_ends(agenttrace_capture: Capture) -> None:
    """In the inner run, the step of the outer one is not current."""
    tracer = agenttrace_capture.tracer()
    with tracer.start_run() as outer, agenttrace.step("tool", "delegate") as delegate:
        with tracer.start_run() as inner:
            assert (agenttrace.current_run(), agenttrace.current_step()) == (inner, None)
        assert (agenttrace.current_run(), agenttrace.current_step()) == (outer, delegate)


def test_tasks_are_each_in_their_own_step(agenttrace_capture: Capture) -> None:
    """A step of the module belongs to the run that its task is in."""

    async def work(name: str) -> None:
        async with agenttrace.step("tool", name) as step:
            await asyncio.sleep(0)
            assert agenttrace.current_step() is step
            agenttrace.record_quality_signal("tool_success", "first_attempt", value=True)

    async def answer() -> None:
        async with agenttrace_capture.tracer().start_run():
            await asyncio.gather(work("orders"), work("invoices"))

    asyncio.run(answer())
    spans = {event.span for event in agenttrace_capture.events()}
    assert spans == {"execute_tool orders", "execute_tool invoices"}


def test_a_thread_in_a_step_of_its_run_knows_both(agenttrace_capture: Capture) -> None:
    """A step that was made from the run needs no context."""
    with agenttrace_capture.tracer().start_run() as run:
        seen: list[object] = []

        def work() -> None:
            with run.step("tool", "orders") as step:
                seen.append((agenttrace.current_run(), agenttrace.current_step()) == (run, step))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen == [True]


def test_an_end_in_another_context_is_quiet(
    agenttrace_capture: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    """Callbacks end what another task has started; OpenTelemetry would log that it could not detach."""
    run = copy_context().run(agenttrace_capture.tracer().start_run().start)
    with caplog.at_level(logging.DEBUG):
        run.end(ValueError("said"))
        run.end()
    span = agenttrace_capture.span("invoke_agent agent")
    assert span.attributes is not None
    assert span.attributes[wire.RUN_STATUS] == "failure"
    assert caplog.records == []
    assert agenttrace.current_run() is None


def test_an_end_in_a_copied_context_leaves_it(agenttrace_capture: Capture) -> None:
    """What is recorded there afterwards does not land on the run that has ended."""

    def callback(run: agenttrace.Run) -> object:
        run.end()
        return agenttrace.current_run()

    def started() -> object:
        run = agenttrace_capture.tracer().start_run().start()
        return copy_context().run(callback, run)

    assert copy_context().run(started) is None


def test_a_step_without_a_run_is_refused_and_its_block_runs() -> None:
    """Nothing is raised at the host."""
    ran = []
    with capture(Settings()) as captured:
        with agenttrace.step("tool", "orders"):
            ran.append(True)
        assert captured.counters().refused == {"event.no_run": 1}
    assert ran == [True]
    assert captured.spans == ()


def test_what_is_recorded_on_a_step_goes_there(agenttrace_capture: Capture) -> None:
    """From where the context is lost, from inside another step, and after its end."""
    with agenttrace_capture.tracer().start_run() as run, run.step("tool", "orders") as step:
        with run.step("plan", "inner"):
            step.record_decision("tool_selection", "orders", "cost_optimization")
        thread = threading.Thread(
            target=step.record_quality_signal, args=("tool_success", "first_attempt", True)
        )
        thread.start()
        thread.join()
    step.record_failure("tool", "timeout")
    spans = {event.name: event.span for event in agenttrace_capture.events()}
    assert spans == {
        wire.EVENT_DECISION: "execute_tool orders",
        wire.EVENT_SIGNAL: "execute_tool orders",
        wire.EVENT_FAILURE: wire.EVENTS_SPAN,
    }
    late = agenttrace_capture.span(wire.EVENTS_SPAN)
    assert (late.attributes or {})[wire.STEP_ID] == step.id


def test_recording_returns_the_id_of_the_event(agenttrace_capture: Capture) -> None:
    """None where nothing was recorded."""
    with agenttrace_capture.tracer().start_run() as run:
        decision = run.record_decision("tool_selection", "orders", "cost_optimization")
        signal = agenttrace.record_quality_signal("tool_success", "first_attempt", value=True)
        failure = run.record_failure("tool", "timeout")
    ids = [
        event.attributes[f"{event.name.replace('quality_', '')}.id"] for event in agenttrace_capture.events()
    ]
    assert ids == [decision, signal, failure]
    with capture(Settings()) as captured, captured.tracer().start_run() as run:
        assert run.record_decision("tool_selection", "said by the user", "cost_optimization") is None
    with capture(Settings(enabled=False)) as captured, captured.tracer().start_run() as run:
        assert run.record_failure("tool", "timeout") is None


def test_a_run_that_ended_in_a_copy_of_the_context_is_left(agenttrace_capture: Capture) -> None:
    """A callback ends what this code has started; what it records next is not part of that run."""
    tracer = agenttrace_capture.tracer()
    with tracer.start_run() as outer:
        run = tracer.start_run().start()
        copy_context().run(run.end)
        assert agenttrace.current_run() is outer
        agenttrace.record_quality_signal("tool_success", "first_attempt", value=True)
    (event,) = agenttrace_capture.events()
    assert event.span == "invoke_agent agent"
    assert outer.id in {
        str((span.attributes or {})[wire.RUN_ID]) for span in agenttrace_capture.spans if span.events
    }


def test_a_copy_of_the_context_keeps_the_run_that_has_ended(agenttrace_capture: Capture) -> None:
    """A background task that outlives the request is still part of its run."""
    run = agenttrace_capture.tracer().start_run().start()
    background = copy_context()
    copy_context().run(run.end)
    assert agenttrace.current_run() is None
    assert background.run(agenttrace.current_run) is run
    background.run(agenttrace.record_quality_signal, "tool_success", "first_attempt", value=True)
    late = agenttrace_capture.span(wire.EVENTS_SPAN)
    assert (late.attributes or {})[wire.RUN_ID] == run.id


def test_ends_may_come_out_of_order(agenttrace_capture: Capture, caplog: pytest.LogCaptureFixture) -> None:
    """What is inside stays current until it ends itself; then nothing that has ended is."""
    tracer = agenttrace_capture.tracer()
    with caplog.at_level(logging.DEBUG), tracer.start_run() as outer:
        run = tracer.start_run().start()
        step = run.step("tool", "orders").start()
        run.end()
        assert agenttrace.current_step() is step
        agenttrace.record_quality_signal("tool_success", "first_attempt", value=True)
        step.end()
        assert agenttrace.current_run() is outer
        with agenttrace.step("plan", "next"):
            assert agenttrace.current_run() is outer
    assert agenttrace.current_run() is None
    assert [event.span for event in agenttrace_capture.events()] == ["execute_tool orders"]
    assert caplog.records == []
