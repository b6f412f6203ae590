"""How many runs wait to be settled, and since when."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.settle.backlog import Backlog
from tests.support.database import emptied


@pytest.fixture
def database() -> ClickHouse:
    """A database with the schema and no rows."""
    return emptied()


def test_what_waits_is_counted_with_the_time_of_the_oldest(database: ClickHouse) -> None:
    """Every tenant's; a run that is set aside is no older than nothing; nothing waits at the end."""
    told: list[Mapping[str, int]] = []
    backlog = Backlog(database, told.append)
    statement = "INSERT INTO run_marks SELECT now64(9) + {}, '{}', generateUUIDv4(number), now64(9), now64(9), 0 FROM numbers({})"
    for after, tenant, runs in ((-600, "acme", 2), (-60, "initech", 3), (3600, "aside", 1)):
        database.command(statement.format(after, tenant, runs))
    backlog.look()
    assert told == [{"acme": 2, "initech": 3, "aside": 1}]
    waiting, oldest = (sample.value for sample in backlog.readings())
    assert waiting == 6
    assert 600 <= oldest < 900
    database.command("TRUNCATE TABLE run_marks")
    backlog.look()
    assert [sample.value for sample in backlog.readings()] == [0, 0]


def test_what_waits_is_asked_for_now_and_then(database: ClickHouse) -> None:
    """Not in each round, where no quota needs it."""
    times = iter((0.0, 0.0, 5.0, 11.0, 11.0))
    backlog = Backlog(database, now=lambda: next(times))
    backlog.look()
    database.command("INSERT INTO run_marks SELECT now64(9), 'acme', generateUUIDv4(), now64(9), now64(9), 0")
    backlog.look()
    assert next(iter(backlog.readings())).value == 0
    backlog.look()
    assert next(iter(backlog.readings())).value == 1
