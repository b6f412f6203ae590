"""Which run and step a span belongs to, carried in the OpenTelemetry context of this process."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, cast
from weakref import WeakValueDictionary

from opentelemetry.context import Context, create_key, get_current, set_value
from opentelemetry.trace import Span, SpanKind, Tracer, get_current_span, set_span_in_context
from opentelemetry.util.types import AttributeValue

from agenttrace.runtime import active
from agenttrace.span_events import SpanEvents, attributes_of
from agenttrace_schemas import wire

_FRAME: Final = create_key("agenttrace-frame")


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class RunScope:
    """One run: its id, the stamps that every span under it carries, and the count of its steps."""

    run_id: str
    stamps: Mapping[str, str]
    tracer: Tracer
    _sequence: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def next_seq(self) -> int:
        """The place of the next step, from 1."""
        return next(self._sequence)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A span of ours while it is current: its run, the stamps it carries, its events."""

    run: RunScope
    span: Span
    stamps: Mapping[str, str]
    events: SpanEvents


# Spans are found by their run's id where a framework passes on a span but not the context around it.
RUNS: Final[WeakValueDictionary[str, RunScope]] = WeakValueDictionary()


def frame_of(context: Context) -> Frame | None:
    """The innermost frame of a context."""
    return cast("Frame | None", context.get(_FRAME))


def within(frame: Frame, context: Context) -> Context:
    """The context with this frame, and its span, as the innermost."""
    return set_value(_FRAME, frame, set_span_in_context(frame.span, context))


def context_in(own: Frame) -> Context:
    """The current context where it is inside this frame's run, else one at this frame.

    A worker thread starts without the context of the code that started it.
    """
    context = get_current()
    frame = frame_of(context)
    return context if frame is not None and frame.run is own.run else within(own, context)


def run_of(context: Context) -> RunScope | None:
    """The run that a span started in this context belongs to: its parent span decides."""
    frame, parent = frame_of(context), get_current_span(context)
    if frame is not None and frame.span is parent:
        return frame.run
    stamped = attributes_of(parent).get(wire.RUN_ID)
    found = RUNS.get(stamped) if isinstance(stamped, str) else None
    return found or (frame.run if frame else None)


@dataclass(frozen=True, slots=True)
class Opening:
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
    return Frame(run, span, stamps, SpanEvents(run.tracer, stamps, closed=False))
