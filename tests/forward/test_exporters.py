"""A real collector in front of real receivers: traces and logs over both protocols, and what retries mean."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agenttrace_collector.receivers.signals import EXPORT, LOGS_SERVICE, TRACE_SERVICE
from tests.support.canary import TOKEN, log_requests, trace_requests
from tests.support.collector import Collector, running_collector
from tests.support.otlp_receiver import grpc_recording
from tests.support.otlp_recorder import recording

WAIT_SECONDS = 30.0


def send(collector: Collector) -> int:
    """Send every planted request and one typed event in a log record; how many requests."""
    now, count = time.time_ns(), 0
    with grpc.insecure_channel(collector.grpc) as channel:
        for service, requests in ((TRACE_SERVICE, trace_requests(now)), (LOGS_SERVICE, log_requests(now))):
            export = channel.unary_unary(f"/{service}/{EXPORT}", bytes, bytes)
            for request in requests:
                export(request.SerializeToString())
                count += 1
    return count


def wait_for(met: Callable[[], bool]) -> None:
    """Return when it is met."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def waiting(collector: Collector, exporter: str) -> float:
    """The bytes of spans that wait for an exporter."""
    line = f'otelcol_exporter_queue_size{{data_type="traces",exporter="{exporter}"}}'
    found = [each for each in collector.get("metrics", "/metrics").splitlines() if each.startswith(line)]
    return float(found[0].rpartition(" ")[2]) if found else -1.0


@pytest.mark.parametrize("conventions", ["as_sent", "genai"])
def test_nothing_that_was_said_reaches_a_receiver(tmp_path: Path, conventions: str) -> None:
    """Both protocols, beside ClickHouse; no header is printed anywhere."""
    names = "[clickhouse, otlp_http/one, otlp_grpc]"
    with recording() as http, grpc_recording() as rpc:
        settings = {
            "exporters__otlp_http/one__endpoint": http.endpoint,
            "exporters__otlp_http/one__headers": "{authorization: SECRET-71}",
            "exporters__otlp_grpc__endpoint": rpc.endpoint,
            "exporters__otlp_grpc__tls__insecure": "true",
            "service__pipelines__traces__exporters": names,
            "service__pipelines__logs__exporters": names,
            "forward__conventions": conventions,
        }
        with running_collector(tmp_path, **settings) as collector:
            send(collector)
            wait_for(
                lambda: waiting(collector, "otlp_http/one") == 0 and waiting(collector, "otlp_grpc") == 0
            )
            said = collector.get("metrics", "/metrics") + collector.log()
        bodies = [*http.bodies(), *http.bodies("/v1/logs"), *rpc.bodies(), *rpc.bodies("logs")]
    assert http.bodies()
    assert rpc.bodies()
    assert [body for body in bodies if TOKEN.encode() in body] == []
    assert TOKEN not in said
    assert "SECRET-71" not in said
    assert any(b"execute_tool" in body for body in bodies)


def test_without_clickhouse_one_that_is_away_gets_what_waited(tmp_path: Path) -> None:
    """Through kill -9: what was acknowledged is in the journal, and the receiver has it once it is there."""
    with grpc_recording() as once:
        endpoint = once.endpoint
    settings = {
        "exporters__otlp_grpc__endpoint": endpoint,
        "exporters__otlp_grpc__tls__insecure": "true",
        "service__pipelines__traces__exporters": "[otlp_grpc]",
        "service__pipelines__logs__exporters": "[otlp_grpc]",
    }
    with running_collector(tmp_path, **settings) as collector:
        acknowledged = send(collector)
        assert waiting(collector, "otlp_grpc") > 0
        collector.kill()
    with grpc_recording(endpoint) as rpc, running_collector(tmp_path, **settings) as collector:
        wait_for(lambda: waiting(collector, "otlp_grpc") == 0 and bool(rpc.bodies()))
    spans = {
        span.span_id
        for body in rpc.bodies()
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }
    expected = {
        span.span_id
        for request in trace_requests(time.time_ns())
        for span in request.resource_spans[0].scope_spans[0].spans
    }
    assert acknowledged
    assert spans == expected
