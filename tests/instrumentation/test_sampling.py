"""Runs are recorded below parents that were left out; the rest is sampled as it was."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler

import agenttrace
from agenttrace.capture import capture
from agenttrace.sampling import RunSampler, from_environment
from agenttrace_schemas import wire


def test_a_run_below_a_parent_that_was_left_out_is_recorded() -> None:
    """With its steps, what a framework starts in it, and events past the first hundred; the parent is not."""
    with capture(sampler=RunSampler(others=ParentBased(ALWAYS_OFF))) as captured:
        web = captured.tracer_provider.get_tracer("web")
        with web.start_as_current_span("request"), captured.tracer().start_run() as run:
            with run.step("tool", "orders"), web.start_as_current_span("query"):
                pass
            for _ in range(101):
                agenttrace.record_quality_signal("tool_success", "first_attempt", value=True)
        names = [span.name for span in captured.spans]
        assert names == ["query", "execute_tool orders", wire.EVENTS_SPAN, "invoke_agent agent"]
        assert captured.spans[-1].parent is not None
        assert captured.counters().unsampled == 0


@pytest.mark.parametrize(("runs", "expected"), [(ALWAYS_ON, 2), (ALWAYS_OFF, 0)])
def test_what_is_inside_a_run_follows_it(runs: Sampler, expected: int) -> None:
    """A run that is left out has no steps either."""
    with capture(sampler=RunSampler(runs=runs)) as captured:
        with captured.tracer().start_run() as run, run.step("tool", "orders"):
            pass
        assert len(captured.spans) == expected


def test_the_variable_chooses_it() -> None:
    """By the name of its entry point; an argument that is no ratio is no reason to fail."""
    assert "TraceIdRatioBased{0.25}" in from_environment("0.25").get_description()
    for argument in (None, "", "many", "7"):
        assert "ParentBased" in from_environment(argument).get_description()
