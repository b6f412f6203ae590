"""What the collector and the engine use on this machine, for the capacity page."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc
import httpx

from tests.capacity.model import Coefficients
from tests.support.clickhouse_server import clickhouse_server
from tests.support.collector import SHIPPED, Collector, running_collector
from tests.support.http import counted
from tests.support.load import EXPORT, cpu_seconds
from tests.support.many import many_runs
from tests.support.on_server import new_database
from tests.support.query import answers
from tests.support.receivers import wait_until
from tests.support.reference import SPANS, reference_request

REQUESTS: Final = 100
TOLD: Final = SPANS * REQUESTS
_QUIET: Final = {**SHIPPED, "derive__quiet": "1s"}
# Kinds by the table whose rows are counted; the other holds what settling adds to each.
_TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "run_facts": ("agent_runs", "run_facts"),
    "agent_steps": ("agent_steps", "settled_steps"),
    "agent_decisions": ("agent_decisions",),
    "agent_quality_signals": ("agent_quality_signals",),
}
_DECISIONS_MILLIONS: Final = 1
_ASKED: Final = 5
_QUESTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "/v1/decisions/aggregate": {"agent_id": "agent"},
    "/v1/compare/versions": {"agent_id": "agent", "version_a": "1.0", "version_b": "1.1"},
    "/v1/correlate/decisions-failures": {"agent_id": "agent"},
}


def measured() -> Coefficients:
    """Every coefficient, from four collectors one after another; some two minutes."""
    now = time.time_ns()
    bodies = [reference_request(seed, now) for seed in range(REQUESTS)]
    journal = _waiting(bodies)
    collector = _on_a_server(bodies)
    with tempfile.TemporaryDirectory() as name:
        both = _embedded(Path(name), bodies)
        run, step, decision, signal = _bytes_per_row(Path(name) / "data")
    aggregate, compare, correlate = _questions()
    return Coefficients(
        collector_us_per_span=collector * 1e6 / TOLD,
        engine_us_per_span=(both - collector) * 1e6 / TOLD,
        journal_bytes_per_span=journal / TOLD,
        bytes_per_run=run,
        bytes_per_step=step,
        bytes_per_decision=decision,
        bytes_per_signal=signal,
        aggregate_cpu_ms_per_million_decisions=aggregate,
        compare_cpu_ms_per_million_decisions=compare,
        correlate_cpu_ms_per_million_decisions=correlate,
    )


def _waiting(bodies: list[bytes]) -> float:
    """Bytes of the journal's files while the database is away."""
    with _collector(exporters__clickhouse__endpoint="http://127.0.0.1:9") as running:
        _send(running, bodies)
        return counted(running, "agenttrace_journal_file_bytes")


def _on_a_server(bodies: list[bytes]) -> float:
    """CPU seconds of a collector until everything is delivered and settled; the engine runs elsewhere."""
    with clickhouse_server() as server:
        chosen = {"exporters__clickhouse__endpoint": server.endpoint}
        database = new_database(server.endpoint)
        with _collector(**chosen, exporters__clickhouse__database=database, **_QUIET) as running:
            return _cpu_until_settled(running, bodies)


def _embedded(directory: Path, bodies: list[bytes]) -> float:
    """The same with the engine in the process."""
    with running_collector(directory, **_QUIET) as running:
        return _cpu_until_settled(running, bodies)


def _cpu_until_settled(running: Collector, bodies: list[bytes]) -> float:
    before = cpu_seconds(running.pid)
    _send(running, bodies)
    runs = TOLD // 16
    wait_until(lambda: counted(running, "agenttrace_settled_runs") >= runs, 120)
    wait_until(lambda: counted(running, "agenttrace_journal_rows") == 0, 120)
    return cpu_seconds(running.pid) - before


def _bytes_per_row(data: Path) -> list[float]:
    """Compressed bytes of each kind's tables, by its rows."""
    merged = [f"OPTIMIZE TABLE {table} FINAL" for tables in _TABLES.values() for table in tables]
    sizes = (
        "SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts"
        " WHERE active AND database = 'agenttrace' GROUP BY table"
    )
    *_, found = answers(data, [*merged, sizes])
    size = {each["table"]: (each["rows"], each["bytes"]) for each in found}
    return [
        sum(size.get(table, (0, 0))[1] for table in tables) / size[kind][0]
        for kind, tables in _TABLES.items()
    ]


def _questions() -> list[float]:
    """CPU milliseconds of one answer of each kind over a million decisions of one agent."""
    with tempfile.TemporaryDirectory() as name:
        many_runs(Path(name), 100_000 * _DECISIONS_MILLIONS)
        with running_collector(Path(name)) as running:
            return [_cpu_of(running, path, asked) for path, asked in _QUESTIONS.items()]


def _cpu_of(running: Collector, path: str, asked: Mapping[str, str]) -> float:
    with httpx.Client(base_url=running.url("api"), trust_env=False, timeout=60) as client:
        client.get(path, params=asked).raise_for_status()
        before = cpu_seconds(running.pid)
        for _ in range(_ASKED):
            client.get(path, params=asked).raise_for_status()
    return (cpu_seconds(running.pid) - before) * 1000 / _ASKED / _DECISIONS_MILLIONS


def _send(running: Collector, bodies: list[bytes]) -> None:
    with grpc.insecure_channel(running.grpc) as channel, ThreadPoolExecutor(4) as pool:
        export = channel.unary_unary(EXPORT, None, None)
        for done in [pool.submit(export, body, timeout=120) for body in bodies]:
            done.result()


@contextmanager
def _collector(**settings: str) -> Iterator[Collector]:
    with tempfile.TemporaryDirectory() as name, running_collector(Path(name), **settings) as running:
        yield running
