"""Counters: exact between threads, and looking changes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from agenttrace.counts import Counters
from agenttrace_schemas import wire


def test_counts_are_exact_between_threads() -> None:
    """No increment is lost, whoever looks meanwhile."""
    counters = Counters()

    def work(_: int) -> None:
        for _ in range(500):
            counters.recorded(wire.EVENT_DECISION)
            counters.unsampled.add()
        counters.snapshot()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    counts = counters.snapshot()
    assert (counts.recorded, counts.unsampled) == ({wire.EVENT_DECISION: 4000}, 4000)
    assert counters.snapshot() == counts
