"""What of each request did not leave the gate is counted beside what was stored of it, by rule and key."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import grpc
import pytest

from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.otlp import decode_logs, decode_traces
from agenttrace_collector.receivers.signals import EXPORT, TRACE_SERVICE
from agenttrace_schemas import wire
from agenttrace_schemas.gate_receipts import GateReceiptRow
from tests.forward.test_exporters import wait_for, waiting
from tests.forward.test_gate import CONVENTIONS, POLICY, gate
from tests.support.canary import TOKEN, log_requests, trace_requests
from tests.support.collector import running_collector
from tests.support.otlp import DECISION, STEP, ASpan, traces
from tests.support.otlp_receiver import grpc_recording
from tests.support.query import answers
from tests.support.reference import Value
from tests.support.rows import rows_of

ODD = {**DECISION, wire.DECISION_REASON_CODE: "made up"}


def request(at: int) -> bytes:
    """Two steps: one with a made-up reason, an event of another kind and an attribute that nobody reads."""
    events: list[tuple[str, Mapping[str, Value]]] = [(wire.EVENT_DECISION, ODD), ("said", {"said": TOKEN})]
    return traces(
        ASpan(
            start=at,
            end=at,
            attributes={**STEP, "said": TOKEN, wire.GEN_AI_REQUEST_MODEL: f"{TOKEN}, please!"},
            events=events,
        ),
        ASpan(start=at, end=at, attributes=STEP, span_id=b"12345679"),
    )


EXPECTED = {
    ("refused", "decision.reason_code", wire.DECISION_REASON_CODE): 1,
    ("changed", "identifier.pattern", wire.GEN_AI_REQUEST_MODEL): 1,
    ("left_out", "", "spans.attributes"): 1,
    ("left_out", "", "spans.events"): 1,
}


@pytest.mark.parametrize("conventions", CONVENTIONS)
def test_each_request_has_a_receipt(conventions: str) -> None:
    """By rule and key, the same for the same request; without a gate there is none."""
    now = time.time_ns()
    body, context = request(now), Context(POLICY, "default", now)
    batch = decode_traces(body, context, (), gate(conventions).traces())
    rows = rows_of(batch, GateReceiptRow)
    assert {(row.kind, row.rule, row.attribute_key): row.records for row in rows} == EXPECTED
    assert {row.request_id for row in rows} == {batch.digest}
    assert rows_of(decode_traces(body, context, (), gate(conventions).traces()), GateReceiptRow) == rows
    assert GateReceiptRow.TABLE not in decode_traces(body, context).blocks


def test_receipts_hold_nothing_that_was_said() -> None:
    """Of requests that have the sentence in every field, of both signals."""
    now = time.time_ns()
    context, opened = Context(POLICY, "default", now), gate("genai")
    made = [
        decode_traces(each.SerializeToString(), context, (), opened.traces()) for each in trace_requests(now)
    ]
    made += [decode_logs(each.SerializeToString(), context, (), opened.logs()) for each in log_requests(now)]
    receipts = [
        batch.blocks[GateReceiptRow.TABLE].data for batch in made if GateReceiptRow.TABLE in batch.blocks
    ]
    assert len(receipts) > 10
    assert [each for each in receipts if TOKEN.encode() in each] == []


def test_a_receipt_is_asked_for_in_sql(tmp_path: Path) -> None:
    """A collector beside whose database an exporter stands writes it, once for a request that comes twice."""
    with grpc_recording() as receiver:
        settings = {
            "exporters__otlp_grpc__endpoint": receiver.endpoint,
            "exporters__otlp_grpc__tls__insecure": "true",
            "service__pipelines__traces__exporters": "[clickhouse, otlp_grpc]",
        }
        with running_collector(tmp_path, **settings) as collector:
            body = request(time.time_ns())
            with grpc.insecure_channel(collector.grpc) as channel:
                export = channel.unary_unary(f"/{TRACE_SERVICE}/{EXPORT}", bytes, bytes)
                for _ in range(2):
                    export(body)
            wait_for(lambda: waiting(collector, "otlp_grpc") == 0)
    statement = (
        "SELECT kind, rule, attribute_key, sum(records) AS records FROM gate_receipts FINAL GROUP BY ALL"
    )
    (found,) = answers(tmp_path / "data", [statement])
    told = {(row["kind"], row["rule"], row["attribute_key"]): row["records"] for row in found}
    assert told == EXPECTED
