"""The rows of a block, as one body or split into rows."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, chain
from typing import Final

from agenttrace_collector.clickhouse.row_fields import fields
from agenttrace_collector.clickhouse.rowbinary import uuid
from agenttrace_collector.decode.batch import EncodedRows
from agenttrace_collector.journal import InsertBlock, Layout

Key = tuple[bytes | int, ...]

_UINT64: Final = struct.Struct("<Q")
# What a row is known by where its first column is not enough, or where an index leads there sooner.
_KEYS: Final = {
    "agent_runs": ("run_id", "span_id"),
    "span_links": ("run_id", "trace_id", "span_id"),
    "agent_rejections": ("rejection_id",),
}


def key_columns(layout: Layout) -> tuple[str, ...]:
    """The columns that identify a row of this table."""
    return _KEYS.get(layout.table) or (layout.names[0], "run_id")


class BlockData:
    """The journal entries of a block."""

    def __init__(self, layout: Layout, entries: Sequence[EncodedRows]) -> None:
        self.layout = layout
        self._entries = entries
        self._rows = sum(entry.rows for entry in entries)
        self._data = b"".join(entry.data for entry in entries)

    def rows(self, block: InsertBlock) -> bytes:
        """The block's rows as they are sent."""
        if block.rows == self._rows:
            return self._data
        return self._data[self._starts[block.skip] : self._starts[block.skip + block.rows]]

    def pick(self, block: InsertBlock, places: Sequence[int]) -> bytes:
        """Some rows of the block, counted from its first."""
        starts = self._starts[block.skip : block.skip + block.rows + 1]
        return b"".join(self._data[starts[place] : starts[place + 1]] for place in places)

    def is_whole(self, block: InsertBlock) -> bool:
        """Whether the block has every row of these entries."""
        return block.rows == self._rows

    def each(self, block: InsertBlock, places: Iterable[int]) -> list[bytes]:
        """Some rows of the block one by one, counted from its first."""
        starts = self._starts[block.skip : block.skip + block.rows + 1]
        return [self._data[starts[place] : starts[place + 1]] for place in places]

    def first(self, block: InsertBlock) -> Mapping[str, bytes]:
        """The encoded fields of the block's first row."""
        found = fields(self._data, self._starts[block.skip], self.layout.types)
        return dict(zip(self.layout.names, found, strict=True))

    def keys(self, block: InsertBlock) -> list[Key]:
        """Returns the key of each row."""
        places = [self.layout.names.index(name) for name in key_columns(self.layout)]
        types = self.layout.types[: max(places) + 1]
        rows = (fields(self._data, start, types) for start in self._starts[block.skip :][: block.rows])
        return [tuple(key_value(row[place]) for place in places) for row in rows]

    @cached_property
    def _starts(self) -> array[int]:
        """Where each row begins, and where the last one ends; only blocks that are refused or in doubt need it."""
        lengths = chain.from_iterable(entry.lengths for entry in self._entries)
        return array("Q", accumulate(lengths, initial=0))


def key_value(field: bytes) -> bytes | int:
    """An encoded UUID as its 16 bytes, an encoded UInt64 as a number."""
    return int(_UINT64.unpack(field)[0]) if len(field) == _UINT64.size else uuid(field)
