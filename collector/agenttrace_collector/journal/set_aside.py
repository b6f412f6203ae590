"""Rows that the database's rules refuse since they were tightened: kept apart until the rules take them again."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from agenttrace_collector.decode.batch import LENGTH
from agenttrace_collector.journal import blocks
from agenttrace_collector.journal.counters import Changes, RowCount
from agenttrace_collector.journal.layout import Layout
from agenttrace_collector.journal.store import InsertBlock, JournalStore

# A group ends with the entry that fills it: what the database is asked about at a time.
_GROUP_BYTES: Final = 1024 * 1024
_LAST: Final = 2**63 - 1
_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS set_aside (id INTEGER PRIMARY KEY AUTOINCREMENT, layout INTEGER NOT NULL,
    rows INTEGER NOT NULL, bytes INTEGER NOT NULL, written_at INTEGER NOT NULL, lengths BLOB NOT NULL,
    data BLOB NOT NULL)""",
    # Under which rules the entries from `since` on were enforced; those before, under others.
    "CREATE TABLE IF NOT EXISTS enforced (rules TEXT NOT NULL, since INTEGER NOT NULL)",
)

EntryKind: TypeAlias = Literal["entries", "set_aside"]
Read: TypeAlias = Callable[[Callable[[JournalStore], Any]], Any]
Do: TypeAlias = Callable[[Callable[[JournalStore, Changes], Any]], Any]


class Group(NamedTuple):
    """Rows of one layout, `first` to `last` of the entries or of what is set aside; `written_at` is the oldest's."""

    place: EntryKind
    layout: int
    first: int
    last: int
    written_at: int
    rows: Sequence[bytes]


class RowsSetAside:
    """What of a journal is set aside, and what was enforced under other rules than those of this process."""

    def __init__(self, rules: str, read: Read, do: Do) -> None:
        self.rules = rules
        self._read = read
        self._do = do
        self._layouts: dict[int, Layout] = {}
        # The last entry and the last set aside of earlier processes that may break these rules.
        self._until: dict[EntryKind, int] = {}

    def prepare(self, store: JournalStore, changes: Changes, layouts: dict[int, Layout]) -> None:
        """Makes the tables, notes from where on entries keep these rules, and counts what is set aside."""
        for statement in _SCHEMA:
            store.execute(statement)
        known = store.execute("SELECT rules, since FROM enforced").fetchone()
        if known is None or known[0] != self.rules:
            known = (self.rules, store.last() + 1)
            store.execute("DELETE FROM enforced")
            store.execute("INSERT INTO enforced (rules, since) VALUES (?, ?)", known)
        self._layouts = layouts
        last = store.execute("SELECT coalesce(max(id), 0) FROM set_aside").fetchone()[0]
        self._until = {"entries": known[1] - 1, "set_aside": last}
        found = store.execute("SELECT layout, sum(rows), sum(bytes) FROM set_aside GROUP BY layout")
        for layout, rows, size in found.fetchall():
            table = layouts[layout].table
            changes.add(table, RowCount.RECOVERED, rows)
            changes.add(table, RowCount.BYTES, size)
            _count(changes, table, rows, size)

    def is_former(self, block: InsertBlock) -> bool:
        """Whether rows of the block were enforced under rules that may be others."""
        return block.first <= self._until["entries"]

    def layouts(self, place: EntryKind) -> dict[int, int]:
        """The layouts with rows that may break or keep the rules otherwise than before; after which number each begins.

        Blocks that were in flight are left to delivery.
        """
        sql = (
            f"SELECT layout, coalesce((SELECT max(last) FROM blocks WHERE blocks.layout = {place}.layout), 0)"  # noqa: S608
            f" FROM {place} WHERE id <= ? GROUP BY layout"
        )
        until = self._until[place]
        found = self._read(lambda store: store.execute(sql, (until,)).fetchall())
        return {layout: after if place == "entries" else 0 for layout, after in found}

    def next(self, place: EntryKind, layout: int, after: int) -> Group | None:
        """The rows that follow this number, some at a time; None after the last."""
        until = self._until[place]
        group: Group | None = self._read(lambda store: next_group(store, place, layout, (after, until)))
        return group

    def sort(self, group: Group, refused: Iterable[int]) -> None:
        """Sets aside the rows of a group at these places, and gives back the others, as one change."""
        places = set(refused)
        kept = [row for place, row in enumerate(group.rows) if place not in places]
        apart = [row for place, row in enumerate(group.rows) if place in places]
        table = self._layouts[group.layout].table
        rows, sign = (apart, 1) if group.place == "entries" else (kept, -1)

        def work(store: JournalStore, changes: Changes) -> None:
            span = (group.layout, group.first, group.last)
            store.execute(f"DELETE FROM {group.place} WHERE layout = ? AND id BETWEEN ? AND ?", span)  # noqa: S608
            _put(store, "entries", (group.layout, group.written_at), kept)
            _put(store, "set_aside", (group.layout, group.written_at), apart)
            _count(changes, table, sign * len(rows), sign * sum(map(len, rows)))

        self._do(work)

    def divide(self, block: InsertBlock, kept: Sequence[bytes], apart: Sequence[bytes], now: int) -> None:
        """Sets aside some rows of a block of whole entries and keeps others to be sent again; the rest is stored."""
        table = self._layouts[block.layout].table

        def work(store: JournalStore, changes: Changes) -> None:
            stored = block.rows - len(kept) - len(apart)
            blocks.finish(store, changes, block, (table, RowCount.DELIVERED))
            changes.add(table, RowCount.DELIVERED, stored - block.rows)
            _put(store, "entries", (block.layout, now), kept)
            _put(store, "set_aside", (block.layout, now), apart)
            size = sum(map(len, apart))
            changes.add(table, RowCount.BYTES, size + sum(map(len, kept)))
            _count(changes, table, len(apart), size)

        self._do(work)

    def take(self, block: InsertBlock, row: bytes, now: int) -> None:
        """Sets aside a block of one row."""
        table = self._layouts[block.layout].table

        def work(store: JournalStore, changes: Changes) -> None:
            blocks.finish(store, changes, block, (table, RowCount.SET_ASIDE))
            _put(store, "set_aside", (block.layout, now), [row])
            changes.add(table, RowCount.BYTES, len(row))
            _count(changes, table, 0, len(row))

        self._do(work)

    def give_up(self, group: Group, instead: Sequence[bytes], into: str) -> None:
        """Removes rows that are set aside, and stores their rejections `into` another table."""
        table, size = self._layouts[group.layout].table, sum(map(len, group.rows))
        number = max(number for number, layout in self._layouts.items() if layout.table == into)

        def work(store: JournalStore, changes: Changes) -> None:
            span = (group.layout, group.first, group.last)
            store.execute("DELETE FROM set_aside WHERE layout = ? AND id BETWEEN ? AND ?", span)
            changes.add(table, RowCount.REFUSED, len(group.rows))
            changes.add(table, RowCount.BYTES, -size)
            _count(changes, table, -len(group.rows), -size)
            _put(store, "entries", (number, group.written_at), instead)
            changes.add(into, RowCount.ACCEPTED, len(instead))
            changes.add(into, RowCount.BYTES, sum(map(len, instead)))

        self._do(work)


def waiting_rows(directory: Path) -> Iterator[tuple[Layout, Sequence[bytes]]]:
    """The rows of the journal in a directory with their layout, some at a time; one that is open may change meanwhile."""
    path = directory / "journal.db"
    if not path.exists():
        return
    with closing(JournalStore(path, read_only=True)) as store:
        known = store.execute("SELECT name FROM sqlite_master WHERE name = 'set_aside'").fetchone()
        places: tuple[EntryKind, ...] = ("entries", "set_aside") if known else ("entries",)
        for place in places:
            for number, layout in store.layouts().items():
                last = 0
                while group := next_group(store, place, number, (last, _LAST)):
                    yield layout, group.rows
                    last = group.last


def next_group(store: JournalStore, place: EntryKind, layout: int, between: tuple[int, int]) -> Group | None:
    """The first rows of a layout whose number is above the first and at most the second of these; None for none."""
    found = store.execute(
        f"SELECT id, written_at, lengths, data FROM {place} WHERE layout = ? AND id > ? AND id <= ? ORDER BY id",  # noqa: S608
        (layout, *between),
    )
    numbers, times, rows, size = [], [], list[bytes](), 0
    for number, written_at, lengths, data in found:
        numbers.append(number)
        times.append(written_at)
        rows += _rows(array(LENGTH, lengths), data)
        size += len(data)
        if size >= _GROUP_BYTES:
            break
    return Group(place, layout, numbers[0], numbers[-1], min(times), rows) if numbers else None


def _rows(lengths: Iterable[int], data: bytes) -> Iterable[bytes]:
    start = 0
    for length in lengths:
        yield data[start : start + length]
        start += length


def _count(changes: Changes, table: str, rows: int, size: int) -> None:
    changes.add(table, RowCount.SET_ASIDE, rows)
    changes.add(table, RowCount.SET_ASIDE_BYTES, size)


def _put(store: JournalStore, place: EntryKind, of: tuple[int, int], rows: Sequence[bytes]) -> None:
    """Adds rows of this layout and time."""
    if not rows:
        return
    lengths, data = array(LENGTH, map(len, rows)), b"".join(rows)
    store.execute(
        f"INSERT INTO {place} (layout, written_at, rows, bytes, lengths, data) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
        (*of, len(rows), len(data), lengths.tobytes(), data),
    )
