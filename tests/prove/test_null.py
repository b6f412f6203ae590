"""Where nothing differs the tests find nothing: one agent's runs, split at random many times: 500 in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_collector.query import Reader
from agenttrace_schemas.rules import Policy
from tests.support.database import empty_database
from tests.support.proof import FULL

SPLITS = 500 if FULL else 100
RUNS = 300
LEVEL = 0.05
# Of 4,000 tests; of a fifth of them chance leaves more.
MOST_BELOW = 0.055 if FULL else 0.07
MOST_BELOW_CORRECTED = 0.015 if FULL else 0.03
# Reasons by how often, in percent of runs, they are stated.
REASONS: Mapping[str, tuple[str, int]] = {
    "fresh_data_required": ("tool_selection", 60),
    "accuracy_required": ("tool_selection", 35),
    "cost_optimization": ("tool_selection", 20),
    "transient_error_detected": ("retry_strategy", 12),
    "streaming_requested": ("response_mode", 50),
    "early_exit": ("orchestration_path", 8),
    "fallback_path": ("orchestration_path", 25),
    "rerank_required": ("retrieval_strategy", 15),
}
_TIMES: Mapping[str, Any] = {
    "start_time": datetime(2020, 1, 1, tzinfo=UTC),
    "end_time": datetime(2100, 1, 1, tzinfo=UTC),
}
_RUN = "reinterpretAsUUID(sipHash128('run', number))"
# Each split is an agent of its own; a coin that knows nothing of the decisions chooses the version.
_AGENT = f"concat('agent-', toString(intDiv(number, {RUNS})))"
_VERSION = "if(sipHash64('version', number) % 2 = 0, '1', '2')"
_RUNS = f"""
INSERT INTO run_facts
    (run_id, agent_id, agent_version, environment, status, started_at, ended_at, created_at, tenant, trace_id, source, settled_at)
SELECT {_RUN}, {_AGENT}, {_VERSION}, 'default', if(sipHash64('status', number) % 10 < 4, 'failure', 'success'),
    toDateTime64('2026-01-01', 9, 'UTC'), toDateTime64('2026-01-01', 9, 'UTC'), now64(9, 'UTC'), 'default', {_RUN},
    'agenttrace', now64(9, 'UTC')
FROM numbers({SPLITS * RUNS})
"""  # noqa: S608 - of ours
_DECISIONS = """
INSERT INTO agent_decisions
    (decision_id, run_id, decision_type, selected, reason_code, recorded_at, created_at, tenant, agent_id, agent_version, environment)
SELECT generateUUIDv4(number), {run}, '{kind}', 'one', '{reason}', toDateTime64('2026-01-01', 9, 'UTC'), now64(9, 'UTC'),
    'default', {agent}, {version}, 'default'
FROM numbers({runs}) WHERE sipHash64('{reason}', number) % 100 < {percent}
"""


@pytest.fixture(scope="module")
def p_and_q() -> Iterator[list[tuple[float, float]]]:
    """The p and q values of every split's comparison, as the query answers them."""
    database = empty_database()
    Migrator(database, Policy()).up()
    fill(database)
    reader = Reader(database)
    yield [found for split in range(SPLITS) for found in compared(reader, f"agent-{split}")]
    reader.close()


def fill(database: ClickHouse) -> None:
    """Runs and decisions, made by the engine; they are as if settled long ago."""
    database.command(_RUNS)
    for reason, (kind, percent) in REASONS.items():
        names = {"run": _RUN, "agent": _AGENT, "version": _VERSION, "runs": SPLITS * RUNS}
        database.command(_DECISIONS.format(**names, kind=kind, reason=reason, percent=percent))
    database.command("TRUNCATE TABLE run_marks")


def compared(reader: Reader, agent: str) -> Iterator[tuple[float, float]]:
    """What the decisions of the two versions of an agent differ by, as p and q."""
    asked = {
        "agent_id": agent,
        "version_a": "1",
        "version_b": "2",
        "environment": "",
        "source": "",
        "tool": "",
    }
    for row in reader.ask_now("compare_decisions", "default", {**asked, **_TIMES}).records():
        yield row["p_value"], row["q_value"]


def test_few_are_below_the_level(p_and_q: list[tuple[float, float]]) -> None:
    """At most 5.5 % of the tests fall under 0.05, and under 1.5 % after correction; every one was made."""
    assert len(p_and_q) == SPLITS * len(REASONS)
    below = sum(p < LEVEL for p, _ in p_and_q) / len(p_and_q)
    corrected = sum(q < LEVEL for _, q in p_and_q) / len(p_and_q)
    print(f"{below:.2%} of {len(p_and_q)} tests under {LEVEL}, {corrected:.2%} after correction")
    assert below <= MOST_BELOW
    assert corrected < MOST_BELOW_CORRECTED
