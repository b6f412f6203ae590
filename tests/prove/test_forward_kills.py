"""kill -9 with two forwarders, one of them down half of the time: nothing acknowledged is missing there or in the database."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agenttrace_schemas.rows import SpanLinkRow
from tests.forward.test_exporters import wait_for, waiting
from tests.support.collector import Collector, start_collector, until_stopped, wait_until_ready
from tests.support.load import EXPORT
from tests.support.otlp_receiver import grpc_recording
from tests.support.proof import FULL
from tests.support.read_back import read_back

CYCLES = 100 if FULL else 2


def ids(bodies: Iterable[bytes]) -> set[bytes]:
    """The ids of the spans in these requests."""
    return {
        span.span_id
        for body in bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


def acknowledged(collector: Collector, number: int) -> Iterator[bytes]:
    """Send one span after the other until the process is gone; the ids of those that it acknowledged."""
    with grpc.insecure_channel(collector.grpc) as channel:
        export = channel.unary_unary(EXPORT, bytes, bytes)
        while collector.process.poll() is None:
            number += 1
            request = ExportTraceServiceRequest()
            span = request.resource_spans.add().scope_spans.add().spans.add(name="chat")
            span.trace_id, span.span_id = number.to_bytes(16), number.to_bytes(8)
            span.start_time_unix_nano = span.end_time_unix_nano = time.time_ns()
            try:
                export(request.SerializeToString(), timeout=2)
            except grpc.RpcError:
                return
            yield span.span_id


def settings(endpoints: dict[str, str]) -> dict[str, str]:
    """Exporters of these names beside the database."""
    pipeline = f"[clickhouse, {', '.join(endpoints)}]"
    chosen = {f"service.pipelines.{signal}.exporters": pipeline for signal in ("traces", "logs")}
    for name, endpoint in endpoints.items():
        chosen[f"exporters.{name}.endpoint"] = endpoint
        chosen[f"exporters.{name}.tls.insecure"] = "true"
    return chosen


def stored(directory: Path) -> set[int]:
    """The numbers of the spans in the database, each of them once."""
    tables = dict(part.split("\n", 1) for part in read_back(directory / "data").split("# ") if "\n" in part)
    lines = tables[SpanLinkRow.TABLE].splitlines()
    return {int(json.loads(line)["span_id"]) for line in lines if line.startswith("{")}


def test_nothing_acknowledged_is_missing_at_either_receiver(tmp_path: Path) -> None:
    """The second one is there in every other cycle only."""
    taken: set[bytes] = set()
    second: set[bytes] = set()
    with grpc_recording() as once:
        endpoint = once.endpoint
    with grpc_recording() as first:
        chosen = settings({"otlp_grpc/first": first.endpoint, "otlp_grpc/second": endpoint})
        for cycle in range(CYCLES):
            with ExitStack() as stack:
                there = stack.enter_context(grpc_recording(endpoint)) if cycle % 2 else None
                collector = start_collector(tmp_path, chosen)
                wait_until_ready(collector)
                threading.Timer(random.uniform(0.1, 0.8), collector.kill).start()
                taken |= set(acknowledged(collector, 1_000_000 * (cycle + 1)))
                collector.process.wait()
                second |= ids(there.bodies()) if there else set()
        with grpc_recording(endpoint) as there, until_stopped(start_collector(tmp_path, chosen)) as collector:
            wait_for(lambda: not any(waiting(collector, f"otlp_grpc/{name}") for name in ("first", "second")))
        second |= ids(there.bodies())
        assert taken
        assert taken - ids(first.bodies()) == set()
        assert taken - second == set()
    acknowledged_numbers, found = {int.from_bytes(each) for each in taken}, stored(tmp_path)
    assert acknowledged_numbers - found == set()
    # Of each cycle the last span may be stored without an answer.
    assert len(found - acknowledged_numbers) <= CYCLES
    print(f"{CYCLES} cycles: {len(taken)} acknowledged, at both receivers, {len(found)} in the database")
