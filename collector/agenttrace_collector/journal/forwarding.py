"""Queues of enforced OTLP in the journal: one for each exporter and signal, with a position and a bound of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from agenttrace_collector.decode.batch import EncodedRequest
from agenttrace_collector.errors import Throttled
from agenttrace_collector.journal.counters import Changes, JournalCounters, Queued
from agenttrace_collector.journal.store import JournalStore

_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS forwards (id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL,
    rows INTEGER NOT NULL, bytes INTEGER NOT NULL, data BLOB NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS forwards_by_queue ON forwards (queue, id, rows, bytes)",
)


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """Whose queue, of which signal, and what happens when it holds `max_bytes`."""

    exporter: str
    signal: str
    max_bytes: int
    drop_oldest: bool

    @property
    def name(self) -> str:
        """What its entries stand under."""
        return f"{self.signal}/{self.exporter}"


class Entries(NamedTuple):
    """Entries `first` to `last` of a queue: their records and one request with all of them."""

    first: int
    last: int
    rows: int
    data: bytes


class Queues:
    """The queues of a journal; its functions run in the journal's transactions."""

    def __init__(self, options: Sequence[QueueOptions], ledger: JournalCounters) -> None:
        self.options = options
        self._ledger = ledger

    def prepare(self, store: JournalStore, changes: Changes) -> Sequence[tuple[str, int]]:
        """Makes the table; removes what waits for exporters that are no longer configured, and tells how much."""
        for statement in _SCHEMA:
            store.execute(statement)
        wanted = {each.name for each in self.options}
        found = store.execute("SELECT queue, sum(rows), sum(bytes) FROM forwards GROUP BY queue").fetchall()
        for queue, rows, size in found:
            if queue in wanted:
                changes.queued[queue, Queued.ROWS] += rows
                changes.queued[queue, Queued.BYTES] += size
            else:
                store.execute("DELETE FROM forwards WHERE queue = ?", (queue,))
        return [(queue, rows) for queue, rows, _ in found if queue not in wanted]

    def check_room(
        self, changes: Changes, forwarded: Mapping[str, EncodedRequest], retry_after: float
    ) -> None:
        """Raises `Throttled` where a queue that must not lose anything is full."""
        for queue in self.options:
            size = len(forwarded[queue.signal].data) if queue.signal in forwarded else 0
            if size and not queue.drop_oldest and self._bytes(queue, changes) + size > queue.max_bytes:
                message = "journal: the queue of an exporter is full"
                raise Throttled(message, retry_after)

    def append(self, store: JournalStore, changes: Changes, forwarded: Mapping[str, EncodedRequest]) -> None:
        """Adds what is forwarded to each queue of its signal; the oldest entries of a full one make room."""
        for queue in self.options:
            entry = forwarded.get(queue.signal)
            if entry is None or not entry.records:
                continue
            self._drop(store, changes, queue, self._bytes(queue, changes) + len(entry.data) - queue.max_bytes)
            store.execute(
                "INSERT INTO forwards (queue, rows, bytes, data) VALUES (?, ?, ?, ?)",
                (queue.name, entry.records, len(entry.data), entry.data),
            )
            changes.queued[queue.name, Queued.ROWS] += entry.records
            changes.queued[queue.name, Queued.BYTES] += len(entry.data)

    def _drop(self, store: JournalStore, changes: Changes, queue: QueueOptions, excess: int) -> None:
        while excess > 0:
            oldest = store.execute(
                "SELECT min(id), bytes FROM forwards WHERE queue = ?", (queue.name,)
            ).fetchone()
            if oldest[0] is None:
                return
            excess -= oldest[1]
            remove(store, changes, (queue.name, oldest[0], oldest[0]), Queued.DROPPED)

    def _bytes(self, queue: QueueOptions, changes: Changes) -> int:
        return self._ledger.queued(queue.name, Queued.BYTES) + changes.queued[queue.name, Queued.BYTES]


class ForwardQueue:
    """One queue as its forwarder sees it."""

    def __init__(
        self,
        options: QueueOptions,
        ledger: JournalCounters,
        read: Callable[[Callable[[JournalStore], Any]], Any],
        do: Callable[[Callable[[JournalStore, Changes], Any]], Any],
    ) -> None:
        self.options = options
        self._ledger = ledger
        self._read = read
        self._do = do

    def count(self, kind: Queued) -> int:
        """The records or bytes of this kind."""
        return self._ledger.queued(self.options.name, kind)

    def next(self, size: int) -> Entries | None:
        """The first entries, one at least, in one request of about this size; None where nothing waits."""
        if not self.count(Queued.ROWS):
            return None
        name = self.options.name
        found: Entries | None = self._read(lambda store: _next(store, name, size))
        return found

    def last(self) -> int:
        """The number of the last entry that waits, 0 for none."""
        return int(self._read(lambda store: _edge(store, "max", self.options.name)))

    def is_sent(self, last: int) -> bool:
        """Whether no entry up to this one waits."""
        first = self._read(lambda store: _edge(store, "min", self.options.name))
        return not first or int(first) > last

    def finish(self, entries: Entries, refused: int) -> None:
        """Removes entries that the receiver answered; of their records it refused so many."""

        def work(store: JournalStore, changes: Changes) -> None:
            name = self.options.name
            rows = remove(store, changes, (name, entries.first, entries.last), Queued.SENT)
            lost = min(rows, refused)
            changes.queued[name, Queued.FAILED] += lost
            changes.queued[name, Queued.SENT] -= lost

        self._do(work)


def remove(store: JournalStore, changes: Changes, place: tuple[str, int, int], kind: Queued) -> int:
    """Removes entries of a queue, first to last, and counts their records as this kind; how many there were."""
    queue = place[0]
    rows, size = store.execute(
        "SELECT coalesce(sum(rows), 0), coalesce(sum(bytes), 0) FROM forwards"
        " WHERE queue = ? AND id BETWEEN ? AND ?",
        place,
    ).fetchone()
    store.execute("DELETE FROM forwards WHERE queue = ? AND id BETWEEN ? AND ?", place)
    changes.queued[queue, Queued.ROWS] -= rows
    changes.queued[queue, Queued.BYTES] -= size
    changes.queued[queue, kind] += rows
    return int(rows)


def _edge(store: JournalStore, which: str, queue: str) -> int:
    sql = f"SELECT coalesce({which}(id), 0) FROM forwards WHERE queue = ?"  # noqa: S608 - a word of ours
    return int(store.execute(sql, (queue,)).fetchone()[0])


def _next(store: JournalStore, queue: str, size: int) -> Entries | None:
    first = last = rows = taken = 0
    cursor = store.execute("SELECT id, rows, bytes FROM forwards WHERE queue = ? ORDER BY id", (queue,))
    for number, entry_rows, entry_bytes in cursor:
        if first and taken + entry_bytes > size:
            break
        first, last = first or number, number
        rows, taken = rows + entry_rows, taken + entry_bytes
    if not first:
        return None
    span = (queue, first, last)
    found = store.execute(
        "SELECT data FROM forwards WHERE queue = ? AND id BETWEEN ? AND ? ORDER BY id", span
    )
    # Messages that stand behind each other are one message with the records of all.
    return Entries(first, last, rows, b"".join(data for (data,) in found))
