"""The insert is applied and its answer lost, again and again: nothing is doubled."""

from __future__ import annotations

from pathlib import Path

from tests.support.clickhouse_server import Fault, clickhouse_server
from tests.support.on_server import collecting, delivered, send, stored
from tests.support.proof import FULL, Sender, deliver, proving
from tests.support.receivers import wait_until

APPLIED = (Fault.APPLIED_RESET, Fault.APPLIED_ERROR)
TIMES = 50 if FULL else 10


def test_lost_answers_double_nothing(tmp_path: Path) -> None:
    """Each block goes out again under its token until an answer arrives."""
    sender = Sender()
    with proving(tmp_path) as proof:
        for _ in range(TIMES):
            proof.call("set", answers_to_lose=2)
            assert proof.offer(sender, sender.take())
            assert proof.call("flush", within=60)["flushed"]
        state = proof.call("state")
        assert (state["answers_to_lose"], state["retries"]) == (0, 2 * TIMES)
        deliver(proof, sender)
    print(f"\n{2 * TIMES} answers lost, {len(sender.acknowledged)} requests stored once, 0 doubled")


def test_the_collector_meets_a_server_whose_answers_are_lost(tmp_path: Path) -> None:
    """The same over gRPC and HTTP with the collector that is shipped: reset, or answered for by a proxy."""
    sent = 0
    with clickhouse_server() as server, collecting(tmp_path, server.endpoint) as (collector, database):
        for number in range(TIMES):
            server.faults.extend([APPLIED[number % 2]] * 3)
            sent += send(collector, [number])
            wait_until(lambda: not server.faults and delivered(collector), 60)
        assert stored(database) == sent
    print(f"\n{3 * TIMES} answers of a server lost, {sent} spans stored once, 0 doubled")
