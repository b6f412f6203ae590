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
    """A few times what OpenTelemetry's own SDK takes (0.22 s on a quiet machine), and nothing of the collector's."""
    heavy = ("grpc", "clickhouse_connect", "pydantic", "typer")
    loads = f"[name for name in {heavy} if name in sys.modules]"
    measured = [
        [seconds(module, loads) for _ in range(2)] for module in ("opentelemetry.sdk.trace", "agenttrace")
    ]
    theirs, ours = (min(each) for each in measured)
    assert ours < 4 * theirs


def seconds(module: str, loads: str) -> float:
    """Of the processor, to import a module in a process of its own that loads nothing of these."""
    program = f"import sys, time; import {module}; print(time.process_time(), {loads})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    taken, _, loaded = done.stdout.partition(" ")
    assert loaded.strip() == "[]"
    return float(taken)
