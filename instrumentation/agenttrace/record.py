"""Typed events on whatever span is current, for code inside an instrumented framework."""

from __future__ import annotations

from collections.abc import Sequence

from agenttrace.attributes import Metadata
from agenttrace.emit import emit_decision, emit_failure, emit_signal
from agenttrace.guard import guarded
from agenttrace.numeric import Number


@guarded
def record_decision(  # noqa: PLR0917 - the order is the interface
    decision_type: str,
    selected: str,
    reason_code: str,
    candidates: Sequence[str] | None = None,
    confidence: Number | None = None,
    step_id: str | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Record what the agent chose, of which kind, and for which stated reason."""
    emit_decision(
        None,
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
    signal_type: str,
    signal_code: str,
    value: bool,  # noqa: FBT001 - the order is the interface
    weight: Number | None = None,
    step_id: str | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Record whether something of this type and code was observed."""
    emit_signal(
        None,
        signal_type=signal_type,
        signal_code=signal_code,
        value=value,
        weight=weight,
        step_id=step_id,
        metadata=metadata,
    )


@guarded
def record_failure(
    failure_type: str, failure_code: str, message: str | None = None, step_id: str | None = None
) -> None:
    """Record a failure; the message leaves the process only with AGENTTRACE_FAILURE_MESSAGES=keep."""
    emit_failure(None, failure_type=failure_type, failure_code=failure_code, message=message, step_id=step_id)
