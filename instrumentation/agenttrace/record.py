"""Typed events on whatever span is current, for code inside an instrumented framework, and on runs that have ended."""

from __future__ import annotations

from typing import Final

from agenttrace.recorder import CurrentRecorder

_CURRENT: Final = CurrentRecorder()

record_decision: Final = _CURRENT.record_decision
record_quality_signal: Final = _CURRENT.record_quality_signal
record_failure: Final = _CURRENT.record_failure
record_evaluation: Final = _CURRENT.record_evaluation
record_outcome: Final = _CURRENT.record_outcome
