"""Ingest on the reference request: spans per CPU-second of the collector, beside a server that does nothing.

`python -m tests.bench.bench_ingest [--seconds 10]` prints one line per configuration. Run on an
otherwise idle machine; compare lines of one run only.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import grpc

from tests.support.collector import SHIPPED, running_collector
from tests.support.load import EXPORT, Load, cpu_seconds, peak_memory_mib, send_load
from tests.support.reference import SPANS

_SINK = {"exporters__clickhouse__endpoint": "null://"}
CONFIGURATIONS: Mapping[str, Mapping[str, str]] = {
    "sink, journal in memory": {**_SINK, "journal__durability": "memory"},
    "sink, journal with fsync": {**_SINK, "journal__durability": "fsync"},
    "the same, decoded in Python": {**_SINK, "journal__durability": "fsync", "decode__engine": "python"},
    "chDB, journal with fsync": SHIPPED,
}


def main() -> None:
    """Measure every configuration and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    seconds: float = parser.parse_args().seconds
    ceiling(seconds)
    for name, settings in CONFIGURATIONS.items():
        with tempfile.TemporaryDirectory() as directory:
            measure(name, settings, Path(directory), seconds)


def measure(name: str, settings: Mapping[str, str], directory: Path, seconds: float) -> None:
    """Full load first for the rate, then half of it for the latency of the acknowledgement."""
    with running_collector(directory, **settings) as collector:
        send_load(collector.grpc, seconds=1)
        before = cpu_seconds(collector.pid)
        load = send_load(collector.grpc, seconds=seconds)
        used = cpu_seconds(collector.pid) - before
        report(name, load, used, peak_memory_mib(collector.pid))
        for spans in (SPANS, SPANS // 8):
            half = send_load(collector.grpc, seconds=seconds, rate=load.spans / load.seconds / 2, spans=spans)
            print(
                f"{'':28} acknowledged at half load, requests of {spans} spans:"
                f" p50 {half.percentile(50):.1f} ms, p99 {half.percentile(99):.1f} ms"
            )


def report(name: str, load: Load, used: float, memory: float) -> None:
    """One line of figures."""
    print(
        f"{name:28} {load.spans / load.seconds:>9,.0f} spans/s {load.spans / used:>9,.0f} spans/CPU-s"
        f"  p50 {load.percentile(50):6.1f} ms  p99 {load.percentile(99):6.1f} ms"
        f"  peak {memory:5.0f} MiB  refused {load.refused}",
        flush=True,
    )


def ceiling(seconds: float) -> None:
    """What reads and answers at once, at full load."""
    with serving_nothing() as (endpoint, pid):
        send_load(endpoint, seconds=1)
        before = cpu_seconds(pid)
        load = send_load(endpoint, seconds=min(seconds, 5.0))
        report("reads and answers (ceiling)", load, cpu_seconds(pid) - before, peak_memory_mib(pid))


@contextmanager
def serving_nothing() -> Iterator[tuple[str, int]]:
    """A gRPC server in Python that reads the bytes and answers at once: its endpoint and its process id."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve_nothing, args=(theirs,), daemon=True)
    server.start()
    assert server.pid is not None
    yield str(ours.recv()), server.pid
    ours.send(None)
    server.join()


def _serve_nothing(connection: Connection) -> None:
    service, method = EXPORT.rsplit("/", 1)
    answer = grpc.unary_unary_rpc_method_handler(lambda _body, _context: b"")
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", SPANS * 65_536)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service[1:], {method: answer}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    connection.send(f"127.0.0.1:{port}")
    connection.recv()
    server.stop(None).wait()


if __name__ == "__main__":
    main()
