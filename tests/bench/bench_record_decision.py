"""What `record_decision` costs beside a bare `span.add_event` with the same attributes."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from opentelemetry.sdk.trace import TracerProvider

from agenttrace.tracer import AgentTracer
from agenttrace_schemas import wire

_ROUNDS = 300
_CALLS = 50


@dataclass(frozen=True, slots=True)
class Result:
    """Microseconds per call of both."""

    record_decision: float
    add_event: float

    @property
    def ratio(self) -> float:
        """How many times the cost of the bare call."""
        return self.record_decision / self.add_event


def measure(rounds: int = _ROUNDS) -> Result:
    """Both in turns on fresh spans, so that what disturbs the machine disturbs both; medians."""
    agent = AgentTracer("bench", "1.0", tracer_provider=TracerProvider())
    ours, bare = [], []
    gc.disable()
    try:
        for _ in range(rounds):
            ours.append(_record_decision(agent))
            bare.append(_add_event(agent))
    finally:
        gc.enable()
    return Result(statistics.median(ours), statistics.median(bare))


def _record_decision(agent: AgentTracer) -> float:
    with agent.start_run() as run:
        return _timed(
            lambda: run.record_decision(
                "tool_selection",
                "web_search",
                "fresh_data_required",
                candidates=("web_search", "cache"),
                confidence=0.8,
            )
        )


def _add_event(agent: AgentTracer) -> float:
    with agent.start_run() as run:
        assert run._frame is not None
        span = run._frame.span
        return _timed(
            lambda: span.add_event(
                wire.EVENT_DECISION,
                {
                    wire.DECISION_ID: "7d3a4b52-9f7e-4a43-8a53-0a4d32a1a4a6",
                    wire.DECISION_TYPE: "tool_selection",
                    wire.DECISION_SELECTED: "web_search",
                    wire.DECISION_REASON_CODE: "fresh_data_required",
                    wire.DECISION_CONFIDENCE: 0.8,
                    wire.DECISION_CANDIDATES: ("web_search", "cache"),
                },
            )
        )


def _timed(call: Callable[[], object]) -> float:
    """Microseconds per call."""
    started = time.perf_counter_ns()
    for _ in range(_CALLS):
        call()
    return (time.perf_counter_ns() - started) / _CALLS / 1000


def main() -> None:
    """Print both and their ratio."""
    result = measure()
    print(f"record_decision  {result.record_decision:6.2f} us")
    print(f"add_event        {result.add_event:6.2f} us")
    print(f"ratio            {result.ratio:6.2f}  (specification: at most 2)")


if __name__ == "__main__":
    main()
