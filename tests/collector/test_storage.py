"""Database, journal and delivery together: what waits, what ends the collector, what is kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from agenttrace_collector.clickhouse.requirements import SchemaMissing
from agenttrace_collector.config import load_config
from agenttrace_collector.errors import CollectorError, Rejected, Unavailable
from agenttrace_collector.server.shutdown import Shutdown
from agenttrace_collector.storage import Storage, opened_storage
from tests.support.storage import LINKS, FakeDatabase, links


class Mismatch(Rejected):
    """The schema is another one."""


@dataclass
class PreparedDatabase(FakeDatabase):
    """A database that answers the wish to be prepared as a test says."""

    embedded: bool = False
    answers: Iterator[CollectorError | None] = field(default_factory=lambda: iter(()))

    def prepare(self) -> None:
        """Raise the next answer; without one it is prepared."""
        error = next(self.answers, None)
        if error:
            raise error

    def presence(self) -> None:
        """Its word is trusted."""

    def rules(self) -> None:
        """None of its refusals is a rule's."""

    def close(self) -> None:
        """Nothing to let go of."""


def away(times: int) -> Iterator[CollectorError]:
    """So many refusals with a short delay."""
    return (Unavailable("away", 0.01) for _ in range(times))


def opened(
    directory: Path,
    database: PreparedDatabase,
    scenario: Callable[[Storage, Shutdown], object],
    *more: str,
) -> Shutdown:
    """Run a scenario, which may be a coroutine function, on an open storage; then stop it."""

    async def run() -> Shutdown:
        lifetime = Shutdown(drain_timeout=0.2)
        own = [f"journal.directory={directory / 'journal'}", "exporters.clickhouse.block_age=10ms"]
        settings = [*own, *more]
        async with opened_storage(load_config([], settings, {}), database, lifetime) as storage:
            answer = scenario(storage, lifetime)
            if asyncio.iscoroutine(answer):
                await answer
            lifetime.end()
        return lifetime

    return asyncio.run(run())


async def written(storage: Storage, _: Shutdown) -> None:
    """Write three rows."""
    await storage.journal.write(links(range(3)))


async def emptied(storage: Storage, _: Shutdown) -> None:
    """Wait until the database has everything."""
    assert await storage.delivery.flush(10)


async def delivered(storage: Storage, lifetime: Shutdown) -> None:
    """Write three rows and wait until the database has them."""
    await written(storage, lifetime)
    await emptied(storage, lifetime)


def test_rows_wait_until_a_distant_database_can_be_asked(tmp_path: Path) -> None:
    """They are taken from the start and delivered when it answers."""
    database = PreparedDatabase(answers=away(5))
    opened(tmp_path, database, delivered)
    assert len(database.rows[LINKS]) == 3


def test_rows_are_kept_when_the_database_never_answers(tmp_path: Path) -> None:
    """The next start finds and delivers them."""
    opened(tmp_path, PreparedDatabase(answers=away(10_000)), written)
    database = PreparedDatabase()
    opened(tmp_path, database, emptied)
    assert len(database.rows[LINKS]) == 3


@pytest.mark.parametrize(
    ("durability", "told"),
    [
        ("fsync", "3 rows are not delivered: they wait in the journal for the next start"),
        ("memory", "3 rows are not delivered and are lost: journal.durability is memory"),
    ],
)
def test_a_stop_says_how_many_rows_are_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, durability: str, told: str
) -> None:
    """While the database is away, and what becomes of them; nothing is said where none are."""
    chosen = f"journal.durability={durability}"
    opened(tmp_path, PreparedDatabase(answers=away(10_000)), written, chosen)
    assert caplog.messages[-1] == told
    caplog.clear()
    opened(tmp_path / "other", PreparedDatabase(), delivered, chosen)
    assert not [each for each in caplog.messages if "not delivered" in each]


@pytest.mark.parametrize("embedded", [True, False])
def test_another_schema_ends_the_start(tmp_path: Path, *, embedded: bool) -> None:
    """Before anything is received."""
    database = PreparedDatabase(embedded=embedded, answers=iter([Mismatch("run migrate")]))
    with pytest.raises(Mismatch):
        opened(tmp_path, database, written)


def test_an_embedded_database_that_cannot_be_opened_ends_the_start(tmp_path: Path) -> None:
    """Its directory may belong to another process: waiting would not help."""
    with pytest.raises(Unavailable):
        opened(tmp_path, PreparedDatabase(embedded=True, answers=away(1)), written)


def test_each_reason_to_wait_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """First the server is away, then its schema is missing; until then the API has an obstacle."""

    async def scenario(storage: Storage, lifetime: Shutdown) -> None:
        assert storage.database_obstacle() != ""
        await delivered(storage, lifetime)
        assert storage.database_obstacle() == ""

    waits = [*away(3), *(SchemaMissing("run agenttrace migrate up", 0.01) for _ in range(3))]
    with caplog.at_level(logging.INFO, "agenttrace_collector.storage"):
        opened(tmp_path, PreparedDatabase(answers=iter(waits)), scenario)
    assert [record.getMessage() for record in caplog.records] == [
        "rows wait in the journal: away",
        "rows wait in the journal: run agenttrace migrate up",
        "the database is ready, rows are delivered",
    ]


def test_a_journal_that_fills_says_until_when(tmp_path: Path) -> None:
    """At the rate since its oldest row; nothing while rows are delivered."""

    async def scenario(storage: Storage, lifetime: Shutdown) -> None:
        await written(storage, lifetime)
        assert storage.full_in_seconds() is None
        storage = replace(storage, capacity=4 * storage.journal.depth().bytes)
        assert storage.full_in_seconds(age=60.0) == pytest.approx(180.0)

    opened(tmp_path, PreparedDatabase(answers=away(10_000)), scenario)


def test_another_schema_that_shows_later_ends_the_collector(tmp_path: Path) -> None:
    """With the rows in the journal, and with the reason."""

    async def until_ended(storage: Storage, lifetime: Shutdown) -> None:
        await written(storage, lifetime)
        async with asyncio.timeout(10):
            await lifetime.wait()

    answers = iter([Unavailable("away", 1.0), Mismatch("run migrate")])
    lifetime = opened(tmp_path, PreparedDatabase(answers=answers), until_ended)
    with pytest.raises(Mismatch):
        lifetime.raise_fault()
    database = PreparedDatabase()
    opened(tmp_path, database, emptied)
    assert len(database.rows[LINKS]) == 3


def test_readings_add_up(tmp_path: Path) -> None:
    """Accepted is stored, refused or waiting, table by table."""

    async def scenario(storage: Storage, lifetime: Shutdown) -> None:
        await delivered(storage, lifetime)
        read = {reading.name: reading.value for reading in storage.readings() if reading.labels}
        assert read["agenttrace_rows_accepted"] == read["agenttrace_rows_stored"] == 3
        assert read["agenttrace_journal_rows"] == read["agenttrace_rows_refused"] == 0

    opened(tmp_path, PreparedDatabase(), scenario)
