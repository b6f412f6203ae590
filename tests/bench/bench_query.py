"""How long the answers take on a million decisions of a hundred thousand runs, and on ten: `MILLIONS=10`."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from agenttrace_collector.clickhouse import ClickHouse
from agenttrace_collector.migrate import Migrator
from agenttrace_collector.query import Reader
from agenttrace_schemas.rules import Policy
from tests.support.database import empty_database

MILLIONS: Final = int(os.environ.get("MILLIONS", "1"))
RUNS: Final = MILLIONS * 100_000
AGENTS: Final = 10
IN_INSERT: Final = 1_000_000
_TIMES: Final = 3
# Seconds (specification section 10): one agent, and all of ten million.
_LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    "decisions_aggregate": (0.2, 2.0),
    "signals_aggregate": (0.2, 2.0),
    "compare_decisions": (1.0, 5.0),
    "compare_signals": (1.0, 5.0),
    "correlate_decisions_failures": (1.0, 5.0),
    "correlate_signals_outcomes": (1.0, 5.0),
    "runs": (1.0, 5.0),
    "stats": (1.0, 5.0),
    "runs_over_time": (1.0, 5.0),
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
_STATEMENTS: Final = (
    (
        1,
        f"""
        INSERT INTO run_facts (run_id, status, started_at, ended_at, created_at, trace_id, source, steps, settled_at,
            tenant, agent_id, agent_version, environment)
        SELECT {_RUN} AS run_id, if(cityHash64(number) % 7 = 0, 'failure', 'success'), {_TIME}, {_TIME}, {_TIME},
            run_id, 'agenttrace', 10, now64(9, 'UTC'), {_SHARED}
        FROM numbers({{start}}, {{rows}})
        """,  # noqa: S608 - of ours
    ),
    (
        10,
        f"""
        INSERT INTO agent_decisions (decision_id, run_id, decision_type, selected, reason_code, confidence, recorded_at,
            created_at, tenant, agent_id, agent_version, environment)
        SELECT generateUUIDv4(number), {_RUN}, 'retry_strategy', 'again',
            ['transient_error_detected', 'rate_limit_encountered', 'no_retry_terminal_error', 'retry_budget_exhausted',
             'backoff_required'][1 + cityHash64(number) % 5], (number % 100) / 100,
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
            ['timeout', 'invalid_input', 'unavailable', 'rate_limited', 'authentication_failed'][1 + cityHash64(number) % 5],
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
    for table in ("run_facts", "agent_decisions", "agent_quality_signals", "agent_failures"):
        database.command(f"OPTIMIZE TABLE {table} FINAL")


def parameters(agent: str) -> Mapping[str, Any]:
    """The last thirty-one days of one agent, or of all."""
    empty = ("agent_version", "environment", "source", "tool", "decision_type", "signal_type", "failure_type")
    chosen = {
        "outcome": "",
        "status": "",
        "version_a": "1",
        "version_b": "2",
        "limit": 50,
        "offset": 0,
        "step": 86400,
    }
    times = {"start_time": _NOW - timedelta(days=31), "end_time": _NOW}
    return {**dict.fromkeys(empty, ""), **chosen, **times, "agent_id": agent}


def seconds(reader: Reader, name: str, agent: str) -> float:
    """The median of a few answers."""
    spent = []
    for _ in range(_TIMES):
        started = time.perf_counter()
        reader.ask_now(name, "default", parameters(agent))
        spent.append(time.perf_counter() - started)
    return statistics.median(spent)


def main() -> None:
    """Fill a database and print the table; a comparison is always of one agent."""
    database = empty_database()
    Migrator(database, Policy()).up()
    started = time.perf_counter()
    fill(database)
    print(
        f"{MILLIONS} million decisions of {RUNS} runs of {AGENTS} agents made in {time.perf_counter() - started:.0f} s"
    )
    print(
        f"{'query':32} {'one agent':>10} {'limit':>6} {'all':>8} {'limit':>6}   seconds, medians of {_TIMES}"
    )
    reader = Reader(database)
    for name, (one, every) in _LIMITS.items():
        spent = seconds(reader, name, "agent-3")
        rest = "" if name.startswith("compare") else f"{seconds(reader, name, ''):8.3f} {every:6.1f}"
        print(f"{name:32} {spent:10.3f} {one:6.1f} {rest}")
    reader.close()


if __name__ == "__main__":
    main()
