"""Beside another backend: spans and typed events made anew go to our endpoint, and the other one gets what it got."""

from __future__ import annotations

import pytest

from tests.support.otlp_recorder import recording
from tests.support.python_process import run as run_script

SAID = "said in confidence"
PROGRAM = """
import os
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
import agenttrace
os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
os.environ["OTEL_EXPORTER_OTLP_HEADERS"] = "authorization=theirs"
theirs = InMemorySpanExporter()
if {existing}:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(theirs))
    trace.set_tracer_provider(provider)
for _ in range(2):  # a cell that is run twice
    agenttrace.configure("desk", "1", events="both", endpoint="{endpoint}", headers={{"x-ours": "1"}})
assert os.environ["OTEL_EXPORTER_OTLP_HEADERS"] == "authorization=theirs"
with trace.get_tracer("framework").start_as_current_span("chat", attributes={{"input.value": "{said}"}}):
    with agenttrace.AgentTracer("desk").start_run() as run, run.step("tool", "orders"):
        run.record_decision("tool_selection", "orders", "cost_optimization")
assert agenttrace.flush()
kept = theirs.get_finished_spans()
assert not {existing} or (len(kept) == 3 and kept[-1].attributes["input.value"] == "{said}")
from opentelemetry._logs import get_logger_provider
get_logger_provider().force_flush()
"""


@pytest.mark.parametrize("existing", [True, False])
def test_ours_go_to_the_endpoint(existing: bool) -> None:  # noqa: FBT001 - a case
    """Each span once, without what was said, and without the other backend's key."""
    with recording() as recorder:
        run_script("-c", PROGRAM.format(existing=existing, endpoint=recorder.endpoint, said=SAID))
    spans, logs = b"".join(recorder.bodies()), b"".join(recorder.bodies("/v1/logs"))
    assert (spans.count(b"execute_tool orders"), logs.count(b"agenttrace.decision.id")) == (1, 1)
    assert SAID.encode() not in spans + logs
    assert {(each.get("x-ours"), each.get("authorization")) for each in recorder.headers} == {("1", None)}


def test_an_endpoint_is_an_address() -> None:
    """Said there and then, and not repeated."""
    program = """
import agenttrace
try:
    agenttrace.configure("desk", endpoint="said in confidence")
except agenttrace.InvalidSetting as error:
    assert "confidence" not in str(error) and str(error).startswith("endpoint: must be")
else:
    raise SystemExit(1)
"""
    run_script("-c", program)
