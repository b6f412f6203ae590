"""Several collectors settle one load together: each run once, exactly, and a dead one's runs soon."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.config.sections import Config
from agenttrace_collector.settle.store import Store
from agenttrace_collector.settle.worker import Settler
from agenttrace_schemas.rules import Policy
from tests.support.clickhouse_server import clickhouse_server
from tests.support.collector import Collector
from tests.support.http import counted
from tests.support.load import cpu_seconds
from tests.support.on_server import collecting, delivered, new_database, send
from tests.support.proof import FULL
from tests.support.receivers import wait_until

RUNS = 1_600
SPANS_OF_REQUEST = 256
QUIET = "10s"
TAKEN_OVER_SECONDS = 60.0
VIEWS = ("runs", "steps", "failures", "decisions", "quality_signals")


@pytest.mark.skipif(
    not FULL,
    reason="two and four collectors, a minute each: make prove NAME=settle-sharing; two in end_to_end",
)
@pytest.mark.parametrize("count", [1, 2, 4])
def test_collectors_share_settling(tmp_path: Path, count: int) -> None:
    """Settlements are at most 1.1 times the runs; of one that is killed they are taken over within a minute."""
    with clickhouse_server() as server, ExitStack() as stack:
        name, collectors = new_database(server.endpoint), []
        for number in range(count):
            (tmp_path / str(number)).mkdir()
            place = tmp_path / str(number)
            running, database = stack.enter_context(
                collecting(place, server.endpoint, name, derive__quiet=QUIET)
            )
            collectors.append(running)
        load(collectors, 0)
        before = [cpu_seconds(each.pid) for each in collectors]
        wait_until(lambda: unsettled(database) == 0, 600)
        # A run is counted after it is marked.
        wait_until(lambda: sum(settlements(collectors)) >= RUNS, 60)
        settled = settlements(collectors)
        cpu = [cpu_seconds(each.pid) - then for each, then in zip(collectors, before, strict=True)]
        ((runs,),) = database.query("SELECT count() FROM runs")
        print(
            f"\n{count} collectors: {settled} settlements of {runs} runs, {sum(settled) / runs:.3f} each;"
            f" CPU while settling {', '.join(f'{each:.1f}' for each in cpu)} s"
        )
        assert runs == RUNS
        assert sum(settled) <= 1.1 * RUNS
        if count > 1:
            kill_one(collectors, database)
        assert_exact(database)


def settlements(collectors: Sequence[Collector]) -> list[int]:
    """How many runs each has settled."""
    return [int(counted(each, "agenttrace_settled_runs")) for each in collectors]


def load(collectors: Sequence[Collector], first: int) -> None:
    """Send all runs, a part to each, and wait until the database has them."""
    requests = RUNS * 16 // SPANS_OF_REQUEST
    seeds = [range(first + place, first + requests, len(collectors)) for place in range(len(collectors))]
    with ThreadPoolExecutor(len(collectors)) as pool:
        list(pool.map(send, collectors, seeds, [SPANS_OF_REQUEST] * len(collectors)))
    wait_until(lambda: all(map(delivered, collectors)), 300)


def kill_one(collectors: Sequence[Collector], database: ClickHouse) -> None:
    """End one like a crash while its part waits."""
    load(collectors, 100_000)
    assert unsettled(database) > 0
    collectors[0].kill()
    killed = time.monotonic()
    wait_until(lambda: unsettled(database) == 0, 2 * TAKEN_OVER_SECONDS)
    seconds = time.monotonic() - killed
    print(f"one killed: everything is settled {seconds:.1f} s later")
    assert seconds < TAKEN_OVER_SECONDS
    assert database.query("SELECT count(), countIf(settled) FROM runs") == [(2 * RUNS, 2 * RUNS)]


def unsettled(database: ClickHouse) -> int:
    """How many runs wait."""
    return int(database.query("SELECT count() FROM unsettled_runs")[0][0])


def assert_exact(database: ClickHouse) -> None:
    """Settling everything again, alone, changes no answer."""
    shared = [answer(database, view) for view in VIEWS]
    alone = Settler(Store(database), Policy(), Config())
    alone.settle(alone.store.in_range(0, time.time_ns()))
    assert [answer(database, view) for view in VIEWS] == shared


def answer(database: ClickHouse, view: str) -> tuple[int, int]:
    """How many rows a view has, and a sum over what they say."""
    text = "toString(tuple(* EXCEPT (created_at)))"
    ((rows, told),) = database.query(f"SELECT count(), sum(cityHash64({text})) FROM {view}")  # noqa: S608
    return int(rows), int(told)
