"""Stamps on spans that others start: from the parent, at start, in process."""

from __future__ import annotations

import threading

import pytest
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Tracer, get_current_span, set_span_in_context

from agenttrace.capture import Capture, capture
from agenttrace.processor import RunSpanProcessor
from agenttrace.settings import Settings
from agenttrace_schemas import wire


def framework(captured: Capture) -> Tracer:
    """What an auto-instrumented framework would use."""
    return captured.tracer_provider.get_tracer("framework")


def stamp(span: ReadableSpan, key: str = wire.RUN_ID) -> object:
    """One stamp of a span."""
    return (span.attributes or {}).get(key)


def test_foreign_spans_in_a_run_are_stamped(agenttrace_capture: Capture) -> None:
    """Run, agent and the next place in the run's sequence, at any depth."""
    foreign = framework(agenttrace_capture)
    with agenttrace_capture.tracer().start_run() as run, run.step("plan", "a"):
        chat = foreign.start_span("chat")
        foreign.start_span("http", context=set_span_in_context(chat)).end()
        chat.end()
    spans = [agenttrace_capture.span(name) for name in ("chat", "http")]
    assert [stamp(span) for span in spans] == [run.id, run.id]
    assert [stamp(span, wire.STEP_SEQ) for span in spans] == [2, 3]
    assert [stamp(span, wire.AGENT_ID) for span in spans] == ["agent", "agent"]
    assert all(stamp(span, wire.STEP_ID) is None for span in spans)


def test_several_runs_in_one_trace_stay_apart(agenttrace_capture: Capture) -> None:
    """The worker's spans belong to the worker, also after its run has ended."""
    foreign, tracer = framework(agenttrace_capture), agenttrace_capture.tracer
    with foreign.start_as_current_span("request"):
        with tracer("one").start_run() as one, foreign.start_as_current_span("in one"):
            with tracer("two").start_run() as two, foreign.start_as_current_span("in two"):
                pass
            with foreign.start_as_current_span("after two"):
                pass
        with tracer("three").start_run() as three, foreign.start_as_current_span("in three"):
            pass
    found = {span.name: stamp(span) for span in agenttrace_capture.spans}
    assert found["request"] is None
    assert [found["in one"], found["after two"]] == [one.id, one.id]
    assert [found["in two"], found["in three"]] == [two.id, three.id]
    assert stamp(agenttrace_capture.span("in two"), wire.PARENT_RUN_ID) == one.id
    assert len({span.context.trace_id for span in agenttrace_capture.spans}) == 1


def test_a_span_passed_on_without_its_context_is_enough(agenttrace_capture: Capture) -> None:
    """Frameworks hand a parent span to a thread, and not the context around it."""
    foreign = framework(agenttrace_capture)

    def work(context: Context) -> None:
        foreign.start_span("elsewhere", context=context).end()

    with agenttrace_capture.tracer().start_run() as run:
        thread = threading.Thread(target=work, args=(set_span_in_context(get_current_span(), Context()),))
        thread.start()
        thread.join()
    assert stamp(agenttrace_capture.span("elsewhere")) == run.id
    assert stamp(agenttrace_capture.span("elsewhere"), wire.STEP_SEQ) == 1


def test_the_parent_span_decides(agenttrace_capture: Capture) -> None:
    """A span of one run that is made the parent inside another run keeps its children."""
    foreign, tracer = framework(agenttrace_capture), agenttrace_capture.tracer()
    with tracer.start_run() as one:
        parent = get_current_span()
        with tracer.start_run():
            foreign.start_span("back in one", context=set_span_in_context(parent)).end()
    assert stamp(agenttrace_capture.span("back in one")) == one.id


def test_a_run_that_is_gone_still_stamps(agenttrace_capture: Capture) -> None:
    """Its span says whose it was; only the sequence is over."""
    foreign = framework(agenttrace_capture)
    with agenttrace_capture.tracer().start_run() as run:
        parent, run_id = get_current_span(), run.id
    del run
    foreign.start_span("late", context=set_span_in_context(parent, Context())).end()
    late = agenttrace_capture.span("late")
    assert (stamp(late), stamp(late, wire.STEP_SEQ)) == (run_id, None)


def test_an_empty_context_leaves_the_run(agenttrace_capture: Capture) -> None:
    """A span that is a root on purpose belongs to no run."""
    with agenttrace_capture.tracer().start_run():
        token = attach(Context())
        framework(agenttrace_capture).start_span("root").end()
        detach(token)
    assert stamp(agenttrace_capture.span("root")) is None


def test_spans_outside_of_runs_carry_the_agent_of_the_process(agenttrace_capture: Capture) -> None:
    """What `configure` was told holds where no run says otherwise."""
    processor = RunSpanProcessor()
    processor.outside_runs = {wire.AGENT_ID: "process"}
    agenttrace_capture.tracer_provider.add_span_processor(processor)
    foreign = framework(agenttrace_capture)
    foreign.start_span("outside").end()
    with agenttrace_capture.tracer().start_run():
        foreign.start_span("inside").end()
    assert stamp(agenttrace_capture.span("outside"), wire.AGENT_ID) == "process"
    assert stamp(agenttrace_capture.span("inside"), wire.AGENT_ID) == "agent"


@pytest.mark.parametrize("enabled", [True, False])
def test_the_switch_holds_for_stamps_too(*, enabled: bool) -> None:
    """Switched off, the spans of others are left as they are."""
    with capture(Settings(enabled=enabled)) as captured:
        processor = RunSpanProcessor()
        processor.outside_runs = {wire.AGENT_ID: "process"}
        captured.tracer_provider.add_span_processor(processor)
        framework(captured).start_span("outside").end()
        assert stamp(captured.span("outside"), wire.AGENT_ID) == ("process" if enabled else None)
