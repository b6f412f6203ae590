"""The example agents: nothing refused, and the same at every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from opentelemetry.sdk.trace import TracerProvider

from agenttrace.capture import Capture, capture
from agenttrace.examples import decisions, everything, signals
from agenttrace_schemas import wire

Main = Callable[[TracerProvider], None]


def facts(main: Main) -> list[str]:
    """Everything that leaves, without times."""
    with capture() as captured:
        main(captured.tracer_provider)
        return [repr((span.name, dict(span.attributes or {}), len(span.events))) for span in captured.spans]


@pytest.mark.parametrize("main", [decisions.main, signals.main, everything.main])
def test_examples_repeat(main: Main) -> None:
    """Two runs record the same, ids included; strict capture raises at a refusal."""
    assert facts(main) == facts(main)


def test_decisions_state_types_and_reasons(agenttrace_capture: Capture) -> None:
    """One decision on tools for each question, others where they apply."""
    decisions.main(agenttrace_capture.tracer_provider)
    found = Counter(event.attributes[wire.DECISION_TYPE] for event in agenttrace_capture.events())
    assert found == {"tool_selection": 4, "response_mode": 4, "orchestration_path": 1}


def test_everything_shows_retries_a_failure_and_a_nested_run(agenttrace_capture: Capture) -> None:
    """Ten attempts, six of them errors; a run that gave up and one that an exception ended."""
    everything.main(agenttrace_capture.tracer_provider)
    runs = [span for span in agenttrace_capture.spans if span.name.startswith("invoke_agent")]
    status = Counter((span.name, str((span.attributes or {})[wire.RUN_STATUS])) for span in runs)
    assert status == {
        ("invoke_agent trip-desk", "success"): 2,
        ("invoke_agent trip-desk", "partial"): 1,
        ("invoke_agent trip-desk", "failure"): 2,
        ("invoke_agent seat-helper", "success"): 3,
        ("invoke_agent seat-helper", "failure"): 1,
    }
    tools = [span for span in agenttrace_capture.spans if span.name == "execute_tool fare_search"]
    assert len(tools) == 10
    assert sum(not span.status.is_ok and not span.status.is_unset for span in tools) == 6
    assert len(agenttrace_capture.events(wire.EVENT_FAILURE)) == 1
