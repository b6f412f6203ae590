"""Erasure takes every row of its subject from every table, and no other row."""

from __future__ import annotations

from uuid import UUID

import pytest

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.purge import Eraser
from agenttrace_collector.clickhouse.purge_subject import Subject, SubjectKind
from agenttrace_schemas.derived_rows import ALL_ROWS
from agenttrace_schemas.retention import TIMES
from agenttrace_schemas.rows import EvaluationRow, columns
from tests.support.database import insert_statement, new_database, valid_row

pytestmark = pytest.mark.long

TALK = "0123456789abcdef" * 4
# Four runs: whose agent, whose conversation, whose tenant, which day of September 2026.
RUNS = {
    UUID(int=1): ("planner", TALK, "acme", 1),
    UUID(int=2): ("planner", "", "acme", 2),
    UUID(int=3): ("writer", TALK, "acme", 3),
    UUID(int=4): ("planner", TALK, "initech", 1),
}
SECOND_OF_SEPTEMBER = 1_788_307_200 * 10**9


@pytest.fixture(scope="module")
def empty() -> ClickHouse:
    """A database with every table, which each test fills anew."""
    return new_database()


@pytest.fixture
def database(empty: ClickHouse) -> ClickHouse:
    """A row of each run in every table; marks come by themselves."""
    for table in TIMES:
        empty.command(f"TRUNCATE TABLE {table}")
    for run, (agent, conversation, tenant, day) in RUNS.items():
        known = {"run_id": str(run), "agent_id": agent, "conversation_id": conversation, "tenant": tenant}
        for row in (row for row in ALL_ROWS if row.TABLE in TIMES):
            at = {TIMES[row.TABLE]: f"2026-09-{day:02} 12:00:00"}
            values = {name: value for name, value in {**known, **at}.items() if name in columns(row)}
            empty.command(insert_statement(row, valid_row(row, **values)))
    return empty


def runs_left(database: ClickHouse, table: str) -> set[UUID]:
    """The runs that have rows in a table."""
    rows = database.query(f"SELECT DISTINCT run_id FROM {table}")  # noqa: S608 - a table of `TIMES`
    return {UUID(str(run)) for (run,) in rows}


@pytest.mark.parametrize(
    ("kind", "value", "gone"),
    [
        (SubjectKind.RUN, UUID(int=2), {2}),
        (SubjectKind.AGENT, "planner", {1, 2}),
        (SubjectKind.CONVERSATION, TALK, {1, 3}),
        (SubjectKind.BEFORE, SECOND_OF_SEPTEMBER, {1}),
        (SubjectKind.RUN, UUID(int=9), set()),
        (SubjectKind.AGENT, "planner' OR 1 --", set()),
    ],
)
def test_everything_of_the_subject_goes(
    database: ClickHouse, kind: SubjectKind, value: str | int | UUID, gone: set[int]
) -> None:
    """From every table that holds anything of a run; another tenant's rows stay."""
    eraser, subject = Eraser(database), Subject(kind, value, "acme")
    counted = eraser.count(subject)
    assert set(counted) == (set(TIMES) if gone else set())
    assert eraser.erase(subject) == counted
    assert eraser.count(subject) == {}
    for table in TIMES:
        assert runs_left(database, table) == {run for run in RUNS if run.int not in gone}, table


def test_evaluations_that_name_no_agent_go_with_their_run(database: ClickHouse) -> None:
    """Whoever measured a run need not say whose it is; those of another agent's run stay."""
    for number, run in enumerate((UUID(int=1), UUID(int=3))):
        known = {
            "run_id": str(run),
            "agent_id": "unknown",
            "tenant": "acme",
            "recorded_at": "2026-09-20 12:00:00",
        }
        row = valid_row(EvaluationRow, **known, evaluation_id=str(UUID(int=90 + number)))
        database.command(insert_statement(EvaluationRow, row))
    Eraser(database).erase(Subject(SubjectKind.AGENT, "planner", "acme"))
    left = database.query("SELECT run_id FROM agent_evaluations WHERE agent_id = 'unknown'")
    assert [UUID(str(run)) for (run,) in left] == [UUID(int=3)]


def test_every_table_with_rows_of_runs_is_known(empty: ClickHouse) -> None:
    """A table that a migration adds has to be named in `retention.TIMES`."""
    found = empty.query(
        "SELECT DISTINCT table FROM system.columns JOIN system.tables AS t ON t.name = table AND t.database = database"
        " WHERE database = currentDatabase() AND columns.name = 'run_id' AND engine LIKE '%MergeTree'"
    )
    assert {table for (table,) in found} == set(TIMES)
