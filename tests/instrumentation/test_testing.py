"""What agents' own tests get: a pytest plugin, ids and times that repeat, the runtime put back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider

import agenttrace
from agenttrace import AgentTracer
from agenttrace.capture import Capture, capture
from agenttrace.runtime import active

AGENTS_TEST = """
def test_agent(agenttrace_capture):
    with agenttrace_capture.tracer().start_run() as run:
        run.record_decision("tool_selection", "web", "cost_optimization")
    assert agenttrace_capture.events()[0].span == "invoke_agent agent"
"""


@pytest.mark.long
def test_the_plugin_offers_its_fixture(tmp_path: Path) -> None:
    """One line in a project's conftest is all it takes."""
    (tmp_path / "test_agent.py").write_text(AGENTS_TEST, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "agenttrace.testing",
        "--rootdir=.",
        "test_agent.py",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("provider", [None, TracerProvider(shutdown_on_exit=False)])
def test_a_tracer_of_a_module_is_captured(provider: TracerProvider | None) -> None:
    """It was made long before the test; afterwards it records where it did."""
    tracer = AgentTracer("desk", tracer_provider=provider)
    with capture() as captured:
        inside = AgentTracer("own", tracer_provider=TracerProvider(shutdown_on_exit=False))
        with tracer.start_run(), inside.start_run():
            agenttrace.record_quality_signal("tool_success", "first_attempt", value=True)
    with tracer.start_run():
        pass
    assert [span.name for span in captured.spans] == ["invoke_agent desk"]


def test_ids_and_times_repeat() -> None:
    """Two captures of the same agent are equal."""

    def record() -> list[tuple[object, ...]]:
        with capture() as captured:
            with captured.tracer().start_run() as run, run.step("tool", "a"):
                pass
            return [
                (span.context, span.attributes, span.start_time, span.end_time) for span in captured.spans
            ]

    assert str(record()) == str(record())


def test_the_runtime_is_put_back() -> None:
    """A test leaves the process as it was, also when it fails."""
    before = active()
    with pytest.raises(KeyError), capture():
        raise KeyError
    assert active() is before


def test_one_span_by_name(agenttrace_capture: Capture) -> None:
    """None or several are an error that says so."""
    with pytest.raises(LookupError):
        agenttrace_capture.span("nothing")
    agenttrace_capture.tracer_provider.get_tracer("x").start_span("some").end()
    assert agenttrace_capture.span("some").name == "some"
    agenttrace_capture.clear()
    assert agenttrace_capture.spans == ()
