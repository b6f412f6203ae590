"""Work that waits for the next commit: taken in groups, and told of its outcome."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from agenttrace_collector.errors import CollectorError, Unavailable
from agenttrace_collector.journal.counters import Changes
from agenttrace_collector.journal.store import JournalStore

_GROUP_BYTES: Final = 32 * 1024 * 1024
_GROUP_TASKS: Final = 256
# How long the first of a group waits for others, and from how many bytes on for none: a commit costs as much as
# receiving several small requests.
_GATHER_SECONDS: Final = 0.01
_GATHERED_BYTES: Final = 256 * 1024
_LATELY_SECONDS: Final = 1.0

_AnyFuture: TypeAlias = Future[Any] | asyncio.Future[Any]


@dataclass(slots=True)
class Task:
    """Work of so many bytes for a request with this digest; no bytes: work of delivery, which has no digest.

    `loop` is that of the future, None where a thread waits for it.
    """

    work: Callable[[JournalStore, Changes], Any]
    size: int
    digest: bytes
    future: _AnyFuture
    loop: asyncio.AbstractEventLoop | None = None


class Crowd:
    """How many requests waited for an answer at the same time, at most, in the last seconds: one of a lone sender."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._most = self._before = 0

    def count(self, number: int) -> None:
        """So many wait now."""
        if (now := self._clock()) - self._since > _LATELY_SECONDS:
            self._before, self._most, self._since = self._most, 0, now
        self._most = max(self._most, number)

    @property
    def size(self) -> int:
        """The most of them."""
        return max(self._most, self._before)


class Groups:
    """The tasks that wait, at most so many bytes of them.

    The first of a group waits `gather` seconds for others, but not where as many wait as ever did of late.
    """

    def __init__(self, pending_bytes: int, gather: float = _GATHER_SECONDS) -> None:
        self._pending_bytes = pending_bytes
        self._gather = gather
        self._crowd = Crowd()
        self._tasks: deque[Task] = deque()
        self._waiting = 0
        # A thread waits: delivery, which is to keep up.
        self._is_urgent = False
        # Requests that are not answered.
        self._unanswered = 0
        self._ready = threading.Condition()
        self._closing = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits."""
        with self._ready:
            return not self._tasks

    def submit(self, task: Task) -> None:
        """Adds a task from any thread; raises `Unavailable` where too much waits."""
        size = task.size
        with self._ready:
            if self._closing:
                message = "journal: it is closed"
                raise Unavailable(message)
            if self._waiting and size and self._waiting + size > self._pending_bytes:
                message = "journal: too many bytes wait to be written"
                raise Unavailable(message)
            self._tasks.append(task)
            self._waiting += size
            if task.loop:
                self._unanswered += 1
                self._crowd.count(self._unanswered)
            else:
                self._is_urgent = True
            # Each wake costs: the writer is woken for the first, and when no more are to be expected.
            if len(self._tasks) == 1 or self._is_gathered():
                self._ready.notify()

    def take(self) -> list[Task]:
        """Waits for a group and takes it; empty once closed and worked off."""
        with self._ready:
            self._ready.wait_for(lambda: self._tasks or self._closing)
            self._ready.wait_for(self._is_gathered, self._gather)
            group: list[Task] = []
            size = 0
            while self._tasks and len(group) < _GROUP_TASKS and (not group or size < _GROUP_BYTES):
                group.append(self._tasks.popleft())
                size += group[-1].size
            self._waiting -= size
            self._is_urgent = False
        return group

    def close(self) -> None:
        """Takes no more tasks."""
        with self._ready:
            self._closing = True
            self._ready.notify()

    def tell(self, outcomes: Iterable[tuple[Task, Any]]) -> None:
        """Completes the futures; each event loop is woken once for all of its own."""
        told = defaultdict(list)
        for task, outcome in outcomes:
            told[task.loop].append((task.future, outcome))
        for loop, pairs in told.items():
            if loop is None:
                _complete(pairs)
            else:
                # One that is closed has nobody who waits.
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._answer, pairs)

    def _is_gathered(self) -> bool:
        """Whether nothing more is worth waiting for."""
        full = len(self._tasks) >= _GROUP_TASKS or self._waiting >= _GATHERED_BYTES
        return full or self._is_urgent or self._closing or self._unanswered >= self._crowd.size

    def _answer(self, pairs: list[tuple[_AnyFuture, Any]]) -> None:
        _complete(pairs)
        with self._ready:
            self._unanswered -= len(pairs)


def _complete(pairs: Iterable[tuple[_AnyFuture, Any]]) -> None:
    for future, outcome in pairs:
        if future.done():
            continue
        if isinstance(outcome, CollectorError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
