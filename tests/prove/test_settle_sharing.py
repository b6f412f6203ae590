"""Several collectors settle one load together: each run once, exactly, and a dead one's runs soon."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.config.sections import Config
from agenttrace_collector.settle.store import SettlingStore
from agenttrace_collector.settle.worker import Settler
from agenttrace_schemas.rules import Policy
from tests.support.clickhouse_server import clickhouse_server
from tests.support.collector import Collector, start_collector, until_stopped
from tests.support.database import engine
from tests.support.http import counted
from tests.support.load import cpu_seconds
from tests.support.on_server import delivered, new_database, send
from tests.support.proof import FULL
from tests.support.receivers import wait_until

RUNS = 1_600
RUNS_OF_KILLED = 400
SPANS_OF_REQUEST = 256
TAKEN_OVER_SECONDS = 60.0
# What a collector says when it has read its configuration again.
REREAD = "tokens and thresholds reloaded"
SEEN = "SELECT uniqExact(collector_id) FROM settle_collectors"
VIEWS = ("runs", "steps", "failures", "decisions", "quality_signals")


@pytest.mark.skipif(
    not FULL,
    reason="two and four collectors, a minute each: make prove NAME=settle-sharing; two in end_to_end",
)
@pytest.mark.parametrize("count", [1, 2, 4])
def test_collectors_share_settling(tmp_path: Path, count: int) -> None:
    """Settlements are at most 1.1 times the runs; of one that is killed they are taken over within a minute."""
    with clickhouse_server() as server, ExitStack() as stack:
        name, config = new_database(server.endpoint), tmp_path / "collector.yaml"
        # The server's threads open the engine, too; two at once would open two.
        database = ClickHouse(engine(), name)
        hold(config, [])
        collectors = [
            stack.enter_context(until_stopped(started(tmp_path / str(number), config, server.endpoint, name)))
            for number in range(count)
        ]
        wait_until(lambda: database.query(SEEN) == [(count,)], 60)
        load(collectors, RUNS, 0)
        before = [cpu_seconds(each.pid) for each in collectors]
        release(config, collectors)
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
        assert all(settled)
        if count > 1:
            kill_one(config, collectors, database)
        assert_exact(database)


def started(directory: Path, config: Path, endpoint: str, database: str) -> Collector:
    """A collector of its own directory on this database."""
    directory.mkdir()
    chosen = {"exporters.clickhouse.endpoint": endpoint, "exporters.clickhouse.database": database}
    return start_collector(directory, chosen, config=config)


def hold(config: Path, collectors: Sequence[Collector]) -> None:
    """Have no run settled: none is quiet for so long."""
    _have_reread(config, "1h", collectors)


def release(config: Path, collectors: Sequence[Collector]) -> None:
    """Have every run settled that is there."""
    _have_reread(config, "1ms", collectors)


def _have_reread(config: Path, quiet: str, collectors: Sequence[Collector]) -> None:
    config.write_text(f"derive:\n  quiet: {quiet}\n")
    times = [each.log().count(REREAD) for each in collectors]
    for each in collectors:
        each.process.send_signal(signal.SIGHUP)
    for each, before in zip(collectors, times, strict=True):
        wait_until(lambda each=each, before=before: each.log().count(REREAD) > before, 60)  # type: ignore[misc]


def settlements(collectors: Sequence[Collector]) -> list[int]:
    """How many runs each has settled."""
    return [int(counted(each, "agenttrace_settled_runs")) for each in collectors]


def load(collectors: Sequence[Collector], runs: int, first: int) -> None:
    """Send so many runs, a part to each, and wait until the database has them."""
    requests = runs * 16 // SPANS_OF_REQUEST
    seeds = [range(first + place, first + requests, len(collectors)) for place in range(len(collectors))]
    with ThreadPoolExecutor(len(collectors)) as pool:
        list(pool.map(send, collectors, seeds, [SPANS_OF_REQUEST] * len(collectors)))
    wait_until(lambda: all(map(delivered, collectors)), 300)


def kill_one(config: Path, collectors: Sequence[Collector], database: ClickHouse) -> None:
    """End one like a crash while its part waits."""
    hold(config, collectors)
    load(collectors, RUNS_OF_KILLED, 100_000)
    assert unsettled(database) == RUNS_OF_KILLED
    collectors[0].kill()
    killed = time.monotonic()
    release(config, collectors[1:])
    wait_until(lambda: unsettled(database) == 0, 2 * TAKEN_OVER_SECONDS)
    seconds = time.monotonic() - killed
    print(f"one killed: everything is settled {seconds:.1f} s later")
    assert seconds < TAKEN_OVER_SECONDS
    settled = RUNS + RUNS_OF_KILLED
    assert database.query("SELECT count(), countIf(settled) FROM runs") == [(settled, settled)]


def unsettled(database: ClickHouse) -> int:
    """How many runs wait."""
    return int(database.query("SELECT count() FROM unsettled_runs")[0][0])


def assert_exact(database: ClickHouse) -> None:
    """Settling everything again, alone, changes no answer."""
    shared = [answer(database, view) for view in VIEWS]
    alone = Settler(SettlingStore(database), Policy(), Config())
    alone.settle(alone.store.in_range(0, time.time_ns()))
    assert [answer(database, view) for view in VIEWS] == shared


def answer(database: ClickHouse, view: str) -> tuple[int, int]:
    """How many rows a view has, and a sum over what they say."""
    text = "toString(tuple(* EXCEPT (created_at)))"
    ((rows, told),) = database.query(f"SELECT count(), sum(cityHash64({text})) FROM {view}")  # noqa: S608
    return int(rows), int(told)
