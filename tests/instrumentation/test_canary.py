"""What an agent's exceptions say never leaves the process, byte for byte."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

import agenttrace
from agenttrace.capture import Capture, capture
from agenttrace.settings import Settings

CANARY: Any = "CANARY-7f3a, said the user; please, do it now!"


class Said(Exception):
    """An exception that repeats what was said wherever it can."""

    def __init__(self) -> None:
        super().__init__(CANARY)
        self.add_note(CANARY)

    def __str__(self) -> str:
        return str(CANARY)


def exported(captured: Capture) -> bytes:
    """The bytes an OTLP exporter would send."""
    return encode_spans(captured.spans).SerializeToString() + encode_logs(captured.logs).SerializeToString()


def fail(captured: Capture) -> None:
    """An exception through a step, a run, and one chained to another."""
    with captured.tracer().start_run() as run, run.step("tool", "lookup"):
        try:
            raise Said
        except Said as error:
            raise RuntimeError(CANARY) from error


def say_everywhere(captured: Capture) -> None:
    """Content in every place that takes a text."""
    unknown: Any = {CANARY: CANARY}
    with captured.tracer(CANARY, CANARY).start_run(conversation_id=CANARY) as run:
        run.record_decision(CANARY, CANARY, CANARY, [CANARY], None, CANARY, {CANARY: CANARY})
        run.record_decision("tool_selection", CANARY, "cost_optimization")
        run.record_decision("tool_selection", "web", "cost_optimization", step_id=CANARY)
        run.record_decision("tool_selection", "web", "cost_optimization", [CANARY])
        run.record_decision("tool_selection", "web", "cost_optimization", metadata={"note": CANARY})
        run.record_decision("tool_selection", "web", "cost_optimization", metadata={CANARY: 1})
        run.record_quality_signal(CANARY, CANARY, True, None, CANARY, {"note": CANARY})
        run.record_failure("tool", CANARY, CANARY, CANARY)
        run.record_failure(CANARY, "timeout", CANARY)
        run.set_status(CANARY)
        with run.step(CANARY, CANARY, model=CANARY, tool=CANARY, finish_reason=CANARY) as step:
            step.set(response_model=CANARY, output_type=CANARY)
            step.set(**unknown)
            step.set_error(CANARY)
            step.add_metadata({CANARY: 1}, note=CANARY)
        agenttrace.record_failure("model", CANARY, CANARY)


@pytest.mark.parametrize("act", [fail, say_everywhere])
def test_nothing_said_leaves_the_process(
    act: object, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither in exported bytes nor in a log line nor on the terminal."""
    assert callable(act)
    with capture(Settings(events="both")) as captured, caplog.at_level(logging.DEBUG):
        with contextlib.suppress(RuntimeError):
            act(captured)
        assert len(captured.spans) == 2
        assert b"CANARY" not in exported(captured)
    assert "CANARY" not in caplog.text
    assert "CANARY" not in "".join(capfd.readouterr())


def test_the_search_can_find_one() -> None:
    """The same bytes hold the text where a span of OpenTelemetry's own records the exception."""
    with capture() as captured:
        with contextlib.suppress(Said), captured.tracer_provider.get_tracer("x").start_as_current_span("y"):
            raise Said
        assert b"CANARY" in exported(captured)
