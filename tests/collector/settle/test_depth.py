"""Settling costs what a run has of spans, however deeply they stand in each other."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from agenttrace_collector.settle import RunRows, Thresholds, settle_run
from agenttrace_collector.settle.model import SettleContext
from agenttrace_schemas.rows import StepRow
from agenttrace_schemas.rules import Policy
from tests.support.rows import BLANK_STEP

pytestmark = pytest.mark.long

RUN = bytes(range(16))
SPANS = 2_000
# Spans that stand in each other cost by their number; by its square, four times as many would cost 16 times.
TIMES = 4
ALLOWED = 3 * TIMES

KINDS: Mapping[str, Mapping[str, object]] = {
    "agents": {},
    "models": {"role": "leaf", "operation": "chat"},
    "tools": {"role": "leaf", "operation": "execute_tool", "tool_name": "search"},
    "wrappers": {"role": "wrapper", "operation": "chain"},
    "failing": {"role": "leaf", "operation": "retrieval", "status": "error"},
}


def step(**values: object) -> StepRow:
    """A step of the run."""
    common = {"run_id": RUN, "trace_id": RUN, "created_at": 1}
    return StepRow(**{**BLANK_STEP, **common, **values})  # type: ignore[arg-type]  # by name


def nested(spans: int, kind: Mapping[str, object]) -> RunRows:
    """Spans of one kind, each in the one before."""
    steps = [
        step(
            **(kind if number < spans else KINDS["models"]),
            step_id=number.to_bytes(16, "big"),
            span_id=number,
            parent_span_id=number - 1,
            started_at=number,
            ended_at=2 * spans - number,
        )
        for number in range(1, spans + 1)
    ]
    return RunRows("default", RUN, steps)


def seconds(rows: RunRows) -> float:
    """CPU seconds of settling, the least of three."""
    spent = []
    for _ in range(3):
        started = time.process_time()
        settle_run(rows, SettleContext(Policy(), Thresholds(), 1))
        spent.append(time.process_time() - started)
    return min(spent)


@pytest.mark.parametrize("kind", KINDS)
def test_depth_costs_nothing_extra(kind: str) -> None:
    """Four times as many spans take about four times as long."""
    assert seconds(nested(TIMES * SPANS, KINDS[kind])) < ALLOWED * seconds(nested(SPANS, KINDS[kind])) + 0.1
