"""Group commit: one thread runs the queued work in one transaction and completes it after the fsync."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from agenttrace_collector.errors import CollectorError, Reason, Unavailable
from agenttrace_collector.journal.counters import Changes, JournalCounters
from agenttrace_collector.journal.reserve import Reserve
from agenttrace_collector.journal.store import JournalStore, damaged
from agenttrace_collector.telemetry.spans import SpanName, span

_log: Final = logging.getLogger(__name__)
# A failed commit is an obstacle until one succeeds, for so long at most: then the next request tries it.
_FAILURE_SECONDS: Final = 10.0
_GROUP_BYTES: Final = 32 * 1024 * 1024
_GROUP_TASKS: Final = 256
_SHRINK_BYTES: Final = 16 * 1024 * 1024

T = TypeVar("T")


@dataclass(slots=True)
class _Task:
    work: Callable[[JournalStore, Changes], Any]
    size: int
    future: Future[Any] = field(default_factory=Future)


class Writer:
    """Owns the only connection that writes; `submit` hands it work from any thread."""

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
        self._pending_bytes = pending_bytes
        self._tasks: deque[_Task] = deque()
        self._waiting = 0
        self._ready = threading.Condition()
        self._closing = False
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

    def submit(self, work: Callable[[JournalStore, Changes], T], size: int = 0) -> Future[T]:
        """Queue work; the future is done when its group is committed, or tells why it is not."""
        task = _Task(work, size)
        with self._ready:
            if self._closing:
                message = "journal: it is closed"
                raise Unavailable(message)
            if self._waiting and size and self._waiting + size > self._pending_bytes:
                message = "journal: too many bytes wait to be written"
                raise Unavailable(message)
            self._tasks.append(task)
            self._waiting += size
            self._ready.notify()
        return task.future

    def close(self) -> None:
        """Finish what is queued, then close the file."""
        with self._ready:
            self._closing = True
            self._ready.notify()
        self._thread.join()
        if self._store:
            self._store.close()

    def _run(self) -> None:
        while group := self._take():
            live = [task for task in group if task.future.set_running_or_notify_cancel()]
            self._work_off(live)
            self._shrink()

    def _work_off(self, group: list[_Task]) -> None:
        """Commit the group. On a full disk what delivery wants is tried alone: it makes room.

        It has no size; where even that finds no space, the reserve is given up for it.
        """
        failed, error = self._attempt(group)
        small = [task for task in failed if not task.size]
        if small and error and _is_full(error):
            _tell([task for task in failed if task.size], error)
            failed, error = self._attempt(small)
            if error and _is_full(error) and self._reserve.give_up():
                failed, error = self._attempt(small)
        if error:
            _tell(failed, error)

    def _attempt(self, group: list[_Task]) -> tuple[list[_Task], Exception | None]:
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

    def _take(self) -> list[_Task]:
        with self._ready:
            self._ready.wait_for(lambda: self._tasks or self._closing)
            group: list[_Task] = []
            size = 0
            while self._tasks and len(group) < _GROUP_TASKS and (not group or size < _GROUP_BYTES):
                group.append(self._tasks.popleft())
                size += group[-1].size
            self._waiting -= size
        return group

    def _commit(self, group: list[_Task]) -> None:
        store = self._store = self._store or self._open()
        changes = Changes()
        with span(SpanName.COMMIT, requests=len(group), bytes=sum(task.size for task in group)):
            store.begin()
            results = [_result(task.work, store, changes) for task in group]
            oldest, size = store.oldest(), store.size()
            store.commit()
        self._ledger.apply(changes, oldest, size)
        if self._failure:
            _log.warning("journal: commits succeed again (before: %s)", self._failure)
            self._failure = ""
        for task, result in zip(group, results, strict=True):
            if isinstance(result, CollectorError):
                task.future.set_exception(result)
            else:
                task.future.set_result(result)

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
        with self._ready:
            idle = not self._tasks
        if not idle or not self._ledger.is_empty or not self._store:
            return
        try:
            if not self._reserve.held or self._store.unused() > _SHRINK_BYTES:
                self._store.shrink()
                self._reserve.hold()
                self._ledger.resize(self._store.size())
        except sqlite3.Error as error:
            _log.warning("journal: the empty file could not be shrunk (%s)", reason(error))


def _tell(group: list[_Task], error: Exception) -> None:
    for task in group:
        kind = Reason.DISK_FULL if _is_full(error) else Reason.UNAVAILABLE
        failure = Unavailable(f"journal: {reason(error)}", reason=kind)
        failure.__cause__ = error
        task.future.set_exception(failure)


def reason(error: Exception) -> str:
    """What went wrong, in words that hold nothing of the data."""
    if not isinstance(error, sqlite3.Error):
        return type(error).__name__
    if damaged(error):
        return "the file is damaged"
    return "the disk is full" if _is_full(error) else getattr(error, "sqlite_errorname", "the disk fails")


def _is_full(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL


def _result(
    work: Callable[[JournalStore, Changes], T], store: JournalStore, changes: Changes
) -> T | CollectorError:
    try:
        return work(store, changes)
    except CollectorError as error:
        return error
