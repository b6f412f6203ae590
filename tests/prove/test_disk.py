"""The disk is full: refusals with a delay, nothing lost, and all goes on when there is room, without a restart."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.support.clickhouse_server import clickhouse_server
from tests.support.disk import COLLECTORS_DISK_MIB, REFUSALS, fill_collector, small_disk
from tests.support.http import counted
from tests.support.on_server import collecting, stored
from tests.support.proof import FULL, Proof, Sender, deliver, proving
from tests.support.receivers import wait_until

SIZE_MIB = 24
ROUNDS = 10 if FULL else 2
RESERVE_MIB = 8
COLLECTORS_ROUNDS = 5 if FULL else 1


def test_a_disk_that_the_journal_fills(tmp_path: Path) -> None:
    """Filled while the database is away, drained when it is back, again and again; no restart."""
    sender = Sender(rows=1000)
    with small_disk(tmp_path / "disk", SIZE_MIB) as disk:
        settings = {"journal": str(disk), "reserve_mib": RESERVE_MIB}
        with proving(tmp_path, **settings) as proof:
            for _ in range(ROUNDS):
                proof.call("set", away=True)
                fill(proof, sender)
                proof.call("set", away=False)
                deliver(proof, sender)
            state = proof.call("state")
        with proving(tmp_path, **settings) as proof:
            deliver(proof, sender)
    assert (state["rows"], state["bytes"]) == (0, 0)
    print(f"\nfilled {ROUNDS} times, {len(sender.acknowledged)} requests of {sender.rows} rows stored once")


def test_a_disk_that_something_else_fills(tmp_path: Path) -> None:
    """Not a byte is left, and the process is killed: what is there is delivered, new requests go in later."""
    sender = Sender(rows=1000)
    with small_disk(tmp_path / "disk", SIZE_MIB) as disk:
        hog = disk / "hog"
        settings = {"journal": str(disk), "reserve_mib": RESERVE_MIB}
        proof = Proof(tmp_path, away=True, **settings)
        proof.ready()
        for _ in range(20):
            assert proof.offer(sender, sender.take())
        with pytest.raises(OSError, match="No space"):
            take_all(hog)
        fill(proof, sender)
        proof.kill()
        with proving(tmp_path, **settings) as proof:
            assert proof.call("flush", within=60)["flushed"]
            hog.unlink()
            deliver(proof, sender)
    print(f"\ndisk filled by another file, {len(sender.acknowledged)} requests stored once")


def test_the_collector_on_a_full_disk(tmp_path: Path) -> None:
    """The one that is shipped, over gRPC: filled while its server is away, by itself; no restart."""
    with small_disk(tmp_path / "disk", COLLECTORS_DISK_MIB) as disk, clickhouse_server() as server:
        settings = {"journal__directory": str(disk / "journal")}
        sent = 0
        with collecting(tmp_path, server.endpoint, **settings) as (collector, database):
            for number in range(COLLECTORS_ROUNDS):
                server.away = True
                seeds = itertools.count(number * 1_000_000)
                sent += fill_collector(collector, seeds)
                held = stored(database)
                server.away = False
                wait_until(lambda: counted(collector, "agenttrace_journal_rows") == 0, 120)
                assert stored(database) == sent > held
        print(f"\nfilled {COLLECTORS_ROUNDS} times, {sent} acknowledged spans stored once")


def fill(proof: Proof, sender: Sender) -> None:
    """Send until nothing more goes in; every refusal names a delay."""
    refused = 0
    while refused < REFUSALS:
        first = sender.take()
        answer = proof.call("write", first=first, rows=sender.rows)
        if "retry_after" in answer:
            assert answer["retry_after"] > 0
            refused += 1
        else:
            sender.confirm(first)


def take_all(path: Path) -> None:
    """Write a file until the disk is full."""
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
