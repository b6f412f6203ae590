"""A run that goes on in another process, which is told by the propagated context alone."""

from __future__ import annotations

import pytest
from opentelemetry import baggage, propagate
from opentelemetry.context import Context

import agenttrace
from agenttrace.capture import Capture
from agenttrace_schemas import wire
from tests.support.contexts import attached


def sent() -> dict[str, str]:
    """The headers of a request that is made here."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


def received(headers: dict[str, str]) -> Context:
    """What an instrumented server attaches."""
    return propagate.extract(headers, context=Context())


def test_a_run_goes_on_under_its_id(agenttrace_capture: Capture) -> None:
    """It keeps its parent, and its span stands below the one that sent the request."""
    tracer = agenttrace_capture.tracer()
    with tracer.start_run() as outer, tracer.start_run() as run, run.step("tool", "worker"):
        headers = sent()
    with attached(received(headers)):
        assert agenttrace.current_run() is None
        with tracer.continue_run() as continued:
            pass
    assert continued.id == run.id
    span = agenttrace_capture.spans[-1]
    assert (span.attributes or {})[wire.PARENT_RUN_ID] == outer.id
    assert span.parent is not None
    assert span.parent.span_id == agenttrace_capture.span("execute_tool worker").context.span_id


def test_a_run_there_is_nested_in_the_run_here(agenttrace_capture: Capture) -> None:
    """As it would be in one process."""
    tracer = agenttrace_capture.tracer()
    with tracer.start_run() as outer:
        headers = sent()
    with attached(received(headers)), tracer.start_run() as inner:
        pass
    assert inner.id != outer.id
    assert (agenttrace_capture.spans[-1].attributes or {})[wire.PARENT_RUN_ID] == outer.id


def test_nothing_but_ids_crosses(agenttrace_capture: Capture) -> None:
    """No name of the agent, nor of a step."""
    with agenttrace_capture.tracer("secret-desk").start_run(conversation_id="c-1") as run:
        assert sent()["baggage"] == f"{wire.BAGGAGE_RUN}={run.id}"
    assert "baggage" not in sent()


@pytest.mark.parametrize("stated", ["", "said by somebody", "/", "7d3a4b52-9f7e-4a43-8a53-0a4d32a1a4a6/x"])
def test_what_is_no_run_starts_a_new_one(agenttrace_capture: Capture, stated: str) -> None:
    """Anybody may send a header."""
    with attached(baggage.set_baggage(wire.BAGGAGE_RUN, stated)):
        with agenttrace_capture.tracer().continue_run() as run:
            pass
        with agenttrace_capture.tracer().start_run():
            pass
    assert [
        span.attributes for span in agenttrace_capture.spans if wire.PARENT_RUN_ID in (span.attributes or {})
    ] == []
    assert run.id not in stated
