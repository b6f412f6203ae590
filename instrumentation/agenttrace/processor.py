"""Stamps run, agent and sequence on every span that starts inside a run, whoever starts it."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.context import Context, get_current
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.trace import get_current_span
from opentelemetry.util.types import AttributeValue

from agenttrace.decisions import decided_in
from agenttrace.guard import guarded
from agenttrace.runtime import active
from agenttrace.scope import note_stamping, run_of
from agenttrace.span_events import attributes_of
from agenttrace_schemas import wire

_INHERITED = (wire.RUN_ID, wire.PARENT_RUN_ID, wire.AGENT_ID, wire.AGENT_VERSION, wire.ENVIRONMENT)


class RunSpanProcessor(SpanProcessor):
    """Keeps several runs in one trace apart; takes no lock, does no I/O, and never touches content."""

    def __init__(self) -> None:
        self.outside_runs: Mapping[str, str] = {}
        """What is stamped on a span that belongs to no run: the agent of the process."""

    @guarded
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Stamp a span that carries no run yet from its parent."""
        if (own := attributes_of(span).get(wire.RUN_ID)) is not None:
            note_stamping(own)
            return
        if span.name == wire.EVENTS_SPAN or not active().settings.enabled:
            return
        stamps = _stamps(get_current() if parent_context is None else parent_context)
        span.set_attributes(stamps or self.outside_runs)


def _stamps(context: Context) -> Mapping[str, AttributeValue]:
    run = run_of(context)
    if run is not None:
        return {**run.stamps, wire.STEP_SEQ: run.next_seq(), **decided_in(context)}
    # The run has ended, or nobody holds it: its spans still say whose they are.
    parent = attributes_of(get_current_span(context))
    return {key: str(parent[key]) for key in _INHERITED if key in parent}
