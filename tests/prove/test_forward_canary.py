"""Requests of every open corpus with a sentence in each place, through a collector: no receiver gets a word of it.

Every field of both protocols, and of each attribute its key and its value: all at once, and one after the other.
"""

from __future__ import annotations

import itertools
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from agenttrace_collector.receivers.signals import EXPORT, LOGS_SERVICE, TRACE_SERVICE
from tests.forward.test_exporters import wait_for, waiting
from tests.support.canary import TOKEN
from tests.support.collector import Collector, running_collector
from tests.support.otlp_receiver import grpc_recording
from tests.support.otlp_recorder import recording
from tests.support.planted import corpora, planted_everywhere, planted_one_by_one

FULL = os.environ.get("PROVE") == "full"
SERVICES = {"traces": TRACE_SERVICE, "logs": LOGS_SERVICE}
MODES = list(itertools.product(("as_sent", "genai"), ("structure", "drop")))


def requests() -> Iterator[tuple[str, bytes]]:
    """Every request: planted everywhere, and for each place of the corpora one with it alone."""
    done: set[str] = set()
    for signal, body in corpora():
        yield from ((signal, each) for each in planted_everywhere(signal, body))
        yield from ((signal, each) for each in planted_one_by_one(signal, body, done))


def send(collector: Collector) -> int:
    """Send them all, over gRPC and HTTP in turns; how many there were."""
    count = 0
    with grpc.insecure_channel(collector.grpc) as channel:
        export = {
            signal: channel.unary_unary(f"/{service}/{EXPORT}", bytes, bytes)
            for signal, service in SERVICES.items()
        }
        for count, (signal, body) in enumerate(requests(), start=1):
            if count % 2:
                export[signal](body)
            else:
                post(collector.url("http", f"/v1/{signal}"), body)
    return count


def post(url: str, body: bytes) -> None:
    """Post protobuf."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/x-protobuf"})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
        answer.read()


@pytest.mark.skipif(not FULL, reason="make prove NAME=forward-canary; in short: tests/forward")
@pytest.mark.parametrize(("conventions", "other_spans"), MODES)
def test_no_receiver_gets_a_word(tmp_path: Path, conventions: str, other_spans: str) -> None:
    """Over gRPC and HTTP, in and out; nor do metrics, log and journal have it."""
    names = ("otlp_http", "otlp_grpc")
    with recording() as http, grpc_recording() as rpc:
        settings = {
            "exporters__otlp_http__endpoint": http.endpoint,
            "exporters__otlp_grpc__endpoint": rpc.endpoint,
            "exporters__otlp_grpc__tls__insecure": "true",
            "service__pipelines__traces__exporters": f"[{', '.join(names)}]",
            "service__pipelines__logs__exporters": f"[{', '.join(names)}]",
            "forward__conventions": conventions,
            "forward__other_spans": other_spans,
        }
        with running_collector(tmp_path, **settings) as collector:
            sent = send(collector)
            wait_for(lambda: all(waiting(collector, name) == 0 for name in names))
            said = collector.get("metrics", "/metrics") + collector.log()
        bodies = [*http.bodies(), *http.bodies("/v1/logs"), *rpc.bodies(), *rpc.bodies("logs")]
    leaked = [body for body in bodies if TOKEN.encode() in body]
    print(
        f"{conventions}, {other_spans}: {sent} requests in, {len(bodies)} out, {len(leaked)} with the sentence"
    )
    assert leaked == []
    assert TOKEN not in said
    files = [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert files == []
    assert http.bodies()
    assert rpc.bodies()
