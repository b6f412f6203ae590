"""Runs and steps of an agent as OpenTelemetry spans that any backend of GenAI conventions reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Unpack
from uuid import UUID

from opentelemetry.trace import Span, SpanKind, Tracer, TracerProvider, get_tracer
from opentelemetry.util.types import AttributeValue

from agenttrace.attributes import Metadata
from agenttrace.emit import emit_decision, emit_failure, emit_signal
from agenttrace.entered import Entered, mark_error
from agenttrace.facts import Facts, fact_attributes
from agenttrace.frameworks import current_context
from agenttrace.guard import Misuse, guarded
from agenttrace.providers import follow_providers, use_provider
from agenttrace.runtime import SCOPE_NAME, Runtime, active, provider_in_use
from agenttrace.scope import RUNS, Frame, Opening, RunScope, context_in, frame_of, start_frame
from agenttrace_schemas import wire
from agenttrace_schemas.spellings import STEP_TYPES, spelling
from agenttrace_schemas.texts import REDACTED
from agenttrace_schemas.vocabulary import RunStatus, StepType


class _Shape(NamedTuple):
    """How a step type shows in the GenAI conventions."""

    operation: str
    kind: SpanKind


_SHAPES: Final[Mapping[str, _Shape]] = {
    StepType.PLAN: _Shape("plan", SpanKind.INTERNAL),
    StepType.RETRIEVE: _Shape("retrieval", SpanKind.CLIENT),
    StepType.TOOL: _Shape("execute_tool", SpanKind.INTERNAL),
    StepType.RESPOND: _Shape("chat", SpanKind.CLIENT),
    StepType.OTHER: _Shape("task", SpanKind.INTERNAL),
}
_RUN_OPERATION: Final = "invoke_agent"
_OTHER_ERROR: Final = "_OTHER"


class _Outlet(NamedTuple):
    """Where an agent's spans go, and what each of them carries."""

    provider: TracerProvider
    environment: str
    tracer: Tracer
    stamps: Mapping[str, str]


class AgentTracer:
    """Records the runs of one agent, on the application's tracer provider or the one given.

    It follows a later `configure`: what is not stated here is looked up as each run starts.
    """

    def __init__(
        self,
        agent_id: str,
        agent_version: str | None = None,
        *,
        environment: str | None = None,
        tracer_provider: TracerProvider | None = None,
    ) -> None:
        self._provider = tracer_provider
        use_provider(tracer_provider)
        self._environment = environment
        # A run without the name of its agent belongs to nobody: an empty one is no identifier either.
        self._names = {wire.AGENT_ID: active().name(agent_id) or REDACTED}
        self._names |= _names({wire.AGENT_VERSION: agent_version})
        self._outlet = self._open(_provider(tracer_provider))

    def start_run(self, *, run_id: UUID | str | None = None, conversation_id: str | None = None) -> Run:
        """A run, to be entered with `with` or `async with`; inside another run it is nested in it.

        `run_id` is a UUID of the application's own, else the run gets a random one.
        """
        outlet = self._follow()
        return Run(outlet.tracer, outlet.stamps, run_id, conversation_id)

    def _follow(self) -> _Outlet:
        """The outlet as `configure` was called last, where this tracer states nothing of its own."""
        known, provider = self._outlet, _provider(self._provider)
        if known.provider is not provider or known.environment != self._environment_now():
            known = self._outlet = self._open(provider)
        return known

    def _open(self, provider: TracerProvider) -> _Outlet:
        environment = self._environment_now()
        stamps = {**self._names, **_names({wire.ENVIRONMENT: environment})}
        return _Outlet(provider, environment, get_tracer(SCOPE_NAME, tracer_provider=provider), stamps)

    def _environment_now(self) -> str:
        return self._environment or active().settings.environment


def _provider(stated: TracerProvider | None) -> TracerProvider:
    return provider_in_use() if stated is None else stated


def _names(stated: Mapping[str, str | None]) -> dict[str, str]:
    """The names that are stated, enforced."""
    runtime = active()
    return {key: name for key, value in stated.items() if (name := runtime.name(value or ""))}


class Run(Entered):
    """One run of an agent; its status is success, or failure when an exception leaves it."""

    def __init__(
        self,
        tracer: Tracer,
        stamps: Mapping[str, str],
        run_id: UUID | str | None,
        conversation_id: str | None,
    ) -> None:
        super().__init__()
        self._tracer = tracer
        self._stamps = stamps
        self._conversation_id = conversation_id
        self._status = RunStatus.SUCCESS
        self._id = active().new_id()
        self._take_id(run_id)

    @property
    def id(self) -> str:
        """The run's id, a UUID."""
        return self._id

    def step(self, step_type: str, name: str, **facts: Unpack[Facts]) -> Step:
        """A step of this run, to be entered with `with` or `async with`."""
        return Step(self._entered, step_type, name, facts)

    @guarded
    def set_status(self, status: str) -> None:
        """State how the run ended: success, failure or partial."""
        if status not in tuple(RunStatus):
            message = f"a run's status is {', '.join(RunStatus)}"
            raise Misuse(message)
        self._status = RunStatus(status)

    @guarded
    def record_decision(  # noqa: PLR0917 - the order is the interface
        self,
        decision_type: str,
        selected: str,
        reason_code: str,
        candidates: Sequence[str] | None = None,
        confidence: float | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> None:
        """Record what the agent chose and for which stated reason, in the step that is current."""
        emit_decision(
            self._entered(),
            decision_type=decision_type,
            selected=selected,
            reason_code=reason_code,
            candidates=candidates,
            confidence=confidence,
            step_id=step_id,
            metadata=metadata,
        )

    @guarded
    def record_quality_signal(  # noqa: PLR0917 - the order is the interface
        self,
        signal_type: str,
        signal_code: str,
        value: bool,  # noqa: FBT001 - the order is the interface
        weight: float | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> None:
        """Record whether something of this type and code was observed, in the step that is current."""
        emit_signal(
            self._entered(),
            signal_type=signal_type,
            signal_code=signal_code,
            value=value,
            weight=weight,
            step_id=step_id,
            metadata=metadata,
        )

    @guarded
    def record_failure(
        self, failure_type: str, failure_code: str, message: str | None = None, step_id: str | None = None
    ) -> None:
        """Record a failure; the message leaves the process only with AGENTTRACE_FAILURE_MESSAGES=keep."""
        emit_failure(
            self._entered(),
            failure_type=failure_type,
            failure_code=failure_code,
            message=message,
            step_id=step_id,
        )

    @guarded
    def _take_id(self, run_id: UUID | str | None) -> None:
        if run_id is None:
            return
        try:
            self._id = str(UUID(str(run_id)))
        except ValueError as error:
            message = "a run's id is a UUID"
            raise Misuse(message) from error

    def _start(self, runtime: Runtime) -> Frame:
        stamps = {wire.RUN_ID: self._id, **self._stamps}
        follow_providers()
        context = current_context()
        outer = frame_of(context)
        if outer is not None:
            stamps[wire.PARENT_RUN_ID] = outer.run.run_id
        run = RUNS[self._id] = RunScope(self._id, stamps, self._tracer)
        attributes: dict[str, AttributeValue] = {wire.GEN_AI_OPERATION_NAME: _RUN_OPERATION}
        if wire.AGENT_VERSION in stamps:
            attributes[wire.GEN_AI_AGENT_VERSION] = stamps[wire.AGENT_VERSION]
        if self._conversation_id and (stated := runtime.name(self._conversation_id)) is not REDACTED:
            attributes[wire.GEN_AI_CONVERSATION_ID] = stated
        name = f"{_RUN_OPERATION} {stamps[wire.AGENT_ID]}"
        return start_frame(run, Opening(name, SpanKind.INTERNAL, runtime.new_id(), attributes), context)

    def _finish(self, span: Span, *, failed: bool) -> None:
        if failed and self._status is RunStatus.SUCCESS:
            self._status = RunStatus.FAILURE
        elif self._status is RunStatus.FAILURE and not failed:
            mark_error(span, _OTHER_ERROR)
        span.set_attribute(wire.RUN_STATUS, str(self._status))


class Step(Entered):
    """One step of a run; an exception that leaves it marks it as failed."""

    def __init__(self, run: Callable[[], Frame | None], step_type: str, name: str, facts: Facts) -> None:
        super().__init__()
        self._run = run
        self._type = StepType(spelling(STEP_TYPES, str(step_type)) or StepType.OTHER)
        self._name = name
        self._facts: dict[str, AttributeValue] = {}
        self._id = active().new_id()
        self._take_facts(facts)

    @property
    def id(self) -> str:
        """The step's id, a UUID: the `step_id` of events that are recorded elsewhere."""
        return self._id

    @guarded
    def set(self, **facts: Unpack[Facts]) -> None:
        """State facts that became known: model, tokens, documents found, attempt and the like."""
        if frame := self._entered():
            frame.span.set_attributes(fact_attributes(facts, active()))

    @guarded
    def set_error(self, error_type: str) -> None:
        """Mark the step as failed where no exception leaves it; `error_type` is an identifier."""
        if frame := self._entered():
            mark_error(frame.span, active().name(error_type))

    @guarded
    def _take_facts(self, facts: Facts) -> None:
        self._facts = fact_attributes(facts, active())

    def _start(self, runtime: Runtime) -> Frame | None:
        own = self._run()
        if own is None:
            return None
        shape, name = _SHAPES[self._type], runtime.name(self._name)
        attributes: dict[str, AttributeValue] = {
            wire.GEN_AI_OPERATION_NAME: shape.operation,
            wire.STEP_TYPE: str(self._type),
            wire.STEP_SEQ: own.run.next_seq(),
            wire.STEP_NAME: name,
        }
        if self._type is StepType.TOOL:
            attributes[wire.GEN_AI_TOOL_NAME] = name
        attributes.update(self._facts)
        opening = Opening(f"{shape.operation} {name}", shape.kind, self._id, attributes)
        return start_frame(own.run, opening, context_in(own))

    def _finish(self, span: Span, *, failed: bool) -> None:
        """How a step ended stands in its status alone."""
