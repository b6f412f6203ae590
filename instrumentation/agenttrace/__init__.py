"""Records what an agent decided, for which stated reason, and what was observed; never what was said."""

from agenttrace.configure import configure
from agenttrace.counts import Counts
from agenttrace.current import current_run, current_step, step, tool
from agenttrace.decisions import DecisionBlock
from agenttrace.exporters import MissingExtra
from agenttrace.flushing import flush, shutdown
from agenttrace.record import (
    record_decision,
    record_evaluation,
    record_failure,
    record_outcome,
    record_quality_signal,
)
from agenttrace.runtime import counters
from agenttrace.settings import InvalidSetting
from agenttrace.steps import Step
from agenttrace.tracer import AgentTracer, Run
from agenttrace.version import __version__
from agenttrace_schemas.vocabulary import (
    DecisionType,
    FailureType,
    ReasonCode,
    RunStatus,
    SignalCode,
    SignalType,
    StepType,
)

__all__ = [
    "AgentTracer",
    "Counts",
    "DecisionBlock",
    "DecisionType",
    "FailureType",
    "InvalidSetting",
    "MissingExtra",
    "ReasonCode",
    "Run",
    "RunStatus",
    "SignalCode",
    "SignalType",
    "Step",
    "StepType",
    "__version__",
    "configure",
    "counters",
    "current_run",
    "current_step",
    "flush",
    "record_decision",
    "record_evaluation",
    "record_failure",
    "record_outcome",
    "record_quality_signal",
    "shutdown",
    "step",
    "tool",
]
