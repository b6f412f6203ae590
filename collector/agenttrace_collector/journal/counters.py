"""The journal's counters by table: accepted, delivered, refused and waiting rows, under one lock."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class RowCount(StrEnum):
    """What is counted for a table, in rows or bytes; `BYTES` has the bytes of all rows."""

    RECOVERED = "recovered"
    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    DELIVERED = "delivered"
    REFUSED = "refused"
    SET_ASIDE = "set_aside"
    SET_ASIDE_BYTES = "set_aside_bytes"
    BYTES = "bytes"


class Queued(StrEnum):
    """What is counted for a queue of an exporter: what waits, and what became of the other records."""

    ROWS = "rows"
    BYTES = "bytes"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class TableCounts:
    """The counts of one table since start: recovered + accepted = delivered + refused + set aside + waiting."""

    recovered: int
    accepted: int
    duplicate: int
    delivered: int
    refused: int
    set_aside: int
    set_aside_bytes: int
    bytes: int

    @property
    def waiting(self) -> int:
        """Rows of the journal that are to be delivered now."""
        return self.recovered + self.accepted - self.delivered - self.refused - self.set_aside


@dataclass(frozen=True, slots=True)
class JournalStats:
    """What the journal holds at one moment; `oldest_at` is when its first entry came (ns), None: empty."""

    rows: int
    bytes: int
    file_bytes: int
    oldest_at: int | None
    duplicate_requests: int
    tables: Mapping[str, TableCounts] = field(default_factory=dict)

    @property
    def set_aside(self) -> int:
        """Rows that are set aside, which `rows` does not count."""
        return sum(counts.set_aside for counts in self.tables.values())

    @property
    def waiting_bytes(self) -> int:
        """Bytes of what is to be delivered."""
        return self.bytes - sum(counts.set_aside_bytes for counts in self.tables.values())


class Changes:
    """What one commit will change; thrown away if the commit fails."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, RowCount]] = Counter()
        self.queued: Counter[tuple[str, Queued]] = Counter()
        self.duplicate_requests = 0
        # What the commit adds.
        self.bytes = 0

    def add(self, table: str, kind: RowCount, number: int) -> None:
        """Count `number` more of a kind for a table."""
        self.counts[table, kind] += number
        if kind is RowCount.BYTES:
            self.bytes += number


class JournalCounters:
    """The counts as of the last commit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, RowCount]] = Counter()
        self._queued: Counter[tuple[str, Queued]] = Counter()
        self._duplicate_requests = 0
        self._oldest: int | None = None
        self._file_bytes = 0
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Bytes of all entries."""
        return self._bytes

    @property
    def oldest(self) -> int | None:
        """When the first entry was written."""
        return self._oldest

    def apply(self, changes: Changes, oldest: int | None, file_bytes: int) -> None:
        """Applies the changes of a commit at once."""
        with self._lock:
            for key, number in changes.counts.items():
                self._counts[key] += number
            for queued, number in changes.queued.items():
                self._queued[queued] += number
            self._bytes += changes.bytes
            self._duplicate_requests += changes.duplicate_requests
            self._oldest = oldest
            self._file_bytes = file_bytes

    def queued(self, queue: str, kind: Queued) -> int:
        """A count of one queue."""
        with self._lock:
            return self._queued[queue, kind]

    @property
    def is_empty(self) -> bool:
        """Whether neither rows nor anything that is forwarded waits."""
        with self._lock:
            waiting = (number for (_, kind), number in self._queued.items() if kind is Queued.BYTES)
            return not self._bytes and not any(waiting)

    def resize(self, file_bytes: int) -> None:
        """Sets the size of the file."""
        with self._lock:
            self._file_bytes = file_bytes

    def waiting(self, tables: Iterable[str]) -> dict[str, int]:
        """Rows in the journal for each of the tables."""
        with self._lock:
            return {table: self._tally(table).waiting for table in tables}

    def depth(self) -> JournalStats:
        """Everything at one moment."""
        with self._lock:
            tables = {table: self._tally(table) for table in sorted({table for table, _ in self._counts})}
            return JournalStats(
                rows=sum(tally.waiting for tally in tables.values()),
                bytes=self._bytes,
                file_bytes=self._file_bytes,
                oldest_at=self._oldest,
                duplicate_requests=self._duplicate_requests,
                tables=tables,
            )

    def _tally(self, table: str) -> TableCounts:
        return TableCounts(*(self._counts[table, kind] for kind in RowCount))
