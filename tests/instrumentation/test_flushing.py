"""Flush sends what waits, within its time; shutdown ends what `configure` has made and nothing else."""

from __future__ import annotations

import pytest

from tests.support.python_process import run as run_script

SET_UP = """
import time
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
import agenttrace
exported = InMemorySpanExporter()
def record():
    with agenttrace.AgentTracer("a").start_run():
        pass
"""
CASES = {
    "flush sends": """
provider = TracerProvider(); provider.add_span_processor(BatchSpanProcessor(exported, schedule_delay_millis=10**6))
trace.set_tracer_provider(provider); agenttrace.configure("a")
record()
assert not exported.get_finished_spans()
assert agenttrace.flush()
assert len(exported.get_finished_spans()) == 1
""",
    "a provider of the application is left alone": """
provider = TracerProvider(); provider.add_span_processor(BatchSpanProcessor(exported, schedule_delay_millis=10**6))
trace.set_tracer_provider(provider); agenttrace.configure("a")
record(); assert agenttrace.shutdown()
record(); assert agenttrace.flush()
assert len(exported.get_finished_spans()) == 2
""",
    "one that takes too long is not waited for": """
class Slow(InMemorySpanExporter):
    def export(self, spans):
        time.sleep(60)
provider = TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(BatchSpanProcessor(Slow(), schedule_delay_millis=10**6))
trace.set_tracer_provider(provider); agenttrace.configure("a")
record()
started = time.monotonic()
assert not agenttrace.flush(timeout=0.2)
assert time.monotonic() - started < 5
import os; os._exit(0)
""",
    "one that raises breaks nothing": """
import logging; logging.disable()
class Broken(TracerProvider):
    def force_flush(self, timeout_millis=30000):
        raise RuntimeError("said")
trace.set_tracer_provider(Broken()); agenttrace.configure("a")
assert not agenttrace.flush()
""",
    "our own is shut down": """
import os
os.environ["OTEL_TRACES_EXPORTER"] = "none"
provider = agenttrace.configure("a")
provider.add_span_processor(BatchSpanProcessor(exported, schedule_delay_millis=10**6))
record(); assert agenttrace.shutdown()
assert len(exported.get_finished_spans()) == 1
record(); agenttrace.flush()
assert len(exported.get_finished_spans()) == 1
""",
    "nothing is set up": "assert agenttrace.flush(); assert agenttrace.shutdown()",
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_sent(case: str) -> None:
    """In a process of its own."""
    run_script("-c", SET_UP + CASES[case])
