"""A database of many settled runs, made by the engine itself: `python -m tests.support.many DIRECTORY RUNS`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_collector.config import Config
from agenttrace_schemas.rules import Policy

_RUN = "toUUID(concat('00000000-0000-4000-8000-', leftPad(toString({0}), 12, '0')))"
_ID = "generateUUIDv4(number)"
_STATED = "'default' AS tenant, 'agent' AS agent_id, concat('1.', toString(number % 2)) AS agent_version, 'default' AS environment"
_TIME = "now64(9, 'UTC') - toIntervalSecond(3600 + number % 80000)"
_STATEMENTS = (
    """
    INSERT INTO run_facts (run_id, status, started_at, ended_at, created_at, trace_id, source, steps, settled_at,
        tenant, agent_id, agent_version, environment)
    SELECT {run} AS run_id, if(number % 7 = 0, 'failure', 'success'), {time}, {time}, {time}, run_id, 'agenttrace', 1,
        now64(9, 'UTC'), {stated}
    FROM numbers({runs})
    """,
    """
    INSERT INTO agent_decisions (decision_id, run_id, decision_type, selected, reason_code, recorded_at, created_at,
        tenant, agent_id, agent_version, environment)
    SELECT {id}, {tenth}, 'retry_strategy', 'again', ['transient_error_detected', 'rate_limit_encountered'][1 + number % 2],
        {time}, now64(9, 'UTC'), {stated}
    FROM numbers({runs} * 10)
    """,
    """
    INSERT INTO agent_quality_signals (signal_id, run_id, signal_type, signal_code, value, recorded_at, created_at,
        tenant, agent_id, agent_version, environment)
    SELECT {id}, {tenth}, 'tool_failure', ['timeout', 'unavailable'][1 + number % 2], true, {time}, now64(9, 'UTC'), {stated}
    FROM numbers({runs} * 10)
    """,
    """
    INSERT INTO agent_failures (failure_id, run_id, failure_type, failure_code, message, occurred_at, created_at,
        source, tenant, agent_id, agent_version, environment)
    SELECT {id}, {run}, 'tool', 'timeout', 'tool failure: timeout', {time}, now64(9, 'UTC'), 'agenttrace', {stated}
    FROM numbers({runs})
    WHERE number % 7 = 0
    """,
    # They are as if settled long ago.
    "TRUNCATE TABLE run_marks",
)


def many_runs(directory: Path, runs: int) -> None:
    """Fill the database that a collector of this directory will own."""
    command = [sys.executable, "-m", "tests.support.many", str(directory), str(runs)]
    subprocess.run(command, check=True, capture_output=True)


def main(directory: str, runs: int) -> None:
    """Make the tables and their rows."""
    database = ClickHouse(f"chdb://{directory}/data")
    Migrator(database, Policy(), Config().exporters.clickhouse.ttl.model_dump()).up()
    names = {
        "run": _RUN.format("number"),
        "tenth": _RUN.format("intDiv(number, 10)"),
        "id": _ID,
        "time": _TIME,
        "stated": _STATED,
        "runs": runs,
    }
    for statement in _STATEMENTS:
        database.command(statement.format(**names))
    database.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
