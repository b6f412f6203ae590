"""The run and the step that the calling code is in, for code that was handed neither, and decorators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, Unpack, overload

from agenttrace.codes import StepName
from agenttrace.facts import Facts
from agenttrace.span_scope import current_scope
from agenttrace.steps import Step
from agenttrace.tracer import Run
from agenttrace_schemas.vocabulary import StepType

F = TypeVar("F", bound=Callable[..., Any])


class StepDecorator(Protocol):
    """Makes each call of a function a step, and leaves the function's type as it is."""

    def __call__(self, function: F, /) -> F:
        """The function that records a step."""


def current_run() -> Run | None:
    """The run of the current context, None outside of any; a task that outlives its run still has it."""
    run = None if (scope := current_scope()) is None else scope.run_scope()
    return run if isinstance(run, Run) else None


def current_step() -> Step | None:
    """The step of the current context; None outside of any, and in a run directly."""
    scope = current_scope()
    return scope if isinstance(scope, Step) else None


@overload
def step(step_type: StepName, name: str, **facts: Unpack[Facts]) -> Step: ...


@overload
def step(step_type: StepName, **facts: Unpack[Facts]) -> StepDecorator: ...


def step(step_type: StepName, name: str | None = None, **facts: Unpack[Facts]) -> Step | StepDecorator:
    """A step of the run that is current as it is entered, with `with`, `async with` or `start()`; or a decorator.

    `step_type` is plan, retrieve, tool, respond or other; another one is recorded as other. `name` is an identifier,
    else it is recorded as `_redacted`. `facts` are those of `Step.set`; what is refused is left out. Outside of any
    run the step is refused as `event.no_run`, and the block runs as it would without us. In a sync generator the
    step stays current for its consumer between two values.

    `@step("tool")` makes each call of a function such a step, named for the function; a generator so decorated is
    not current between two values.
    """
    return Step(None, step_type, name, facts)


@overload
def tool(function: F, /) -> F: ...


@overload
def tool(*, name: str | None = None, **facts: Unpack[Facts]) -> StepDecorator: ...


def tool(
    function: Callable[..., Any] | None = None, /, *, name: str | None = None, **facts: Unpack[Facts]
) -> Callable[..., Any]:
    """As a decorator: each call of the function is a step of type tool, named for the function or as `name` says.

    `@tool` or `@tool(name="order_lookup", attempt=1)`; `facts` are those of `Step.set`. Arguments and results are
    not looked at.
    """
    made = Step(None, StepType.TOOL, name, facts)
    return made if function is None else made(function)
