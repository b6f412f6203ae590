"""What the package says of itself: version, objects, arguments."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest

import agenttrace
from agenttrace import AgentTracer, Run, Step
from agenttrace.capture import Capture, capture
from agenttrace.recorder import Recorder
from agenttrace.sampling import RunSampler

PUBLIC: tuple[Callable[..., Any], ...] = (
    agenttrace.configure,
    agenttrace.flush,
    agenttrace.shutdown,
    agenttrace.step,
    agenttrace.tool,
    AgentTracer,
    AgentTracer.start_run,
    AgentTracer.continue_run,
    Run.step,
    Run.set_status,
    Run.add_metadata,
    Run.end,
    Step.set,
    Step.set_error,
    Recorder.record_decision,
    Recorder.record_quality_signal,
    Recorder.record_failure,
    RunSampler,
    capture,
)


@pytest.mark.parametrize("function", PUBLIC, ids=lambda function: function.__qualname__)
def test_help_explains_each_argument(function: Callable[..., Any]) -> None:
    """By its name."""
    text = inspect.getdoc(function) or ""
    taken = [name for name in inspect.signature(function).parameters if name not in {"self", "function"}]
    assert [name for name in taken if not re.search(rf"`{name}`", text)] == []


def test_the_version_is_that_of_the_distribution() -> None:
    """Which is what a bug report needs."""
    assert agenttrace.__version__ == version("agenttrace-otel")


def test_objects_say_what_they_are(agenttrace_capture: Capture) -> None:
    """In a notebook and a debugger; nothing that is no identifier."""
    tracer = agenttrace_capture.tracer("desk", "3.2")
    assert repr(tracer) == "<AgentTracer desk 3.2>"
    with tracer.start_run() as run:
        assert repr(run) == f"<Run {run.id} of desk, open>"
        step = run.step("tool", "orders")
        assert repr(step) == f"<Step tool orders {step.id}, not started>"
        chosen = run.decision("tool_selection", "orders", "cost_optimization")
        assert repr(chosen) == f"<DecisionBlock {chosen.id}>"
    assert repr(run).endswith(", ended>")


def test_the_import_is_light() -> None:
    """About a quarter of a second of the processor, OpenTelemetry and the interpreter included, and nothing of the collector's."""
    program = (
        "import sys, time; import agenttrace; "
        "print(time.process_time(), [n for n in ('grpc', 'clickhouse_connect', 'pydantic', 'typer') if n in sys.modules])"
    )
    measured = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout.split(" ", 1)
        for _ in range(3)
    ]
    assert {loaded.strip() for _, loaded in measured} == {"[]"}
    assert min(float(seconds) for seconds, _ in measured) < 0.35
