"""Delivers the blocks of one table in order: retries a block until it is stored, and splits one that is refused."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from agenttrace_collector.clickhouse.inserter import AppliedRules, Inserter, Presence
from agenttrace_collector.delivery.backoff import Backoff
from agenttrace_collector.delivery.block_data import BlockData, key_columns
from agenttrace_collector.delivery.counters import DeliveryCounts
from agenttrace_collector.delivery.rejection import REJECTIONS, refusal
from agenttrace_collector.errors import Rejected, Unavailable
from agenttrace_collector.journal import InsertBlock, Journal
from agenttrace_collector.journal.blocks import halves, next_round
from agenttrace_collector.telemetry.spans import SpanName, span

_log: Final = logging.getLogger(__name__)
_SET_ASIDE: Final = "delivery: %d rows of %s are set aside in the journal: the database has other rules than they were taken under"


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """What all table workers share; `presence` is None if acknowledged rows need no check, `rules` if no row breaks one."""

    journal: Journal
    inserter: Inserter
    presence: Presence | None
    rules: AppliedRules | None
    counts: DeliveryCounts
    now: Callable[[], int]
    block_rows: int
    block_bytes: int


class TableWorker:
    """Blocks of one layout in order, at most one of them in flight."""

    def __init__(self, route: DeliveryContext, layout: int, backoff: Backoff) -> None:
        self._route = route
        self._number = layout
        self._layout = route.journal.layout(layout)
        self._backoff = backoff
        self._blocks: deque[InsertBlock] = deque()
        self._doubtful: set[str] = set()
        self._contents: tuple[int, BlockData] | None = None
        # The database has said its word on the first block; only the journal does not know yet.
        self._outcome: Callable[[], None] | None = None
        self.due = 0.0

    def recover(self, block: InsertBlock) -> None:
        """Takes over a block that was in flight when the last process ended."""
        self._blocks.append(block)
        self._doubtful.add(block.token)

    def step(self, clock: Callable[[], float]) -> bool:
        """Tries the next block; True if it is finished, False if there is none or it must wait until `due`."""
        try:
            moved = self._step()
        except Exception as error:  # noqa: BLE001 - the worker loop: no block may end it
            self._put_off(error, clock())
            return False
        self._backoff.reset()
        return moved

    @property
    def behind(self) -> bool:
        """Whether another block should follow at once, not wait for its age."""
        if self._blocks:
            return True
        waiting = self._route.journal.depth().tables[self._layout.table]
        return 2 * waiting.waiting >= self._route.block_rows or 2 * waiting.bytes >= self._route.block_bytes

    def _step(self) -> bool:
        if self._outcome is None:
            if not self._blocks and not self._cut():
                return False
            self._outcome = self._send(self._blocks[0])
        self._outcome()
        self._outcome = None
        return True

    def _put_off(self, error: Exception, now: float) -> None:
        self._contents = None
        self._route.counts.failed(self._layout.table, error)
        if self._blocks and self._outcome is None:
            self._doubtful.add(self._blocks[0].token)
        delay = self._backoff.next()
        self.due = now + delay
        level = logging.WARNING if isinstance(error, Unavailable) else logging.ERROR
        _log.log(
            level,
            "delivery: %s waits, attempt %d failed (%s), next in %.1f s",
            self._layout.table,
            self._backoff.attempts,
            getattr(error, "code", None) or type(error).__name__,
            delay,
        )

    def _cut(self) -> bool:
        route = self._route
        block = route.journal.cut(self._number, rows=route.block_rows, size=route.block_bytes)
        if block is not None:
            self._blocks.append(block)
        return block is not None

    def _send(self, block: InsertBlock) -> Callable[[], None]:
        """Inserts a block; returns the update for the journal."""
        contents = self._read(block)
        try:
            if not block.round:
                self._insert(block, contents.rows(block))
            if block.round or block.token in self._doubtful:
                return self._confirm(block, contents)
        except Rejected as error:
            return self._take_apart(self._blocks[0], contents, error)
        return lambda: self._done(block)

    def _confirm(self, block: InsertBlock, contents: BlockData) -> Callable[[], None]:
        """Checks that the rows of an interrupted block are stored and inserts the missing ones.

        A ClickHouse that is killed between writing its deduplication log and renaming the part knows
        the token and has lost the rows.
        """
        missing = self._missing(block, contents)
        if not missing:
            return lambda: self._done(block)
        _log.warning("delivery: %s lacks %d rows of an interrupted insert", self._layout.table, len(missing))
        again = self._route.journal.replace(block, next_round(block))[0]
        self._blocks[0] = again
        self._doubtful.add(again.token)
        self._insert(again, contents.pick(again, missing))
        self._route.counts.repaired(self._layout.table, len(missing))
        return lambda: self._done(again)

    def _missing(self, block: InsertBlock, contents: BlockData) -> Sequence[int]:
        if self._route.presence is None:
            return ()
        table, key = self._layout.table, key_columns(self._layout)
        presence = self._route.presence
        present = (presence.stored if block.round else presence.present)(table, key, contents.keys(block))
        return [place for place in range(block.rows) if place not in present]

    def _insert(self, block: InsertBlock, data: bytes) -> None:
        layout = self._layout
        with span(SpanName.INSERT, table=layout.table, rows=block.rows, bytes=len(data)):
            self._route.inserter.insert(layout.table, layout.names, data, token=block.token)
        self._route.counts.inserted(layout.table)

    def _take_apart(self, block: InsertBlock, contents: BlockData, error: Rejected) -> Callable[[], None]:
        tightened = self._was_tightened(block, error)
        if tightened and contents.is_whole(block) and (outcome := self._divide(block, contents)):
            return outcome
        if block.rows > 1 or (self._is_in_doubt(block) and not block.round):
            return lambda: self._split(block)
        if tightened:
            return lambda: self._set_aside(block, contents.rows(block))
        code = getattr(error, "code", None) or type(error).__name__
        _log.warning("delivery: a row of %s is refused by the database (%s)", self._layout.table, code)
        instead = refusal(self._layout.table, contents.first(block), block.token, self._route.now())
        if instead is None:
            _log.error("delivery: the database refuses rejections; one is not recorded")
            self._route.counts.unrecorded()

        def refused() -> None:
            self._route.journal.refused(block, instead, REJECTIONS)
            self._forget(block)

        return refused

    def _was_tightened(self, block: InsertBlock, error: Rejected) -> bool:
        """Whether a rule refuses what was enforced under other rules than the database now has."""
        rules, journal = self._route.rules, self._route.journal
        if rules is None or not getattr(error, "rule", ""):
            return False
        return journal.aside.is_former(block) or rules.in_force() != rules.own

    def _divide(self, block: InsertBlock, contents: BlockData) -> Callable[[], None] | None:
        """Sets aside the rows that the database refuses by its own word; None where it does not say which."""
        rules, layout = self._route.rules, self._layout
        waiting: Sequence[int] = range(block.rows)
        if self._is_in_doubt(block):
            waiting = self._missing(next_round(block), contents)
        rows = contents.each(block, waiting)
        try:
            refused = (
                set(rules.refused_in_force(layout.table, layout.columns, rows)) if rules and rows else set()
            )
        except Rejected:
            return None
        if rows and not refused:
            return None
        kept = [row for place, row in enumerate(rows) if place not in refused]
        apart = [rows[place] for place in sorted(refused)]
        if apart:
            _log.warning(_SET_ASIDE, len(apart), layout.table)

        def divided() -> None:
            self._route.journal.aside.divide(block, kept, apart, self._route.now())
            self._forget(block)

        return divided

    def _set_aside(self, block: InsertBlock, row: bytes) -> None:
        _log.warning(_SET_ASIDE, 1, self._layout.table)
        self._route.journal.aside.take(block, row, self._route.now())
        self._forget(block)

    def _split(self, block: InsertBlock) -> None:
        in_doubt = self._is_in_doubt(block)
        halved = halves(block, in_doubt=in_doubt) if block.rows > 1 else (next_round(block),)
        parts = self._route.journal.replace(block, *halved)
        self._forget(block)
        self._blocks.extendleft(reversed(parts))

    def _is_in_doubt(self, block: InsertBlock) -> bool:
        """Whether rows of a block that is refused may be stored: it was interrupted, then the rules changed."""
        return self._route.presence is not None and (block.round > 0 or block.token in self._doubtful)

    def _done(self, block: InsertBlock) -> None:
        self._route.journal.delivered(block)
        self._forget(block)

    def _forget(self, block: InsertBlock) -> None:
        self._blocks.popleft()
        self._doubtful.discard(block.token)
        if not self._blocks:
            self._contents = None

    def _read(self, block: InsertBlock) -> BlockData:
        """The entries of the block, kept for its halves and let go while nothing is sent."""
        if self._contents is None or self._contents[0] != block.first:
            self._contents = (block.first, BlockData(self._layout, self._route.journal.data(block)))
        return self._contents[1]
