"""Settling keeps up: a million steps of a hundred thousand runs, and one run soon after it went quiet."""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_collector.clickhouse.rowbinary import encode
from agenttrace_collector.config.derive import Derive
from agenttrace_collector.config.sections import Config
from agenttrace_collector.settle.store import SettlingStore
from agenttrace_collector.settle.worker import Settler
from agenttrace_schemas import wire
from agenttrace_schemas.rows import Row, RunRow, StepRow, columns
from agenttrace_schemas.rules import Policy
from tests.support.collector import Collector, running_collector
from tests.support.database import empty_database
from tests.support.http import counted, post
from tests.support.otlp import ASpan, traces
from tests.support.proof import FULL
from tests.support.rows import BLANK_STEP

RUNS = 100_000 if FULL else 1_000
STEPS = 10
IN_INSERT = 5_000
QUIET = 1.0
# What the machine may add where it is shared with other work.
ALLOWED = 2.0 if FULL else 20.0
_DAY = 86_400 * 10**9
_STEP_TIME = 10**8
_FAILING = 5


def test_a_million_steps() -> None:
    """Seconds, CPU seconds and memory of settling everything that waits; every run is settled once."""
    database = empty_database()
    Migrator(database, Policy()).up()
    for rows in requests():
        insert(database, rows)
    settler = Settler(SettlingStore(database), Policy(), Config(derive=Derive(quiet=0.001)))
    started, cpu = time.monotonic(), time.process_time()
    while database.query("SELECT count() FROM unsettled_runs")[0][0]:
        settler.settle_waiting()
    seconds, cpu = time.monotonic() - started, time.process_time() - cpu
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\n{RUNS * STEPS} steps of {RUNS} runs settled in {seconds:.1f} s ({cpu:.1f} s of CPU),"
        f" {RUNS / seconds:.0f} runs/s, resident at most {resident:.0f} MiB"
    )
    assert database.query("SELECT count(), sum(steps), any(retries) FROM runs") == [
        (RUNS, RUNS * (STEPS - 1), 0)
    ]
    assert settler.settled == RUNS


def requests() -> Iterator[list[Row]]:
    """Steps and runs, five thousand runs at a time."""
    rng, now = random.Random(7), time.time_ns()
    for start in range(0, RUNS, IN_INSERT):
        steps: list[Row] = []
        runs: list[Row] = []
        for _ in range(min(IN_INSERT, RUNS - start)):
            made = list(run_of(rng, now - rng.randrange(_DAY), now))
            steps += made
            runs.append(candidate(made[0]))
        yield steps
        yield runs


def run_of(rng: random.Random, started: int, now: int) -> Iterator[StepRow]:
    """An agent and nine calls, model and tool in turn, one of which fails."""
    run_id = rng.randbytes(16)
    agent = StepRow(**BLANK_STEP, run_id=run_id, trace_id=run_id, started_at=started, created_at=now)  # type: ignore[arg-type]  # by name
    yield replace(agent, step_id=rng.randbytes(16), ended_at=started + STEPS * _STEP_TIME)
    for number in range(2, STEPS + 1):
        begin = started + number * _STEP_TIME
        kind = _MODEL if number % 2 == 0 else _TOOL
        failed = {"status": "error", "error_type": "TimeoutError"} if number == _FAILING else {}
        values: Mapping[str, object] = {**kind, **failed}
        yield replace(
            agent,
            step_id=rng.randbytes(16),
            span_id=number,
            parent_span_id=1,
            role="leaf",
            started_at=begin,
            ended_at=begin + _STEP_TIME // 2,
            **values,  # type: ignore[arg-type]  # by name
        )


_MODEL: Mapping[str, object] = {
    "operation": "chat",
    "step_type": "plan",
    "model": "gpt-4o-mini",
    "input_tokens": 100,
    "output_tokens": 20,
    "finish_reason": "tool_calls",
}
_TOOL: Mapping[str, object] = {"operation": "execute_tool", "step_type": "tool", "tool_name": "search"}


def candidate(agent: StepRow) -> RunRow:
    """The run that an agent's step may be."""
    shared = {name: getattr(agent, name) for name in columns(RunRow) if hasattr(agent, name)}
    return RunRow(**{**shared, "status": "success", "parent_run_id": None})


def insert(database: ClickHouse, rows: list[Row]) -> None:
    """Rows of one table."""
    row = type(rows[0])
    data = b"".join(map(encode, rows))
    database.insert(row.TABLE, list(columns(row)), data, token=f"{row.TABLE}-{hash(data)}")


def test_a_run_is_settled_soon_after_it_went_quiet(tmp_path: Path) -> None:
    """Within `derive.quiet` plus two seconds of the answer, and again when a late span came."""
    call = {wire.GEN_AI_OPERATION_NAME: "chat"}
    with running_collector(tmp_path, derive__quiet=f"{QUIET}s") as collector:
        for number in (1, 2):
            now = time.time_ns()
            post(
                collector,
                "traces",
                traces(ASpan(attributes=call, span_id=bytes([number] * 8), start=now, end=now)),
            )
            seconds = seconds_until_settled(collector, number)
            print(f"\nsettled {seconds:.2f} s after the answer, {QUIET:.0f} s of them quiet")
            assert seconds < QUIET + ALLOWED


def seconds_until_settled(collector: Collector, times: int) -> float:
    """How long until the collector has settled a run so many times."""
    started = time.monotonic()
    while counted(collector, "agenttrace_settled_runs") < times:
        assert time.monotonic() - started < 10 * ALLOWED
        time.sleep(0.02)
    return time.monotonic() - started
