"""Log records of coding agents with ids and values that are none: their rows stay rows."""

from __future__ import annotations

import itertools
from typing import Final

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

from agenttrace_collector.decode.otlp import decode_logs
from agenttrace_schemas.rows import DecisionRow, RunRow, StepRow
from tests.support.agents import CONTEXT
from tests.support.rows import rows_of

TRACE_IDS: Final = (b"", b"x" * 5, b"x" * 16, b"x" * 17, bytes(16))
RECORDS: Final = {
    "com.anthropic.claude_code.events": ("api_request", {"prompt.id": "p"}),
    "codex_otel.log_only": ("codex.sse_event", {"conversation.id": "c", "input_token_count": "5"}),
    "gemini-cli": ("gemini_cli.tool_call", {"prompt_id": "p", "function_name": "read_file"}),
}
VALUES: Final = (
    AnyValue(int_value=2**63 - 1),
    AnyValue(int_value=-(2**63)),
    AnyValue(double_value=1e308),
    AnyValue(double_value=float("nan")),
    AnyValue(double_value=float("-inf")),
    AnyValue(string_value="9" * 400),
    AnyValue(string_value=""),
    AnyValue(bool_value=True),
    AnyValue(array_value=ArrayValue(values=[AnyValue(string_value="a")])),
    AnyValue(),
)
KEYS: Final = (
    "attempt duration_ms cost_usd input_tokens cache_read_tokens event.sequence request_id call_id response_id"
    " session.id error_type status_code model finish_reasons decision success"
).split()


def request(scope: str, trace_id: bytes, value: AnyValue) -> bytes:
    """One record of this scope whose facts all have this value."""
    name, ids = RECORDS[scope]
    said = {"event.name": name, **ids}
    message = ExportLogsServiceRequest()
    logs = message.resource_logs.add().scope_logs.add()
    logs.scope.name = scope
    attributes = [KeyValue(key=key, value=AnyValue(string_value=text)) for key, text in said.items()]
    attributes += [KeyValue(key=key, value=value) for key in KEYS if key not in said]
    logs.log_records.add(time_unix_nano=CONTEXT.received_at, trace_id=trace_id, attributes=attributes)
    return message.SerializeToString()


@pytest.mark.parametrize("scope", RECORDS)
def test_odd_ids_and_values_make_rows_all_the_same(scope: str) -> None:
    """A trace id of another length is none, and one odd value leaves the others as they are."""
    for trace_id, value in itertools.product(TRACE_IDS, VALUES):
        batch = decode_logs(request(scope, trace_id, value), CONTEXT)
        runs = rows_of(batch, RunRow)
        assert len(runs) == 1
        ids = [(row.run_id, row.trace_id) for row in runs]
        ids += [(row.run_id, row.trace_id) for row in rows_of(batch, StepRow)]
        ids += [(row.run_id, row.trace_id) for row in rows_of(batch, DecisionRow)]
        assert {len(each) for pair in ids for each in pair} == {16}
