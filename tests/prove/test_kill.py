"""Kill -9 at random moments under load: what was acknowledged is stored once, counted raw."""

from __future__ import annotations

import itertools
import queue
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import grpc

from tests.support.collector import running_collector, start_collector, wait_until_ready
from tests.support.load import EXPORT
from tests.support.proof import FULL, ROWS, Proof, Sender, deliver, proving
from tests.support.reference import reference_request

CYCLES = 200 if FULL else 6
COLLECTOR_CYCLES = 200 if FULL else 3
SPANS_IN_REQUEST = 64
IN_FLIGHT = 16


def test_kill_at_random_moments(tmp_path: Path) -> None:
    """Load, kill, restart, send again what was not acknowledged; at the end every row is there once."""
    sender = Sender()
    chance = random.Random()
    started = time.monotonic()
    for _ in range(CYCLES):
        proof = Proof(tmp_path)
        # One life in ten ends while it starts, with recovery under way.
        if chance.random() > 0.1:
            proof.ready()
            load(proof, sender, chance.uniform(0.02, 1.0))
        proof.kill()
        collect(proof, sender)
    with proving(tmp_path) as proof:
        deliver(proof, sender)
    repaired = (tmp_path / "node.log").read_text().count("rows of an interrupted insert")
    print(
        f"\n{CYCLES} kills in {time.monotonic() - started:.0f} s: {len(sender.acknowledged)} requests"
        f" of {ROWS} rows in two tables stored once; 0 lost, 0 doubled"
        f" (blocks that the engine had lost and delivery sent again: {repaired})"
    )


def test_kill_the_collector(tmp_path: Path) -> None:
    """The same over gRPC with the collector that is shipped."""
    exporter = Exporter()
    chance = random.Random()
    started = time.monotonic()
    for _ in range(COLLECTOR_CYCLES):
        collector = start_collector(tmp_path)
        try:
            wait_until_ready(collector)
            with ThreadPoolExecutor(1) as pool:
                sending = pool.submit(exporter.send, collector.grpc)
                wait([sending], chance.uniform(0.05, 2.0))
                collector.kill()
                sending.result()
        finally:
            collector.kill()
    with running_collector(tmp_path) as collector:
        exporter.send(collector.grpc, new=False)
    assert not exporter.unacknowledged
    with_doubles, different = stored(tmp_path)
    spans = len(exporter.acknowledged) * SPANS_IN_REQUEST
    print(
        f"\n{COLLECTOR_CYCLES} kills of the collector in {time.monotonic() - started:.0f} s: {spans} spans stored once"
    )
    assert (with_doubles, different) == (spans, spans)


class Exporter:
    """Sends numbered requests from a few threads, each until it is acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: set[int] = set()
        self.unacknowledged: set[int] = set()
        self._now = time.time_ns()
        self._numbers = itertools.count()

    def send(self, endpoint: str, *, new: bool = True) -> None:
        """Send what is open, then new requests, until the collector is gone."""
        again = sorted(self.unacknowledged)
        numbers = itertools.chain(again, self._numbers) if new else iter(again)
        with grpc.insecure_channel(endpoint) as channel:
            export = channel.unary_unary(EXPORT, bytes, bytes)
            for number in numbers:
                self.unacknowledged.add(number)
                body = reference_request(number, self._now, SPANS_IN_REQUEST)
                try:
                    export(body, timeout=10)
                except grpc.RpcError:
                    return
                self.unacknowledged.discard(number)
                self.acknowledged.add(number)


def stored(directory: Path) -> tuple[int, int]:
    """Steps that are stored, as they lie there and different ones, counted by a process of its own."""
    program = (
        "import sys, clickhouse_connect\n"
        "client = clickhouse_connect.get_client(dsn=sys.argv[1])\n"
        "print(*client.query('SELECT count(), uniqExact(span_id) FROM agenttrace.agent_steps').result_rows[0])"
    )
    command = [sys.executable, "-c", program, f"chdb://{directory / 'data'}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(answer[0]), int(answer[1])


def load(proof: Proof, sender: Sender, seconds: float) -> None:
    """Keep requests in flight for some time, first those that were not acknowledged."""
    again = sorted(sender.unacknowledged)

    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        while len(proof.lines) < IN_FLIGHT:
            first = again.pop(0) if again else sender.take()
            proof.lines[proof.send("write", first=first, rows=ROWS)] = first
        confirm(proof, sender, max(0.0, ends - time.monotonic()))


def confirm(proof: Proof, sender: Sender, seconds: float) -> bool:
    """Take one answer; False if there is none."""
    try:
        answer = proof.answer(seconds)
    except queue.Empty:
        return False
    if answer is None:
        return False
    if "line" in answer:
        first = proof.lines.pop(answer["line"])
        if "retry_after" not in answer:
            sender.confirm(first)
    return True


def collect(proof: Proof, sender: Sender) -> None:
    """Take the answers that were written before the end."""
    while confirm(proof, sender, 0.0):
        continue
