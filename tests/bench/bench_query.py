"""How long the API takes on a million decisions of a hundred thousand runs, and on ten (`MILLIONS=10`), at half load.

A collector owns the database and takes spans at half of what one CPU takes, while each endpoint is asked again and
again over HTTP; the client's own work is in the figures.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_collector.config import Config
from agenttrace_schemas.rules import Policy
from tests.support.collector import Collector, running_collector
from tests.support.load import send_load

MILLIONS: Final = int(os.environ.get("MILLIONS", "1"))
RUNS: Final = MILLIONS * 100_000
AGENTS: Final = 10
IN_INSERT: Final = 1_000_000
_TIMES: Final = 20
# Half of what the collector takes in a CPU second, as `make bench NAME=ingest` prints it.
SPANS_A_SECOND: Final = 4_000
# Seconds that are aimed at: one agent, and all.
_LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    "/v1/decisions/aggregate": (0.2, 0.5),
    "/v1/signals/aggregate": (0.2, 0.5),
    "/v1/failures/aggregate": (0.2, 0.5),
    "/v1/compare/versions": (0.4, 1.0),
    "/v1/correlate/decisions-failures": (0.4, 1.0),
    "/v1/correlate/signals-outcomes": (0.4, 1.0),
    "/v1/runs": (1.0, 5.0),
    "/v1/stats": (1.0, 5.0),
    "/v1/stats/over-time": (1.0, 5.0),
}
_NOW: Final = datetime.now(UTC)
_RUN: Final = "reinterpretAsUUID(sipHash128(intDiv(number, {each})))"
_AGENT: Final = f"concat('agent-', toString(intDiv(number, {{each}}) % {AGENTS}))"
_VERSION: Final = f"toString(1 + intDiv(number, {{each}} * {AGENTS}) % 2)"
# Thirty days, so that a run falls into one of two months.
_TIME: Final = "now64(9, 'UTC') - toIntervalSecond(3600 + (intDiv(number, {each}) * 7919) % 2592000)"
_SHARED: Final = (
    f"'default' AS tenant, {_AGENT} AS agent_id, {_VERSION} AS agent_version, 'default' AS environment"
)
_REASONS: Final = (
    "['transient_error_detected', 'rate_limit_encountered', 'no_retry_terminal_error', 'retry_budget_exhausted',"
    " 'backoff_required']"
)
_CODES: Final = "['timeout', 'invalid_input', 'unavailable', 'rate_limited', 'authentication_failed']"
_STATEMENTS: Final = (
    (
        1,
        f"""
        INSERT INTO run_facts (run_id, status, started_at, ended_at, created_at, trace_id, source, steps, settled_at,
            tenant, agent_id, agent_version, environment, counted, decision_keys, decision_recorded, decision_derived,
            decision_first_recorded, decision_first_derived, decision_confidences, decision_confidence_sums,
            signal_keys, signal_recorded, signal_derived, signal_recorded_true, signal_derived_true,
            failure_keys, failure_recorded, failure_derived, failure_last)
        WITH
            range(number * 10, number * 10 + 10) AS all,
            arrayFilter(code -> arrayExists(each -> cityHash64(each) % 5 = code, all), range(5)) AS codes,
            arrayMap(code -> arrayCount(each -> cityHash64(each) % 5 = code, all), codes) AS times,
            arrayMap(code -> 0, codes) AS none,
            {_TIME} AS began,
            arrayMap(each -> each, if(cityHash64(number) % 7 = 0, [1], [])) AS failures
        SELECT {_RUN} AS run_id, if(notEmpty(failures), 'failure', 'success'), began, began, began,
            run_id, 'agenttrace', 10, now64(9, 'UTC'), {_SHARED},
            1, arrayMap(code -> concat('retry_strategy/', {_REASONS}[code + 1]), codes), times, none,
            arrayMap(code -> toUnixTimestamp64Nano(began), codes), none, times,
            arrayMap(code -> arraySum(each -> if(cityHash64(each) % 5 = code, each % 100 / 100, 0), all), codes),
            arrayMap(code -> concat('tool_failure/', {_CODES}[code + 1]), codes), times, none,
            arrayMap(code -> arrayCount(each -> cityHash64(each) % 5 = code AND each % 3 != 0, all), codes), none,
            arrayMap(each -> 'tool/timeout', failures), failures, arrayMap(each -> 0, failures),
            arrayMap(each -> toUnixTimestamp64Nano(began) + 1000000000, failures)
        FROM numbers({{start}}, {{rows}})
        """,  # noqa: S608 - of ours
    ),
    (
        10,
        f"""
        INSERT INTO agent_decisions (decision_id, run_id, decision_type, selected, reason_code, confidence, recorded_at,
            created_at, tenant, agent_id, agent_version, environment)
        SELECT generateUUIDv4(number), {_RUN}, 'retry_strategy', 'again',
            {_REASONS}[1 + cityHash64(number) % 5], (number % 100) / 100,
            {_TIME}, now64(9, 'UTC'), {_SHARED}
        FROM numbers({{start}}, {{rows}})
        """,  # noqa: S608 - of ours
    ),
    (
        10,
        f"""
        INSERT INTO agent_quality_signals (signal_id, run_id, signal_type, signal_code, value, recorded_at,
            created_at, tenant, agent_id, agent_version, environment)
        SELECT generateUUIDv4(number), {_RUN}, 'tool_failure',
            {_CODES}[1 + cityHash64(number) % 5],
            number % 3 != 0, {_TIME}, now64(9, 'UTC'), {_SHARED}
        FROM numbers({{start}}, {{rows}})
        """,  # noqa: S608 - of ours
    ),
    (
        1,
        f"""
        INSERT INTO agent_failures (failure_id, run_id, failure_type, failure_code, message, occurred_at, created_at,
            source, tenant, agent_id, agent_version, environment)
        SELECT generateUUIDv4(number), {_RUN}, 'tool', 'timeout', 'tool failure: timeout', {_TIME} + toIntervalSecond(1),
            now64(9, 'UTC'), 'agenttrace', {_SHARED}
        FROM numbers({{start}}, {{rows}}) WHERE cityHash64(number) % 7 = 0
        """,  # noqa: S608 - of ours
    ),
)


def fill(database: ClickHouse) -> None:
    """Runs, ten decisions and ten signals each, and failures; as if settled, and merged as time merges them."""
    for each, statement in _STATEMENTS:
        for start in range(0, RUNS * each, IN_INSERT):
            rows = min(IN_INSERT, RUNS * each - start)
            database.command(statement.format(each=each, start=start, rows=rows))
    database.command("TRUNCATE TABLE run_marks")
    database.command("INSERT INTO settle_progress SELECT now64(9), now64(9)")
    for table in ("run_facts", "agent_decisions", "agent_quality_signals", "agent_failures"):
        database.command(f"OPTIMIZE TABLE {table} FINAL")


def make(directory: Path) -> None:
    """Fill the database that a collector of this directory will own."""
    database = ClickHouse(f"chdb://{directory}/data")
    Migrator(database, Policy(), Config().exporters.clickhouse.ttl.model_dump()).up()
    fill(database)
    database.close()


def parameters(path: str, agent: str) -> dict[str, str]:
    """The last thirty-one days of one agent, or of all; a comparison is always of one."""
    times = {"start_time": (_NOW - timedelta(days=31)).isoformat(), "end_time": _NOW.isoformat()}
    versions = {"version_a": "1", "version_b": "2"} if path.startswith("/v1/compare") else {}
    return {**times, **versions, **({"agent_id": agent} if agent else {})}


def spent(client: httpx.Client, path: str, agent: str) -> tuple[float, float]:
    """The median and the 95th percentile of answers, in seconds."""
    taken = []
    for _ in range(_TIMES):
        started = time.perf_counter()
        client.get(path, params=parameters(path, agent)).raise_for_status()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken), statistics.quantiles(taken, n=20, method="inclusive")[18]


def ask_everything(collector: Collector) -> None:
    """The table; every endpoint while the load is on."""
    print(
        f"{'':34}{'one agent: p50':>15}{'p95':>8}{'limit':>7}{'all: p50':>12}{'p95':>8}{'limit':>7}  seconds"
    )
    with httpx.Client(base_url=collector.url("api"), timeout=120, trust_env=False) as client:
        for path, (one, every) in _LIMITS.items():
            middle, late = spent(client, path, "agent-3")
            line = f"{path:34}{middle:15.3f}{late:8.3f}{one:7.1f}"
            if not path.startswith("/v1/compare"):
                middle, late = spent(client, path, "")
                line += f"{middle:12.3f}{late:8.3f}{every:7.1f}"
            print(line, flush=True)


def main() -> None:
    """Fill a database, put a collector on it, load it, ask."""
    with tempfile.TemporaryDirectory(prefix="agenttrace-bench-") as name:
        directory, started = Path(name), time.perf_counter()
        subprocess.run([sys.executable, "-m", "tests.bench.bench_query", name], check=True)
        print(
            f"{MILLIONS} million decisions of {RUNS} runs of {AGENTS} agents made in {time.perf_counter() - started:.0f} s"
        )
        with running_collector(directory) as collector:
            ask_everything(collector)
            print(f"\nthe same while {SPANS_A_SECOND} spans a second arrive")
            load = subprocess.Popen([sys.executable, "-m", "tests.bench.bench_query", "load", collector.grpc])
            ask_everything(collector)
            load.terminate()
            load.wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["load"]:
        send_load(sys.argv[2], seconds=3600, rate=SPANS_A_SECOND, spans=64)
    elif sys.argv[1:]:
        make(Path(sys.argv[1]))
    else:
        main()
