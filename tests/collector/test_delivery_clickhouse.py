"""Delivery into the real engine under the real schema: CHECKs, ids, columns that came later."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from agenttrace_collector.clickhouse.schema import ManagedClickHouse
from agenttrace_collector.clickhouse.verify import TablePresence
from agenttrace_collector.decode.batch import Batch
from agenttrace_collector.delivery import Delivery
from agenttrace_collector.journal import Journal, JournalOptions, current_layouts
from agenttrace_schemas.rules import Policy
from tests.support.database import engine
from tests.support.storage import DECISIONS, LINKS, batch, decision, link, open_journal


@pytest.fixture(scope="module")
def database() -> Iterator[ManagedClickHouse]:
    """An embedded database with the schema, whose tables do not merge, so that raw rows can be counted."""
    opened = ManagedClickHouse(engine(), "test_delivery", Policy())
    opened.prepare()
    for table in current_layouts(1):
        opened.command(f"SYSTEM STOP MERGES {table}")
    yield opened
    opened.close()


def deliver(journal: Journal, database: ManagedClickHouse, *batches: Batch) -> None:
    """Write and deliver until the journal is empty, rejections included."""

    async def run() -> None:
        await asyncio.gather(*map(journal.write, batches))
        while journal.depth().rows:
            assert await delivery.flush(30.0)

    delivery = Delivery(journal, database, presence=database.presence())
    delivery.start()
    asyncio.run(run())
    assert delivery.stop(30.0)
    journal.close()


def numbers(database: ManagedClickHouse, table: str, *, first: int) -> list[int]:
    """The numbers of the stored rows from `first` on, as often as they are stored."""
    statement = (
        f"SELECT span_id FROM {table} WHERE span_id BETWEEN {first} AND {first + 999} ORDER BY span_id"  # noqa: S608
    )
    return [number for (number,) in database.query(statement)]


def test_a_row_that_a_check_refuses_becomes_a_rejection(tmp_path: Path, database: ManagedClickHouse) -> None:
    """The other rows of the block are stored; the rejection names the table, not the value."""
    bad = decision(1004, selected="not a label: canary-7f3a")
    rows = [*(decision(number) for number in range(1000, 1004)), bad, decision(1005)]
    deliver(open_journal(tmp_path), database, batch(b"a", **{DECISIONS: rows}))
    assert numbers(database, DECISIONS, first=1000) == [1000, 1001, 1002, 1003, 1005]
    found = database.query(
        "SELECT kind, rule, attribute_key, agent_id FROM agent_rejections WHERE span_id = 1004"
    )
    assert [tuple(row) for row in found] == [("row", "storage.refused", DECISIONS, "agent")]
    leaks = "SELECT count() FROM system.errors WHERE last_error_message LIKE '%canary%'"
    assert database.query(leaks)[0][0] == 0


def test_rows_are_found_by_their_ids(database: ManagedClickHouse) -> None:
    """Present are exactly the rows that are there, also over several statements."""
    layout = current_layouts(1)[DECISIONS]
    data = b"".join(decision(number) for number in range(2000, 2003))
    database.insert(DECISIONS, layout.names, data, token="presence")
    wanted = [(number.to_bytes(16, "big"),) * 2 for number in range(2000 - 3000, 2000 + 3000) if number > 0]
    found = TablePresence(database.query).present(DECISIONS, ("decision_id", "run_id"), wanted)
    assert [int.from_bytes(wanted[place][0], "big") for place in sorted(found)] == [
        number
        for number in (1000, 1001, 1002, 1003, 1005, 2000, 2001, 2002)
        if (number.to_bytes(16, "big"),) * 2 in wanted
    ]


def test_what_an_interrupted_insert_lost_is_inserted_again(
    tmp_path: Path, database: ManagedClickHouse
) -> None:
    """A token that the engine knows although the rows are gone: they are missed and sent again."""
    journal = open_journal(tmp_path)
    asyncio.run(journal.write(batch(b"a", **{LINKS: [link(number) for number in range(3000, 3010)]})))
    layout = journal.layouts_waiting()[0]
    block = journal.cut(layout, rows=100, size=1 << 20)
    assert block is not None
    database.insert(LINKS, journal.layout(layout).names, link(3999), token=block.token)
    journal.close()
    journal = Journal(JournalOptions(tmp_path, reserve_mib=0), current_layouts(1))
    delivery = Delivery(journal, database, presence=database.presence())
    delivery.start(journal.open())
    assert asyncio.run(delivery.flush(30.0))
    assert delivery.stop(30.0)
    journal.close()
    assert numbers(database, LINKS, first=3000) == [*range(3000, 3010), 3999]
    assert delivery.progress().repaired == {LINKS: 10}


def test_a_block_that_was_inserted_is_not_doubled_after_a_restart(
    tmp_path: Path, database: ManagedClickHouse
) -> None:
    """The process ended between the insert and the note of it."""
    journal = open_journal(tmp_path)
    asyncio.run(journal.write(batch(b"a", **{LINKS: [link(number) for number in range(4000, 4010)]})))
    layout = journal.layouts_waiting()[0]
    block = journal.cut(layout, rows=100, size=1 << 20)
    assert block is not None
    rows = journal.data(block)[0].data
    database.insert(LINKS, journal.layout(layout).names, rows, token=block.token)
    journal.close()
    journal = Journal(JournalOptions(tmp_path, reserve_mib=0), current_layouts(1))
    delivery = Delivery(journal, database, presence=database.presence())
    delivery.start(journal.open())
    assert asyncio.run(delivery.flush(30.0))
    assert delivery.stop(30.0)
    journal.close()
    assert numbers(database, LINKS, first=4000) == list(range(4000, 4010))


def test_a_journal_from_before_a_migration_is_delivered_after_it(
    tmp_path: Path, database: ManagedClickHouse
) -> None:
    """A column is added while rows wait: they go in with their own columns, the new one takes its default."""
    journal = open_journal(tmp_path)
    asyncio.run(journal.write(batch(b"a", **{LINKS: [link(5000), link(5001)]})))
    database.command(f"ALTER TABLE {LINKS} ADD COLUMN later UInt8 DEFAULT 7 AFTER tenant")
    deliver(journal, database)
    statement = f"SELECT span_id, later FROM {LINKS} WHERE span_id BETWEEN 5000 AND 5001 ORDER BY span_id"  # noqa: S608
    assert [tuple(row) for row in database.query(statement)] == [(5000, 7), (5001, 7)]
