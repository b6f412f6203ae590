"""Collectors that settle in one database: each run is one collector's, and a dead one's are taken over."""

from __future__ import annotations

import itertools
from uuid import UUID, uuid4

import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.config.derive import Derive
from agenttrace_collector.config.sections import Config
from agenttrace_collector.settle.model import EVERYTHING, HashShare
from agenttrace_collector.settle.share import ALIVE_SECONDS, Share
from agenttrace_collector.settle.store import SettlingStore
from agenttrace_collector.settle.worker import Settler
from agenttrace_schemas.rules import Policy
from tests.support.database import emptied

RUNS = 2_000


@pytest.fixture
def database() -> ClickHouse:
    """A database with the schema and no rows."""
    return emptied()


def shares(database: ClickHouse, count: int) -> list[Share]:
    """So many collectors that know of each other."""
    made = [Share(database) for _ in range(count)]
    for share in made:
        share.renew()
    return made


def wait_for_settling(database: ClickHouse) -> None:
    """Runs that have been quiet for a minute."""
    marks = "SELECT now64(9) - 60, 'default', generateUUIDv4(number), now64(9), now64(9), 0 FROM numbers({})"
    database.command(f"INSERT INTO run_marks {marks.format(RUNS)}")


def seen(database: ClickHouse, collector: UUID, seconds_ago: int) -> None:
    """A collector that was seen then, by the clock of the database."""
    database.command(
        f"INSERT INTO settle_collectors SELECT now64(9) - {seconds_ago}, toUUID('{collector}'), 0"
    )


def test_one_alone_takes_everything(database: ClickHouse) -> None:
    """As before there was a share."""
    assert Share(database).renew() == EVERYTHING


@pytest.mark.parametrize("count", [2, 4])
def test_each_run_is_one_collectors(database: ClickHouse, count: int) -> None:
    """The parts are near to equal, leave nothing out and have nothing in common."""
    wait_for_settling(database)
    parts = [share.renew() for share in shares(database, count)]
    taken = [{mark.run_id for mark in SettlingStore(database).waiting(0, RUNS, RUNS, part)} for part in parts]
    assert len(set().union(*taken)) == sum(map(len, taken)) == RUNS
    assert min(map(len, taken)) > RUNS / count * 0.8


def test_who_leaves_has_no_part(database: ClickHouse) -> None:
    """The others take it at once."""
    first, second = shares(database, 2)
    second.leave()
    assert first.renew() == EVERYTHING


def test_a_dead_collectors_part_is_taken_over_within_half_a_minute(database: ClickHouse) -> None:
    """Also where the clock of the database went back since it was seen."""
    seen(database, uuid4(), ALIVE_SECONDS - 5)
    assert Share(database).renew().of == 2
    database.command("TRUNCATE TABLE settle_collectors")
    seen(database, uuid4(), ALIVE_SECONDS + 1)
    seen(database, uuid4(), -3_600)
    assert Share(database).renew() == EVERYTHING


def test_a_collector_is_seen_again_every_few_seconds(database: ClickHouse) -> None:
    """However often it asks for its part."""
    ticks = itertools.count(step=2)
    share = Share(database, clock=lambda: next(ticks))
    for _ in range(6):
        share.renew()
    assert database.query("SELECT count() FROM settle_collectors") == [(2,)]


def test_the_rest_of_a_round_waits_when_another_collector_came(database: ClickHouse) -> None:
    """It may be that one's by now; nothing is lost, and together they settle each run once."""
    wait_for_settling(database)

    class Joining(Share):
        calls = 0

        def renew(self) -> HashShare:
            self.calls += 1
            if self.calls == 4:
                other.renew()
            return Share.renew(self)

    config = Config(derive=Derive(quiet=0.001))
    first, other = Joining(database), Share(database)
    one, two = (Settler(SettlingStore(database), Policy(), config, share=share) for share in (first, other))
    one.settle_waiting()
    assert 0 < one.settled < RUNS
    while database.query("SELECT count() FROM unsettled_runs") != [(0,)]:
        two.settle_waiting()
        one.settle_waiting()
    assert one.settled + two.settled == RUNS
