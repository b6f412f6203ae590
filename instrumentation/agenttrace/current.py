"""The run and the step that the calling code is in, for code that was handed neither."""

from __future__ import annotations

from typing import Unpack

from agenttrace.facts import Facts
from agenttrace.span_scope import current_scope
from agenttrace.steps import Step
from agenttrace.tracer import Run


def current_run() -> Run | None:
    """The run of the current context, None outside of any; a task that outlives its run still has it."""
    run = None if (scope := current_scope()) is None else scope.run_scope()
    return run if isinstance(run, Run) else None


def current_step() -> Step | None:
    """The step of the current context; None outside of any, and in a run directly."""
    scope = current_scope()
    return scope if isinstance(scope, Step) else None


def step(step_type: str, name: str, **facts: Unpack[Facts]) -> Step:
    """A step of the run that is current as it is entered, with `with`, `async with` or `start()`.

    `step_type` is plan, retrieve, tool, respond or other; another one is recorded as other. `name` is an identifier,
    else it is recorded as `_redacted`. `facts` are those of `Step.set`; what is refused is left out. Outside of any
    run the step is refused as `event.no_run`, and the block runs as it would without us. In a sync generator the
    step stays current for its consumer between two values.
    """
    return Step(None, step_type, name, facts)
