"""What leaves of log records of coding agents: approvals, and calls where no trace tells them."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from agenttrace_collector.config.pipelines import Forward
from agenttrace_collector.decode.batch import Batch, Context, EncodedRequest
from agenttrace_collector.decode.otlp import decode_logs, decode_traces
from agenttrace_collector.decode.otlp_json import logs_from_json
from agenttrace_collector.forward.gate import open_gate
from agenttrace_schemas import wire
from agenttrace_schemas.rows import DecisionRow, StepRow
from tests.forward.test_gate import POLICY, copies, gate, left_of, one_span, spans_of
from tests.support.agents import CONTEXT as AGENTS
from tests.support.agents import agent_scenarios
from tests.support.rows import rows_of

AGENT_LOGS = [
    logs_from_json(body).data if name.endswith(".json") else body
    for agent in agent_scenarios()
    for name, body in agent.sent("logs")
]
CALLS = Context(POLICY, "default", AGENTS.received_at)


def test_calls_of_coding_agents_leave_as_spans() -> None:
    """Where their service sends no traces: a second collector has the same calls under the same ids, and no root."""
    opened = open_gate(Forward(logs="as_spans"), POLICY)
    seen = 0
    for body in AGENT_LOGS:
        left = copies(opened, "logs", body, CALLS).get("traces", EncodedRequest(0, b""))
        assert all(not span.parent_span_id for span in spans_of(left.data).values())
        told, known = steps_of(decode_traces(left.data, CALLS)), steps_of(decode_logs(body, CALLS))
        assert told == known
        seen += len(told)
    assert seen


def steps_of(batch: Batch) -> list[tuple[Any, ...]]:
    """Of each call what leaves: its ids, names, times, tokens and how it ended; names of failed tools aside.

    Of those other records than that of the call may tell that there is such a tool.
    """
    said = attrgetter(
        "step_id", "run_id", "trace_id", "span_id", "operation", "step_type", "model", "status",
        "error_type", "started_at", "ended_at", "input_tokens", "output_tokens", "agent_id",
    )  # fmt: skip
    rows = rows_of(batch, StepRow) if StepRow.TABLE in batch.blocks else []
    return [(*said(row), "" if row.status == "error" else row.tool_name) for row in rows]


def test_approvals_leave_as_typed_events() -> None:
    """In either mode: what was selected and why, of which call."""
    said = attrgetter(
        "decision_id", "run_id", "step_id", "decision_type", "selected", "reason_code", "recorded_at"
    )
    seen = 0
    for body in AGENT_LOGS:
        batches = (
            decode_logs(left_of(gate("as_sent"), "logs", body, CALLS).data, CALLS),
            decode_logs(body, CALLS),
        )
        left, known = (
            [said(row) for row in rows_of(each, DecisionRow)] if DecisionRow.TABLE in each.blocks else []
            for each in batches
        )
        assert left == known
        seen += len(left)
    assert seen


def test_a_service_that_sends_traces_has_no_calls_twice() -> None:
    """From its first trace on its log records are no spans, whichever agent they are of."""
    opened = open_gate(Forward(logs="as_spans"), POLICY)
    (body,) = (each for each in AGENT_LOGS[:1])
    service = next(
        each.value.string_value
        for each in ExportLogsServiceRequest.FromString(body).resource_logs[0].resource.attributes
        if each.key == wire.SERVICE_NAME
    )
    request = one_span("said")
    request.resource_spans[0].resource.attributes.add(key=wire.SERVICE_NAME).value.string_value = service
    assert copies(opened, "logs", body, CALLS)["traces"].records
    copies(opened, "traces", request.SerializeToString(), CALLS)
    batch = decode_logs(body, CALLS, (), opened.logs())
    assert "traces" not in batch.forwarded
    assert batch.left_out["log_records"]
