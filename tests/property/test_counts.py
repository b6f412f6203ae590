"""What the facts of runs count is what is stored: late and odd records, rounds in any order, TTL and purges change nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.purge import Eraser
from agenttrace_collector.clickhouse.purge_subject import Subject, SubjectKind
from agenttrace_collector.config.derive import Derive
from agenttrace_collector.config.sections import Config
from agenttrace_collector.query.catalogue import catalogue
from agenttrace_collector.query.filters import bind
from agenttrace_collector.query.reader import Reader
from agenttrace_collector.settle.model import PendingRun
from agenttrace_collector.settle.store import SettlingStore
from agenttrace_collector.settle.worker import Settler
from agenttrace_schemas.retention import counted_since
from agenttrace_schemas.rows import DecisionRow, FailureRow, Row, RunRow, SignalRow
from agenttrace_schemas.rules import Policy
from tests.support.counted import Stored
from tests.support.database import emptied, insert_statement, valid_row

AT_ONCE: Final = Config(derive=Derive(quiet=0.001))
TENANTS: Final = ("acme", "initech")
START: Final = datetime(2026, 9, 21, 12, tzinfo=UTC)
_DAY: Final = 86_400
# Seconds after the start of a run: before it, within it, after its end, long after it.
_OFFSETS: Final = (-7_200, -1, 0, 1, 30, 59, 600, 10_000, 3 * _DAY)
_AFTER: Final = (
    *("total_occurrences", "runs", "runs_with_failures_in_any_order", "runs_with_failures", "runs_without"),
    *("runs_without_with_failures", "associated_failure_types"),
)
_ENDED: Final = ("total_occurrences", "runs_present", "outcome_present", "runs_absent", "outcome_absent")
_VERSIONS: Final = tuple(f"version_{v}_{name}" for v in "ab" for name in ("count", "runs_with", "runs"))
_RECORDS: Final[tuple[tuple[type[Row], dict[str, Any]], ...]] = (
    (
        DecisionRow,
        {"decision_type": "tool_selection", "reason_code": "fresh_data_required", "confidence": 0.25},
    ),
    (DecisionRow, {"decision_type": "retry_strategy", "reason_code": "backoff_required"}),
    (SignalRow, {"signal_type": "tool_failure", "signal_code": "timeout", "value": True}),
    (SignalRow, {"signal_type": "tool_failure", "signal_code": "timeout", "value": False}),
    (SignalRow, {"signal_type": "tool_success", "signal_code": "first_attempt", "value": True}),
    (FailureRow, {"failure_type": "tool", "failure_code": "timeout", "message": "tool failure: timeout"}),
    (FailureRow, {"failure_type": "model", "failure_code": "rate", "message": "model failure: rate"}),
)


class World:
    """A database in which runs and records of two tenants come, are settled and go."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.database: ClickHouse = emptied()
        self.settler = Settler(SettlingStore(self.database), Policy(), AT_ONCE)
        self.reader = Reader(self.database)
        self._ids = iter(range(1, 1_000_000))

    def close(self) -> None:
        """Close the reader's threads."""
        self.reader._lanes.close()

    def run(self) -> dict[str, Any]:
        """Whose run, and when it began; both tenants have the same run ids."""
        number = self.random.randrange(1, 13)
        return {
            "run_id": str(UUID(int=number)),
            "tenant": self.random.choice(TENANTS),
            "agent_id": "writer" if number % 4 == 0 else "planner",
            "agent_version": str(1 + number % 2),
            "environment": "prod",
            "began": START + timedelta(seconds=number * 5 * _DAY // 3),
        }

    def arrive(self, spans: float = 0.4) -> None:
        """Some spans of agents and some records, of their run's agent, of another one or of none."""
        for _ in range(self.random.randrange(1, 9)):
            of = self.run()
            began = of.pop("began")
            if self.random.random() < spans:
                ended = {"started_at": _text(began), "ended_at": _text(began + timedelta(seconds=60))}
                source = self.random.choice(("agenttrace", "genai"))
                status = self.random.choice(("success", "failure"))
                self._insert(RunRow, {**of, **ended, "status": status, "source": source, "span_id": 7})
            for _ in range(self.random.randrange(4)):
                self._record(of, began)

    def _record(self, of: Mapping[str, Any], began: datetime) -> None:
        row, values = self.random.choice(_RECORDS)
        time = "occurred_at" if row is FailureRow else "recorded_at"
        offset = self.random.choice(_OFFSETS) if self.random.random() < 0.3 else 5
        odd = {
            **({"agent_id": self.random.choice(("unknown", "other"))} if self.random.random() < 0.1 else {}),
            **({"agent_version": "3"} if self.random.random() < 0.05 else {}),
            time: _text(began + timedelta(seconds=offset)),
        }
        self._insert(row, {**values, **of, **odd})

    def _insert(self, row: type[Row], values: Mapping[str, Any]) -> None:
        names = ("decision_id", "signal_id", "failure_id")
        own = {name: str(UUID(int=next(self._ids))) for name in names if name in row.__dataclass_fields__}
        at = {"created_at": _text(START)}
        self.database.command(insert_statement(row, valid_row(row, **{**at, **values, **own})))

    def settle(self) -> None:
        """Everything that waits."""
        self.settler.settle_waiting()

    def expire(self) -> None:
        """Records of a kind, or runs, that are older than a time go, as by a TTL that is longer again since."""
        until = _text(START + timedelta(days=self.random.randrange(12)))
        kind, tables = self.random.choice(
            (
                ("decisions", ("agent_decisions.recorded_at", "derived_decisions.recorded_at")),
                ("failures", ("agent_failures.occurred_at", "derived_failures.occurred_at")),
                ("runs", ("agent_runs.started_at", "run_facts.started_at")),
            )
        )
        since = f"toDateTime64('{until}', 9, 'UTC')"
        statement = counted_since(kind, 0, 0)
        self.database.command(statement.replace("toDateTime64(0, 9, 'UTC')", since))
        for table, time in (each.split(".") for each in tables):
            self.database.mutate(f"ALTER TABLE {table} DELETE WHERE {time} < {since}", {})

    def purge(self) -> None:
        """A run, an agent, or what is older than a time, of one tenant."""
        before = int((START + timedelta(days=self.random.randrange(12))).timestamp()) * 10**9
        kind, value = self.random.choice(
            (
                (SubjectKind.RUN, UUID(self.run()["run_id"])),
                (SubjectKind.AGENT, self.random.choice(("writer", "other", "unknown"))),
                (SubjectKind.BEFORE, before),
            )
        )
        Eraser(self.database).erase(Subject(kind, value, self.random.choice(TENANTS)))

    def rederive(self) -> None:
        """Every run that has a span once more, whether or not something came for it."""
        marks = self.database.query(
            "SELECT tenant, UUIDToNum(run_id), 0, toUnixTimestamp64Nano(min(started_at)),"
            " toUnixTimestamp64Nano(max(started_at)) FROM agent_runs GROUP BY tenant, run_id"
        )
        self.settler.settle([PendingRun(str(row[0]), bytes(row[1]), *row[2:]) for row in marks])


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


def asked(world: World, tenant: str, query: str, **filters: str) -> list[dict[str, Any]]:
    """The rows of a named query over all times."""
    given = {key: value for key, value in bind(filters).items() if key in catalogue()[query].parameters}
    given |= {key: filters[key] for key in ("version_a", "version_b") if key in filters}
    return world.reader.ask_now(query, tenant, given).records()


def compare(world: World, tenant: str, source: str, agent: str) -> None:
    """Every answer against what is stored."""
    stored = Stored(world.database, tenant, source, agent)
    filters = {"source": source, "agent_id": agent}
    decisions = asked(world, tenant, "decisions_aggregate", **filters)
    assert {
        (row["decision_type"], row["reason_code"]): (
            *(row["count"], row["runs"]),
            None if row["avg_confidence"] is None else round(row["avg_confidence"], 9),
            list(row["agent_versions"]),
        )
        for row in decisions
    } == stored.aggregate("decisions")
    signals = asked(world, tenant, "signals_aggregate", **filters)
    assert {
        (row["signal_type"], row["signal_code"]): (
            *(row["true_count"] + row["false_count"], row["runs"], row["true_count"], row["runs_with_true"]),
        )
        for row in signals
    } == stored.aggregate("quality_signals")
    failures = asked(world, tenant, "failures_aggregate", **filters)
    assert {
        (row["failure_type"], row["failure_code"]): (row["count"], row["runs"], row["derived"])
        for row in failures
    } == stored.aggregate("failures")
    after = asked(world, tenant, "correlate_decisions_failures", **filters)
    assert _by(after, "decision_type", "reason_code", _AFTER) == stored.decisions_failures()
    ended = asked(world, tenant, "correlate_signals_outcomes", **filters)
    assert _by(ended, "signal_type", "signal_code", _ENDED) == stored.signals_outcomes()
    if agent:
        versions = {**filters, "version_a": "1", "version_b": "2"}
        one = asked(world, tenant, "compare_decisions", **versions)
        assert _by(one, "decision_type", "reason_code", _VERSIONS) == stored.versions("decisions", "1", "2")
        two = asked(world, tenant, "compare_signals", **versions)
        assert _by(two, "signal_type", "signal_code", _VERSIONS) == stored.versions(
            "quality_signals", "1", "2"
        )


def _by(rows: list[dict[str, Any]], kind: str, code: str, names: tuple[str, ...]) -> dict[Any, Any]:
    return {(row[kind], row[code]): tuple(row[name] for name in names) for row in rows}


def covered(world: World) -> int:
    """How many runs are answered from their facts."""
    ((found,),) = world.database.query("SELECT count() FROM run_facts FINAL WHERE counted")
    return int(found)


@pytest.mark.parametrize("seed", [1, *(pytest.param(each, marks=pytest.mark.long) for each in range(2, 12))])
def test_facts_count_what_is_stored(seed: int) -> None:
    """After each of a few events in any order, for either tenant, any source, all agents and one."""
    world = World(seed)
    world.arrive(spans=1.0)
    world.arrive(spans=1.0)
    world.settle()
    seen = covered(world)
    for _ in range(6):
        steps = (
            world.arrive,
            world.arrive,
            world.settle,
            world.settle,
            world.expire,
            world.purge,
            world.rederive,
        )
        world.random.choice(steps)()
        seen += covered(world)
        source = world.random.choice(("", "", "recorded", "derived"))
        compare(world, world.random.choice(TENANTS), source, world.random.choice(("", "planner")))
    assert seen
    world.close()
