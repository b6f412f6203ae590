"""Two collectors write to one database and share its settling; what both were sent is counted once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from tests.support.clickhouse_server import clickhouse_server
from tests.support.collector import Collector
from tests.support.corpus import scenarios
from tests.support.http import counted as metric
from tests.support.load import EXPORT
from tests.support.on_server import collecting, delivered, new_database
from tests.support.receivers import wait_until
from tests.support.reference import reference_request

pytestmark = pytest.mark.long

REQUESTS = 40
SPANS = 64
FRESH = range(1_000, 1_050)
FRESH_RUNS = len(FRESH) * SPANS // 16
COUNTS = """
SELECT (SELECT count() FROM runs), (SELECT count() FROM steps WHERE role = 'leaf'), (SELECT count() FROM failures),
    (SELECT count() FROM decisions), (SELECT count() FROM quality_signals),
    (SELECT count() FROM runs WHERE settled) = (SELECT count() FROM runs)
"""


def send_all(collector: Collector, bodies: list[bytes]) -> None:
    """Send each request until it is acknowledged."""
    with grpc.insecure_channel(collector.grpc) as channel:
        export = channel.unary_unary(EXPORT, None, None)
        for body in bodies:
            export(body, timeout=60)


def settlements(*collectors: Collector) -> list[float]:
    """How many runs each has settled so far."""
    return [metric(collector, "agenttrace_settled_runs") for collector in collectors]


def counted(database: ClickHouse) -> tuple[int, ...]:
    """What the views count, and whether every run is settled."""
    return tuple(int(each) for each in database.query(COUNTS)[0])


def bodies() -> list[bytes]:
    """Synthetic load, and every scenario of the corpus moved to now."""
    now = time.time_ns()
    load = [reference_request(seed, now, SPANS) for seed in range(REQUESTS)]
    return [*load, *(body for scenario in scenarios() for body in scenario.sent_at("traces", now))]


def test_duplicates_sent_to_both_are_counted_once(tmp_path: Path) -> None:
    """As one collector alone counts them."""
    sent, quiet = bodies(), {"derive__quiet": "1s"}
    for name in ("alone", "one", "two"):
        (tmp_path / name).mkdir()
    with clickhouse_server() as server:
        with collecting(tmp_path / "alone", server.endpoint, **quiet) as (alone, database):
            send_all(alone, sent)
            wait_until(lambda: delivered(alone) and counted(database)[-1] == 1, 120)
            expected = counted(database)
        shared = new_database(server.endpoint)
        with (
            collecting(tmp_path / "one", server.endpoint, shared, **quiet) as (one, database),
            collecting(tmp_path / "two", server.endpoint, shared, **quiet) as (two, _),
            ThreadPoolExecutor(2) as pool,
        ):
            for done in [pool.submit(send_all, one, sent), pool.submit(send_all, two, sent[::-1])]:
                done.result()
            wait_until(lambda: delivered(one) and delivered(two) and counted(database) == expected, 120)
            for _ in range(3):
                assert counted(database) == expected
            before = settlements(one, two)
            send_all(one, [reference_request(seed, time.time_ns(), SPANS) for seed in FRESH])
            wait_until(lambda: counted(database)[::5] == (expected[0] + FRESH_RUNS, 1), 120)
            wait_until(lambda: sum(settlements(one, two)) >= sum(before) + FRESH_RUNS, 10)
            shared_out = [now - then for now, then in zip(settlements(one, two), before, strict=True)]
            assert sum(shared_out) <= 1.1 * FRESH_RUNS
            assert min(shared_out) > FRESH_RUNS / 4
    assert expected[1] > REQUESTS * SPANS
    print(
        f"\nruns, leaf steps, failures, decisions, signals: {expected[:-1]}, from one collector and from two"
    )
