"""What the requests of one transaction add, gathered: a statement costs more than most requests hold."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from agenttrace_collector.decode.batch import LENGTH, EncodedRows

# Requests share an entry up to this size; a larger one has its own.
_ENTRY_BYTES: Final = 64 * 1024
_FORGOTTEN_AT_ONCE: Final = 512


@dataclass(slots=True)
class _Entry:
    layout: int
    written_at: int
    lengths: array[int] = field(default_factory=lambda: array(LENGTH))
    parts: list[bytes] = field(default_factory=list)
    size: int = 0


class Appends:
    """New entries and digests of a transaction, in memory until `write`.

    `digests` are those that will be asked for: they are looked up at once.
    """

    def __init__(self, connection: sqlite3.Connection, digests: Collection[bytes] = ()) -> None:
        self._connection = connection
        self._digests = digests
        self._known: set[bytes] | None = None
        self._new: dict[bytes, int] = {}
        self._entries: list[_Entry] = []
        self._open: dict[int, _Entry] = {}

    def add(self, layout: int, rows: EncodedRows, now: int) -> None:
        """Adds rows at the end of a layout."""
        size = len(rows.data)
        entry = self._open.get(layout)
        if entry is None or entry.size + size > _ENTRY_BYTES:
            entry = self._open[layout] = _Entry(layout, now)
            self._entries.append(entry)
        entry.lengths += rows.lengths
        entry.parts.append(rows.data)
        entry.size += size

    def seen(self, digest: bytes, now: int) -> bool:
        """Whether this request is remembered; the first call drops some requests whose time is over."""
        if self._known is None:
            self._forget(now)
            self._known = self._look_up(now)
        return digest in self._known or digest in self._new

    def remember(self, digest: bytes, expires: int) -> None:
        """Remembers a request until then."""
        self._new[digest] = expires

    def write(self) -> None:
        """Stores what was gathered, before something else reads or removes entries."""
        for entry in self._entries:
            self._connection.execute(
                "INSERT INTO entries (layout, rows, bytes, written_at, lengths, data) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    entry.layout,
                    len(entry.lengths),
                    entry.size,
                    entry.written_at,
                    entry.lengths.tobytes(),
                    b"".join(entry.parts),
                ),
            )
        if self._new:
            values = [each for pair in self._new.items() for each in pair]
            places = ", ".join(["(?, ?)"] * len(self._new))
            self._connection.execute(
                f"INSERT OR REPLACE INTO seen (digest, expires) VALUES {places}",  # noqa: S608 - marks of ours
                values,
            )
            self._known = (self._known or set()) | self._new.keys()
        self._entries, self._open, self._new = [], {}, {}

    def _look_up(self, now: int) -> set[bytes]:
        places = ", ".join("?" * len(self._digests))
        found = self._connection.execute(
            f"SELECT digest FROM seen WHERE digest IN ({places}) AND expires > ?",  # noqa: S608 - marks of ours
            (*self._digests, now),
        )
        return {digest for (digest,) in found}

    def _forget(self, now: int) -> None:
        """Called with every group, it keeps up."""
        self._connection.execute(
            "DELETE FROM seen WHERE digest IN"
            " (SELECT digest FROM seen WHERE expires <= ? ORDER BY expires LIMIT ?)",
            (now, _FORGOTTEN_AT_ONCE),
        )
