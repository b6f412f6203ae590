"""Blocks: which entries are inserted together, under which deduplication token."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace as changed

from agenttrace_collector.journal.counters import Changes, RowCount
from agenttrace_collector.journal.store import InsertBlock, JournalStore


class DeduplicationTokens:
    """Makes deduplication tokens; the salt is new with every process.

    Numbers of entries can come again (a power failure under `os`, a directory restored from a copy
    or deleted), and a token that comes again with other rows would make the database drop them. A
    block that was written down keeps its token.
    """

    def __init__(self, salt: bytes) -> None:
        self._salt = salt

    def stamp(self, block: InsertBlock, parent: str = "") -> InsertBlock:
        """The block with the token that its bounds, and the block it came from, give it."""
        bounds = (block.layout, block.first, block.last, block.skip, block.rows, block.round, parent)
        digest = hashlib.blake2b(repr(bounds).encode(), key=self._salt, digest_size=16)
        return changed(block, token=digest.hexdigest())


def plan(store: JournalStore, layout: int, *, rows: int, size: int) -> InsertBlock | None:
    """The first entries of a layout within the bounds, one at least; without a token yet."""
    first = last = taken = taken_bytes = 0
    for number, entry_rows, entry_bytes in store.entries(layout):
        if first and (taken + entry_rows > rows or taken_bytes + entry_bytes > size):
            break
        first = first or number
        last = number
        taken += entry_rows
        taken_bytes += entry_bytes
    return InsertBlock(0, layout, first, last, skip=0, rows=taken, round=0, token="") if first else None


def halves(block: InsertBlock, *, in_doubt: bool = False) -> tuple[InsertBlock, InsertBlock]:
    """The block in two; it has two rows at least. Of one in doubt, rows that are stored are not sent again."""
    middle = block.rows // 2
    left = changed(block, id=0, rows=middle, round=block.round + 1 if in_doubt else 0)
    return left, changed(left, skip=block.skip + middle, rows=block.rows - middle)


def next_round(block: InsertBlock) -> InsertBlock:
    """The same rows under another token, for those of them that did not arrive."""
    return changed(block, id=0, round=block.round + 1)


def replace(store: JournalStore, block: InsertBlock, parts: Sequence[InsertBlock]) -> list[InsertBlock]:
    """Replaces the block by its parts."""
    store.delete_block(block)
    return [store.create_block(part) for part in parts]


def finish(store: JournalStore, changes: Changes, block: InsertBlock, outcome: tuple[str, RowCount]) -> None:
    """Removes the block, and its entries with the last block of them; counts its rows under this outcome."""
    table, kind = outcome
    freed = store.finish_block(block)
    changes.add(table, kind, block.rows)
    changes.add(table, RowCount.BYTES, -freed)
