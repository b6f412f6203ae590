"""From a request over each protocol to rows in an embedded database, through a real collector process."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from agenttrace_schemas import wire
from agenttrace_schemas.rows import DecisionRow, FailureRow, RejectionRow, SignalRow, StepRow
from tests.support import plain_http
from tests.support.collector import Collector, running_collector
from tests.support.otlp import DECISION, FAILURE, SIGNAL, STEP, ASpan, logs, traces
from tests.support.read_back import read_back
from tests.support.receivers import EXPORT_LOGS, EXPORT_TRACES

DECISION_ID = "6f1d1a52-52b1-4c9c-8d05-5a1f3ad0c001"
STATED = {**DECISION, wire.DECISION_ID: DECISION_ID}
TOKENS = "tokens: [{token: for-acme, tenant: acme}, {token: for-initech, tenant: initech}]"


def span(number: int, *events: tuple[str, Mapping[str, Any]]) -> bytes:
    """A request of one tool span of now, with events."""
    start = time.time_ns()
    given = ASpan(attributes=STEP, events=events, span_id=bytes([number] * 8), start=start, end=start + 1)
    return traces(given, resource={wire.SERVICE_NAME: "agent"})


def over_grpc(collector: Collector, body: bytes, path: str = EXPORT_TRACES) -> bytes:
    """Send as one tenant."""
    with grpc.insecure_channel(collector.grpc) as channel:
        metadata = (("authorization", "Bearer for-acme"),)
        answer: bytes = channel.unary_unary(path, None, None)(body, timeout=30, metadata=metadata)
        return answer


def over_http(collector: Collector, body: bytes, kind: str) -> int:
    """Send as the other tenant."""
    headers = {"content-type": kind, "authorization": "Bearer for-initech"}
    url = collector.url("http", "/v1/traces")
    return plain_http.post(url, content=body, headers=headers).status_code


def as_json(number: int) -> bytes:
    """The same kind of request in OTLP/JSON."""
    start = time.time_ns()
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in STEP.items()]
    given = {
        "traceId": bytes(range(1, 17)).hex(),
        "spanId": bytes([number] * 8).hex(),
        "name": "span",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 1),
        "attributes": attributes,
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [given]}]}]}).encode()


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Every table after requests over each protocol, a restart in between."""
    directory: Path = tmp_path_factory.mktemp("collector")
    tokens = directory / "tokens.yaml"
    tokens.write_text(TOKENS)
    with running_collector(directory, extensions__auth__tokens_file=str(tokens)) as collector:
        whole = span(
            1, (wire.EVENT_DECISION, STATED), (wire.EVENT_SIGNAL, SIGNAL), (wire.EVENT_FAILURE, FAILURE)
        )
        assert over_grpc(collector, whole) == over_grpc(collector, whole) == b""
        assert over_http(collector, span(2), "application/x-protobuf") == 200
        assert over_http(collector, as_json(3), "application/json") == 200
        collector.kill()
    with running_collector(directory, extensions__auth__tokens_file=str(tokens)) as collector:
        over_grpc(collector, logs(wire.EVENT_DECISION, STATED, span_id=bytes([1] * 8)), EXPORT_LOGS)
        refused = over_grpc(collector, span(4, (wire.EVENT_DECISION, {**DECISION, wire.DECISION_TYPE: "no"})))
        message = ExportTraceServiceResponse.FromString(refused).partial_success.error_message
        assert "decision.type 1" in message
    parts = read_back(directory / "data").split("# ")[1:]
    named = [part.split("\n", 1) for part in parts]
    return {name: [json.loads(line) for line in text.splitlines() if line] for name, text in named}


def test_each_span_is_a_step_once(tables: dict[str, list[dict[str, Any]]]) -> None:
    """Whatever the protocol, the encoding and the number of times it was sent."""
    spans = sorted(int(row["span_id"]).to_bytes(8)[0] for row in tables[StepRow.TABLE])
    assert spans == [1, 2, 3, 4]


def test_each_event_is_a_row(tables: dict[str, list[dict[str, Any]]]) -> None:
    """Of its kind, under the span's step; both carriers of one event have one id."""
    assert {row["decision_id"] for row in tables[DecisionRow.TABLE]} == {DECISION_ID}
    assert [row["signal_code"] for row in tables[SignalRow.TABLE]] == ["first_attempt"]
    assert [row["message"] for row in tables[FailureRow.TABLE]] == ["tool failure: timeout"]


def test_every_row_has_the_tenant_of_its_token(tables: dict[str, list[dict[str, Any]]]) -> None:
    """Nothing in a request decides it."""
    tenants = {int(row["span_id"]).to_bytes(8)[0]: row["tenant"] for row in tables[StepRow.TABLE]}
    assert tenants == {1: "acme", 2: "initech", 3: "initech", 4: "acme"}


def test_a_refusal_is_a_row_too(tables: dict[str, list[dict[str, Any]]]) -> None:
    """With rule and key."""
    (row,) = tables[RejectionRow.TABLE]
    assert (row["rule"], row["attribute_key"], row["kind"]) == (
        "decision.type",
        wire.DECISION_TYPE,
        "decision",
    )
