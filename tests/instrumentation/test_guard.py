"""The border to the host: faults stay inside, are counted, and say no value."""

from __future__ import annotations

import logging

import pytest
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from agenttrace.capture import capture
from agenttrace.guard import guarded
from agenttrace.settings import Settings


class Broken(SpanProcessor):
    """A processor of the application's that fails at the worst moments."""

    def on_start(self, span: Span, parent_context: object = None) -> None:
        """Fail with a text that must not be logged."""
        message = f"token 1234 at the start of {span} in {parent_context}"
        raise OSError(message)

    def on_end(self, span: ReadableSpan) -> None:
        """Fail with a text that must not be logged."""
        message = f"token 1234 at the end of {span}"
        raise OSError(message)


def test_a_fault_of_the_pipeline_stays_inside(caplog: pytest.LogCaptureFixture) -> None:
    """The agent's code runs to its end, its own exceptions included."""
    done = False
    with capture(Settings()) as captured, caplog.at_level(logging.DEBUG):
        captured.tracer_provider.add_span_processor(Broken())
        with captured.tracer().start_run() as run, run.step("tool", "a") as step:
            step.add_metadata(a=1)
            run.record_decision("tool_selection", "web", "cost_optimization")
            done = True
        assert captured.counters().refused.keys() <= {"internal", "misuse"}
    assert done
    assert "1234" not in caplog.text


def test_strict_raises() -> None:
    """For tests: what would be logged is raised where it happened."""

    @guarded
    def fail() -> None:
        raise OSError

    with capture(Settings(strict=True)), pytest.raises(OSError):
        fail()
    with capture(Settings()) as captured:
        fail()
        assert captured.counters().refused == {"internal": 1}
