"""The database is away for the whole of a load, then back: all stored once, memory bounded, journal empty."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.support.clickhouse_server import clickhouse_server
from tests.support.load import peak_memory_mib
from tests.support.on_server import collecting, delivered, send, stored
from tests.support.proof import FULL, Proof, Sender, deliver, proving
from tests.support.receivers import wait_until

ROWS = 1_000_000 if FULL else 40_000
IN_REQUEST = 500
IN_FLIGHT = 8
# What the process may grow by while it takes the load; the rest of it is Python and the engine.
GROWTH_MIB = 256
LIMIT_MIB = 512
SMALL_BYTES = 16 * 2**20


def test_an_outage_as_long_as_the_load(tmp_path: Path) -> None:
    """Everything is acknowledged from the journal alone and stored once the database is back."""
    sender = Sender(rows=IN_REQUEST)
    started = time.monotonic()
    with proving(tmp_path, away=True) as proof:
        before = proof.call("state")["peak_mib"]
        load(proof, sender)
        full = proof.call("state")
        loaded = time.monotonic()
        proof.call("set", away=False)
        deliver(proof, sender)
        state = wait_until_small(proof)
    print(
        f"\n{ROWS} rows in two tables in {loaded - started:.0f} s without a database: journal"
        f" {full['bytes'] / 2**20:.0f} MiB, file {full['file_bytes'] / 2**20:.0f} MiB, memory grew by"
        f" {full['peak_mib'] - before:.0f} MiB; stored once in {time.monotonic() - loaded:.0f} s,"
        f" then journal {state['bytes']} bytes, file {state['file_bytes'] / 2**20:.1f} MiB"
    )
    assert full["rows"] == 2 * ROWS
    assert full["peak_mib"] - before < GROWTH_MIB
    assert (state["rows"], state["bytes"]) == (0, 0)
    assert state["file_bytes"] < SMALL_BYTES


def load(proof: Proof, sender: Sender) -> None:
    """Send all of it, some requests at a time."""
    waiting: dict[int, int] = {}
    while len(sender.acknowledged) * IN_REQUEST < ROWS:
        while len(waiting) < IN_FLIGHT and sender.next < ROWS:
            first = sender.take()
            waiting[proof.send("write", first=first, rows=IN_REQUEST)] = first
        answer = proof.answer()
        assert answer
        assert "retry_after" not in answer
        sender.confirm(waiting.pop(answer["line"]))


def wait_until_small(proof: Proof) -> dict[str, Any]:
    """The file shrinks after the last delivery, not with it."""
    deadline = time.monotonic() + 30
    while (state := proof.call("state"))["file_bytes"] > SMALL_BYTES and time.monotonic() < deadline:
        time.sleep(0.05)
    return state


def test_the_collector_without_its_server(tmp_path: Path) -> None:
    """The same over gRPC with the collector that is shipped, whose server breaks every connection meanwhile."""
    limits = {"processors__memory_limiter__limit_mib": str(LIMIT_MIB)}
    with (
        clickhouse_server() as server,
        collecting(tmp_path, server.endpoint, **limits) as (collector, database),
    ):
        server.away = True
        started = time.monotonic()
        sent = send(collector, range(ROWS // IN_REQUEST), IN_REQUEST)
        loaded, held = time.monotonic(), stored(database)
        server.away = False
        wait_until(lambda: delivered(collector), 600)
        print(
            f"\n{sent} spans acknowledged in {loaded - started:.0f} s without a server, stored once in"
            f" {time.monotonic() - loaded:.0f} s; peak {peak_memory_mib(collector.pid):.0f} MiB of {LIMIT_MIB}"
        )
        assert (held, stored(database)) == (0, sent)
        assert peak_memory_mib(collector.pid) < LIMIT_MIB
