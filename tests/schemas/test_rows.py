"""The rows keep the original columns, and no text column goes without its rule."""

from __future__ import annotations

from typing import Final

import pytest

from agenttrace_schemas.column_types import Guard
from agenttrace_schemas.derived_rows import ALL_ROWS
from agenttrace_schemas.names import CONFIRMING
from agenttrace_schemas.rows import DecisionRow, FailureRow, Row, RunRow, SignalRow, StepRow, columns
from agenttrace_schemas.rules import RULES

# Section 5 of the specification: the columns of the system that this one continues.
ORIGINAL: Final = {
    RunRow: "run_id agent_id agent_version environment status started_at ended_at created_at",
    StepRow: "step_id run_id seq step_type name latency_ms started_at ended_at metadata created_at",
    FailureRow: "failure_id run_id step_id failure_type failure_code message created_at",
    DecisionRow: "decision_id run_id step_id decision_type selected reason_code confidence metadata recorded_at"
    " created_at",
    SignalRow: "signal_id run_id step_id signal_type signal_code value weight metadata recorded_at created_at",
}


@pytest.mark.parametrize("row", ORIGINAL)
def test_original_columns_come_first_in_their_order(row: type[Row]) -> None:
    """Name by name, so that queries written for them go on working."""
    names = ORIGINAL[row].split()
    assert list(columns(row))[: len(names)] == names


@pytest.mark.parametrize("row", ALL_ROWS)
def test_every_text_has_one_rule(row: type[Row]) -> None:
    """A String column without a rule would hold whatever is sent."""
    texts = {name: column for name, column in columns(row).items() if "String" in column.type}
    assert [name for name, column in texts.items() if column.guard is None] == []


_CLOSED = {Guard.CLOSED, Guard.FAILURE_TYPE, Guard.OUTCOME_STATUS, Guard.OUTCOME_FAILURE}


@pytest.mark.parametrize("row", ALL_ROWS)
def test_closed_columns_list_their_values(row: type[Row]) -> None:
    """A closed list is not empty; no other column has one but failure types, outcomes, and a tool that a decision names."""
    for column in columns(row).values():
        if column.guard is Guard.TOOL:
            assert column.closed in {(), CONFIRMING}
            continue
        assert bool(column.closed) is (column.guard in _CLOSED)


def test_guards_are_rules() -> None:
    """Every column's rule stands in the rule table."""
    assert set(Guard) <= set(RULES)


def test_tables_are_distinct() -> None:
    """One row class per table."""
    assert len({row.TABLE for row in ALL_ROWS}) == len(ALL_ROWS)
