"""Typed events from an agent's words: the rules run first, then the carriers take what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from opentelemetry._logs import Logger, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, get_tracer, set_span_in_context

from agenttrace.attributes import (
    Attributes,
    Metadata,
    add_confidence,
    add_wait,
    failure_attributes,
    metadata_attributes,
    signal_attributes,
)
from agenttrace.identity import IdentityMap
from agenttrace.notices import Misuse
from agenttrace.numeric import Number, plain
from agenttrace.runtime import SCOPE_NAME, UNCONFIGURED, Runtime, active, is_set_up
from agenttrace.scope import Frame, current_context, frame_of, run_of, span_in, within_pipeline
from agenttrace.span_events import SpanEvents, TypedEvent, stamps_of
from agenttrace_schemas import wire
from agenttrace_schemas.evaluation import check_evaluation, evaluation_attributes
from agenttrace_schemas.outcome import check_outcome, outcome_attributes
from agenttrace_schemas.rules import MESSAGE_LENGTH, Violation
from agenttrace_schemas.texts import REDACTED

# An empty context would stand for the current one.
_NO_SPAN: Final = set_span_in_context(INVALID_SPAN, Context())
_UNLOGGED: Final = (
    "Not recorded: events are to leave as log records, and nobody has set up a logger provider in this process; "
    "call `agenttrace.configure()` once, at its start"
)


def emit_decision(
    place: Context | None,
    *,
    decision_type: str,
    selected: str,
    reason_code: str,
    candidates: Sequence[str] | None,
    confidence: Number | None,
    step_id: str | None,
    metadata: Metadata | None,
    tool_name: str | None,
    wait_ms: Number | None,
) -> str | None:
    """Record a decision in this context, else in the current one; its id, None where decisions are switched off."""
    runtime = active()
    if not runtime.settings.records_decisions:
        return None
    texts = runtime.decision_texts(decision_type, selected, reason_code, candidates, tool_name)
    if texts.get(wire.DECISION_TOOL_NAME) == REDACTED:
        runtime.name(tool_name, "tool_name")
    event_id = runtime.new_id()
    attributes: Attributes = {wire.DECISION_ID: event_id, **texts}
    if confidence is not None:
        add_confidence(attributes, confidence)
    if wait_ms is not None:
        add_wait(attributes, wait_ms)
    _attach(attributes, runtime, step_id, metadata)
    _emit(TypedEvent(wire.EVENT_DECISION, attributes, runtime.now()), place, runtime)
    return event_id


def emit_signal(
    place: Context | None,
    *,
    signal_type: str,
    signal_code: str,
    value: bool,
    weight: Number | None,
    step_id: str | None,
    metadata: Metadata | None,
) -> str | None:
    """Record a quality signal in this context, else in the current one; its id, None where signals are switched off."""
    runtime = active()
    if not runtime.settings.records_decisions:
        return None
    attributes = signal_attributes(
        runtime.settings.policy,
        signal_type=signal_type,
        signal_code=signal_code,
        value=value,
        weight=weight,
    )
    attributes[wire.SIGNAL_ID] = event_id = runtime.new_id()
    _attach(attributes, runtime, step_id, metadata)
    _emit(TypedEvent(wire.EVENT_SIGNAL, attributes, runtime.now()), place, runtime)
    return event_id


def emit_failure(
    place: Context | None, *, failure_type: str, failure_code: str, message: str | None, step_id: str | None
) -> str | None:
    """Record a failure in this context, else in the current one; its id, None where everything is switched off."""
    runtime = active()
    if not runtime.settings.enabled:
        return None
    attributes = failure_attributes(
        runtime.settings.policy, failure_type=failure_type, failure_code=failure_code, message=message
    )
    _tell_changes(attributes, failure_code, message, runtime)
    attributes[wire.FAILURE_ID] = event_id = runtime.new_id()
    _attach(attributes, runtime, step_id, None)
    _emit(TypedEvent(wire.EVENT_FAILURE, attributes, runtime.now()), place, runtime)
    return event_id


def emit_evaluation(
    place: Context | None,
    *,
    name: str,
    score: Number | None,
    label: str | None,
    error_type: str | None,
    step_id: str | None,
    metadata: Metadata | None,
    run_id: str | None = None,
) -> str | None:
    """Record an evaluation in this context, else in the current one, or of the run of an id; its id.

    None where everything is switched off.
    """
    runtime = active()
    if not runtime.settings.enabled:
        return None
    attributes: Attributes = evaluation_attributes(
        check_evaluation(
            runtime.settings.policy, name=name, score=plain(score), label=label, error_type=error_type
        )
    )
    if attributes.get(wire.ERROR_TYPE) == REDACTED:
        runtime.name(error_type, "error_type")
    attributes[wire.EVALUATION_ID] = event_id = runtime.new_id()
    _attach(attributes, runtime, step_id, metadata)
    event = TypedEvent(wire.EVENT_EVALUATION, attributes, runtime.now())
    if run_id is None:
        _emit(event, place, runtime)
    else:
        emit_later(event, run_id, runtime)
    return event_id


def emit_outcome(
    run_id: str, *, status: str, failure_type: str | None, failure_code: str | None
) -> str | None:
    """Record how the run of an id ended; the outcome's id, None where everything is switched off."""
    runtime = active()
    if not runtime.settings.enabled:
        return None
    outcome = check_outcome(
        runtime.settings.policy, status=status, failure_type=failure_type, failure_code=failure_code
    )
    if outcome.failure_code == REDACTED:
        runtime.name(failure_code, "failure_code")
    event_id = runtime.new_id()
    attributes: Attributes = {**outcome_attributes(outcome), wire.OUTCOME_ID: event_id}
    emit_later(TypedEvent(wire.EVENT_OUTCOME, attributes, runtime.now()), run_id, runtime)
    return event_id


def _tell_changes(attributes: Attributes, failure_code: object, message: object, runtime: Runtime) -> None:
    if attributes[wire.FAILURE_CODE] == REDACTED:
        runtime.name(failure_code, "failure_code")
    keeps = runtime.settings.policy.failure_messages == "keep"
    if keeps and message is not None and attributes[wire.FAILURE_MESSAGE] != message:
        runtime.changed(
            f"message is replaced by a fixed sentence: it must be a text of at most {MESSAGE_LENGTH} characters, "
            "without control characters, and unlike an e-mail address, key, token or card number"
        )


def _attach(attributes: Attributes, runtime: Runtime, step_id: str | None, metadata: Metadata | None) -> None:
    if step_id is not None and (stated := runtime.optional_name(step_id, "step_id")) is not None:
        attributes[wire.STEP_ID] = stated
    if metadata is not None:
        attributes.update(metadata_attributes(runtime.settings.policy, metadata))


# Spans that others started, while they live; counting is all we do with them.
_FOREIGN: Final[IdentityMap[Span, SpanEvents]] = IdentityMap()


def _emit(event: TypedEvent, place: Context | None, runtime: Runtime) -> None:
    context = current_context() if place is None else place
    frame, span = frame_of(context), span_in(context)
    if frame is not None and frame.span is not span:
        context = within_pipeline(context)
        span = span_in(context)
    carriers, taken = runtime.settings.events, False
    if frame is None and not span.get_span_context().is_valid and (carriers == "log" or is_set_up()):
        raise Violation("event.no_run", wire.RUN_ID)
    if carriers != "log":
        taken = _events_on(span, frame, context).add(span, event, runtime)
        if not taken:
            _count_lost(frame, runtime)
    if carriers != "span":
        stamps = _log_stamps(span, context, runtime)
        taken = _log(event, runtime.logger, stamps, context, runtime) or taken
    if taken:
        runtime.counters.recorded(event.name)


def _count_lost(frame: Frame | None, runtime: Runtime) -> None:
    """Tell an event of a process that is not set up from one that the sampler left out."""
    if is_set_up(None if frame is None else frame.run.tracer):
        runtime.counters.unsampled.add()
    else:
        runtime.counters.unconfigured.add()
        runtime.notices.tell_once(UNCONFIGURED)


def _events_on(span: Span, frame: Frame | None, context: Context) -> SpanEvents:
    if frame is not None and frame.span is span:
        return frame.events()
    known = _FOREIGN.get(span)
    if known is None:
        run = run_of(context)
        tracer, stamps = (run.tracer, run.stamps) if run else (get_tracer(SCOPE_NAME), {})
        known = _FOREIGN.setdefault(span, SpanEvents(tracer, stamps, closed=True))
    return known


def emit_later(event: TypedEvent, run_id: object, runtime: Runtime) -> None:
    """Record an event of a run that may have ended long ago, as a log record: it has no span to stand on."""
    named = runtime.optional_name(run_id, "run_id")
    if named is None:
        message = "Not recorded: run_id must be the id of a run"
        raise Misuse(message)
    # Whose the run is, its own spans say; this process may be another service.
    stamps = {wire.RUN_ID: named, wire.AGENT_ID: wire.UNKNOWN}
    if _log(event, runtime.late_logger, stamps, _NO_SPAN, runtime):
        runtime.counters.recorded(event.name)


def _log(  # noqa: PLR0917 - what a record is made of
    event: TypedEvent, logger: Logger, stamps: Mapping[str, str], context: Context, runtime: Runtime
) -> bool:
    # Loggers of OpenTelemetry before 1.45 cannot be asked.
    enabled = getattr(logger, "enabled", None)
    if enabled is not None and not enabled(context=context, event_name=event.name):
        runtime.counters.unlogged.add()
        runtime.notices.tell_once(_UNLOGGED)
        return False
    logger.emit(
        event_name=event.name,
        timestamp=event.time,
        context=context,
        severity_number=SeverityNumber.INFO,
        attributes={**stamps, **event.attributes},
    )
    return True


def _log_stamps(span: Span, context: Context, runtime: Runtime) -> Mapping[str, str]:
    """A log record has no span to carry its stamps, so it carries them itself."""
    frame = frame_of(context)
    if frame is not None and frame.span is span:
        return frame.stamps
    run = run_of(context)
    return stamps_of(span, run.stamps if run else {}, runtime)
