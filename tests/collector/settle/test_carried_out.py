"""A step keeps the decision that it carries out, from the SDK through decoding to the settled run."""

from __future__ import annotations

import time
from uuid import UUID

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from agenttrace.capture import capture
from agenttrace.settings import Settings
from agenttrace_collector.decode.batch import Context as Receiving
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_collector.settle import RunRows, Thresholds, settle_run
from agenttrace_collector.settle.model import SettleContext
from agenttrace_schemas import wire
from agenttrace_schemas.rows import DecisionRow, RunRow, StepRow
from agenttrace_schemas.rules import Policy
from tests.support.rows import rows_of


def test_the_call_inside_a_linked_step_is_linked() -> None:
    """Our step stands around the framework's own span of the call, and is not counted beside it."""
    with capture(Settings()) as captured:
        framework = captured.tracer_provider.get_tracer("framework")
        with captured.tracer().start_run() as run:
            with (
                run.decision("tool_selection", "orders", "cost_optimization") as decision,
                run.step("tool", "orders"),
            ):
                attributes = {wire.GEN_AI_OPERATION_NAME: "execute_tool", wire.GEN_AI_TOOL_NAME: "orders"}
                framework.start_span("execute_tool orders", attributes=attributes).end()
            with run.step("respond", "reply"):
                pass
    body = encode_spans(captured.spans).SerializeToString()
    batch = decode_traces(body, Receiving(Policy(), "default", time.time_ns()))
    (recorded,) = rows_of(batch, DecisionRow)
    steps = list(rows_of(batch, StepRow))
    rows = RunRows("default", steps[0].run_id, steps, (), list(rows_of(batch, RunRow)))
    settled = settle_run(rows, SettleContext(Policy(), Thresholds(), 1)).steps
    assert recorded.decision_id == UUID(decision.id).bytes
    linked = {(step.name, step.role): step.decision_id for step in settled if step.role != "agent"}
    assert linked == {
        ("orders", "wrapper"): recorded.decision_id,
        ("orders", "leaf"): recorded.decision_id,
        ("reply", "leaf"): None,
    }
