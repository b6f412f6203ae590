"""Events whose run is unknown are counted and listed, until its spans come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final
from uuid import UUID

import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.config.derive import Derive
from agenttrace_collector.config.sections import Config
from agenttrace_collector.decode.batch import Batch, Context
from agenttrace_collector.decode.otlp import decode_logs, decode_traces
from agenttrace_collector.query.filters import bind
from agenttrace_collector.query.reader import Reader
from agenttrace_collector.settle.store import SettlingStore
from agenttrace_collector.settle.worker import Settler
from agenttrace_schemas import wire
from agenttrace_schemas.rows import ROWS, columns
from agenttrace_schemas.rules import Policy
from tests.support.database import emptied
from tests.support.otlp import DECISION, NOW, ASpan, logs, traces
from tests.support.reference import Value

CONTEXT: Final = Context(Policy(), "default", NOW)
LATER: Final = UUID(int=1)
NEVER: Final = UUID(int=2)
KNOWN: Final = UUID(int=3)
OUTCOME: Final[Mapping[str, Value]] = {wire.OUTCOME_STATUS: "success"}
_TOKENS = count()


@pytest.fixture
def database() -> ClickHouse:
    """One with a run, and with events of it and of two others."""
    made = emptied()
    span(made, KNOWN)
    for run in (KNOWN, LATER, NEVER):
        event(made, wire.EVENT_DECISION, DECISION, run)
    event(made, wire.EVENT_OUTCOME, OUTCOME, NEVER)
    return made


def insert(database: ClickHouse, batch: Batch) -> None:
    """Store a batch, as the collector does."""
    tables = {row.TABLE: list(columns(row)) for row in ROWS}
    for table, block in batch.blocks.items():
        database.insert(table, tables[table], block.data, token=f"unplaced {next(_TOKENS)}")


def event(database: ClickHouse, name: str, attributes: Mapping[str, Value], run: UUID) -> None:
    """A log record of a run."""
    stamps: Mapping[str, Value] = {wire.RUN_ID: str(run), wire.AGENT_ID: "desk"}
    insert(database, decode_logs(logs(name, {**attributes, **stamps}, b"", b""), CONTEXT))


def span(database: ClickHouse, run: UUID) -> None:
    """The span of a run."""
    stamps: Mapping[str, Value] = {wire.RUN_ID: str(run), wire.GEN_AI_OPERATION_NAME: "invoke_agent"}
    insert(database, decode_traces(traces(ASpan(attributes=stamps)), CONTEXT))


def settle(database: ClickHouse, settler: Settler) -> list[float]:
    """What is told to Prometheus once nothing waits."""
    while database.query("SELECT count() FROM unsettled_runs")[0][0]:
        settler.settle_waiting()
    return [each.value for each in settler.readings() if each.name == "agenttrace_unplaced_runs"]


def listed(database: ClickHouse, tenant: str = "default", **filters: Any) -> list[dict[str, Any]]:
    """What the query lists."""
    bound = {**bind(filters), "limit": 10, "offset": 0}
    return Reader(database).ask_now("events_unplaced", tenant, bound).records()


def test_events_without_a_run_are_counted_until_it_comes(database: ClickHouse) -> None:
    """An agent's run may end long after what it recorded."""
    settler = Settler(SettlingStore(database), Policy(), Config(derive=Derive(quiet=0.001)))
    assert settle(database, settler) == [2]
    assert {row["run_id"] for row in listed(database)} == {LATER, NEVER}
    span(database, LATER)
    assert settle(database, settler) == [1]
    (row,) = listed(database)
    assert (row["run_id"], row["agent_id"], row["total"]) == (NEVER, "desk", 1)
    told = {
        name: row[name] for name in ("decisions", "quality_signals", "failures", "evaluations", "outcomes")
    }
    assert told == {"decisions": 1, "quality_signals": 0, "failures": 0, "evaluations": 0, "outcomes": 1}
    assert row["events"] == 2


def test_the_list_takes_the_filters_of_all_lists(database: ClickHouse) -> None:
    """Another tenant, agent or time has none."""
    assert len(listed(database, agent_id="desk")) == 2
    assert listed(database, agent_id="other") == []
    assert listed(database, tenant="initech") == []
    assert listed(database, end_time=datetime(2000, 1, 1, tzinfo=UTC)) == []
