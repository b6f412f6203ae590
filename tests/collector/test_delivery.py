"""Delivery: every row once, whatever the database does; what it never takes is refused by name."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from agenttrace_collector.clickhouse.inserter import Inserter
from agenttrace_collector.clickhouse.row_fields import fields, text
from agenttrace_collector.delivery import Backoff, Delivery, DeliveryOptions
from agenttrace_collector.errors import Unavailable
from agenttrace_collector.journal import InsertBlock, Journal, JournalOptions, Layout, current_layouts
from agenttrace_schemas.rows import RejectionRow
from tests.support.storage import (
    DECISIONS,
    LINKS,
    FakeDatabase,
    batch,
    decision,
    link,
    links,
    open_journal,
    unavailable,
)

REJECTIONS = RejectionRow.TABLE
QUICK = DeliveryOptions(first_delay=0.001, longest_delay=0.002, block_age=0.01)


@contextlib.contextmanager
def delivering(
    journal: Journal,
    database: Inserter,
    *,
    options: DeliveryOptions = QUICK,
    recovered: Sequence[InsertBlock] = (),
) -> Iterator[Delivery]:
    """A delivery that runs within the block."""
    presence = database if isinstance(database, FakeDatabase) else None
    delivery = Delivery(journal, database, options=options, presence=presence)
    delivery.start(recovered)
    try:
        yield delivery
    finally:
        assert delivery.stop(10.0)


def drain(
    journal: Journal,
    database: Inserter,
    *,
    options: DeliveryOptions = QUICK,
    recovered: Sequence[InsertBlock] = (),
) -> Delivery:
    """Deliver all that is there, and the rejections that come of it."""
    with delivering(journal, database, options=options, recovered=recovered) as delivery:
        while journal.depth().rows:
            assert asyncio.run(delivery.flush(20.0))
    return delivery


def fill(journal: Journal, *numbers: int) -> None:
    """Write an entry for each number."""

    async def write() -> None:
        for number in numbers:
            await journal.write(links([number]))

    asyncio.run(write())


def test_rows_arrive_in_order_and_the_journal_is_empty(tmp_path: Path) -> None:
    """What went in comes out, block by block."""
    journal, database = open_journal(tmp_path), FakeDatabase()
    fill(journal, *range(25))
    drain(journal, database, options=DeliveryOptions(block_rows=10))
    assert database.rows[LINKS] == [link(number) for number in range(25)]
    assert (database.inserts, journal.depth().rows, journal.depth().tables[LINKS].delivered) == (3, 0, 25)
    journal.close()


def test_tables_go_side_by_side_with_their_own_columns(tmp_path: Path) -> None:
    """A batch of two tables is two blocks, each inserted with the column list of its layout."""
    journal, database = open_journal(tmp_path), FakeDatabase()
    asyncio.run(journal.write(batch(b"a", **{LINKS: [link(1)], DECISIONS: [decision(1), decision(2)]})))
    drain(journal, database)
    assert {table: len(rows) for table, rows in database.rows.items()} == {LINKS: 1, DECISIONS: 2}
    assert set(database.columns) == {current_layouts(1)[table].names for table in (LINKS, DECISIONS)}
    journal.close()


FAILURES = [FakeDatabase(before=unavailable(1, 2, 4)), FakeDatabase(after=unavailable(1, 2, 4))]


@pytest.mark.parametrize("database", FAILURES, ids=["rows lost", "answer lost"])
def test_an_insert_that_fails_is_repeated_under_its_token(tmp_path: Path, database: FakeDatabase) -> None:
    """Whether the rows or only the answer were lost, they are stored once."""
    journal = open_journal(tmp_path)
    fill(journal, *range(6))
    delivery = drain(journal, database, options=DeliveryOptions(first_delay=0.001, block_rows=3))
    assert database.rows[LINKS] == [link(number) for number in range(6)]
    assert (len(database.tokens), delivery.progress().retries) == (2, {LINKS: 3})
    journal.close()


def test_another_failure_does_not_end_the_worker(tmp_path: Path) -> None:
    """An error that nobody foresaw is tried again as well, and named by its class."""
    journal = open_journal(tmp_path)
    seen: list[str] = []

    def fail(number: int) -> None:
        if number <= 2:
            raise ZeroDivisionError

    database = FakeDatabase(before=fail)
    fill(journal, 1)
    with delivering(journal, database) as delivery:
        assert asyncio.run(delivery.flush(20.0))
        seen.append(delivery.progress().last_error)
    assert (database.rows[LINKS], seen, delivery.progress().retries) == ([link(1)], [""], {LINKS: 2})
    journal.close()


class WithoutLinks:
    """A database in which one table is missing."""

    def __init__(self, behind: FakeDatabase) -> None:
        self._behind = behind

    def insert(self, table: str, columns: Sequence[str], data: bytes, *, token: str) -> None:
        """Insert, except into the table that is missing."""
        if table == LINKS:
            message = "no such table yet"
            raise Unavailable(message)
        self._behind.insert(table, columns, data, token=token)


class Recorder:
    """Keeps what it is asked to insert."""

    def __init__(self) -> None:
        self.sent: list[tuple[tuple[str, ...], bytes]] = []

    def insert(self, table: str, columns: Sequence[str], data: bytes, *, token: str) -> None:
        """Remember columns and data."""
        assert table
        assert token
        self.sent.append((tuple(columns), data))


def test_a_table_that_waits_does_not_hold_up_another(tmp_path: Path) -> None:
    """One table's failure is its own."""
    journal, database = open_journal(tmp_path), FakeDatabase()
    asyncio.run(journal.write(batch(b"a", **{LINKS: [link(1)], DECISIONS: [decision(1)]})))
    with delivering(journal, WithoutLinks(database)) as delivery:
        assert not asyncio.run(delivery.flush(0.5))
    assert database.rows == {DECISIONS: [decision(1)]}
    assert delivery.progress().last_error in ("", "Unavailable")
    journal.close()


@pytest.mark.parametrize("bad", [[0], [9], [3, 4], [0, 5, 9], list(range(10))])
def test_poison_is_bisected_and_the_good_rows_kept(tmp_path: Path, bad: list[int]) -> None:
    """Refused rows become rejections, one each; every other row is stored once."""
    poison = {link(number) for number in bad}
    journal, database = open_journal(tmp_path), FakeDatabase(poisoned=poison.__contains__)
    fill(journal, *range(10))
    drain(journal, database)
    assert sorted(database.rows.get(LINKS, [])) == sorted(link(n) for n in range(10) if n not in bad)
    assert len(database.rows[REJECTIONS]) == len(bad)
    tally = journal.depth().tables[LINKS]
    assert (tally.delivered, tally.refused, tally.waiting, journal.depth().bytes) == (
        10 - len(bad),
        len(bad),
        0,
        0,
    )
    journal.close()


def test_a_rejection_has_the_ids_of_the_row_and_no_value(tmp_path: Path) -> None:
    """Rule, kind and table are named; what broke the row is not repeated."""
    row = decision(7, selected="canary-of-the-row")
    journal, database = open_journal(tmp_path), FakeDatabase(poisoned=row.__eq__)
    asyncio.run(journal.write(batch(b"a", **{DECISIONS: [row]})))
    drain(journal, database)
    (stored,) = database.rows[REJECTIONS]
    layout = current_layouts(1)[REJECTIONS]
    found = dict(zip(layout.names, fields(stored, 0, layout.types), strict=True))
    assert text(found["rule"]) == "storage.refused"
    assert (text(found["kind"]), text(found["attribute_key"]), text(found["agent_id"])) == (
        "row",
        DECISIONS,
        "agent",
    )
    assert found["run_id"] == b"\x00" + fields(row, 0, current_layouts(1)[DECISIONS].types)[1]
    assert b"canary" not in stored
    journal.close()


def test_an_identifier_that_may_be_the_reason_is_not_repeated(tmp_path: Path) -> None:
    """A tenant that is no identifier is redacted in the rejection."""
    row = link(7, tenant="someone said this, at length, and more")
    journal, database = open_journal(tmp_path), FakeDatabase(poisoned=row.__eq__)
    asyncio.run(journal.write(batch(b"a", **{LINKS: [row]})))
    drain(journal, database)
    assert b"said" not in database.rows[REJECTIONS][0]
    assert b"_redacted" in database.rows[REJECTIONS][0]
    journal.close()


def test_a_database_that_refuses_rejections_too_does_not_turn_in_circles(tmp_path: Path) -> None:
    """A rejection gets one plain substitute; then it is counted and logged, and the rest goes on."""
    journal, database = open_journal(tmp_path), FakeDatabase(poisoned=lambda row: row != link(2))
    fill(journal, 1, 2)
    delivery = drain(journal, database)
    assert (database.rows, delivery.progress().unrecorded) == ({LINKS: [link(2)]}, 1)
    journal.close()


def test_halves_come_back_after_a_restart(tmp_path: Path) -> None:
    """Bisecting goes on where it was: parts that are done are not sent again, tokens stay."""
    poison = {link(5)}
    journal, database = open_journal(tmp_path), FakeDatabase(poisoned=poison.__contains__)
    fill(journal, *range(8))
    stop_at = 4

    def end(number: int) -> None:
        if number >= stop_at:
            message = "the process ends here"
            raise Unavailable(message)

    database.after = end
    with delivering(journal, database) as delivery:
        assert not asyncio.run(delivery.flush(0.5))
    journal.close()
    database.after = lambda _: None
    journal = Journal(JournalOptions(tmp_path, reserve_mib=0), current_layouts(1))
    recovered = journal.open()
    assert journal.depth().rows < 8
    drain(journal, database, recovered=recovered)
    assert sorted(database.rows[LINKS]) == sorted(link(number) for number in range(8) if number != 5)
    assert len(database.rows[REJECTIONS]) == 1
    journal.close()


@pytest.mark.parametrize("lost", [{1}, {1, 2}, {1, 2, 3}])
def test_rows_that_an_interrupted_insert_lost_are_sent_again(tmp_path: Path, lost: set[int]) -> None:
    """A token that is known is no proof: after a doubtful insert the rows are looked for."""
    journal = open_journal(tmp_path)
    database = FakeDatabase(after=unavailable(*lost), lost=frozenset(lost))
    fill(journal, *range(6))
    delivery = drain(journal, database)
    assert sorted(database.rows[LINKS]) == sorted(link(number) for number in range(6))
    assert delivery.progress().repaired == {LINKS: 6}
    journal.close()


def test_a_journal_from_before_a_migration_is_delivered_with_its_own_columns(tmp_path: Path) -> None:
    """An entry goes out under the column list it was written with, the next under the new one."""
    new = current_layouts(2)
    old = {LINKS: Layout(LINKS, new[LINKS].columns[:-1], 1)}
    for layouts, rows in ((old, link(1)[:-8]), (new, link(2))):
        journal = Journal(JournalOptions(tmp_path, reserve_mib=0), layouts)
        journal.open()
        asyncio.run(journal.write(batch(rows, **{LINKS: [rows]})))
        if layouts is old:
            journal.close()
    recorder = Recorder()
    drain(journal, recorder)
    assert recorder.sent == [(old[LINKS].names, link(1)[:-8]), (new[LINKS].names, link(2))]
    journal.close()


def test_stopping_leaves_the_rest_in_the_journal(tmp_path: Path) -> None:
    """With the database away, a stop is prompt although the next attempt is far off."""
    journal = open_journal(tmp_path)
    database = FakeDatabase(before=unavailable(*range(1, 1000)))
    fill(journal, 1)
    delivery = Delivery(journal, database, options=DeliveryOptions(first_delay=600.0, longest_delay=600.0))
    delivery.start()
    assert not asyncio.run(delivery.flush(0.2))
    assert delivery.stop(5.0)
    assert journal.depth().rows == 1
    journal.close()


def test_delays_double_to_a_bound_with_full_jitter() -> None:
    """The bound doubles, the delay is drawn below it."""
    backoff = Backoff(1.0, 5.0, jitter=lambda: 0.5)
    assert [backoff.next() for _ in range(4)] == [0.5, 1.0, 2.0, 2.5]
    backoff.reset()
    assert backoff.next() == 0.5
