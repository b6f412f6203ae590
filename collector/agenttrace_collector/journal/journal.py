"""A sink that keeps batches on disk until delivery has brought their rows to the database."""

from __future__ import annotations

import functools
import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from agenttrace_collector.config.directories import JOURNAL_SETTING, prepare_directory, refuse_links
from agenttrace_collector.decode.batch import Batch, EncodedRows
from agenttrace_collector.errors import Reason, Throttled, Unavailable
from agenttrace_collector.journal import blocks
from agenttrace_collector.journal.clock import SteadyClock
from agenttrace_collector.journal.counters import Changes, JournalCounters, JournalStats, RowCount
from agenttrace_collector.journal.forwarding import ForwardQueue, QueueOptions, Queues
from agenttrace_collector.journal.layout import Layout
from agenttrace_collector.journal.lock import DirectoryLock, sync_directory
from agenttrace_collector.journal.options import MIB, Durability, JournalOptions
from agenttrace_collector.journal.reserve import Reserve
from agenttrace_collector.journal.set_aside import RowsSetAside
from agenttrace_collector.journal.store import InsertBlock, JournalStore
from agenttrace_collector.journal.writer import Writer, reason

_log: Final = logging.getLogger(__name__)
_NANOSECONDS: Final = 1_000_000_000

T = TypeVar("T")


class Journal:
    """Durable, ordered, bounded; `write` returns when the batch is as safe as `durability` says.

    `rules`: the fingerprint of those that its batches are enforced under.
    """

    def __init__(
        self,
        options: JournalOptions,
        layouts: Mapping[str, Layout],
        *,
        queues: Sequence[QueueOptions] = (),
        rules: str = "",
        now: Callable[[], int] | None = None,
    ) -> None:
        self._options = options
        self._current = layouts
        self._now = now or SteadyClock()
        self._made_at = self._now()
        self._lock = DirectoryLock(options.directory)
        self._ledger = JournalCounters()
        self._queues = Queues(queues, self._ledger)
        self.aside = RowsSetAside(rules, self._read, self._move)
        self._reading = threading.Lock()
        self._reader: JournalStore | None = None
        self._moved = threading.Condition()
        self._tokens = blocks.DeduplicationTokens(os.urandom(16))
        self._layouts: dict[int, Layout] = {}
        self._ids: dict[str, int] = {}
        path = None if self._in_memory else options.directory / "reserve"
        self._reserve = Reserve(path, options.reserve_mib * MIB)
        pending = options.pending_mib * MIB
        self._writer = Writer(self._store, self._ledger, self._reserve, pending_bytes=pending)

    def open(self) -> list[InsertBlock]:
        """Opens the file; returns the blocks that were in flight when the last process ended.

        Raises `JournalInUse` and `JournalDamaged`.
        """
        if self._in_memory:
            store = self._store()
        else:
            prepare_directory(self._options.directory, JOURNAL_SETTING)
            refuse_links(self._options.directory, JOURNAL_SETTING)
            self._lock.acquire()
            store = self._opened()
        recovered = self._recover(store)
        self._reserve.hold()
        self._writer.start(store)
        return recovered

    def close(self) -> None:
        """Commits what is queued and closes the file."""
        self._writer.close()
        if self._reader:
            self._reader.close()
        self._lock.release()

    async def write(self, batch: Batch) -> bool:
        """Stores the batch; False if the same request was stored in the last ten minutes.

        Raises `Unavailable` while the journal or the disk is full.
        """
        filled = {table: rows for table, rows in batch.blocks.items() if rows.rows}
        if not filled and not any(entry.records for entry in batch.forwarded.values()):
            return True
        work = functools.partial(self._append, batch=batch, filled=filled)
        pending = batch.size + sum(len(entry.data) for entry in batch.forwarded.values())
        return await self._writer.write(work, pending, batch.digest)

    def queues(self) -> list[ForwardQueue]:
        """The queues of the exporters."""
        return [ForwardQueue(each, self._ledger, self._read, self._do) for each in self._queues.options]

    def depth(self) -> JournalStats:
        """Returns the journal's statistics."""
        return self._ledger.depth()

    def obstacle(self, headroom: int = MIB) -> str:
        """Why a batch of this size would be refused; empty if it would be stored."""
        if self._ledger.bytes + headroom > self._options.max_size_mib * MIB:
            return "journal is full"
        return self._writer.obstacle() or ("" if self._reserve.held else "the disk is nearly full")

    def free_bytes(self) -> int | None:
        """Bytes that are free on the journal's disk; None where it is in memory or the directory is gone."""
        if self._in_memory:
            return None
        try:
            return shutil.disk_usage(self._options.directory).free
        except OSError:
            return None

    def oldest(self) -> int | None:
        """When the first entry was written (ns), None for an empty journal."""
        return self._ledger.depth().oldest_at

    def age(self) -> float:
        """Seconds since the oldest entry was written, 0 without one."""
        oldest, now = self.oldest(), self._now()
        if oldest is None:
            return 0.0
        # One of the future came before the clock was set back, and so before this process.
        return (now - (oldest if oldest <= now else self._made_at)) / _NANOSECONDS

    def layout(self, number: int) -> Layout:
        """The layout of this number."""
        return self._layouts[number]

    def layouts_waiting(self) -> list[int]:
        """The layouts that have entries, oldest layout first."""
        waiting = self._ledger.waiting({layout.table for layout in self._layouts.values()})
        return [number for number, layout in sorted(self._layouts.items()) if waiting.get(layout.table)]

    def cut(self, layout: int, *, rows: int, size: int) -> InsertBlock | None:
        """Creates the next block of a layout, bounded in rows and bytes; None if there are no entries."""
        planned = self._read(lambda store: blocks.plan(store, layout, rows=rows, size=size))
        if planned is None:
            return None
        block = self._tokens.stamp(planned)
        return self._do(lambda store, _: store.create_block(block))

    def data(self, block: InsertBlock) -> list[EncodedRows]:
        """The rows of the block's entries, from the first entry to the last."""
        return self._read(lambda store: store.data(block))

    def replace(self, block: InsertBlock, *planned: InsertBlock) -> list[InsertBlock]:
        """Replaces a block by its halves, or by the same rows under a new token."""
        stamped = [self._tokens.stamp(part, block.token) for part in planned]
        return self._do(lambda store, _: blocks.replace(store, block, stamped))

    def delivered(self, block: InsertBlock) -> None:
        """Removes a block that the database has stored."""
        table = self._layouts[block.layout].table
        self._move(lambda store, changes: blocks.finish(store, changes, block, (table, RowCount.DELIVERED)))

    def refused(self, block: InsertBlock, instead: EncodedRows | None, into: str) -> None:
        """Removes a block of one row that the database refused, and stores its rejection `into` another table."""

        def work(store: JournalStore, changes: Changes) -> None:
            table = self._layouts[block.layout].table
            blocks.finish(store, changes, block, (table, RowCount.REFUSED))
            if instead:
                self._put(store, changes, into, instead)

        self._move(work)

    def last(self) -> int:
        """The number of the last entry that was written."""
        return self._read(lambda store: store.last())

    def wait_delivered(self, last: int, timeout: float) -> bool:
        """Wait until no entry up to `last` is left; False if that takes longer."""
        with self._moved:
            return self._moved.wait_for(lambda: self._read(lambda store: store.delivered(last)), timeout)

    @property
    def _in_memory(self) -> bool:
        return self._options.durability is Durability.MEMORY

    def _store(self) -> JournalStore:
        store = JournalStore(None if self._in_memory else self._options.directory / "journal.db")
        try:
            store.prepare(self._options.durability)
        except BaseException:
            store.close()
            raise
        return store

    def _opened(self) -> JournalStore:
        try:
            store = self._store_on_full_disk()
        except BaseException:
            self._lock.release()
            raise
        sync_directory(self._options.directory)
        self._reader = JournalStore(self._options.directory / "journal.db")
        return store

    def _store_on_full_disk(self) -> JournalStore:
        """The store; to read the log of a process that was killed, SQLite needs some space."""
        try:
            return self._store()
        except sqlite3.OperationalError:
            self._reserve.give_up()
            return self._store()

    def _recover(self, store: JournalStore) -> list[InsertBlock]:
        store.begin()
        self._ids = {table: store.layout_id(layout) for table, layout in self._current.items()}
        self._layouts = store.layouts()
        changes = Changes()
        for queue, rows in self._queues.prepare(store, changes):
            _log.warning(
                "journal: %d records that waited for %s, which is not configured, are removed", rows, queue
            )
        for number, (rows, size) in store.waiting().items():
            changes.add(self._layouts[number].table, RowCount.RECOVERED, rows)
            changes.add(self._layouts[number].table, RowCount.BYTES, size)
        self.aside.prepare(store, changes, self._layouts)
        store.commit()
        self._ledger.apply(changes, store.oldest(), store.size())
        return store.blocks()

    def _append(
        self, store: JournalStore, changes: Changes, *, batch: Batch, filled: Mapping[str, EncodedRows]
    ) -> bool:
        now, digest = self._now(), batch.digest
        if digest and store.appends.seen(digest, now):
            changes.duplicate_requests += 1
            for table, rows in filled.items():
                changes.add(table, RowCount.DUPLICATE, rows.rows)
            return False
        self._make_sure_of_room(changes, batch.size)
        self._queues.check_room(changes, batch.forwarded, self._options.retry_after)
        if digest:
            store.appends.remember(digest, now + int(self._options.window * _NANOSECONDS))
        for table, rows in filled.items():
            self._put(store, changes, table, rows)
        self._queues.append(store, changes, batch.forwarded)
        return True

    def _make_sure_of_room(self, changes: Changes, size: int) -> None:
        if self._ledger.bytes + changes.bytes + size > self._options.max_size_mib * MIB:
            message = "journal: it is full"
            raise Throttled(message, self._options.retry_after, Reason.JOURNAL_FULL)
        if not self._reserve.hold():
            message = "journal: the disk is nearly full"
            raise Throttled(message, self._options.retry_after, Reason.DISK_FULL)

    def _put(self, store: JournalStore, changes: Changes, table: str, rows: EncodedRows) -> None:
        store.appends.add(self._ids[table], rows, self._now())
        changes.add(table, RowCount.ACCEPTED, rows.rows)
        changes.add(table, RowCount.BYTES, len(rows.data))

    def _do(self, work: Callable[[JournalStore, Changes], T]) -> T:
        return self._writer.do(work)

    def _read(self, work: Callable[[JournalStore], T]) -> T:
        """Read beside the writer, or through it where all is in memory."""
        if self._reader is None:
            return self._do(lambda store, _: work(store))
        try:
            with self._reading:
                return work(self._reader)
        except sqlite3.Error as error:
            message = f"journal: {reason(error)}"
            raise Unavailable(message, self._options.retry_after) from error

    def _move(self, work: Callable[[JournalStore, Changes], T]) -> None:
        """Do what takes entries away, and tell those who wait for it."""
        self._do(work)
        with self._moved:
            self._moved.notify_all()
