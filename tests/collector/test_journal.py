"""The journal: durable, bounded, each request once, whole after every kind of end."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from agenttrace_collector.decode.batch import Batch
from agenttrace_collector.errors import Unavailable
from agenttrace_collector.journal import (
    Durability,
    Journal,
    JournalDamaged,
    JournalInUse,
    JournalOptions,
    current_layouts,
)
from agenttrace_collector.journal.reserve import Reserve
from tests.support.storage import DECISIONS, LINKS, Clock, batch, decision, link, links, open_journal

EVERY = list(Durability)


def write(journal: Journal, *batches: Batch) -> None:
    """Write batches at the same time."""

    async def all_of_them() -> None:
        await asyncio.gather(*map(journal.write, batches))

    asyncio.run(all_of_them())


@pytest.mark.parametrize("durability", EVERY)
def test_a_batch_is_cut_as_it_was_written(tmp_path: Path, durability: Durability) -> None:
    """What a block holds is what the batches held, in the order they came."""
    journal = open_journal(tmp_path, durability=durability)
    write(journal, links([1, 2]))
    write(journal, links([3]))
    (layout,) = journal.layouts_waiting()
    block = journal.cut(layout, rows=100, size=10_000)
    assert block is not None
    assert [rows.data for rows in journal.data(block)] == [link(1) + link(2), link(3)]
    journal.close()


@pytest.mark.parametrize(("rows", "expected"), [(1, 2), (2, 2), (3, 2), (4, 4), (5, 5)])
def test_a_block_is_bounded_in_rows_but_takes_one_entry(tmp_path: Path, rows: int, expected: int) -> None:
    """Entries are never cut through, and an entry over the bound goes alone."""
    journal = open_journal(tmp_path)
    for numbers in ([1, 2], [3, 4], [5]):
        write(journal, links(numbers))
    block = journal.cut(journal.layouts_waiting()[0], rows=rows, size=10_000)
    assert block is not None
    assert block.rows == expected
    journal.close()


def test_a_block_is_bounded_in_bytes(tmp_path: Path) -> None:
    """The byte bound holds too."""
    journal = open_journal(tmp_path)
    for number in range(4):
        write(journal, links([number]))
    block = journal.cut(journal.layouts_waiting()[0], rows=100, size=2 * len(link(0)) + 1)
    assert block is not None
    assert block.rows == 2
    journal.close()


@pytest.mark.parametrize("durability", EVERY)
def test_a_request_sent_again_is_acknowledged_and_not_kept(tmp_path: Path, durability: Durability) -> None:
    """One after another, and many at once in one commit."""
    journal = open_journal(tmp_path, durability=durability)
    write(journal, links([1, 2], b"a"))
    write(journal, *[links([1, 2], b"a")] * 3, *[links([3], b"b")] * 3)
    depth = journal.depth()
    assert (depth.rows, depth.duplicate_requests, depth.tables[LINKS].duplicate) == (3, 5, 8)
    journal.close()


def test_the_window_is_ten_minutes_and_outlives_the_process(tmp_path: Path) -> None:
    """Within ten minutes a request is known after a restart; later it is new."""
    clock = Clock()
    layouts = current_layouts(1)
    for seconds, rows in ((0, 1), (599, 1), (2, 2)):
        clock.pass_seconds(seconds)
        journal = Journal(JournalOptions(tmp_path, reserve_mib=0), layouts, now=clock)
        journal.open()
        write(journal, links([1], b"a"))
        assert journal.depth().rows == rows
        journal.close()


def test_the_window_forgets(tmp_path: Path) -> None:
    """Requests whose time is over leave the file."""
    clock = Clock()
    journal = Journal(JournalOptions(tmp_path, reserve_mib=0), current_layouts(1), now=clock)
    journal.open()
    write(journal, *(links([number], number.to_bytes(2, "big")) for number in range(300)))
    clock.pass_seconds(601)
    write(journal, links([1], b"new"))
    journal.close()
    assert sqlite3.connect(tmp_path / "journal.db").execute("SELECT count(*) FROM seen").fetchone() == (1,)


def test_a_full_journal_refuses_with_a_delay_and_recovers(tmp_path: Path) -> None:
    """Over its size it says when to come again, acknowledges what it has, and takes more once drained."""
    journal = open_journal(tmp_path, max_size_mib=1)
    many = batch(b"a", **{DECISIONS: [decision(number) for number in range(4000)]})
    write(journal, many)
    other = batch(b"b", **{DECISIONS: [decision(number) for number in range(4000)]})
    with pytest.raises(Unavailable, match="full") as refused:
        write(journal, other)
    assert refused.value.retry_after > 0
    write(journal, many)
    assert journal.obstacle() == "journal is full"
    block = journal.cut(journal.layouts_waiting()[0], rows=10_000, size=1 << 30)
    assert block is not None
    journal.delivered(block)
    write(journal, other)
    assert (journal.depth().rows, journal.obstacle(0)) == (4000, "")
    journal.close()


def test_a_reserve_that_cannot_be_held_refuses(tmp_path: Path) -> None:
    """Without space kept for delivery nothing new is taken; no restart is needed once there is some."""
    reserve = Reserve(tmp_path / "reserve", 1 << 20)
    assert reserve.hold()
    assert reserve.give_up()
    assert not reserve.give_up()
    assert not Reserve(tmp_path / "too large", 1 << 50).hold()
    assert sorted(tmp_path.iterdir()) == []
    assert reserve.hold()


def test_a_disk_without_room_for_the_reserve_refuses(tmp_path: Path) -> None:
    """The refusal names a delay; the journal is whole."""
    journal = Journal(JournalOptions(tmp_path, reserve_mib=1 << 30), current_layouts(1))
    journal.open()
    assert journal.obstacle() == "the disk is nearly full"
    with pytest.raises(Unavailable, match="nearly full") as refused:
        write(journal, links([1]))
    assert refused.value.retry_after > 0
    journal.close()


def test_what_waits_for_the_disk_is_bounded(tmp_path: Path) -> None:
    """Beyond the bound a write is refused at once, it does not wait in memory."""
    journal = open_journal(tmp_path, pending_mib=0)

    async def crowd() -> list[BaseException | bool]:
        writes = (journal.write(links([number])) for number in range(50))
        return await asyncio.gather(*writes, return_exceptions=True)

    results = asyncio.run(crowd())
    refused = [result for result in results if isinstance(result, Unavailable)]
    assert journal.depth().rows == 50 - len(refused) > 0
    journal.close()


def test_entries_and_blocks_are_there_after_a_restart(tmp_path: Path) -> None:
    """A block that was written down comes back with its bounds and its token."""
    journal = open_journal(tmp_path)
    write(journal, links([1, 2]))
    block = journal.cut(journal.layouts_waiting()[0], rows=100, size=10_000)
    write(journal, links([3]))
    journal.close()
    again = Journal(JournalOptions(tmp_path), current_layouts(1))
    assert again.open() == [block]
    assert again.depth().rows == again.depth().tables[LINKS].recovered == 3
    again.close()


def test_a_token_does_not_come_again_with_other_rows(tmp_path: Path) -> None:
    """The same numbers in a journal that began anew make another token."""
    tokens = set()
    for name in ("one", "two"):
        journal = open_journal(tmp_path / name)
        write(journal, links([1]))
        block = journal.cut(journal.layouts_waiting()[0], rows=1, size=1)
        assert block is not None
        tokens.add(block.token)
        journal.close()
    assert len(tokens) == 2


def test_two_collectors_do_not_share_a_journal(tmp_path: Path) -> None:
    """The second is told so, and may have it when the first is gone."""
    journal = open_journal(tmp_path)
    with pytest.raises(JournalInUse, match="another collector"):
        open_journal(tmp_path)
    journal.close()
    open_journal(tmp_path).close()


@pytest.mark.parametrize("name", ["garbage", "foreign", "broken page"])
def test_a_file_that_is_no_journal_is_named_and_left_alone(tmp_path: Path, name: str) -> None:
    """Damage is an error at the start; the file stays as it is, and the lock is free."""
    path = tmp_path / "journal.db"
    if name == "garbage":
        path.write_bytes(b"not a database" * 1000)
    elif name == "foreign":
        sqlite3.connect(path).execute("CREATE TABLE x (y)")
    else:
        journal = open_journal(tmp_path)
        write(journal, *(links([number]) for number in range(2000)))
        journal.close()
        content = bytearray(path.read_bytes())
        content[8192 * 3 : 8192 * 3 + 4000] = b"\xff" * 4000
        path.write_bytes(content)
    before = path.stat().st_size
    for _ in range(2):
        with pytest.raises(JournalDamaged, match="damaged"):
            open_journal(tmp_path)
    assert path.stat().st_size == before


def test_a_torn_log_costs_only_what_was_not_acknowledged(tmp_path: Path) -> None:
    """Cut the write-ahead log anywhere in its last commit: every earlier one is there."""
    journal = open_journal(tmp_path / "live")
    write(journal, links([1]))
    before = (tmp_path / "live" / "journal.db-wal").stat().st_size
    write(journal, links([2]))
    log = (tmp_path / "live" / "journal.db-wal").read_bytes()
    database = (tmp_path / "live" / "journal.db").read_bytes()
    journal.close()
    for cut in range(before, len(log), 4099):
        copy = tmp_path / f"cut-{cut}"
        copy.mkdir()
        (copy / "journal.db").write_bytes(database)
        (copy / "journal.db-wal").write_bytes(log[:cut] + b"\xa5" * 64)
        torn = open_journal(copy)
        assert torn.depth().rows == 1
        torn.close()


def test_the_counts_agree_with_the_file(tmp_path: Path) -> None:
    """The depth that is kept in memory is what SQLite counts."""
    journal = open_journal(tmp_path)
    write(journal, *(links([number, number + 1], bytes([number // 2])) for number in range(10)))
    depth = journal.depth()
    sql = "SELECT sum(rows), sum(bytes) FROM entries"
    assert sqlite3.connect(tmp_path / "journal.db").execute(sql).fetchone() == (depth.rows, depth.bytes)
    assert journal.age() >= 0
    journal.close()


def test_an_empty_batch_needs_no_disk(tmp_path: Path) -> None:
    """A request without rows is acknowledged and leaves nothing."""
    journal = open_journal(tmp_path)
    write(journal, batch(b"a"), batch(b"b", **{LINKS: []}))
    assert journal.depth().tables == {}
    journal.close()


def test_a_drained_journal_shrinks(tmp_path: Path) -> None:
    """After 64 MiB went through, the file is small."""
    journal = open_journal(tmp_path)
    rows = [decision(number) for number in range(40_000)]
    for _ in range(8):
        write(journal, batch(b"", **{DECISIONS: rows}))
    assert journal.depth().bytes > 40 << 20
    block = journal.cut(journal.layouts_waiting()[0], rows=1_000_000, size=1 << 30)
    assert block is not None
    journal.delivered(block)
    journal.close()
    assert journal.depth().bytes == 0
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 1 << 20


def test_a_closed_journal_is_unavailable(tmp_path: Path) -> None:
    """A write after the end is refused, not lost."""
    journal = open_journal(tmp_path)
    journal.close()
    with pytest.raises(Unavailable, match="closed"):
        write(journal, links([1]))
