"""Rows, batches and databases with behaviour for the tests of journal and delivery."""

from __future__ import annotations

import dataclasses
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agenttrace_collector.clickhouse.row_fields import fields
from agenttrace_collector.clickhouse.rowbinary import encode
from agenttrace_collector.decode.batch import LENGTH, Batch, EncodedRows
from agenttrace_collector.delivery.block_data import key_value
from agenttrace_collector.errors import Rejected, Unavailable
from agenttrace_collector.journal import Durability, Journal, JournalOptions, current_layouts
from agenttrace_schemas.rows import DecisionRow, SpanLinkRow
from tests.support.rows import split

LINKS = SpanLinkRow.TABLE
DECISIONS = DecisionRow.TABLE
_TIME = 1_780_000_000_000_000_000


class Clock:
    """Nanoseconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1_790_000_000_000_000_000

    def __call__(self) -> int:
        """The time."""
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass."""
        self.now += int(seconds * 1e9)


def link(number: int, *, tenant: str = "default", at: int = 0) -> bytes:
    """A row of `span_links` whose ids are all this number."""
    unique = number.to_bytes(16, "big")
    return encode(
        SpanLinkRow(
            tenant=tenant,
            run_id=unique,
            trace_id=unique,
            span_id=number,
            parent_span_id=0,
            started_at=_TIME + at,
            created_at=_TIME,
        )
    )


def decision(number: int, *, selected: str = "search", at: int = 0) -> bytes:
    """A row of `agent_decisions` whose ids are all this number."""
    unique = number.to_bytes(16, "big")
    return encode(
        DecisionRow(
            decision_id=unique,
            run_id=unique,
            step_id=None,
            decision_type="tool_selection",
            selected=selected,
            reason_code="fresh_data_required",
            confidence=0.5,
            metadata={"k": number, "s": "x", "b": True, "f": 0.25},
            recorded_at=_TIME + at,
            created_at=_TIME,
            tenant="default",
            agent_id="agent",
            agent_version="1",
            environment="test",
            actor="",
            candidates=("search", "cache"),
            trace_id=unique,
            span_id=number,
        )
    )


def batch(digest: bytes, **tables: Sequence[bytes]) -> Batch:
    """A batch of encoded rows by table."""
    blocks = {
        table: EncodedRows(array(LENGTH, map(len, rows)), b"".join(rows)) for table, rows in tables.items()
    }
    received = max((block.rows for block in blocks.values()), default=0)
    return Batch(digest, blocks, received=received, ignored=0, refused=0, refusals={}, changes={})


def links(numbers: Iterable[int], digest: bytes = b"") -> Batch:
    """A batch of `span_links` with these numbers."""
    return batch(digest, **{LINKS: [link(number) for number in numbers]})


def open_journal(directory: Path, durability: Durability = Durability.OS, **options: int) -> Journal:
    """An open journal that does not care how full the disk is."""
    settings = JournalOptions(directory, durability, reserve_mib=0)
    journal = Journal(dataclasses.replace(settings, **options), current_layouts(1))  # type: ignore[arg-type]  # by name
    journal.open()
    return journal


@dataclass
class FakeDatabase:
    """Keeps rows by table as ClickHouse does: a block at once, none twice under one token.

    `before` and `after` are called around each insert with its number and may raise: what `after`
    raises is the answer that was lost. A block with a row for which `poisoned` holds is refused.
    Inserts numbered in `lost` leave their token and no rows, as a kill at the wrong moment does.
    """

    before: Callable[[int], None] = lambda _: None
    after: Callable[[int], None] = lambda _: None
    poisoned: Callable[[bytes], bool] = lambda _: False
    lost: frozenset[int] = frozenset()
    rows: dict[str, list[bytes]] = field(default_factory=dict)
    tokens: dict[str, bytes] = field(default_factory=dict)
    columns: list[tuple[str, ...]] = field(default_factory=list)
    inserts: int = 0

    def insert(self, table: str, columns: Sequence[str], data: bytes, *, token: str) -> None:
        """Insert a block unless its token is known."""
        self.inserts += 1
        self.before(self.inserts)
        rows = _rows(table, data)
        if any(map(self.poisoned, rows)):
            message = "a row is refused"
            raise Rejected(message)
        known = token in self.tokens
        assert self.tokens.setdefault(token, data) == data, "a token came again with other rows"
        if not known and self.inserts not in self.lost:
            self.columns.append(tuple(columns))
            self.rows.setdefault(table, []).extend(rows)
        self.after(self.inserts)

    def present(self, table: str, key: Sequence[str], values: Sequence[tuple[bytes | int, ...]]) -> set[int]:
        """The places of the rows that are here."""
        layout = current_layouts(1)[table]
        places = [layout.names.index(name) for name in key]
        split = [fields(row, 0, layout.types) for row in self.rows.get(table, [])]
        here = {tuple(key_value(row[place]) for place in places) for row in split}
        return {place for place, value in enumerate(values) if tuple(value) in here}

    def stored(self, table: str, key: Sequence[str], values: Sequence[tuple[bytes | int, ...]]) -> set[int]:
        """The same: nothing is taken on trust."""
        return self.present(table, key, values)

    def counts(self, table: str) -> Counter[bytes]:
        """How often each row is stored."""
        return Counter(self.rows.get(table, []))


def _rows(table: str, data: bytes) -> list[bytes]:
    return split(data, current_layouts(1)[table].types)


def unavailable(*numbers: int) -> Callable[[int], None]:
    """Raises `Unavailable` at the inserts with these numbers."""

    def fail(number: int) -> None:
        if number in numbers:
            message = "the database is away"
            raise Unavailable(message, 0.0)

    return fail
