"""Our events on one span: the first hundred on it, further ones on short child spans.

The SDK keeps the last 128 events of a span and drops the earliest. A child span is named
`agenttrace.events`, is never a step, and carries the stamps of the span it stands in for.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Mapping
from typing import Final, NamedTuple

from opentelemetry.context import Context
from opentelemetry.sdk.environment_variables import OTEL_SPAN_EVENT_COUNT_LIMIT
from opentelemetry.sdk.trace import Event as _SdkEvent
from opentelemetry.sdk.trace import _Span
from opentelemetry.trace import Span, Tracer, set_span_in_context
from opentelemetry.util.types import AttributeValue

from agenttrace.runtime import Runtime
from agenttrace_schemas import wire

_STAMPS: Final = (
    wire.RUN_ID,
    wire.STEP_ID,
    wire.AGENT_ID,
    wire.AGENT_VERSION,
    wire.ENVIRONMENT,
    wire.GEN_AI_AGENT_NAME,
)


# What the SDK makes; a span of another kind, or one without that way, is given events as anybody gives them.
_SDK_SPAN: Final = _Span if hasattr(_Span, "_add_event") else None


def _limit() -> int:
    stated = os.environ.get(OTEL_SPAN_EVENT_COUNT_LIMIT, "")
    return max(1, min(100, int(stated))) if stated.isdigit() else 100


LIMIT: Final = _limit()


class TypedEvent(NamedTuple):
    """A typed event: its name, its enforced attributes, its time in nanoseconds."""

    name: str
    attributes: Mapping[str, AttributeValue]
    time: int


def attributes_of(span: Span) -> Mapping[str, object]:
    """The attributes of a span of the SDK; other spans show none."""
    return getattr(span, "attributes", None) or {}


def stamps_of(span: Span, known: Mapping[str, str], runtime: Runtime) -> dict[str, str]:
    """What attributes an event of this span elsewhere; the span is given a step id if it has none."""
    attributes = attributes_of(span)
    stamps = {**known, **{key: str(attributes[key]) for key in _STAMPS if key in attributes}}
    if wire.STEP_ID not in stamps and span.is_recording():
        stamps[wire.STEP_ID] = runtime.new_id()
        span.set_attribute(wire.STEP_ID, stamps[wire.STEP_ID])
    return stamps


def _put(span: Span, event: TypedEvent) -> None:
    """Put an event on a span; a span of the SDK takes the enforced attributes as they are.

    `add_event` would look at each of them again and copy them, which is most of what it costs.
    """
    if type(span) is not _SDK_SPAN or not _has_room(span, len(event.attributes)):
        span.add_event(event.name, event.attributes, event.time)
    else:
        span._add_event(_SdkEvent(event.name, event.attributes, event.time))  # noqa: SLF001 - `_SDK_SPAN` has it


def _has_room(span: _Span, attributes: int) -> bool:
    """Whether the limits of a span leave so many enforced attributes as they are."""
    limits = span._limits  # noqa: SLF001 - as above
    most = limits.max_event_attributes
    return limits.max_attribute_length is None and (most is None or attributes <= most)


class SpanEvents:
    """The events of one span; `closed` says that nobody will call `close`.

    It holds no reference to the span, so that a table of spans can forget those that are gone.
    """

    __slots__ = ("_child", "_closed", "_count", "_lock", "_room", "_stamps", "_tracer")

    def __init__(self, tracer: Tracer, stamps: Mapping[str, str], *, closed: bool) -> None:
        self._tracer = tracer
        self._stamps = stamps
        self._closed = closed
        self._count = itertools.count()
        self._lock = threading.Lock()
        self._child: Span | None = None
        self._room = 0

    def add(self, span: Span, event: TypedEvent, runtime: Runtime) -> bool:
        """Put an event on its span or on a child of it; false where neither is recorded."""
        if span.is_recording():
            if next(self._count) < LIMIT:
                _put(span, event)
                return True
        elif not span.get_span_context().trace_flags.sampled:
            return False
        return self._add_to_child(span, event, runtime)

    def close(self, time: int) -> None:
        """End the child span that is open; later events get one each."""
        with self._lock:
            child, self._child, self._room, self._closed = self._child, None, 0, True
        if child is not None:
            child.end(time)

    def _add_to_child(self, span: Span, event: TypedEvent, runtime: Runtime) -> bool:
        with self._lock:
            if self._child is not None and self._room > 0:
                self._room -= 1
                _put(self._child, event)
                runtime.counters.overflowed.add()
                return True
        return self._add_to_new_child(span, event, runtime)

    def _add_to_new_child(self, span: Span, event: TypedEvent, runtime: Runtime) -> bool:
        # Spans start and end outside the lock: the processors that are told may be the application's.
        child = self._tracer.start_span(
            wire.EVENTS_SPAN,
            context=set_span_in_context(span, Context()),
            attributes=stamps_of(span, self._stamps, runtime),
            start_time=event.time,
            record_exception=False,
            set_status_on_exception=False,
        )
        if not child.is_recording():
            return False
        _put(child, event)
        runtime.counters.overflowed.add()
        full: Span | None = child
        with self._lock:
            if not self._closed:
                full, self._child, self._room = self._child, child, LIMIT - 1
        if full is not None:
            full.end(event.time)
        return True
