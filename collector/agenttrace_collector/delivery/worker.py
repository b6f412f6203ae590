"""The worker that drains the journal: it sends what is there as often as inserts may take of its time."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from agenttrace_collector.clickhouse.inserter import AppliedRules, Inserter, Presence
from agenttrace_collector.delivery.backoff import Backoff
from agenttrace_collector.delivery.counters import DeliveryCounts, Progress
from agenttrace_collector.delivery.table_worker import DeliveryContext, TableWorker
from agenttrace_collector.journal import InsertBlock, Journal

_log: Final = logging.getLogger(__name__)
# What inserts of all tables are taken to cost, in seconds, before the first of them was seen.
_FIRST_COST: Final = 0.025


@dataclass(frozen=True, slots=True)
class DeliveryOptions:
    """Bounds of a block and of the delay between attempts, in rows, bytes and seconds.

    Blocks are cut so seldom that inserts take `insert_share` of the time, but at least every `block_age`.
    """

    block_rows: int = 100_000
    block_bytes: int = 32 * 1024 * 1024
    block_age: float = 5.0
    insert_share: float = 0.05
    first_delay: float = 0.25
    longest_delay: float = 15.0


class Delivery:
    """Brings each row to the database once; `start` it with the blocks that `Journal.open` returned."""

    def __init__(
        self,
        journal: Journal,
        inserter: Inserter,
        *,
        options: DeliveryOptions = DeliveryOptions(),
        presence: Presence | None = None,
        rules: AppliedRules | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], int] = time.time_ns,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._journal = journal
        self._options = options
        self._counts = DeliveryCounts()
        rows, size = options.block_rows, options.block_bytes
        self._route = DeliveryContext(journal, inserter, presence, rules, self._counts, now, rows, size)
        self._clock = clock
        self._jitter = jitter
        self._lanes: dict[int, TableWorker] = {}
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._flushing = 0
        self._age = self._worth_waiting(_FIRST_COST)
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)

    def start(self, recovered: Sequence[InsertBlock] = ()) -> None:
        """Begin to deliver, first what was on its way when the last process ended."""
        for block in recovered:
            self._lane(block.layout).recover(block)
        self._thread.start()

    def stop(self, timeout: float | None = None) -> bool:
        """Stop after the insert in flight; what is left stays in the journal. False: it is still in flight."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    async def flush(self, within: float) -> bool:
        """Deliver everything that is in the journal now, without waiting for age; False if `within` passes first."""
        last = await asyncio.to_thread(self._journal.last)
        self._flushing += 1
        self._hurry.set()
        self._wake.set()
        try:
            return await asyncio.to_thread(self._journal.wait_delivered, last, within)
        finally:
            self._flushing -= 1

    def progress(self) -> Progress:
        """What was done since start."""
        return self._counts.progress()

    def _run(self) -> None:
        while not self._stopping.is_set():
            delay = self.deliver_due()
            self._wake.wait(delay)
            self._wake.clear()

    def deliver_due(self) -> float:
        """Runs each table worker that is due; returns the seconds until the next one is."""
        hurry = self._hurry.is_set()
        self._hurry.clear()
        now = self._clock()
        lanes = self._waiting()
        due = [lane for lane in lanes if hurry or lane.due <= now]
        moved = [lane for lane in due if not self._stopping.is_set() and lane.step(self._clock)]
        if moved:
            self._age = self._worth_waiting(self._clock() - now)
        if moved and (self._flushing or any(lane.behind for lane in moved)):
            return 0.0
        later = [lane.due - now for lane in lanes if lane.due > now]
        return max(0.0, min([self._age, *later]) - (self._clock() - now))

    def _worth_waiting(self, cost: float) -> float:
        """How long rows gather for the next blocks when inserting the last ones took so many seconds."""
        return min(self._options.block_age, cost / self._options.insert_share)

    def _waiting(self) -> list[TableWorker]:
        return [self._lane(number) for number in self._journal.layouts_waiting()]

    def _lane(self, layout: int) -> TableWorker:
        if layout not in self._lanes:
            options = self._options
            backoff = Backoff(options.first_delay, options.longest_delay, jitter=self._jitter)
            self._lanes[layout] = TableWorker(self._route, layout, backoff)
        return self._lanes[layout]
