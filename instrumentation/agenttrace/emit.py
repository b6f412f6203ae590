"""Typed events from an agent's words: the rules run first, then the carriers take what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from weakref import WeakKeyDictionary

from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context, get_current
from opentelemetry.trace import Span, get_current_span, get_tracer
from opentelemetry.util.types import AttributeValue

from agenttrace.runtime import SCOPE_NAME, Runtime, active
from agenttrace.scope import Frame, context_in, frame_of, run_of
from agenttrace.span_events import Event, SpanEvents, stamps_of
from agenttrace_schemas import wire
from agenttrace_schemas.rules import (
    Policy,
    Scalar,
    Violation,
    check_decision,
    check_failure,
    check_metadata,
    check_signal,
)
from agenttrace_schemas.texts import REDACTED

Metadata = Mapping[str, Scalar | None]


def emit_decision(
    own: Frame | None,
    *,
    decision_type: str,
    selected: str,
    reason_code: str,
    candidates: Sequence[str] | None,
    confidence: float | None,
    step_id: str | None,
    metadata: Metadata | None,
) -> None:
    """Record a decision on the current span, or in the run of `own`."""
    runtime = active()
    policy = runtime.settings.policy
    if not (runtime.settings.enabled and policy.decisions):
        return
    decision = check_decision(
        policy,
        decision_type=decision_type,
        selected=selected,
        reason_code=reason_code,
        confidence=confidence,
        candidates=candidates,
    )
    attributes: dict[str, AttributeValue] = {
        wire.DECISION_ID: runtime.new_id(),
        wire.DECISION_TYPE: decision.decision_type,
        wire.DECISION_SELECTED: decision.selected,
        wire.DECISION_REASON_CODE: decision.reason_code,
    }
    if decision.confidence is not None:
        attributes[wire.DECISION_CONFIDENCE] = decision.confidence
    if decision.candidates:
        attributes[wire.DECISION_CANDIDATES] = decision.candidates
    _attach(attributes, runtime, step_id, metadata)
    _emit(Event(wire.EVENT_DECISION, attributes, runtime.now()), own, runtime)


def emit_signal(
    own: Frame | None,
    *,
    signal_type: str,
    signal_code: str,
    value: bool,
    weight: float | None,
    step_id: str | None,
    metadata: Metadata | None,
) -> None:
    """Record a quality signal on the current span, or in the run of `own`."""
    runtime = active()
    policy = runtime.settings.policy
    if not (runtime.settings.enabled and policy.decisions):
        return
    signal = check_signal(
        policy, signal_type=signal_type, signal_code=signal_code, value=value, weight=weight
    )
    attributes: dict[str, AttributeValue] = {
        wire.SIGNAL_ID: runtime.new_id(),
        wire.SIGNAL_TYPE: signal.signal_type,
        wire.SIGNAL_CODE: signal.signal_code,
        wire.SIGNAL_VALUE: signal.value,
    }
    if signal.weight is not None:
        attributes[wire.SIGNAL_WEIGHT] = signal.weight
    _attach(attributes, runtime, step_id, metadata)
    _emit(Event(wire.EVENT_SIGNAL, attributes, runtime.now()), own, runtime)


def emit_failure(
    own: Frame | None, *, failure_type: str, failure_code: str, message: str | None, step_id: str | None
) -> None:
    """Record a failure on the current span, or in the run of `own`."""
    runtime = active()
    if not runtime.settings.enabled:
        return
    failure = check_failure(
        runtime.settings.policy, failure_type=failure_type, failure_code=failure_code, message=message
    )
    if failure.failure_code is REDACTED:
        runtime.counters.redacted()
    attributes: dict[str, AttributeValue] = {
        wire.FAILURE_ID: runtime.new_id(),
        wire.FAILURE_TYPE: failure.failure_type,
        wire.FAILURE_CODE: failure.failure_code,
        wire.FAILURE_MESSAGE: failure.message,
    }
    _attach(attributes, runtime, step_id, None)
    _emit(Event(wire.EVENT_FAILURE, attributes, runtime.now()), own, runtime)


def metadata_attributes(policy: Policy, metadata: Metadata) -> dict[str, Scalar]:
    """Enforced metadata under its attribute keys."""
    return {wire.METADATA_PREFIX + key: value for key, value in check_metadata(policy, metadata).items()}


def _attach(
    attributes: dict[str, AttributeValue], runtime: Runtime, step_id: str | None, metadata: Metadata | None
) -> None:
    if step_id is not None and (stated := runtime.name(step_id)) is not REDACTED:
        attributes[wire.STEP_ID] = stated
    if metadata:
        attributes.update(metadata_attributes(runtime.settings.policy, metadata))


# Spans that others started, while they live; counting is all we do with them.
_FOREIGN: Final[WeakKeyDictionary[Span, SpanEvents]] = WeakKeyDictionary()


def _emit(event: Event, own: Frame | None, runtime: Runtime) -> None:
    context = get_current() if own is None else context_in(own)
    frame, span = frame_of(context), get_current_span(context)
    if frame is None and not span.get_span_context().is_valid:
        raise Violation("event.no_run", wire.RUN_ID)
    carriers, taken = runtime.settings.events, False
    if carriers != "log":
        taken = _events_on(span, frame, context).add(span, event, runtime)
        if not taken:
            runtime.counters.unsampled()
    if carriers != "span":
        taken = _log(event, span, context, runtime) or taken
    if taken:
        runtime.counters.recorded(event.name)


def _events_on(span: Span, frame: Frame | None, context: Context) -> SpanEvents:
    if frame is not None and frame.span is span:
        return frame.events
    known = _FOREIGN.get(span)
    if known is None:
        run = run_of(context)
        tracer, stamps = (run.tracer, run.stamps) if run else (get_tracer(SCOPE_NAME), {})
        known = _FOREIGN.setdefault(span, SpanEvents(tracer, stamps, closed=True))
    return known


def _log(event: Event, span: Span, context: Context, runtime: Runtime) -> bool:
    if not runtime.logger.enabled(context=context, event_name=event.name):
        runtime.counters.unlogged()
        return False
    runtime.logger.emit(
        event_name=event.name,
        timestamp=event.time,
        context=context,
        severity_number=SeverityNumber.INFO,
        attributes={**_log_stamps(span, context, runtime), **event.attributes},
    )
    return True


def _log_stamps(span: Span, context: Context, runtime: Runtime) -> Mapping[str, str]:
    """A log record has no span to carry its stamps, so it carries them itself."""
    frame = frame_of(context)
    if frame is not None and frame.span is span:
        return frame.stamps
    run = run_of(context)
    return stamps_of(span, run.stamps if run else {}, runtime)
