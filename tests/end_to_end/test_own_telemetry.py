"""The collector's own spans and log records over OTLP: what it did, and nothing of what it received."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agenttrace_collector.config import ConfigError, load_config
from agenttrace_collector.telemetry.spans import OWN_HEADER, SpanName
from tests.support.collector import Collector, free_ports, running_collector
from tests.support.http import counted
from tests.support.load import EXPORT
from tests.support.otlp import STEP, ASpan, traces
from tests.support.otlp_receiver import grpc_recording
from tests.support.otlp_recorder import recording
from tests.support.plain_http import get, post
from tests.support.receivers import wait_until
from tests.support.run_documents import DECISION, run_document

CANARY = "canary-77b0"
KEYS = {"transport", "signal", "table", "query", "error", "requests", "rows", "bytes", "runs"}
KEYS |= {"received", "ignored", "refused"}


@contextmanager
def backend(protocol: str) -> Iterator[tuple[str, dict[str, Sequence[bytes]]]]:
    """Where one takes OTLP by this protocol, and the bodies of each signal once the block has ended."""
    bodies: dict[str, Sequence[bytes]] = {}
    if protocol == "grpc":
        with grpc_recording() as recorder:
            yield f"http://{recorder.endpoint}", bodies
        bodies |= {signal: recorder.bodies(signal) for signal in ("traces", "logs")}
        return
    with recording() as other:
        yield other.endpoint, bodies
    bodies |= {signal: other.bodies(f"/v1/{signal}") for signal in ("traces", "logs")}


def send(collector: Collector, *metadata: tuple[str, str]) -> None:
    """A request over gRPC whose names, values and headers hold a canary."""
    body = traces(
        ASpan(attributes={**STEP, "gen_ai.prompt": CANARY, "gen_ai.tool.name": CANARY}, name=CANARY),
        resource={"service.name": CANARY},
    )
    with grpc.insecure_channel(collector.grpc) as channel:
        channel.unary_unary(EXPORT, None, None)(body, timeout=10, metadata=(("x-said", CANARY), *metadata))


def used(collector: Collector) -> None:
    """Sends, has a run settled and asks, with a canary wherever one may stand; some of it is refused."""
    send(collector)
    document = run_document(time.time_ns(), agent_id=CANARY, decisions=[{**DECISION, "selected": CANARY}])
    assert post(collector.url("api", "/v1/runs"), json=document).status_code == 201
    refused = post(
        collector.url("http", "/v1/traces"),
        content=CANARY.encode() * 9,
        headers={"content-type": "application/x-protobuf"},
    )
    assert refused.status_code == 400
    wait_until(lambda: counted(collector, "agenttrace_settled_runs") > 0, seconds=30)
    wait_until(
        lambda: get(collector.url("api", f"/v1/runs?agent_id={CANARY}")).status_code == 200, seconds=30
    )


def spans_of(bodies: Sequence[bytes]) -> list[Span]:
    """All spans of these requests."""
    requests = map(ExportTraceServiceRequest.FromString, bodies)
    return [
        span
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def texts(attributes: Sequence[KeyValue]) -> dict[str, str]:
    """Attributes that are texts."""
    return {each.key: each.value.string_value for each in attributes if each.value.string_value}


@pytest.mark.long
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_spans_and_records_arrive_and_hold_nothing_that_was_received(tmp_path: Path, protocol: str) -> None:
    """Names and attributes are those of the lists; of a refusal its kind."""
    with backend(protocol) as (endpoint, bodies):
        own = {
            f"service__telemetry__{signal}__otlp__{key}": value
            for signal in ("traces", "logs")
            for key, value in {"endpoint": endpoint, "protocol": protocol}.items()
        }
        with running_collector(tmp_path, derive__quiet="100ms", **own) as collector:
            used(collector)
            send(collector, (OWN_HEADER, "1"))
            collector.stop()
    spans = spans_of(bodies["traces"])
    assert {span.name for span in spans} == set(SpanName)
    assert {each.key for span in spans for each in span.attributes} <= KEYS
    received = [texts(span.attributes) for span in spans if span.name == SpanName.RECEIVE]
    # One of the two over gRPC was own telemetry of a collector.
    assert sorted(each["transport"] for each in received) == ["api", "grpc", "http"]
    assert [each["error"] for each in received if "error" in each] == ["refused"]
    assert {"agent_steps", "agent_runs"} <= {texts(span.attributes).get("table") for span in spans}
    records = [
        record
        for request in map(ExportLogsServiceRequest.FromString, bodies["logs"])
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]
    assert any("otlp grpc listens" in record.body.string_value for record in records)
    assert not [body for signal in bodies.values() for body in signal if CANARY.encode() in body]


@pytest.mark.long
def test_a_backend_that_is_away_costs_its_own_telemetry_only(tmp_path: Path) -> None:
    """Requests are taken, a stop ends, and the log says so without coming back to the export."""
    away = {
        f"service__telemetry__{signal}__otlp__endpoint": f"http://127.0.0.1:{free_ports(1)[0]}"
        for signal in ("traces", "logs")
    }
    with running_collector(tmp_path, **away) as collector:
        send(collector)
        assert collector.stop() == 0
    assert "own telemetry is dropped: the receiver of traces cannot be reached" in collector.log()
    assert "own telemetry is dropped: the receiver of logs cannot be reached" in collector.log()


def test_without_an_endpoint_nothing_of_the_sdk_is_imported() -> None:
    """It costs nothing where it is not asked for."""
    script = (
        "import sys, agenttrace_collector.service, agenttrace_collector.cli.collector;"
        " print([name for name in sys.modules if name.startswith('opentelemetry.sdk')])"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("endpoint", "protocol", "listener"),
    [
        ("http://127.0.0.1:4318", "http/protobuf", "127.0.0.1:4318"),
        ("http://localhost:4318", "http/protobuf", "0.0.0.0:4318"),
        ("localhost:4318", "grpc", "'[::1]:4318'"),
        ("http://10.0.0.7:4318/sub", "http/protobuf", "10.0.0.7:4318"),
    ],
)
def test_own_telemetry_that_leads_back_is_refused(endpoint: str, protocol: str, listener: str) -> None:
    """Each export would be received, and traced again."""
    settings = [
        f"receivers.otlp.protocols.http.endpoint={listener}",
        f"service.telemetry.traces.otlp.endpoint={endpoint}",
        f"service.telemetry.traces.otlp.protocol={protocol}",
    ]
    with pytest.raises(ConfigError, match="leads to this collector"):
        load_config([], settings, {})
    load_config([], [*settings, "receivers.otlp.protocols.http.endpoint=127.0.0.1:4999"], {})
