"""The journal's SQLite file: entries, blocks in flight, request digests; used by one thread."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agenttrace_collector.decode.batch import LENGTH, EncodedRows
from agenttrace_collector.journal.appends import Appends
from agenttrace_collector.journal.layout import Layout
from agenttrace_collector.journal.options import Durability

_APPLICATION: Final = 0x41475452
_VERSION: Final = 2
# Entries of this version do not say where their rows end.
_WITHOUT_LENGTHS: Final = 1
_PAGE: Final = 8192
_CHECKPOINT_BYTES: Final = 8 * 1024 * 1024
# Reading all of a larger file would hold up the start; damage is then met where it lies.
_CHECKED_BYTES: Final = 256 * 1024 * 1024
# Two for each number of requests in a group, and the others.
_STATEMENTS: Final = 600
_SYNCHRONOUS: Final = {Durability.FSYNC: "FULL", Durability.OS: "NORMAL", Durability.MEMORY: "OFF"}

_SCHEMA: Final = """
CREATE TABLE layouts (
    id INTEGER PRIMARY KEY, table_name TEXT NOT NULL, columns TEXT NOT NULL, version INTEGER NOT NULL,
    UNIQUE (table_name, columns, version));
CREATE TABLE entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, layout INTEGER NOT NULL, rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL, written_at INTEGER NOT NULL, lengths BLOB NOT NULL, data BLOB NOT NULL);
CREATE INDEX entries_by_layout ON entries (layout, id, rows, bytes, written_at);
CREATE TABLE blocks (
    id INTEGER PRIMARY KEY, layout INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    skip INTEGER NOT NULL, rows INTEGER NOT NULL, round INTEGER NOT NULL, token TEXT NOT NULL);
CREATE TABLE seen (digest BLOB PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX seen_by_expiry ON seen (expires);
"""


_DAMAGED: Final = (
    f"is damaged, or no journal of version {_VERSION}; nothing was changed:"
    " restore a copy, or move the directory away to start with an empty journal"
)
_OLDER: Final = (
    "holds rows that an earlier version wrote; nothing was changed:"
    " start that version again until agenttrace_journal_rows is 0, then this one"
)


class JournalDamaged(Exception):
    """The file is not a journal of this version, or SQLite finds it damaged."""

    def __init__(self, path: Path | None, told: str = _DAMAGED) -> None:
        super().__init__(f"{path} {told}")


@dataclass(frozen=True, slots=True)
class InsertBlock:
    """Rows that are inserted together: `rows` after `skip` of entries `first` to `last` of a layout.

    `round` counts the repairs: 0 sends the rows as they are, more only those found missing.
    """

    id: int
    layout: int
    first: int
    last: int
    skip: int
    rows: int
    round: int
    token: str


class JournalStore:
    """One connection to a journal file; without a path everything is in memory."""

    def __init__(self, path: Path | None, *, read_only: bool = False) -> None:
        self._path = path
        where = f"{path.absolute().as_uri()}?mode=ro" if path and read_only else path or ":memory:"
        self._connection = sqlite3.connect(
            where,
            isolation_level=None,
            check_same_thread=False,
            timeout=10.0,
            uri=read_only,
            cached_statements=_STATEMENTS,
        )
        self.appends = Appends(self._connection)

    def close(self) -> None:
        """Close the connection; a transaction that is open is undone."""
        self._connection.close()

    def begin(self, digests: Collection[bytes] = ()) -> None:
        """Start the transaction of one group, whose requests have these digests."""
        self.appends = Appends(self._connection, digests)
        self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """End the transaction; with `fsync` it is on disk when this returns."""
        self.appends.write()
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction if SQLite has not done so by itself."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run one statement of another module of this room."""
        return self._connection.execute(sql, parameters)

    def layout_id(self, layout: Layout) -> int:
        """The number of a layout, given on first use."""
        key = (layout.table, layout.dump(), layout.version)
        self._connection.execute(
            "INSERT OR IGNORE INTO layouts (table_name, columns, version) VALUES (?, ?, ?)", key
        )
        return self._number(
            "SELECT id FROM layouts WHERE table_name = ? AND columns = ? AND version = ?", key
        )

    def layouts(self) -> dict[int, Layout]:
        """Every layout that was ever used here."""
        rows = self._connection.execute("SELECT id, table_name, columns, version FROM layouts ORDER BY id")
        return {number: Layout.load(table, dumped, version) for number, table, dumped, version in rows}

    def waiting(self) -> dict[int, tuple[int, int]]:
        """Rows and bytes by layout; of entries that were delivered in part only the rest counts."""
        found = self._connection.execute("SELECT layout, sum(rows), sum(bytes) FROM entries GROUP BY layout")
        totals = {layout: (rows, size) for layout, rows, size in found}
        parts = self._connection.execute(
            "SELECT layout, min(first), max(last), sum(rows) FROM blocks GROUP BY layout"
        ).fetchall()
        for layout, first, last, rest in parts:
            span = (layout, first, last)
            whole = self._number(
                "SELECT sum(rows) FROM entries WHERE layout = ? AND id BETWEEN ? AND ?", span
            )
            totals[layout] = (totals[layout][0] - whole + rest, totals[layout][1])
        return totals

    def entries(self, layout: int) -> Iterator[tuple[int, int, int]]:
        """Id, rows and bytes of a layout's entries in order."""
        return self._connection.execute(
            "SELECT id, rows, bytes FROM entries WHERE layout = ? ORDER BY id", (layout,)
        )

    def data(self, block: InsertBlock) -> list[EncodedRows]:
        """The rows of a block's entries, entry by entry."""
        found = self._connection.execute(
            "SELECT lengths, data FROM entries WHERE layout = ? AND id BETWEEN ? AND ? ORDER BY id",
            (block.layout, block.first, block.last),
        )
        return [EncodedRows(array(LENGTH, lengths), data) for lengths, data in found]

    def blocks(self) -> list[InsertBlock]:
        """The stored blocks, in the order of their rows."""
        found = self._connection.execute(
            "SELECT id, layout, first, last, skip, rows, round, token FROM blocks ORDER BY first, skip"
        )
        return [InsertBlock(*row) for row in found]

    def create_block(self, block: InsertBlock) -> InsertBlock:
        """Record a block before it is inserted; returns it with its number."""
        row = (block.layout, block.first, block.last, block.skip, block.rows, block.round, block.token)
        number = self._number(
            "INSERT INTO blocks (layout, first, last, skip, rows, round, token)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
            row,
        )
        return InsertBlock(number, *row)

    def finish_block(self, block: InsertBlock) -> int:
        """Remove a block; with the last one of its entries these go too. Returns the bytes freed."""
        self._connection.execute("DELETE FROM blocks WHERE id = ?", (block.id,))
        if self._number("SELECT count(*) FROM blocks WHERE layout = ?", (block.layout,)):
            return 0
        span = (block.layout, block.first, block.last)
        freed = self._number(
            "SELECT coalesce(sum(bytes), 0) FROM entries WHERE layout = ? AND id BETWEEN ? AND ?", span
        )
        self._connection.execute("DELETE FROM entries WHERE layout = ? AND id BETWEEN ? AND ?", span)
        return freed

    def delete_block(self, block: InsertBlock) -> None:
        """Removes a block that was replaced."""
        self._connection.execute("DELETE FROM blocks WHERE id = ?", (block.id,))

    def oldest(self) -> int | None:
        """When the first entry was written."""
        found = self._connection.execute("SELECT written_at FROM entries ORDER BY id LIMIT 1").fetchone()
        return found[0] if found else None

    def last(self) -> int:
        """The number of the last entry ever written."""
        return self._number("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'entries'")

    def delivered(self, last: int) -> bool:
        """Whether no entry up to this one is left."""
        return not self._number("SELECT EXISTS (SELECT 1 FROM entries WHERE id <= ?)", (last,))

    def size(self) -> int:
        """Bytes of the file, without the write-ahead log."""
        return self._path.stat().st_size if self._path else 0

    def unused(self) -> int:
        """Bytes of the file that hold nothing."""
        return _PAGE * self._number("PRAGMA freelist_count")

    def shrink(self) -> None:
        """Rewrites the file; the time depends on its content, not on its size."""
        self._connection.execute("VACUUM")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _number(self, sql: str, parameters: Sequence[object] = ()) -> int:
        return int(self._connection.execute(sql, parameters).fetchone()[0])

    def prepare(self, durability: Durability) -> None:
        """Initialises a new file or checks an existing one; raises `JournalDamaged`."""
        try:
            new = self._number("PRAGMA schema_version") == 0
            if not new:
                self._recognise()
            self._configure(durability)
            if new:
                self._create()
            self._check()
        except sqlite3.DatabaseError as error:
            if damaged(error):
                raise JournalDamaged(self._path) from error
            raise

    def _recognise(self) -> None:
        marks = (self._number("PRAGMA application_id"), self._number("PRAGMA user_version"))
        if marks == (_APPLICATION, _WITHOUT_LENGTHS):
            self._add_lengths()
        elif marks != (_APPLICATION, _VERSION):
            raise JournalDamaged(self._path)

    def _add_lengths(self) -> None:
        if self._number("SELECT EXISTS (SELECT 1 FROM entries)"):
            raise JournalDamaged(self._path, _OLDER)
        column = "ALTER TABLE entries ADD COLUMN lengths BLOB NOT NULL DEFAULT x''"
        self._connection.executescript(f"BEGIN; {column}; PRAGMA user_version = {_VERSION}; COMMIT;")

    def _create(self) -> None:
        script = f"PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {_VERSION}; {_SCHEMA}"
        self._connection.executescript(f"BEGIN; {script} COMMIT;")

    def _check(self) -> None:
        if self.size() > _CHECKED_BYTES:
            return
        verdict = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise JournalDamaged(self._path)

    def _configure(self, durability: Durability) -> None:
        for pragma in (
            f"page_size = {_PAGE}",
            "auto_vacuum = NONE",
            "temp_store = MEMORY",
            "journal_mode = WAL",
            f"synchronous = {_SYNCHRONOUS[durability]}",
            "secure_delete = OFF",
            "cache_size = -8192",
            f"wal_autocheckpoint = {_CHECKPOINT_BYTES // _PAGE}",
            f"journal_size_limit = {4 * _CHECKPOINT_BYTES}",
        ):
            self._connection.execute(f"PRAGMA {pragma}").fetchall()


def damaged(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file itself is broken."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
