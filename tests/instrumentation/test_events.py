"""Carriers: the limit of events on a span, log records, and spans that are not recorded."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import agenttrace
from agenttrace.capture import Capture, capture
from agenttrace.settings import Carriers, Settings
from agenttrace.span_events import LIMIT
from agenttrace.tracer import Run
from agenttrace_schemas import wire

RUN_SPAN = "invoke_agent agent"
STAMPS = (wire.RUN_ID, wire.STEP_ID, wire.AGENT_ID, wire.AGENT_VERSION, wire.GEN_AI_AGENT_NAME)


def decide(index: int, run: Run | None = None) -> None:
    """One decision that can be told apart."""
    record = run.record_decision if run else agenttrace.record_decision
    record("tool_selection", f"option_{index}", "cost_optimization")


def selected(captured: Capture) -> list[object]:
    """What was selected, in the order of the events' times."""
    return [event.attributes[wire.DECISION_SELECTED] for event in captured.events()]


def stamps_of(span: ReadableSpan) -> dict[str, object]:
    """The stamps that attribute an event."""
    return {key: (span.attributes or {}).get(key) for key in STAMPS}


def test_a_thousand_events_on_one_run_all_arrive(agenttrace_capture: Capture) -> None:
    """The SDK alone keeps the last 128; the earliest are on the run's span, the others on children."""
    with agenttrace_capture.tracer().start_run() as run:
        for index in range(1000):
            decide(index, run)
    root = agenttrace_capture.span(RUN_SPAN)
    children = [span for span in agenttrace_capture.spans if span.name == wire.EVENTS_SPAN]
    assert selected(agenttrace_capture) == [f"option_{index}" for index in range(1000)]
    assert len(root.events) == LIMIT
    assert [len(child.events) for child in children] == [100] * 9
    assert sum(span.dropped_events for span in agenttrace_capture.spans) == 0
    assert all(child.parent == root.context for child in children)
    assert all(stamps_of(child) == stamps_of(root) for child in children)
    assert agenttrace_capture.counters().overflowed == 900


def test_child_spans_are_never_steps(agenttrace_capture: Capture) -> None:
    """They carry no operation, no step type and no place in the sequence."""
    with agenttrace_capture.tracer().start_run() as run, run.step("tool", "a"):
        for index in range(LIMIT + 1):
            decide(index, run)
    attributes = agenttrace_capture.span(wire.EVENTS_SPAN).attributes or {}
    assert not {wire.STEP_TYPE, wire.STEP_SEQ, wire.GEN_AI_OPERATION_NAME} & set(attributes)
    assert (
        attributes[wire.STEP_ID] == (agenttrace_capture.span("execute_tool a").attributes or {})[wire.STEP_ID]
    )


def test_threads_lose_nothing(agenttrace_capture: Capture) -> None:
    """Ten threads record on one run's span at once."""
    with agenttrace_capture.tracer().start_run() as run, ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda index: decide(index, run), range(3000)))
    assert Counter(selected(agenttrace_capture)) == Counter(f"option_{index}" for index in range(3000))
    assert max(len(span.events) for span in agenttrace_capture.spans) <= 128
    assert agenttrace_capture.counters().recorded == {wire.EVENT_DECISION: 3000}


def test_a_foreign_span_keeps_its_earliest_too(agenttrace_capture: Capture) -> None:
    """Its overflow is attributed to the same run and step, which is stamped if it was not."""
    framework = agenttrace_capture.tracer_provider.get_tracer("framework")
    with agenttrace_capture.tracer().start_run() as run, framework.start_as_current_span("graph"):
        for index in range(LIMIT + 20):
            decide(index)
    graph = agenttrace_capture.span("graph")
    children = [span for span in agenttrace_capture.spans if span.name == wire.EVENTS_SPAN]
    assert selected(agenttrace_capture) == [f"option_{index}" for index in range(LIMIT + 20)]
    assert len(children) == 20
    assert {(child.attributes or {})[wire.STEP_ID] for child in children} == {
        (graph.attributes or {})[wire.STEP_ID]
    }
    assert all((child.attributes or {})[wire.RUN_ID] == run.id for child in children)


def test_an_event_after_the_end_of_its_run_is_kept(agenttrace_capture: Capture) -> None:
    """A late event, from a background task say, gets a child span of its own."""
    with agenttrace_capture.tracer().start_run() as run:
        pass
    decide(1, run)
    decide(2, run)
    children = [span for span in agenttrace_capture.spans if span.name == wire.EVENTS_SPAN]
    assert [len(child.events) for child in children] == [1, 1]
    assert all(stamps_of(child) == stamps_of(agenttrace_capture.span(RUN_SPAN)) for child in children)


@pytest.mark.parametrize(
    ("carriers", "on_spans", "in_logs"), [("span", True, False), ("log", False, True), ("both", True, True)]
)
def test_carriers(carriers: Carriers, *, on_spans: bool, in_logs: bool) -> None:
    """One event, either or both carriers; counted once."""
    with capture(Settings(events=carriers, strict=True)) as captured:
        with captured.tracer().start_run() as run:
            decide(1, run)
        assert (bool(captured.events()), bool(captured.log_events())) == (on_spans, in_logs)
        assert captured.counters().recorded == {wire.EVENT_DECISION: 1}


def test_both_carriers_say_the_same() -> None:
    """Same id, same attributes, same time, the span's ids; a log record carries the stamps itself."""
    with capture(Settings(events="both", strict=True)) as captured:
        with captured.tracer().start_run() as run, run.step("tool", "a") as step:
            run.record_quality_signal("tool_success", "first_attempt", value=True, weight=0.5)
            run.record_failure("tool", "timeout")
        span = captured.span("execute_tool a")
        assert len(captured.log_events()) == 2
        for on_span, in_log, record in zip(
            captured.events(), captured.log_events(), captured.logs, strict=True
        ):
            assert on_span.attributes.items() <= in_log.attributes.items()
            assert (on_span.name, on_span.time) == (in_log.name, in_log.time)
            assert in_log.attributes[wire.RUN_ID] == run.id
            assert in_log.attributes[wire.STEP_ID] == step.id
            log = record.log_record
            assert (log.trace_id, log.span_id) == (span.context.trace_id, span.context.span_id)
            assert log.body is None


def test_a_log_record_of_a_foreign_span_is_attributed() -> None:
    """The span is given the step id that the log record names."""
    with capture(Settings(events="log", strict=True)) as captured:
        framework = captured.tracer_provider.get_tracer("framework")
        with captured.tracer().start_run() as run, framework.start_as_current_span("graph"):
            decide(1)
        (event,) = captured.log_events()
        assert event.attributes[wire.RUN_ID] == run.id
        assert event.attributes[wire.STEP_ID] == (captured.span("graph").attributes or {})[wire.STEP_ID]


def test_unsampled_events_are_counted() -> None:
    """A span that is not recorded carries no event; the counters say how many were not."""
    with capture(sampler=ALWAYS_OFF) as captured:
        with captured.tracer().start_run() as run, run.step("tool", "a"):
            decide(1, run)
            decide(2)
        assert (captured.counters().unsampled, captured.counters().recorded) == (2, {})
        assert captured.spans == ()


@pytest.mark.parametrize("carriers", ["log", "both"])
def test_the_log_carrier_is_not_sampled(carriers: Carriers) -> None:
    """An unsampled run's events still leave as log records, with the run's id."""
    with capture(Settings(events=carriers, strict=True), sampler=ALWAYS_OFF) as captured:
        with captured.tracer().start_run() as run:
            decide(1, run)
        (event,) = captured.log_events()
        assert event.attributes[wire.RUN_ID] == run.id
        assert captured.counters().recorded == {wire.EVENT_DECISION: 1}
        assert captured.counters().unsampled == (1 if carriers == "both" else 0)
