"""Rules that were tightened: waiting rows that they refuse are counted, kept, and delivered once rules take them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from agenttrace_collector.cli.doctor import DoctorFindings, diagnose
from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_collector.clickhouse.purge_client import Erasure
from agenttrace_collector.clickhouse.purge_subject import Subject
from agenttrace_collector.clickhouse.row_fields import fields
from agenttrace_collector.clickhouse.schema import ManagedClickHouse
from agenttrace_collector.config import load_config
from agenttrace_collector.decode.batch import Batch
from agenttrace_collector.delivery.sift import Sift, refused_by_table
from agenttrace_collector.errors import Rejected, Unavailable
from agenttrace_collector.journal import Journal, JournalOptions, TableCounts, current_layouts
from agenttrace_collector.server.shutdown import Shutdown
from agenttrace_collector.storage import Storage, discard, opened_storage
from agenttrace_schemas.checks import fingerprint
from agenttrace_schemas.rules import Policy
from tests.support.database import engine, new_database
from tests.support.storage import DECISIONS, LINKS, batch, decision, link

RELAXED, TOKEN = Policy(labels="relaxed"), Policy()
# Two that only relaxed rules take, two that both do.
ROWS = [decision(number, selected="two words" if number % 2 else "search") for number in range(1, 5)]
MIXED = batch(b"", **{DECISIONS: ROWS, LINKS: [link(1)]})


@pytest.fixture
def database() -> ClickHouse:
    """A database with relaxed rules."""
    return new_database(RELAXED)


def wait_in(directory: Path, rows: Batch = MIXED, policy: Policy = RELAXED) -> None:
    """Rows that a collector with these rules took and did not deliver."""
    journal = Journal(
        JournalOptions(directory / "journal", reserve_mib=0), current_layouts(1), rules=fingerprint(policy)
    )
    journal.open()
    asyncio.run(journal.write(rows))
    journal.close()


def started(
    directory: Path, database: ClickHouse, policy: Policy, then: Callable[[Storage], object] | None = None
) -> Mapping[str, TableCounts]:
    """Start a storage with these rules as a collector with an embedded database does; its counts when all is delivered."""

    async def run() -> Mapping[str, TableCounts]:
        settings = [f"journal.directory={directory / 'journal'}", "exporters.clickhouse.block_age=10ms"]
        managed = ManagedClickHouse(engine(), database.name, policy)
        lifetime = Shutdown(drain_timeout=30.0)
        async with opened_storage(load_config([], settings, {}), managed, lifetime) as storage:
            await storage.preparation.prepared.wait()
            assert await storage.flush(30.0)
            if then:
                answer = then(storage)
                if asyncio.iscoroutine(answer):
                    await answer
            counts = storage.journal.depth().tables
            lifetime.end()
        return counts

    return asyncio.run(run())


def stored(database: ClickHouse, table: str = DECISIONS) -> list[int]:
    """The numbers of the rows of a table, as often as they are stored."""
    return [number for (number,) in database.query(f"SELECT span_id FROM {table} ORDER BY span_id")]  # noqa: S608 - ours


def rejections(database: ClickHouse) -> int:
    """How many rows were refused for good."""
    return int(database.query("SELECT count() FROM agent_rejections")[0][0])


def test_a_start_under_tighter_rules_says_how_many_rows_they_refuse_and_keeps_them(
    tmp_path: Path, database: ClickHouse, caplog: pytest.LogCaptureFixture
) -> None:
    """The others go on; no rejection stands for the ones that are kept."""
    wait_in(tmp_path)
    counts = started(tmp_path, database, TOKEN)
    assert (stored(database), stored(database, LINKS), rejections(database)) == ([2, 4], [1], 0)
    assert (counts[DECISIONS].set_aside, counts[DECISIONS].delivered, counts[DECISIONS].refused) == (2, 2, 0)
    told = [message for message in caplog.messages if "refused by the present rules" in message]
    assert [message.partition(":")[0] for message in told] == [
        "2 rows of agent_decisions that waited are refused by the present rules"
    ]


@pytest.mark.long
def test_rows_that_are_kept_survive_starts_and_go_once_the_rules_are_loosened(
    tmp_path: Path, database: ClickHouse, caplog: pytest.LogCaptureFixture
) -> None:
    """Each once."""
    wait_in(tmp_path)
    for _ in range(3):
        assert started(tmp_path, database, TOKEN)[DECISIONS].set_aside == 2
    with caplog.at_level(logging.INFO, "agenttrace_collector.delivery"):
        counts = started(tmp_path, database, RELAXED)
    assert (stored(database), rejections(database), counts[DECISIONS].set_aside) == ([1, 2, 3, 4], 0, 0)
    assert "2 rows of agent_decisions that were set aside are delivered" in caplog.messages


@pytest.mark.long
def test_rules_that_are_tightened_under_a_collector_cost_no_row(tmp_path: Path, database: ClickHouse) -> None:
    """It took rows under the former ones: the database says which of them it refuses now."""

    def tighten(storage: Storage) -> object:
        Migrator(database, TOKEN).up()

        async def write() -> None:
            await storage.journal.write(MIXED)
            assert await storage.flush(30.0)

        return write()

    counts = started(tmp_path, database, RELAXED, tighten)
    assert (counts[DECISIONS].set_aside, stored(database), rejections(database)) == (2, [2, 4], 0)
    assert started(tmp_path, database, RELAXED)[DECISIONS].set_aside == 0
    assert stored(database) == [1, 2, 3, 4]


@pytest.mark.long
@pytest.mark.parametrize("is_stored", [True, False])
def test_a_block_that_was_in_flight_is_neither_lost_nor_stored_twice(
    tmp_path: Path, database: ClickHouse, *, is_stored: bool
) -> None:
    """A kill leaves open whether the database has it; then the rules are tightened."""
    options = JournalOptions(tmp_path / "journal", reserve_mib=0)
    journal = Journal(options, current_layouts(1), rules=fingerprint(RELAXED))
    journal.open()
    asyncio.run(journal.write(MIXED))
    for number in journal.layouts_waiting():
        block = journal.cut(number, rows=100, size=1_000_000)
        assert block
        layout = journal.layout(number)
        if is_stored:
            data = b"".join(rows.data for rows in journal.data(block))
            database.insert(layout.table, layout.names, data, token=block.token)
    journal.close()
    counts = started(tmp_path, database, TOKEN)
    assert stored(database) == ([1, 2, 3, 4] if is_stored else [2, 4])
    assert counts[DECISIONS].set_aside == (0 if is_stored else 2)
    started(tmp_path, database, RELAXED)
    assert (stored(database), stored(database, LINKS)) == ([1, 2, 3, 4], [1])


@pytest.mark.long
def test_a_pass_that_is_cut_short_loses_nothing(tmp_path: Path, database: ClickHouse) -> None:
    """Each step is one change on disk: the next start goes on."""
    wait_in(tmp_path)
    journal = Journal(
        JournalOptions(tmp_path / "journal", reserve_mib=0), current_layouts(1), rules=fingerprint(TOKEN)
    )
    journal.open()
    steps = Sift(journal, ManagedClickHouse(engine(), database.name, TOKEN).rules()).steps()
    while not journal.depth().set_aside:
        next(steps)
    journal.close()
    assert started(tmp_path, database, TOKEN)[DECISIONS].set_aside == 2
    started(tmp_path, database, RELAXED)
    assert (stored(database), stored(database, LINKS)) == ([1, 2, 3, 4], [1])


def test_rows_of_an_older_layout_are_sorted_by_the_columns_they_have(database: ClickHouse) -> None:
    """What they lack is as the table fills it in."""
    rules = ManagedClickHouse(engine(), database.name, TOKEN).rules()
    columns = current_layouts(1)[DECISIONS].columns
    last = fields(ROWS[0], 0, [kind for _, kind in columns])[-1]
    assert columns[-1][0] != "selected"
    shorter = [row[: -len(last)] for row in ROWS]
    assert all(row.endswith(last) for row in ROWS)
    assert rules.refused(DECISIONS, columns[:-1], shorter) == [0, 2]


@pytest.mark.long
def test_migrate_counts_what_waits_in_a_journal_that_it_does_not_change(
    tmp_path: Path, database: ClickHouse
) -> None:
    """Set aside or not."""
    rules = ManagedClickHouse(engine(), database.name, TOKEN).rules()
    assert refused_by_table(tmp_path / "journal", rules) == {}
    wait_in(tmp_path)
    before = (tmp_path / "journal" / "journal.db").read_bytes()
    assert refused_by_table(tmp_path / "journal", rules) == {DECISIONS: 2}
    assert (tmp_path / "journal" / "journal.db").read_bytes() == before
    started(tmp_path, database, TOKEN)
    assert refused_by_table(tmp_path / "journal", rules) == {DECISIONS: 2}


def test_the_database_names_the_rows_that_its_own_rules_refuse(database: ClickHouse) -> None:
    """Whatever the rules of the process that asks."""
    columns = current_layouts(1)[DECISIONS].columns
    rules = ManagedClickHouse(engine(), database.name, TOKEN).rules()
    assert rules.refused_in_force(DECISIONS, columns, [*ROWS, decision(9, selected="a\nb")]) == [4]
    database.command(f"ALTER TABLE {DECISIONS} ADD CONSTRAINT theirs CHECK agent_id != ''")
    with pytest.raises(Rejected, match="none of this product"):
        rules.refused_in_force(DECISIONS, columns, ROWS)


@pytest.mark.long
def test_rows_are_found_one_by_one_where_the_database_does_not_say_which(
    tmp_path: Path, database: ClickHouse
) -> None:
    """It has a rule of somebody else's: what is refused is halved, and the rest is stored."""

    async def tighten(storage: Storage) -> None:
        Migrator(database, TOKEN).up()
        database.command(f"ALTER TABLE {DECISIONS} ADD CONSTRAINT theirs CHECK agent_id != ''")
        await storage.journal.write(MIXED)
        assert await storage.flush(60.0)

    counts = started(tmp_path, database, RELAXED, tighten)
    assert (counts[DECISIONS].set_aside, stored(database), rejections(database)) == (2, [2, 4], 0)


def test_nothing_is_purged_while_rows_are_kept_and_given_up_they_leave_a_rejection(
    tmp_path: Path, database: ClickHouse
) -> None:
    """A purge that left rows behind would bring them back."""

    async def purge(storage: Storage) -> None:
        with pytest.raises(Unavailable, match="2 rows are set aside in the journal"):
            await Erasure(None, storage.flush, storage.set_aside)(Subject("run", None, "default"), erase=True)  # type: ignore[arg-type]  # none is reached

    wait_in(tmp_path)
    started(tmp_path, database, TOKEN, purge)
    settings = load_config([], [f"journal.directory={tmp_path / 'journal'}"], {})
    assert (discard(settings), discard(settings)) == (2, 0)
    assert DECISIONS not in started(tmp_path, database, TOKEN)
    found = database.query("SELECT rule, attribute_key, span_id FROM agent_rejections ORDER BY span_id")
    assert [tuple(row) for row in found] == [
        ("storage.refused", DECISIONS, 1),
        ("storage.refused", DECISIONS, 3),
    ]


def test_doctor_says_which_rows_are_kept_and_what_to_do() -> None:
    """By table."""
    found = DoctorFindings((("agenttrace_journal_set_aside_rows", {"table": DECISIONS}, 2.0),), {})
    assert any(text.startswith("2 rows of agent_decisions are set aside") for text in diagnose(found))
