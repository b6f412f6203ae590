"""Requests to a collector as an OTLP exporter over HTTP sends them, and what its metrics say."""

from __future__ import annotations

import urllib.request

from tests.support.collector import Collector


def post(collector: Collector, signal: str, body: bytes) -> str:
    """Send a body to `/v1/traces` or `/v1/logs`; the whole answer as text."""
    headers = {"content-type": "application/x-protobuf"}
    request = urllib.request.Request(collector.url("http", f"/v1/{signal}"), body, headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
        return f"{answer.status} {answer.headers} {answer.read()!r}"


def counted(collector: Collector, name: str) -> float:
    """A metric, summed over its labels."""
    lines = (line.rpartition(" ") for line in collector.get("metrics", "/metrics").splitlines())
    return sum(
        float(value) for sample, _, value in lines if sample.partition("{")[0].removesuffix("_total") == name
    )
