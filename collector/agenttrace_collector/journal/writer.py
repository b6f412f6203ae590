"""Group commit: one thread runs the queued work in one transaction and completes it after the fsync."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from agenttrace_collector.errors import CollectorError, Reason, Unavailable
from agenttrace_collector.journal.counters import Changes, JournalCounters
from agenttrace_collector.journal.groups import Groups, Task
from agenttrace_collector.journal.reserve import Reserve
from agenttrace_collector.journal.store import JournalStore, damaged
from agenttrace_collector.telemetry.spans import SpanName, span

_log: Final = logging.getLogger(__name__)
# A failed commit is an obstacle until one succeeds, for so long at most: then the next request tries it.
_FAILURE_SECONDS: Final = 10.0
_SHRINK_BYTES: Final = 16 * 1024 * 1024

T = TypeVar("T")


class Writer:
    """Owns the only connection that writes; `write` and `do` hand it work."""

    def __init__(
        self,
        open_store: Callable[[], JournalStore],
        ledger: JournalCounters,
        reserve: Reserve,
        *,
        pending_bytes: int,
    ) -> None:
        self._open = open_store
        self._store: JournalStore | None = None
        self._ledger = ledger
        self._reserve = reserve
        self.groups = Groups(pending_bytes)
        self._failure = ""
        self._failed_at = 0.0
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)

    def obstacle(self) -> str:
        """Why the last commit failed; empty once one succeeds, or when the next may be tried."""
        is_recent = time.monotonic() - self._failed_at < _FAILURE_SECONDS
        return self._failure if is_recent else ""

    def start(self, store: JournalStore) -> None:
        """Take over an open store and begin to work."""
        self._store = store
        self._thread.start()

    async def write(self, work: Callable[[JournalStore, Changes], T], size: int, digest: bytes) -> T:
        """Does work that adds so many bytes for a request; returns when its group is committed."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self.groups.submit(Task(work, size, digest, future, loop))
        return await future

    def do(self, work: Callable[[JournalStore, Changes], T]) -> T:
        """The same from a thread, for work that adds nothing."""
        future: Future[T] = Future()
        self.groups.submit(Task(work, 0, b"", future))
        return future.result()

    def close(self) -> None:
        """Finish what is queued, then close the file."""
        self.groups.close()
        self._thread.join()
        if self._store:
            self._store.close()

    def _run(self) -> None:
        while group := self.groups.take():
            self._work_off(group)
            self._shrink()

    def _work_off(self, group: list[Task]) -> None:
        """Commit the group. On a full disk what delivery wants is tried alone: it makes room.

        It has no size; where even that finds no space, the reserve is given up for it.
        """
        failed, error = self._attempt(group)
        small = [task for task in failed if not task.size]
        if small and error and _is_full(error):
            self._refuse([task for task in failed if task.size], error)
            failed, error = self._attempt(small)
            if error and _is_full(error) and self._reserve.give_up():
                failed, error = self._attempt(small)
        if error:
            self._refuse(failed, error)

    def _refuse(self, group: list[Task], error: Exception) -> None:
        outcomes = []
        for task in group:
            kind = Reason.DISK_FULL if _is_full(error) else Reason.UNAVAILABLE
            failure = Unavailable(f"journal: {reason(error)}", reason=kind)
            failure.__cause__ = error
            outcomes.append((task, failure))
        self.groups.tell(outcomes)

    def _attempt(self, group: list[Task]) -> tuple[list[Task], Exception | None]:
        """Commit the group; what failed, and why."""
        try:
            self._commit(group)
        except Exception as error:  # noqa: BLE001 - the worker loop: the senders are told
            self._recover(error)
            if (failure := reason(error)) != self._failure:
                _log.warning("journal: commits fail (%s), senders are asked to retry", failure)
            self._failure, self._failed_at = failure, time.monotonic()
            return group, error
        return [], None

    def _commit(self, group: list[Task]) -> None:
        store = self._store = self._store or self._open()
        changes = Changes()
        with span(SpanName.COMMIT, requests=len(group), bytes=sum(task.size for task in group)):
            store.begin([task.digest for task in group if task.digest])
            results = [_result(task, store, changes) for task in group]
            store.appends.write()
            oldest, size = self._oldest(store, group), store.size()
            store.commit()
        self._ledger.apply(changes, oldest, size)
        if self._failure:
            _log.warning("journal: commits succeed again (before: %s)", self._failure)
            self._failure = ""
        self.groups.tell(zip(group, results, strict=True))

    def _oldest(self, store: JournalStore, group: list[Task]) -> int | None:
        """When the first entry was written: requests do not change it, unless there was none."""
        known = self._ledger.oldest
        return store.oldest() if known is None or not all(task.size for task in group) else known

    def _recover(self, error: Exception) -> None:
        """Undo the transaction; where SQLite is not sure of its state, open the file anew."""
        try:
            if self._store:
                self._store.rollback()
                if _is_full(error):
                    return
                self._store.close()
        except sqlite3.Error:
            _log.exception("journal: the file could not be closed in order")
        self._store = None

    def _shrink(self) -> None:
        if not self.groups.is_idle or not self._ledger.is_empty or not self._store:
            return
        try:
            if not self._reserve.held or self._store.unused() > _SHRINK_BYTES:
                self._store.shrink()
                self._reserve.hold()
                self._ledger.resize(self._store.size())
        except sqlite3.Error as error:
            _log.warning("journal: the empty file could not be shrunk (%s)", reason(error))


def reason(error: Exception) -> str:
    """What went wrong, in words that hold nothing of the data."""
    if not isinstance(error, sqlite3.Error):
        return type(error).__name__
    if damaged(error):
        return "the file is damaged"
    return "the disk is full" if _is_full(error) else getattr(error, "sqlite_errorname", "the disk fails")


def _is_full(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL


def _result(task: Task, store: JournalStore, changes: Changes) -> Any:
    if task.future.cancelled():
        # Its sender is gone, and will send it again.
        return None
    if not task.size:
        # Delivery moves entries.
        store.appends.write()
    try:
        return task.work(store, changes)
    except CollectorError as error:
        return error
