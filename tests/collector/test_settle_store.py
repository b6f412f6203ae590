"""Settling against a database: late spans change a run, another round changes nothing."""

from __future__ import annotations

import re
from collections import Counter
from itertools import count
from typing import Any

import pytest
from typer.testing import CliRunner

from agenttrace_collector.cli.app import app
from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.migrator import Migrator
from agenttrace_collector.config.derive import Derive, LatencyThresholds
from agenttrace_collector.config.sections import Config
from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_collector.settle.store import SettlingStore
from agenttrace_collector.settle.worker import Settler
from agenttrace_schemas import wire
from agenttrace_schemas.rows import ROWS, columns
from agenttrace_schemas.rules import Policy
from tests.support.corpus import RECORDED_AT, scenarios
from tests.support.database import emptied, engine, new_database
from tests.support.native import AT_ONCE_BY_BOTH
from tests.support.otlp import DECISION, NOW, ASpan, traces
from tests.support.reference import Value

AT_ONCE = Config(derive=Derive(quiet=0.001))
_TOKENS = count()
VIEWS = ("runs", "steps", "failures", "decisions", "quality_signals")


@pytest.fixture
def database() -> ClickHouse:
    """A database with the schema and no rows."""
    return emptied()


def insert(database: ClickHouse, body: bytes, at: int = RECORDED_AT) -> None:
    """Store what a request comes to, as the collector does."""
    tables = {row.TABLE: list(columns(row)) for row in ROWS}
    for table, block in decode_traces(body, Context(Policy(), "default", at)).blocks.items():
        database.insert(table, tables[table], block.data, token=str(next(_TOKENS)))


def settler(database: ClickHouse, config: Config = AT_ONCE) -> Settler:
    """A settler that waits for nothing."""
    return Settler(SettlingStore(database), Policy(), config)


def test_a_tenant_with_very_many_runs_does_not_keep_another_waiting(database: ClickHouse) -> None:
    """A round takes some of each; the rest is settled by the rounds after it."""
    statement = "INSERT INTO run_marks SELECT now64(9) - 60, '{}', generateUUIDv4(number), now64(9), now64(9), 0 FROM numbers({})"
    database.command(statement.format("many", 5_000))
    database.command(statement.format("one", 1))
    marks = SettlingStore(database).waiting(0, 20_000, 2_000)
    assert Counter(mark.tenant for mark in marks) == {"many": 2_000, "one": 1}
    settle(database)
    assert SettlingStore(database).waiting(0, 20_000, 2_000) == []


def mark(database: ClickHouse, runs: int) -> None:
    """So many runs that wait."""
    waiting = (
        "SELECT now64(9) - 60, 'default', generateUUIDv4(number), now64(9), now64(9), 0 FROM numbers({})"
    )
    database.command(f"INSERT INTO run_marks {waiting.format(runs)}")


def test_a_round_waits_for_more_runs_but_not_for_ever(database: ClickHouse) -> None:
    """The first run that is quiet waits for `derive.round_wait` and not longer; looks in between are few."""
    clock = [0.0]
    config = Config(derive=Derive(quiet=0.001, round_wait=10.0))
    working = Settler(SettlingStore(database), Policy(), config, clock=lambda: clock[0])
    mark(database, 3)
    pauses = []
    while not working.settled:
        pauses.append(working.settle_large_round())
        clock[0] += pauses[-1]
    assert (working.settled, sum(pauses[:-1])) == (3, 10.0)
    assert len(pauses) < 7
    mark(database, 1)
    working.settle_large_round()
    assert working.settled == 3


def test_a_round_that_is_large_enough_does_not_wait(database: ClickHouse) -> None:
    """It is settled in pieces of a thousand to two thousand runs, each written by one insert into each table."""
    mark(database, 1_500)
    working = settler(database, Config(derive=Derive(quiet=0.001, round_wait=3_600.0)))
    working.settle_large_round()
    assert working.settled == 1_500
    assert database.query("SELECT count() FROM settle_progress") == [(1,)]


def settle(database: ClickHouse, config: Config = AT_ONCE) -> None:
    """Settle until nothing waits."""
    working = settler(database, config)
    while database.query("SELECT count() FROM unsettled_runs")[0][0]:
        working.settle_waiting()


def answers(database: ClickHouse) -> dict[str, list[Any]]:
    """What every view says, apart from when it was settled."""
    statements = {view: f"SELECT * EXCEPT(created_at) FROM {view}" for view in VIEWS}  # noqa: S608 - of ours
    return {view: sorted(map(str, database.query(statement))) for view, statement in statements.items()}


@pytest.mark.long
@pytest.mark.parametrize("config", AT_ONCE_BY_BOTH)
def test_late_spans_change_a_run(database: ClickHouse, config: Config) -> None:
    """Settled half-way and again with the rest, every view says what it says when all came at once."""
    other = new_database()
    bodies = [body for scenario in scenarios()[::3] for body in scenario.bodies("traces")]
    for body in bodies[::2]:
        insert(database, body)
    settle(database, config)
    for body in bodies:
        insert(other, body)
        insert(database, body)
    settle(database, config)
    settle(other)
    assert answers(database) == answers(other)


@pytest.mark.parametrize("days", [-40, 40])
def test_rows_of_an_earlier_round_are_taken_back_however_far_they_are(
    database: ClickHouse, days: int
) -> None:
    """What came late lies weeks before or after, and gives everything that was derived another agent."""
    call: dict[str, Value] = {wire.GEN_AI_OPERATION_NAME: "chat", wire.GEN_AI_REQUEST_STREAM: True}
    insert(database, traces(ASpan(attributes={**call, wire.RUN_ID: _RUN}), resource={}), NOW)
    settle(database)
    at = NOW + days * 86_400 * 10**9
    agent: dict[str, Value] = {
        wire.GEN_AI_OPERATION_NAME: "invoke_agent",
        wire.GEN_AI_AGENT_NAME: "planner",
        wire.RUN_ID: _RUN,
    }
    late = ASpan(attributes=agent, trace_id=b"late".ljust(16), start=at, end=at + 10**9)
    insert(database, traces(late, resource={}), max(at, NOW))
    settle(database)
    for view in ("runs", "steps", "decisions"):
        agents = database.query(f"SELECT DISTINCT agent_id FROM {view}")  # noqa: S608 - of ours
        assert agents == [("planner",)], view


@pytest.mark.long
def test_runs_are_there_after_down_and_up() -> None:
    """Before they are settled again, which needs no command."""
    database = new_database()
    # Sets that state no id of a call: its column goes with its migration.
    for scenario in [each for each in scenarios() if each.pair.startswith(("01-", "08-"))][::3]:
        for body in scenario.bodies("traces"):
            insert(database, body)
    settle(database)
    before = answers(database)
    migrator = Migrator(database, Policy())
    migrator.down(to=2)
    migrator.up()
    assert database.query("SELECT count() > 0, countIf(settled) FROM runs") == [(1, 0)]
    settle(database)
    assert answers(database) == before


@pytest.mark.parametrize("config", AT_ONCE_BY_BOTH)
def test_another_round_changes_nothing(database: ClickHouse, config: Config) -> None:
    """`agenttrace rederive` over everything makes the rows that are there, whichever engine made them."""
    for scenario in scenarios()[::7]:
        for body in scenario.bodies("traces"):
            insert(database, body)
    settle(database)
    before = answers(database)
    again = settler(database, config)
    again.settle(again.store.in_range(0, RECORDED_AT))
    assert answers(database) == before


def test_the_command_settles_a_range_again(database: ClickHouse) -> None:
    """It says how many runs it settled, and `--until` leaves out what began later."""
    insert(database, scenarios()[0].bodies("traces")[0])
    ((name,),) = database.query("SELECT currentDatabase()")
    where = [f"exporters.clickhouse.endpoint={engine()}", f"exporters.clickhouse.database={name}"]
    chosen = ["rederive", "--since", "2026-01-01", *(part for each in where for part in ("--set", each))]
    done = CliRunner().invoke(app, [*chosen, "--until", "2026-01-02"])
    assert done.output.startswith("settled 0 runs")
    done = CliRunner().invoke(app, chosen)
    assert done.output.startswith("settled 1 runs")
    assert database.query("SELECT count(), any(settled) FROM runs") == [(1, True)]


def test_views_reach_the_sort_key(database: ClickHouse) -> None:
    """A filter on agent and time goes through each view to the primary keys of the settled tables under it."""
    call: dict[str, Value] = {wire.GEN_AI_OPERATION_NAME: "chat", wire.GEN_AI_REQUEST_STREAM: True}
    span = ASpan(attributes=call, events=((wire.EVENT_DECISION, DECISION),))
    insert(database, traces(span, resource={wire.SERVICE_NAME: "planner"}), NOW)
    settle(database)
    for view, time in (("runs", "started_at"), ("steps", "started_at"), ("decisions", "recorded_at")):
        filtered = f"SELECT count() FROM {view} WHERE agent_id = 'planner' AND {time} > '2020-01-01'"  # noqa: S608
        plan = "\n".join(str(line[0]) for line in database.query(f"EXPLAIN indexes = 1 {filtered}"))
        assert re.search(rf"Condition: and.*{time} in .*agent_id\b.* in \['planner'", plan), plan


def test_the_live_tail_is_read_before_it_is_settled(database: ClickHouse) -> None:
    """A run and its steps are there at once, and once after settling."""
    insert(database, scenarios()[0].bodies("traces")[0])
    assert database.query("SELECT count(), any(settled) FROM runs")[0] == (1, False)
    settle(database)
    assert database.query("SELECT count(), any(settled) FROM runs")[0] == (1, True)
    assert database.query("SELECT uniqExact(step_id) = count() FROM steps")[0] == (1,)


def test_a_run_that_is_not_settled_counts_what_has_come(database: ClickHouse) -> None:
    """Steps and tokens so far, and after settling the same where nothing is wrapped."""
    agent, *calls = (
        ASpan(attributes=attributes, span_id=bytes([number]) * 8)
        for number, attributes in enumerate(_CALLS, start=1)
    )
    insert(database, traces(agent, *calls), NOW)
    counted = (
        "SELECT steps, failed_steps, model_calls, tool_calls, retrievals, retries, input_tokens, output_tokens,"
        " documents, length(step_ids) FROM runs"
    )
    assert database.query(counted) == [(3, 0, 1, 1, 1, 0, 25, 7, 4, 3)]
    settle(database)
    assert database.query(counted) == [(3, 0, 1, 1, 1, 0, 25, 7, 4, 3)]


_RUN = "11111111-2222-4333-8444-555555555555"
_CALLS: tuple[dict[str, Value], ...] = (
    {wire.GEN_AI_OPERATION_NAME: "invoke_agent"},
    {
        wire.GEN_AI_OPERATION_NAME: "chat",
        wire.GEN_AI_USAGE_INPUT_TOKENS: 25,
        wire.GEN_AI_USAGE_OUTPUT_TOKENS: 7,
    },
    {wire.GEN_AI_OPERATION_NAME: "execute_tool", wire.GEN_AI_TOOL_NAME: "search"},
    {wire.GEN_AI_OPERATION_NAME: "retrieval", wire.STEP_RETRIEVAL_COUNT: 4},
)


def test_a_continued_run_ends_as_its_last_part_says(database: ClickHouse) -> None:
    """Before it is settled and after, though the first part came last."""
    for name, status, seconds in (("second", "success", 5), ("first", "partial", 1)):
        attributes: dict[str, Value] = {
            wire.RUN_ID: "11111111-2222-4333-8444-555555555555",
            wire.RUN_STATUS: status,
            wire.GEN_AI_OPERATION_NAME: "invoke_agent",
        }
        start = NOW + seconds * 10**9
        trace, own = name.encode().ljust(16), name.encode().ljust(8)
        span = ASpan(attributes=attributes, trace_id=trace, span_id=own, start=start, end=start + 10**9)
        insert(database, traces(span), start)
        assert database.query("SELECT status FROM runs") == [("success",)]
    settle(database)
    assert database.query("SELECT status, settled FROM runs") == [("success", True)]


def test_a_derived_row_gives_way_to_a_recorded_one(database: ClickHouse) -> None:
    """Where the agent recorded that type for that step, the derived one is taken back."""
    call: dict[str, Value] = {wire.GEN_AI_OPERATION_NAME: "chat", wire.GEN_AI_REQUEST_STREAM: True}
    insert(database, traces(ASpan(attributes=call)), NOW)
    settle(database)
    assert database.query("SELECT source, reason_code FROM decisions")[0] == (
        "derived",
        "streaming_requested",
    )
    stated = {**DECISION, wire.DECISION_TYPE: "response_mode", wire.DECISION_REASON_CODE: "batch_preferred"}
    insert(database, traces(ASpan(attributes=call, events=((wire.EVENT_DECISION, stated),))), NOW)
    settle(database)
    assert database.query("SELECT source, reason_code FROM decisions") == [("recorded", "batch_preferred")]


def test_an_unknown_agent_takes_the_outermost_name(database: ClickHouse) -> None:
    """Runs, and decisions recorded in them, are answered under the agent that the spans name."""
    agent: dict[str, Value] = {wire.GEN_AI_OPERATION_NAME: "invoke_agent", wire.GEN_AI_AGENT_NAME: "planner"}
    insert(database, traces(ASpan(attributes=agent, events=((wire.EVENT_DECISION, DECISION),))), NOW)
    settle(database)
    assert database.query("SELECT agent_id FROM runs") == [("planner",)]
    assert database.query("SELECT agent_id, source FROM decisions") == [("planner", "recorded")]


def test_thresholds_are_written_down(database: ClickHouse) -> None:
    """The thresholds of the configuration stand beside the signals made with them."""
    derive = Derive(quiet=0.001, latency_ms=LatencyThresholds(exceeded=1, significantly_exceeded=2))
    insert(database, traces(ASpan(attributes={wire.GEN_AI_OPERATION_NAME: "chat"})), NOW)
    working = settler(database, Config(derive=derive))
    while not working.settled:
        working.settle_waiting()
    found = database.query(
        "SELECT value FROM derive_thresholds FINAL WHERE threshold = 'latency_ms.exceeded'"
    )
    assert found == [(1,)]
    codes = database.query("SELECT signal_code FROM quality_signals WHERE signal_type = 'latency_threshold'")
    assert codes == [("significantly_exceeded",)]
