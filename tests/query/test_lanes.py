"""Questions and memory: small ones side by side, large ones spill and wait for each other, none takes all."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from agenttrace_collector.clickhouse.client import ClickHouse, QueryRejected, ServerUnavailable
from agenttrace_collector.errors import Throttled
from agenttrace_collector.query import lanes
from agenttrace_collector.query.lanes import (
    Lanes,
    LargeLane,
    QueryLimits,
    QuerySettings,
    large_lane,
    small_lane,
)
from tests.support.database import engine

MIB = 1024 * 1024
DEFAULT_MIB = 1024
SMALL = small_lane(DEFAULT_MIB, lanes.STATEMENT_PARTS)
LARGE = large_lane(DEFAULT_MIB, lanes.LARGE_STATEMENT_PARTS)
ROWS = 6_000_000
KEYS = "(SELECT number * 7919 AS n FROM numbers(6000000))"
# Each holds all rows at once unless it spills.
SPILLING = [
    statement.replace("KEYS", KEYS)
    for statement in (
        "SELECT count() FROM (SELECT toString(n) AS s, count() FROM KEYS GROUP BY s)",
        "SELECT count() FROM (SELECT DISTINCT n, n + 1, n + 2 FROM KEYS)",
        "SELECT max(r) FROM (SELECT row_number() OVER (ORDER BY n) AS r FROM KEYS)",
        "SELECT count() FROM (SELECT n, toString(n) AS s FROM KEYS) AS a JOIN KEYS AS b ON a.n = b.n",
        "SELECT count() FROM (SELECT * FROM (SELECT toString(n) AS s FROM KEYS) ORDER BY s LIMIT 10000000)",
    )
]
WIDE = "SELECT n, n, n, n FROM KEYS".replace("KEYS", KEYS)
COUNTED = "SELECT count() > 0 FROM FEW AS a"
FEW = "(SELECT number AS n, number % 3 AS k FROM numbers(10))"


@pytest.fixture(scope="module")
def database() -> Iterator[ClickHouse]:
    """The engine without tables."""
    opened = ClickHouse(engine(), "default")
    yield opened
    opened.close()


@pytest.fixture
def asking() -> Iterator[Lanes]:
    """As a collector has them by default."""
    made = Lanes(2, SMALL, LargeLane(LARGE))
    yield made
    made.close()


@pytest.mark.parametrize("statement", SPILLING)
def test_what_is_too_large_spills_before_it_is_refused(
    database: ClickHouse, asking: Lanes, statement: str
) -> None:
    """The same question does not fit the small lane, and is answered."""
    with pytest.raises(ServerUnavailable, match="code 241"):
        database.raw(statement, SMALL.settings, "TSV")
    answer = asyncio.run(asking.run(lambda limits: database.raw(statement, limits, "TSV")))
    assert answer == f"{ROWS}\n".encode()


@pytest.mark.parametrize(
    "join",
    [
        "SEMI LEFT JOIN FEW AS b USING n",
        "JOIN FEW AS b ON a.n < b.n",
        "LEFT JOIN FEW AS b ON a.n = b.n AND a.k < b.k",
    ],
)
def test_a_join_that_cannot_be_sorted_is_answered(database: ClickHouse, asking: Lanes, join: str) -> None:
    """By a hash join, in the same lane."""
    statement = f"{COUNTED} {join}".replace("FEW", FEW)

    def ask(limits: QuerySettings) -> bytes:
        if limits == SMALL.settings:
            raise ServerUnavailable(241)
        return database.raw(statement, limits, "TSV")

    assert asyncio.run(asking.run(ask)) == b"1\n"


def test_what_no_lane_holds_is_refused(database: ClickHouse, asking: Lanes) -> None:
    """One value that is larger than a lane cannot be spilled."""
    statement = "SELECT length(range(100000000))"
    with pytest.raises(ServerUnavailable, match="code 241"):
        asyncio.run(asking.run(lambda limits: database.raw(statement, limits, "TSV")))
    with pytest.raises(QueryRejected, match="code 396"):
        asyncio.run(asking.run(lambda limits: database.raw(WIDE, limits, "TSV")))


def test_a_small_question_is_answered_beside_large_ones(asking: Lanes) -> None:
    """Which wait for each other in a lane of their own, and do not hold the threads of the small ones."""
    let_go, under_way = threading.Event(), []

    def large(limits: QuerySettings) -> int:
        if limits == SMALL.settings:
            raise ServerUnavailable(241)
        under_way.append(1)
        let_go.wait(30)
        under_way.pop()
        return len(under_way)

    async def ask() -> None:
        asked = [asyncio.create_task(asking.run(large)) for _ in range(8)]
        assert [await asking.run(lambda _: 7) for _ in range(4)] == [7] * 4
        let_go.set()
        # Never two at a time.
        assert await asyncio.gather(*asked) == [0] * 8

    asyncio.run(ask())


def test_large_questions_wait_up_to_a_bound(asking: Lanes) -> None:
    """Then they are asked to come later."""
    let_go = threading.Event()

    def large(limits: QuerySettings) -> bool:
        if limits == SMALL.settings:
            raise ServerUnavailable(241)
        return let_go.wait(30)

    async def ask() -> list[object]:
        asked = [asyncio.create_task(asking.run(large)) for _ in range(20)]
        done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        assert isinstance(done.pop().exception(), Throttled)
        let_go.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(ask())
    assert sum(isinstance(answer, Throttled) for answer in answers) == 20 - 16
    assert answers.count(True) == 16


def test_other_failures_are_not_asked_again(asking: Lanes) -> None:
    """A question that takes too long would take as long in the other lane."""
    asked = []

    def slow(limits: QuerySettings) -> None:
        asked.append(limits)
        raise ServerUnavailable(159)

    with pytest.raises(ServerUnavailable):
        asyncio.run(asking.run(slow))
    assert len(asked) == 1


@pytest.mark.parametrize("limit_mib", [512, 1024, 8192])
def test_all_lanes_together_leave_room_for_ingest(limit_mib: int) -> None:
    """Three questions, two lookups, two statements, and a large one of both kinds: six tenths of the limit."""
    together = 2 * small_lane(limit_mib, lanes.LOOKUP_PARTS).memory
    together += 2 * small_lane(limit_mib, lanes.STATEMENT_PARTS).memory
    together += 3 * small_lane(limit_mib, lanes.QUESTION_PARTS).memory
    together += large_lane(limit_mib, lanes.LARGE_QUESTION_PARTS).memory
    together += large_lane(limit_mib, lanes.LARGE_STATEMENT_PARTS).memory
    assert together <= 0.6 * limit_mib * MIB


def test_without_lanes_a_question_runs_once(database: ClickHouse) -> None:
    """A server has limits and a disk of its own."""
    asking = Lanes(1)
    seen = asyncio.run(asking.run(lambda limits: database.raw("SELECT 1", limits, "TSV")))
    asking.close()
    assert seen == b"1\n"


def test_a_lane_bounds_what_is_spilled(database: ClickHouse) -> None:
    """A disk is not filled by a question."""
    narrow = {
        **QueryLimits(64 * MIB, MIB, spills=True).settings,
        "max_temporary_data_on_disk_size_for_query": MIB,
    }
    with pytest.raises((ServerUnavailable, QueryRejected), match=r"code (241|396|307)"):
        database.raw(SPILLING[0], narrow, "TSV")
