"""Which run and step a span belongs to, carried in the OpenTelemetry context of this process."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from contextvars import Token
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from weakref import WeakSet, ref

from opentelemetry.context import _RUNTIME_CONTEXT, Context, create_key
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Tracer, get_current_span, set_span_in_context
from opentelemetry.util.types import AttributeValue

from agenttrace.frameworks import innermost_context
from agenttrace.runtime import active
from agenttrace.span_events import SpanEvents, attributes_of
from agenttrace_schemas import wire

_FRAME: Final = create_key("agenttrace-frame")
_NOTHING: Final[Mapping[str, object]] = {}
_current: Final = _RUNTIME_CONTEXT.get_current
# OpenTelemetry's own key of the current span: one copy of a context takes it together with ours.
(_SPAN,) = set_span_in_context(INVALID_SPAN, Context())


class RunScope:
    """One run: its id, the stamps that every span under it carries, and the count of its steps."""

    __slots__ = ("__weakref__", "next_seq", "run_id", "stamps", "tracer")

    def __init__(self, run_id: str, stamps: Mapping[str, str], tracer: Tracer) -> None:
        self.run_id = run_id
        self.stamps = stamps
        self.tracer = tracer
        self.next_seq = itertools.count(1).__next__
        """The place of the next step, from 1."""


@dataclass(slots=True, eq=False)
class Frame:
    """A span of ours while it is current: its run, the stamps it carries, its events.

    `left` is set where it ended in another context than it started in, or before what it contains: the token that
    leaves it in the context that it started in.
    """

    run: RunScope
    span: Span
    stamps: Mapping[str, str]
    left: Token[Context] | None = None
    # Without a lock, which a fork could leave held: of several that threads add, the first counts.
    _events: list[SpanEvents] = field(default_factory=list)
    _is_closed: bool = False

    def events(self) -> SpanEvents:
        """The events of the span, made at the first one: most spans have none."""
        if not self._events:
            self._events.append(SpanEvents(self.run.tracer, self.stamps, closed=False))
            if self._is_closed:
                self._events[0].close(0)
        return self._events[0]

    def close_events(self, time: int) -> None:
        """Ends what further events of the span stand on; later ones stand alone."""
        self._is_closed = True
        if self._events:
            self._events[0].close(time)


# Spans are found by their run's id where a framework passes on a span but not the context around it.
_RUNS: Final[dict[str, ref[RunScope]]] = {}
# What Logfire and Langfuse call the spans that an application makes with them.
_PLAIN: Final = frozenset({"logfire", "langfuse-sdk"})
# Runs on a provider that has our processor: what others start there is stamped.
_STAMPING: Final[WeakSet[RunScope]] = WeakSet()


def frame_of(context: Context) -> Frame | None:
    """The innermost frame of a context."""
    return context.get(_FRAME)  # type: ignore[return-value]  # ours; a cast is a call


def own_context() -> Context:
    """The current context, after leaving the frames that have ended elsewhere.

    A copy of the context keeps them: a task that outlives its run stays in it.
    """
    context = _current()
    while (frame := frame_of(context)) is not None and (token := frame.left) is not None:
        try:
            _RUNTIME_CONTEXT.detach(token)
        except (ValueError, RuntimeError):  # a copy, or a token that has been used
            break
        context = _current()
    return context


def current_context() -> Context:
    """The current context, in the innermost span that is open: OpenTelemetry's or a framework's."""
    return innermost_context(own_context())


def span_in(context: Context) -> Span:
    """The span of a context, as `get_current_span` finds it."""
    return context.get(_SPAN, INVALID_SPAN)  # type: ignore[return-value]  # OpenTelemetry's


def within(frame: Frame, context: Context, more: Mapping[str, object] = _NOTHING) -> Context:
    """The context with this frame, and its span, as the innermost; `more` are further entries."""
    return Context({**context, _SPAN: frame.span, _FRAME: frame, **more})


def context_in(own: Frame) -> Context:
    """The current context where it is inside this frame's run, else one at this frame.

    A worker thread starts without the context of the code that started it.
    """
    context = current_context()
    frame = frame_of(context)
    return context if frame is not None and frame.run is own.run else within(own, context)


def remember_run(run: RunScope) -> None:
    """Let spans of this run be found by its id while anybody holds it."""
    run_id = run.run_id

    def forget(gone: ref[RunScope]) -> None:
        # A run that goes on under its id may have taken the place.
        if _RUNS.get(run_id) is gone:
            del _RUNS[run_id]

    _RUNS[run_id] = ref(run, forget)


def _run_named(run_id: object) -> RunScope | None:
    found = _RUNS.get(run_id) if isinstance(run_id, str) else None
    return None if found is None else found()


def note_stamping(run_id: object) -> None:
    """Our processor has seen a span of this run."""
    run = _run_named(run_id)
    if run is not None:
        _STAMPING.add(run)


def within_pipeline(context: Context) -> Context:
    """The context, at our own innermost span where the current one is no place for an event of ours.

    Spans that Logfire or Langfuse export through a provider of their own never reach our exporter; those that an
    application makes with them by hand do, and are no steps.
    """
    frame, span = frame_of(context), get_current_span(context)
    if frame is None or frame.span is span or not frame.span.is_recording():
        return context
    is_plain = getattr(getattr(span, "instrumentation_scope", None), "name", "") in _PLAIN
    is_elsewhere = frame.run in _STAMPING and span.is_recording() and wire.RUN_ID not in attributes_of(span)
    return within(frame, context) if is_plain or is_elsewhere else context


def run_of(context: Context) -> RunScope | None:
    """The run that a span started in this context belongs to: its parent span decides."""
    frame, parent = frame_of(context), get_current_span(context)
    if frame is not None and frame.span is parent:
        return frame.run
    return _run_named(attributes_of(parent).get(wire.RUN_ID)) or (frame.run if frame else None)


class Opening(NamedTuple):
    """How a span of ours starts."""

    name: str
    kind: SpanKind
    step_id: str
    attributes: Mapping[str, AttributeValue]


def start_frame(run: RunScope, opening: Opening, context: Context) -> Frame:
    """Start a span of this run below the context's span; exceptions leave no text on it."""
    stamps = {
        **run.stamps,
        wire.GEN_AI_AGENT_NAME: run.stamps[wire.AGENT_ID],
        wire.STEP_ID: opening.step_id,
    }
    span = run.tracer.start_span(
        opening.name,
        context=context,
        kind=opening.kind,
        attributes={**stamps, **opening.attributes},
        start_time=active().now(),
        record_exception=False,
        set_status_on_exception=False,
    )
    return Frame(run, span, stamps)
