"""Runs and steps of an agent as OpenTelemetry spans that any backend of GenAI conventions reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar, Unpack
from uuid import UUID

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Tracer, TracerProvider, get_tracer
from opentelemetry.util.types import AttributeValue

from agenttrace.codes import StatusName, StepName
from agenttrace.decorators import in_scope
from agenttrace.endings import cut_short
from agenttrace.facts import Facts
from agenttrace.guard import Misuse, guarded
from agenttrace.propagation import baggage_of, propagated_run
from agenttrace.providers import follow_providers, use_provider
from agenttrace.runtime import SCOPE_NAME, UNCONFIGURED, Runtime, active, is_set_up, provider_in_use
from agenttrace.scope import (
    Frame,
    Opening,
    RunScope,
    context_in,
    current_context,
    frame_of,
    remember_run,
    start_frame,
    within,
)
from agenttrace.span_scope import SCOPE, SpanScope, mark_error
from agenttrace.steps import Step
from agenttrace.workers import flush_worker, is_worker
from agenttrace_schemas import wire
from agenttrace_schemas.vocabulary import RunStatus

F = TypeVar("F", bound=Callable[..., Any])

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

    `agent_id` names the agent, `agent_version` its version, `environment` where it runs, such as production; each is
    an identifier of at most 128 characters, else it is recorded as `_redacted` and told. `environment` is by default
    that of `configure` or AGENTTRACE_ENVIRONMENT. `tracer_provider` takes the spans, by default the one that
    `configure` was given, else the application's.
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
        self._made_in = active().capturing
        use_provider(tracer_provider)
        self._environment = _text(environment, "environment")
        # A run without the name of its agent belongs to nobody: an empty one is no identifier either.
        self._names = {wire.AGENT_ID: active().name(_text(agent_id, "agent_id") or None, "agent_id")}
        if version := _text(agent_version, "agent_version"):
            self._names[wire.AGENT_VERSION] = active().name(version, "agent_version")
        self._outlet = self._open(self._provider_now())

    def __repr__(self) -> str:
        return f"<AgentTracer {' '.join(self._names.values())}>"

    def start_run(self, *, run_id: UUID | str | None = None, conversation_id: str | None = None) -> Run:
        """A run, to be entered with `with` or `async with`; inside another run it is nested in it.

        `run_id` is a UUID of the application's own, else the run gets a random one. `conversation_id` is an
        identifier that several runs share; a collector stores its HMAC, or nothing where it has no key.
        """
        outlet = self._follow()
        return Run(outlet.tracer, outlet.stamps, run_id, conversation_id)

    def continue_run(self, *, conversation_id: str | None = None) -> Run:
        """The run of the context that was propagated to this process, under its id; a new run where there is none.

        `conversation_id` is as for `start_run`. The context is that of the current W3C baggage, as OpenTelemetry's instrumentations and
        `opentelemetry.propagate.extract` attach it. The run keeps its parent, and ends as the process says that
        ends it last.
        """
        outlet, origin = self._follow(), propagated_run(current_context())
        return Run(outlet.tracer, outlet.stamps, origin.run_id if origin else None, conversation_id)

    def run(self, function: F) -> F:
        """As a decorator: each call of the function is a run of this agent.

        For functions, coroutine functions, generator functions and async ones. Arguments and results are not looked
        at. A generator's run begins with its first value and is not current between two.
        """
        return in_scope(function, lambda _: self.start_run())

    def _follow(self) -> _Outlet:
        """The outlet as `configure` was called last, where this tracer states nothing of its own."""
        known, provider = self._outlet, self._provider_now()
        if known.provider is not provider or known.environment != self._environment_now():
            known = self._outlet = self._open(provider)
        return known

    def _open(self, provider: TracerProvider) -> _Outlet:
        environment = self._environment_now()
        stamps = self._names
        if environment:
            stamps = {**stamps, wire.ENVIRONMENT: active().name(environment, "environment")}
        return _Outlet(provider, environment, get_tracer(SCOPE_NAME, tracer_provider=provider), stamps)

    def _provider_now(self) -> TracerProvider:
        capturing = active().capturing
        if capturing is not None and capturing is not self._made_in:
            return capturing
        return provider_in_use() if self._provider is None else self._provider

    def _environment_now(self) -> str:
        return self._environment or active().settings.environment


class Run(SpanScope):
    """One run of an agent.

    Its status is what `set_status` says; else success, failure when an exception leaves it, and partial when
    that exception is a cancellation, the end of the process or of a generator, or a client that went away.
    """

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
        self._conversation_id: str | None = None
        self._status: RunStatus | None = None
        self._id = active().new_id()
        if run_id is not None:
            self._take_id(run_id)
        if conversation_id is not None:
            self._take_conversation(conversation_id)

    @property
    def id(self) -> str:
        """The run's id, a UUID."""
        return self._id

    def __repr__(self) -> str:
        return f"<Run {self._id} of {self._stamps[wire.AGENT_ID]}, {self.state}>"

    def run_scope(self) -> Run:
        """This run."""
        return self

    def step(self, step_type: StepName, name: str, **facts: Unpack[Facts]) -> Step:
        """A step of this run, to be entered with `with`, `async with` or `start()`.

        `step_type` is plan, retrieve, tool, respond or other; another one is recorded as other. `name` is an
        identifier, else it is recorded as `_redacted`. `facts` are those of `Step.set`; what is refused is left out.
        """
        return Step(self, step_type, name, facts)

    @guarded
    def set_status(self, status: StatusName) -> None:
        """State how the run ended; an exception does not change it.

        `status` is success, failure, partial or unknown; another one is refused and told.
        """
        if self._ended:
            message = "status is left as it is: the run has ended; state it before its `with` block ends"
            raise Misuse(message)
        self._status = _stated(status)

    def _place(self) -> Context | None:
        frame = self.entered()
        return None if frame is None else context_in(frame)

    @guarded
    def _take_id(self, run_id: UUID | str) -> None:
        try:
            self._id = str(UUID(str(run_id)))
        except ValueError as error:
            message = "run_id is left out: it must be a UUID; the run has a random one"
            raise Misuse(message) from error

    @guarded
    def _take_conversation(self, conversation_id: str) -> None:
        self._conversation_id = active().optional_name(conversation_id, "conversation_id")

    def _start(self, runtime: Runtime) -> Frame:
        stamps = {wire.RUN_ID: self._id, **self._stamps}
        follow_providers()
        context = current_context()
        if parent := self._parent_in(context):
            stamps[wire.PARENT_RUN_ID] = parent
        if not is_set_up(self._tracer):
            runtime.notices.tell_once(UNCONFIGURED)
        run = RunScope(self._id, stamps, self._tracer)
        remember_run(run)
        attributes: dict[str, AttributeValue] = {wire.GEN_AI_OPERATION_NAME: _RUN_OPERATION}
        if wire.AGENT_VERSION in stamps:
            attributes[wire.GEN_AI_AGENT_VERSION] = stamps[wire.AGENT_VERSION]
        if self._conversation_id:
            attributes[wire.GEN_AI_CONVERSATION_ID] = self._conversation_id
        name = f"{_RUN_OPERATION} {stamps[wire.AGENT_ID]}"
        return start_frame(run, Opening(name, SpanKind.INTERNAL, runtime.new_id(), attributes), context)

    def _parent_in(self, context: Context) -> str | None:
        """The run around this one, here or in the process that the context comes from."""
        outer = frame_of(context)
        if outer is not None:
            return (
                outer.run.run_id if outer.run.run_id != self._id else outer.run.stamps.get(wire.PARENT_RUN_ID)
            )
        origin = propagated_run(context)
        if origin is None:
            return None
        return origin.parent_id if origin.run_id == self._id else origin.run_id

    def _inside(self, frame: Frame, outside: Context) -> Context:
        return within(frame, outside, {SCOPE: self, **baggage_of(frame.run, outside)})

    def _finish(self, span: Span, kind: type[BaseException] | None, error: BaseException | None) -> None:
        status = self._status or _status_of(kind, error)
        if status is RunStatus.FAILURE and (kind is None or issubclass(kind, GeneratorExit)):
            mark_error(span, _OTHER_ERROR)
        span.set_attribute(wire.RUN_STATUS, str(status))

    def _close(self, kind: type[BaseException] | None, error: BaseException | None) -> None:
        super()._close(kind, error)
        if is_worker() and frame_of(current_context()) is None:
            flush_worker()


def _text(name: object, field: str) -> str | None:
    """A name as it was stated; what is no text, and may fail when it is looked at, is redacted and told."""
    if name is None or isinstance(name, str):
        return name
    return active().name(name, field)


def _stated(status: object) -> RunStatus:
    if not isinstance(status, str) or status not in tuple(RunStatus):
        message = f"status is left as it is: it must be one of {', '.join(RunStatus)}"
        raise Misuse(message)
    return RunStatus(status)


def _status_of(kind: type[BaseException] | None, error: BaseException | None) -> RunStatus:
    if kind is None:
        return RunStatus.SUCCESS
    return RunStatus.PARTIAL if cut_short(kind, error) else RunStatus.FAILURE
