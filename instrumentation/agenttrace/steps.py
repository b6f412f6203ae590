"""Steps of a run: what they are called in the GenAI conventions, and the facts that they state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar, Unpack

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind
from opentelemetry.util.types import AttributeValue

from agenttrace.confirm import confirm_step
from agenttrace.decisions import decided_in
from agenttrace.decorators import in_scope
from agenttrace.facts import Facts, fact_attributes
from agenttrace.guard import guarded
from agenttrace.runtime import Runtime, active
from agenttrace.scope import Frame, Opening, context_in, current_context, start_frame, within
from agenttrace.span_scope import SpanScope, current_scope, mark_error
from agenttrace_schemas import wire
from agenttrace_schemas.rules import Violation
from agenttrace_schemas.spellings import STEP_TYPES
from agenttrace_schemas.texts import REDACTED
from agenttrace_schemas.vocabulary import StepType

F = TypeVar("F", bound=Callable[..., Any])


class _Shape(NamedTuple):
    """How a step type shows in the GenAI conventions."""

    operation: str
    kind: SpanKind


_TYPES: Final = {str(each): each for each in StepType}
_SHAPES: Final[Mapping[str, _Shape]] = {
    StepType.PLAN: _Shape("plan", SpanKind.INTERNAL),
    StepType.RETRIEVE: _Shape("retrieval", SpanKind.CLIENT),
    StepType.TOOL: _Shape("execute_tool", SpanKind.INTERNAL),
    StepType.RESPOND: _Shape("chat", SpanKind.CLIENT),
    StepType.OTHER: _Shape("task", SpanKind.INTERNAL),
}


class Step(SpanScope):
    """One step of a run; an exception that leaves it marks it as failed.

    What is recorded on a step goes to that step, also where it is not current, and after its end. As a decorator it
    makes each call of a function a step like it.
    """

    def __init__(self, run: SpanScope | None, step_type: str, name: str | None, facts: Facts) -> None:
        super().__init__()
        self._run = run
        self._stated = (step_type, name, facts)
        self._is_refused = False
        self._type = StepType.OTHER
        self._name = ""
        self._facts: dict[str, AttributeValue] = {}
        self._id = active().new_id()
        if active().settings.enabled:
            self._take_type(step_type)
            if name is not None:
                self._take_name(name)
            if facts:
                self._take_facts(facts)

    def __call__(self, function: F) -> F:
        """Make each call of a function a step of this type, name and facts; without a name it is the function's.

        For functions, coroutine functions, generator functions and async ones, methods included. Arguments and
        results are not looked at. A generator's step begins with its first value and is not current between two.
        """
        run, (step_type, name, facts) = self._run, self._stated
        return in_scope(function, lambda called: Step(run, step_type, name or called, facts))

    def __repr__(self) -> str:
        return f"<Step {self._type} {self._name} {self._id}, {self.state}>"

    @property
    def id(self) -> str:
        """The step's id, a UUID: the `step_id` of events that are recorded elsewhere."""
        return self._id

    @guarded
    def set(self, **facts: Unpack[Facts]) -> None:
        """State facts that became known.

        `facts` are these. `model`, `response_model` and `tool` are identifiers; `input_tokens`, `output_tokens`, `retrieval_count` and
        `attempt` whole numbers from 0 to 2^48; `finish_reason` and `output_type` words of the closed lists in any
        spelling; `stream` True or False; `decision` the id of the decision that the step carries out.
        A fact that cannot be recorded is left out and counted, and costs no other fact of the call.
        """
        if frame := self._running():
            attributes, apart = fact_attributes(facts, active())
            frame.span.set_attributes(attributes)
            apart.settle()

    @guarded
    def set_error(self, error_type: str) -> None:
        """Mark the step as failed where no exception leaves it; `error_type` is an identifier."""
        if frame := self._running():
            mark_error(frame.span, active().name(error_type, "error_type"))

    def _take_type(self, step_type: object) -> None:
        known = _TYPES.get(step_type) if isinstance(step_type, str) else None
        if known is None:
            self._read_type(step_type)
        else:
            self._type = known

    @guarded
    def _read_type(self, step_type: object) -> None:
        self._type = StepType(active().word(step_type, STEP_TYPES, "step_type") or StepType.OTHER)

    @guarded
    def _take_name(self, name: object) -> None:
        self._name = REDACTED
        self._name = active().name(name, "the step's name")

    @guarded
    def _take_facts(self, facts: Facts) -> None:
        self._facts, apart = fact_attributes(facts, active())
        apart.settle()

    def _start(self, _: Runtime) -> Frame | None:
        own = self._frame_of_run()
        if own is None:
            return None
        if not self._name:
            self._take_name(None)
        shape, name = _SHAPES[self._type], self._name
        attributes: dict[str, AttributeValue] = {
            wire.GEN_AI_OPERATION_NAME: shape.operation,
            wire.STEP_TYPE: str(self._type),
            wire.STEP_SEQ: own.run.next_seq(),
            wire.STEP_NAME: name,
        }
        if self._type is StepType.TOOL:
            attributes[wire.GEN_AI_TOOL_NAME] = name
        context = context_in(own)
        attributes.update(decided_in(context))
        attributes.update(self._facts)
        opening = Opening(f"{shape.operation} {name}", shape.kind, self._id, attributes)
        return start_frame(own.run, opening, context)

    def run_scope(self) -> SpanScope | None:
        """The run that this step belongs to; None for a step of whatever run is current, before it is entered."""
        return self._run

    def _frame_of_run(self) -> Frame | None:
        if self._run is None and (scope := current_scope()) is not None:
            self._run = scope.run_scope()
        self._is_refused = self._run is None
        return self.entered() if self._run is None else self._run.entered()

    def entered(self) -> Frame | None:
        """The step's frame, as for every scope; raises `Violation` where there was no run to enter it in."""
        if self._is_refused:
            raise Violation("event.no_run", wire.RUN_ID)
        return super().entered()

    def _place(self) -> Context | None:
        frame = self.entered()
        return None if frame is None else within(frame, current_context())

    def _finish(self, span: Span, *_: object) -> None:
        """How a step ended stands in its status alone; a tool is named if that shows that it ran."""
        if self._type is StepType.TOOL:
            confirm_step(span, active().settings.policy)
