"""The rows that a round made, encoded, whoever made them; and which rows of earlier rounds it takes back."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, NamedTuple

from agenttrace_collector.clickhouse.row_fields import fields
from agenttrace_collector.clickhouse.rowbinary import encode, string, uuid
from agenttrace_collector.settle.model import Recorded, RunKey, RunRows, Settled
from agenttrace_schemas.derived_rows import DERIVED_ROWS
from agenttrace_schemas.rows import Row, columns

_DELETED: Final = b"\x01"
_TIME: Final = struct.Struct("<q").pack


class SettledRun(NamedTuple):
    """A run of a round: the first start and the last end (ns) in its facts, None where it is no run.

    `has_events`: whether an agent recorded something of it, its outcome included.
    """

    key: RunKey
    span: tuple[int, int] | None
    has_events: bool


@dataclass(frozen=True, slots=True)
class SettledRuns:
    """What was made of some runs: RowBinary by table, and where in it the rows of each run end."""

    runs: Sequence[SettledRun]
    blocks: Mapping[str, bytes]
    ends: Mapping[str, Sequence[int]]

    def of_run(self, table: str, number: int) -> bytes:
        """The rows of the run at this place."""
        ends = self.ends[table]
        return self.blocks[table][ends[number - 1] if number else 0 : ends[number]]


def encoded(runs: Sequence[RunRows], settled: Sequence[Settled]) -> SettledRuns:
    """The rows of runs that Python settled."""
    blocks = {row.TABLE: bytearray() for row in DERIVED_ROWS}
    ends: dict[str, list[int]] = {table: [] for table in blocks}
    made = []
    for rows, each in zip(runs, settled, strict=True):
        for row in _rows(each):
            blocks[row.TABLE] += encode(row)
        for table, block in blocks.items():
            ends[table].append(len(block))
        span = (each.facts.started_at, each.facts.ended_at) if each.facts else None
        has_events = rows.outcome is not None or rows.recorded != Recorded()
        made.append(SettledRun((rows.tenant, rows.run_id), span, has_events))
    return SettledRuns(made, {table: bytes(block) for table, block in blocks.items()}, ends)


def _rows(settled: Settled) -> Iterator[Row]:
    if settled.facts:
        yield settled.facts
    yield from settled.steps
    yield from settled.signals
    yield from settled.decisions
    yield from settled.failures
    yield from settled.uncounted


def withdrawn(
    row: type[Row], stored: bytes, made: Sequence[SettledRuns], runs: Collection[RunKey], *, settled_at: int
) -> bytes:
    """The rows of these runs that are stored under a key that this round did not make, as taken back."""
    table = _EncodedTable(row)
    owners = {(string(tenant), uuid(run_id)) for tenant, run_id in runs}
    again = {
        table.key(each)
        for part in made
        for number, run in enumerate(part.runs)
        if run.key in runs
        for each in table.rows(part.of_run(row.TABLE, number))
    }
    taken_back = bytearray()
    for each in table.rows(stored):
        if table.owner(each) not in owners or table.key(each) in again:
            continue
        if not any(table.has(part, each) for part in made):
            taken_back += table.deleted(each, settled_at)
    return bytes(taken_back)


class _EncodedTable:
    """The rows of a class as encoded fields."""

    def __init__(self, row: type[Row]) -> None:
        self._name = row.TABLE
        self._types = [column.type for column in columns(row).values()]
        places = {name: place for place, name in enumerate(columns(row))}
        self.key = itemgetter(*(places[name] for name in row.SORT_KEY))
        self.owner = itemgetter(places["tenant"], places["run_id"])
        self._settled_at, self._is_deleted = places["settled_at"], places["is_deleted"]

    def rows(self, data: bytes) -> Iterator[list[bytes]]:
        """The fields of each row."""
        start = 0
        while start < len(data):
            row = fields(data, start, self._types)
            start += sum(map(len, row))
            yield row

    def has(self, part: SettledRuns, row: Sequence[bytes]) -> bool:
        """Whether any run made a row of this key: spans may move from one run to another."""
        block, ends, key = part.blocks[self._name], part.ends[self._name], self.key(row)
        at = block.find(key[-1])
        while at >= 0:
            number = bisect_right(ends, at)
            if any(self.key(each) == key for each in self.rows(part.of_run(self._name, number))):
                return True
            at = block.find(key[-1], ends[number])
        return False

    def deleted(self, row: list[bytes], settled_at: int) -> bytes:
        """The row as one that a round takes back."""
        row[self._settled_at], row[self._is_deleted] = _TIME(settled_at), _DELETED
        return b"".join(row)
