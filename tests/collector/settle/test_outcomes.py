"""What is said of a run after its end: the latest counts, in the view at once and in the settled run."""

from __future__ import annotations

import json
from itertools import count
from typing import Any, Final
from uuid import UUID

import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.config.derive import Derive
from agenttrace_collector.config.sections import Config
from agenttrace_collector.decode.batch import Batch, Context
from agenttrace_collector.decode.event_documents import OUTCOMES, decode_events
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_collector.settle.store import SettlingStore
from agenttrace_collector.settle.worker import Settler
from agenttrace_schemas import wire
from agenttrace_schemas.rows import ROWS, columns
from agenttrace_schemas.rules import Policy
from tests.support.database import emptied
from tests.support.otlp import NOW, ASpan, traces

DAY: Final = 86_400 * 10**9
RUN: Final = UUID(int=9)
_TOKENS = count()


@pytest.fixture
def database() -> ClickHouse:
    """A database with the schema and no rows."""
    return emptied()


def insert(database: ClickHouse, batch: Batch) -> None:
    """Store a batch, as the collector does."""
    tables = {row.TABLE: list(columns(row)) for row in ROWS}
    for table, block in batch.blocks.items():
        database.insert(table, tables[table], block.data, token=f"outcomes {next(_TOKENS)}")


def run(database: ClickHouse, *, ours: bool = True, span_id: bytes = b"12345678") -> None:
    """A run with a tool call; `ours` says how it ended, success."""
    stamps = {wire.RUN_ID: str(RUN)}
    own = {wire.RUN_STATUS: "success", wire.AGENT_ID: "desk"} if ours else {}
    spans = (
        ASpan(attributes={**stamps, **own, wire.GEN_AI_OPERATION_NAME: "invoke_agent"}, span_id=span_id),
        ASpan(
            attributes={
                **stamps,
                wire.GEN_AI_OPERATION_NAME: "execute_tool",
                wire.GEN_AI_TOOL_NAME: "orders",
            },
            span_id=span_id[::-1],
        ),
    )
    insert(database, decode_traces(traces(*spans), Context(Policy(), "default", NOW)))


def say(database: ClickHouse, status: str, *, at: int, tenant: str = "default", **stated: str) -> None:
    """An outcome, received so many days after the run."""
    body = json.dumps({"outcomes": [{"run_id": str(RUN), "status": status, **stated}]}).encode()
    insert(database, decode_events(OUTCOMES, body, Context(Policy(), tenant, NOW + at * DAY)))


def settle(database: ClickHouse) -> None:
    """Settle until nothing waits."""
    settler = Settler(SettlingStore(database), Policy(), Config(derive=Derive(quiet=0.001)))
    while database.query("SELECT count() FROM unsettled_runs")[0][0]:
        settler.settle_waiting()


def status(database: ClickHouse) -> list[Any]:
    """What the view says of the run of the tenant."""
    return [row[0] for row in database.query("SELECT status FROM runs WHERE tenant = 'default'")]


def failures(database: ClickHouse) -> list[tuple[Any, ...]]:
    """The failures of the run, as the view has them."""
    asked = "SELECT failure_type, failure_code, source, rule FROM failures WHERE tenant = 'default'"
    return [tuple(row) for row in database.query(asked)]


@pytest.mark.parametrize("ours", [True, False])
def test_the_latest_outcome_counts_for_more_than_the_run(database: ClickHouse, *, ours: bool) -> None:
    """Before it is settled again and after; what an earlier one named is taken back."""
    run(database, ours=ours)
    settle(database)
    assert (status(database), failures(database)) == (["success"], [])
    say(database, "failure", at=2, failure_type="tool", failure_code="timeout")
    assert status(database) == ["failure"]
    settle(database)
    assert status(database) == ["failure"]
    assert failures(database) == [("tool", "timeout", "derived", "failure.outcome")]
    say(database, "partial", at=1)
    settle(database)
    assert status(database) == ["failure"]
    say(database, "success", at=3)
    settle(database)
    assert (status(database), failures(database)) == (["success"], [])


def test_what_comes_late_for_the_run_changes_nothing_of_it(database: ClickHouse) -> None:
    """A span that is sent again after the outcome; the outcome may also come before the run."""
    say(database, "failure", at=4)
    settle(database)
    assert status(database) == []
    run(database)
    settle(database)
    assert status(database) == ["failure"]
    run(database, span_id=b"abcdefgh")
    assert status(database) == ["failure"]
    settle(database)
    assert status(database) == ["failure"]


def test_another_tenants_outcome_is_of_another_run(database: ClickHouse) -> None:
    """Though it names the same id."""
    run(database)
    say(database, "failure", at=1, tenant="initech", failure_type="tool", failure_code="timeout")
    assert status(database) == ["success"]
    settle(database)
    assert (status(database), failures(database)) == (["success"], [])
    assert database.query("SELECT count() FROM failures") == [(0,)]


def test_settling_again_makes_the_same(database: ClickHouse) -> None:
    """Under the same ids."""
    run(database)
    say(database, "failure", at=1, failure_type="model", failure_code="rate_limited")
    settle(database)
    asked = "SELECT failure_id, failure_type, occurred_at FROM derived_failures FINAL"
    before = database.query(asked)
    say(database, "failure", at=2, failure_type="model", failure_code="rate_limited")
    settle(database)
    assert database.query(asked) == before
