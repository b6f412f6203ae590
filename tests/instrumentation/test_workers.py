"""Runs of forked, spawned and pooled processes arrive; nothing waits in one that is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.otlp_recorder import Recorder, recording

RUNS = 20
KINDS = ("pool", "process", "executor", "fork", "threads", "spawn", "forkserver")
PROGRAM = '''
import concurrent.futures, multiprocessing, os, sys, threading, time
import agenttrace
from agenttrace import AgentTracer

def work(number):
    if sys.argv[1] in ("spawn", "forkserver"):
        agenttrace.configure("worker")
    with AgentTracer("worker").start_run() as run:
        with run.step("tool", "search"):
            run.record_decision("tool_selection", "search", "fresh_data_required")
    return number

def busy():
    """Threads that record while the process forks."""
    while True:
        with AgentTracer("parent").start_run():
            time.sleep(0.001)

if __name__ == "__main__":
    kind = sys.argv[1]
    if kind not in ("spawn", "forkserver"):
        agenttrace.configure("worker")
    if kind == "threads":
        for _ in range(4):
            threading.Thread(target=busy, daemon=True).start()
    numbers = range(int(sys.argv[2]))
    method = kind if kind in ("spawn", "forkserver") else "fork"
    context = multiprocessing.get_context(method)
    if kind == "process":
        processes = [context.Process(target=work, args=(number,)) for number in numbers]
        [process.start() for process in processes]
        [process.join(30) for process in processes]
    elif kind == "executor":
        with concurrent.futures.ProcessPoolExecutor(4, mp_context=context) as pool:
            list(pool.map(work, numbers))
    elif kind == "fork":
        for number in numbers:
            if not (child := os.fork()):
                work(number)
                agenttrace.flush()
                os._exit(0)
            os.waitpid(child, 0)
    else:
        with context.Pool(4) as pool:
            assert list(pool.map(work, numbers)) == list(numbers)
    os._exit(0)
'''


def run_ids(recorder: Recorder, agent: str = "worker") -> set[str]:
    """The runs of an agent that arrived."""
    found = set()
    for body in recorder.bodies():
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                values = {item.key: item.value.string_value for item in span.attributes}
                if span.name == f"invoke_agent {agent}":
                    found.add(values["agenttrace.run.id"])
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_run_of_every_worker_arrives(kind: str, tmp_path: Path) -> None:
    """However the workers were made, and however they end."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    count = RUNS if kind not in ("spawn", "forkserver") else 4
    with recording() as recorder:
        environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": recorder.endpoint}
        command = [sys.executable, str(program), kind, str(count)]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        assert len(run_ids(recorder)) == count, done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_waits_a_bounded_time_for_a_collector_that_is_away(tmp_path: Path) -> None:
    """Two seconds for a run, whatever the exporter would wait."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    started = time.monotonic()
    command = [sys.executable, str(program), "pool", "4"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - started < 30
