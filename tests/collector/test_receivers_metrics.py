"""Metrics are read whole, counted and dropped, or their sender is told."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import httpx
import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from tests.support import plain_http
from tests.support.receivers import EXPORT_METRICS, Receivers, Settings, receivers

PROTOBUF = {"content-type": "application/x-protobuf"}
POINTS = 3 * 5
SAID = "CANARY: what did she say?"


def request(copies: int = 1) -> ExportMetricsServiceRequest:
    """One metric of each kind with three points, and one without data."""
    made = ExportMetricsServiceRequest()
    for _ in range(copies):
        metrics = made.resource_metrics.add().scope_metrics.add().metrics
        for kind in ("gauge", "sum", "histogram", "exponential_histogram", "summary"):
            metric = metrics.add(name=SAID)
            for _ in range(3):
                getattr(metric, kind).data_points.add()
        metrics.add(name=SAID)
    return made


@pytest.fixture(scope="module")
def live() -> Iterator[Receivers]:
    """Receivers that ignore metrics."""
    with receivers(Settings()) as running:
        yield running


def counted(running: Receivers) -> int:
    """How many points came."""
    return int(running.counted("agenttrace_received_metric_points"))


def posted(running: Receivers, body: bytes, **headers: str) -> httpx.Response:
    """The answer to metrics."""
    sent = {**PROTOBUF, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return plain_http.post(f"{running.http}/v1/metrics", content=body, headers=sent, timeout=30)


def test_they_are_taken_and_counted(live: Receivers) -> None:
    """Over both protocols, packed, as JSON, and large."""
    before, body = counted(live), request().SerializeToString()
    assert (
        ExportMetricsServiceResponse.FromString(live.export(body, path=EXPORT_METRICS))
        == ExportMetricsServiceResponse()
    )
    assert posted(live, body).status_code == 200
    assert posted(live, gzip.compress(body), content_encoding="gzip").content == b""
    assert (
        posted(live, json_format.MessageToJson(request()).encode(), content_type="application/json").json()
        == {}
    )
    assert counted(live) - before == 4 * POINTS
    assert posted(live, request(20_000).SerializeToString()).status_code == 200
    assert counted(live) - before == 20_004 * POINTS


def test_a_sender_is_told_where_the_site_wants_it() -> None:
    """How many points were dropped, and what they said nowhere."""
    with receivers(Settings(refuse_metrics=True)) as running:
        body = request().SerializeToString()
        for answer in (live_answer(running, body), posted(running, body).content):
            partial = ExportMetricsServiceResponse.FromString(answer).partial_success
            assert partial.rejected_data_points == POINTS
            assert "receivers.otlp.metrics" in partial.error_message
            assert "CANARY" not in str(partial)


def live_answer(running: Receivers, body: bytes) -> bytes:
    """The answer over gRPC."""
    return running.export(body, path=EXPORT_METRICS)


def test_what_is_no_request_is_refused(live: Receivers) -> None:
    """As for other signals."""
    assert posted(live, b"garbage").status_code == 400
    assert posted(live, b"{", content_type="application/json").status_code == 400
