"""An exporter that is away while millions of spans come: memory and disk stay bounded, and nobody else notices."""

from __future__ import annotations

import os
import time
from pathlib import Path

import grpc
import pytest

from tests.forward.test_exporters import wait_for, waiting
from tests.support.collector import Collector, free_ports, running_collector
from tests.support.load import EXPORT, distinct, peak_memory_mib
from tests.support.otlp_recorder import recording
from tests.support.reference import SPANS, reference_request

BACKLOG = int(os.environ.get("BACKLOG", "10000000"))
QUEUE_MIB = 64
# The file keeps the room of what was dropped, and what comes while it is dropped.
FILE_MIB = 3 * QUEUE_MIB
MEMORY_MIB = 500

pytestmark = pytest.mark.skipif(
    os.environ.get("PROVE") != "full", reason="make prove NAME=forward-backlog; BACKLOG=… for another number"
)


def value(collector: Collector, start: str) -> float:
    """The sum of the metrics whose line starts so."""
    lines = collector.get("metrics", "/metrics").splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(start))


def test_one_that_is_away_takes_no_more_than_its_queue(tmp_path: Path) -> None:
    """The other exporter and the database get everything; of its own backlog the oldest is dropped and counted."""
    (nobody,) = free_ports(1)
    requests, largest, now = BACKLOG // SPANS, 0.0, time.time_ns()
    bodies = [reference_request(seed, now) for seed in range(8)]
    with recording() as there:
        settings = {
            "exporters__otlp_http/there__endpoint": there.endpoint,
            "exporters__otlp_grpc/away__endpoint": f"127.0.0.1:{nobody}",
            "exporters__otlp_grpc/away__tls__insecure": "true",
            "exporters__otlp_grpc/away__sending_queue__size_mib": str(QUEUE_MIB),
            "service__pipelines__traces__exporters": "[clickhouse, otlp_http/there, otlp_grpc/away]",
            "exporters__clickhouse__endpoint": "null://",
        }
        with running_collector(tmp_path, **settings) as collector:
            with grpc.insecure_channel(collector.grpc) as channel:
                export = channel.unary_unary(EXPORT, bytes, bytes)
                for number in range(requests):
                    export(distinct(bodies[number % len(bodies)], number))
                    if number % 20 == 0:
                        largest = max(largest, value(collector, "agenttrace_journal_file_bytes"))
                        # What arrived is not looked at: it would fill this process.
                        there.received.clear()
            wait_for(lambda: waiting(collector, "otlp_http/there") == 0)
            sent = value(collector, 'otelcol_exporter_sent_spans{exporter="otlp_http/there"}')
            dropped = value(collector, 'otelcol_exporter_enqueue_failed_spans{exporter="otlp_grpc/away"}')
            left, peak = waiting(collector, "otlp_grpc/away"), peak_memory_mib(collector.pid)
    print(
        f"{requests * SPANS:,} spans, {sent:,.0f} sent to the one that is there; for the one that is away"
        f" {dropped:,.0f} dropped, {left / 2**20:.0f} MiB wait; journal at most {largest / 2**20:.0f} MiB, memory {peak:.0f} MiB"
    )
    assert sent == requests * SPANS
    assert dropped
    assert left <= QUEUE_MIB * 2**20
    assert largest < FILE_MIB * 2**20
    assert peak < MEMORY_MIB
