"""A collector that comes later than the agent: nothing that was recorded meanwhile is lost."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import Final

from tests.instrumentation.test_workers import run_ids
from tests.support.otlp_recorder import recording

RUNS: Final = 30
PROGRAM: Final = f"""
import agenttrace
agenttrace.configure("desk")
tracer = agenttrace.AgentTracer("desk")
for _ in range({RUNS}):
    with tracer.start_run() as run:
        run.record_decision("tool_selection", "orders", "cost_optimization")
print("recorded", flush=True)
assert agenttrace.flush(30)
assert agenttrace.counters().dropped == 0
"""


def test_a_late_collector_loses_nothing() -> None:
    """Its address refuses the first attempt; the exporter comes again, and each run arrives once."""
    with socket.create_server(("127.0.0.1", 0)) as early:
        port = early.getsockname()[1]
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env={
                **os.environ,
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
                "OTEL_BSP_SCHEDULE_DELAY": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        early.settimeout(30)
        attempt, _ = early.accept()
        attempt.close()
    with recording(port) as recorder:
        said, errors = program.communicate(timeout=60)
    assert (program.returncode, said) == (0, "recorded\n"), errors
    assert len(run_ids(recorder, "desk")) == RUNS
    assert b"".join(recorder.bodies()).count(b"agenttrace.decision.id") == RUNS
