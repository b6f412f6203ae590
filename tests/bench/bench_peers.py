"""Receiving beside a collector written in Rust, in one run: CPU time per span, medians of rounds in turn.

`python -m tests.bench.bench_peers [--rounds 5] [--seconds 4]`. Ours acknowledges what is in the journal with fsync and
delivers it to nobody; rotel sends on to a ClickHouse that takes and drops everything, or drops everything itself. Every
request has ids that no other had. CPU time is that of the whole process until nothing waits; compare lines of one run.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.support.collector import SHIPPED, running_collector
from tests.support.http import counted
from tests.support.load import cpu_seconds, send_load
from tests.support.other_programs import rotel_program, running_rotel
from tests.support.reference import SPANS
from tests.support.stub_server import serving

OURS: Final = "null sink, fsync journal"
ROTEL: Final = "rotel, to ClickHouse"
_SINK: Final = {**SHIPPED, "exporters__clickhouse__endpoint": "null://"}
_LOOK_SECONDS: Final = 0.5
# Longer than rotel gathers a batch.
_ROTEL_SECONDS: Final = 0.5


class Shape(NamedTuple):
    """So many spans a request from so many senders, and the least share of rotel's spans per CPU-second."""

    spans: int
    senders: int
    aim: float


SHAPES: Final = (Shape(SPANS, 1, 1.0), Shape(16, 16, 0.3))


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that takes spans; `drained` returns when it is done with all that it took."""

    name: str
    grpc: str
    pid: int
    drained: Callable[[], None]


def main() -> None:
    """Measure all of them in turn and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    asked = parser.parse_args()
    if rotel_program() is None:
        print(
            "rotel: the package rotel is not installed; there are no wheels of it for this system, or for this Python"
        )
    with tempfile.TemporaryDirectory() as name, running_peers(Path(name)) as peers:
        for shape in SHAPES:
            report(shape, measured(peers, shape, asked.rounds, asked.seconds))


def measured(peers: list[Peer], shape: Shape, rounds: int, seconds: float) -> dict[str, list[float]]:
    """By program the CPU µs of a span in each round."""
    used: dict[str, list[float]] = defaultdict(list)
    for peer in peers:
        per_span(peer, shape, 1.0)
    for _ in range(rounds):
        for peer in peers:
            used[peer.name].append(per_span(peer, shape, seconds))
    return used


def per_span(peer: Peer, shape: Shape, seconds: float) -> float:
    """CPU µs of a span under as much load as the senders make."""
    before = cpu_seconds(peer.pid)
    load = send_load(peer.grpc, seconds=seconds, clients=shape.senders, spans=shape.spans)
    peer.drained()
    assert not load.refused, peer.name
    return (cpu_seconds(peer.pid) - before) * 1e6 / load.spans


def report(shape: Shape, used: dict[str, list[float]]) -> None:
    """One line for each program, and what ours is of rotel's."""
    print(f"{shape.spans} spans a request, senders: {shape.senders}")
    for name, rounds in used.items():
        median = statistics.median(rounds)
        print(
            f"  {name:26} {1e6 / median:>9,.0f} spans/CPU-s  {median:6.1f} µs per span"
            f" ({min(rounds):.1f} to {max(rounds):.1f})  {median * shape.spans:8,.0f} µs per request"
        )
    if ROTEL in used:
        ratios = [theirs / ours for ours, theirs in zip(used[OURS], used[ROTEL], strict=True)]
        print(f"  ratio to {ROTEL}: {statistics.median(ratios):.2f} (aim: {shape.aim})", flush=True)


@contextmanager
def running_peers(directory: Path) -> Iterator[list[Peer]]:
    """Ours, and rotel twice where it is installed."""
    with ExitStack() as stack:
        ours = stack.enter_context(running_collector(directory, **_SINK))

        def drained() -> None:
            while counted(ours, "agenttrace_journal_rows"):
                time.sleep(_LOOK_SECONDS)
            assert counted(ours, "agenttrace_journal_duplicate_requests") == 0

        peers = [Peer(OURS, ours.grpc, ours.pid, drained)]
        if rotel_program():
            sink = stack.enter_context(serving(_TakesEverything))
            to_clickhouse = "--exporter=clickhouse", f"--clickhouse-exporter-endpoint={sink}"
            for name, exporter in ((ROTEL, to_clickhouse), ("rotel, to nowhere", ("--exporter=blackhole",))):
                ports, process = stack.enter_context(running_rotel(directory / "rotel.log", *exporter))
                grpc = f"127.0.0.1:{ports['grpc']}"
                peers.append(Peer(name, grpc, process.pid, lambda: time.sleep(_ROTEL_SECONDS)))
        yield peers


class _TakesEverything(BaseHTTPRequestHandler):
    """A ClickHouse that reads what is inserted, in chunks, and says that it is stored."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read to the end and answer."""
        while size := int(self.rfile.readline(), 16):
            self.rfile.read(size + len(b"\r\n"))
        self.rfile.readline()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


if __name__ == "__main__":
    main()
