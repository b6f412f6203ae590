"""The cases of the rules against the database: a direct SQL insert meets the same table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from agenttrace_collector.clickhouse.client import QueryRejected
from agenttrace_schemas import wire
from agenttrace_schemas.checks import checks
from agenttrace_schemas.column_types import Column, Guard
from agenttrace_schemas.derived_rows import ALL_ROWS
from agenttrace_schemas.rows import (
    DecisionRow,
    EvaluationRow,
    FailureRow,
    OutcomeRow,
    Row,
    SignalRow,
    columns,
)
from agenttrace_schemas.rules import Policy, failure_message
from tests.contract.cases import CASES, COLUMN_CASES
from tests.contract.shape import TOKEN, Case, ColumnCase, Layer, Outcome
from tests.contract.vocabulary_cases import DECISION_PAIRS, SIGNAL_PAIRS
from tests.support.database import insert_statement, migrated, valid_row

pytestmark = pytest.mark.long

ROW_OF: Final[Mapping[str, type[Row]]] = {
    wire.EVENT_DECISION: DecisionRow,
    wire.EVENT_SIGNAL: SignalRow,
    wire.EVENT_FAILURE: FailureRow,
    wire.EVENT_EVALUATION: EvaluationRow,
    wire.EVENT_OUTCOME: OutcomeRow,
}
COLUMN_OF: Final[Mapping[str, str]] = {
    wire.DECISION_TYPE: "decision_type",
    wire.DECISION_SELECTED: "selected",
    wire.DECISION_REASON_CODE: "reason_code",
    wire.DECISION_CONFIDENCE: "confidence",
    wire.DECISION_CANDIDATES: "candidates",
    wire.DECISION_TOOL_NAME: "tool_name",
    wire.DECISION_WAIT_MS: "wait_ms",
    wire.SIGNAL_TYPE: "signal_type",
    wire.SIGNAL_CODE: "signal_code",
    wire.SIGNAL_VALUE: "value",
    wire.SIGNAL_WEIGHT: "weight",
    wire.FAILURE_TYPE: "failure_type",
    wire.FAILURE_CODE: "failure_code",
    wire.FAILURE_MESSAGE: "message",
    wire.EVALUATION_NAME: "name",
    wire.EVALUATION_SCORE: "score",
    wire.EVALUATION_LABEL: "label",
    wire.OUTCOME_STATUS: "status",
    wire.OUTCOME_FAILURE_TYPE: "failure_type",
    wire.OUTCOME_FAILURE_CODE: "failure_code",
}
SAID: Final = "CANARY-d4: what did she say, word for word?"


def row_values(row: type[Row], attributes: Mapping[str, object]) -> dict[str, object]:
    """The columns that the attributes of an event name."""
    prefix = wire.METADATA_PREFIX
    metadata = {key.removeprefix(prefix): each for key, each in attributes.items() if key.startswith(prefix)}
    stated = {COLUMN_OF[key]: value for key, value in attributes.items() if key in COLUMN_OF}
    if stated.get("candidates", ()) is None:
        del stated["candidates"]
    if row is FailureRow and "message" not in stated:
        kind, code = (str(stated.get(name)) for name in ("failure_type", "failure_code"))
        stated["message"] = failure_message(TOKEN, kind, code)
    kept = {key: each for key, each in metadata.items() if each is not None}
    return valid_row(row, **stated, **({"metadata": kept} if kept else {}))


def insert(policy: Policy, row: type[Row], values: Mapping[str, object]) -> None:
    """Insert one row by SQL."""
    migrated(policy).command(insert_statement(row, values))


def of_database(*outcomes: Outcome) -> list[Case]:
    """The cases with one of these outcomes that the database can tell apart."""
    return [case for case in CASES if Layer.DATABASE in case.layers and case.outcome in outcomes]


@pytest.mark.parametrize("case", of_database(Outcome.ACCEPTED), ids=lambda case: case.rule)
def test_what_the_rules_accept_is_stored(case: Case) -> None:
    """No CHECK is stricter than the rules that ran before it."""
    row = ROW_OF[case.event]
    insert(case.policy, row, row_values(row, case.attributes))


@pytest.mark.parametrize("case", of_database(Outcome.REFUSED), ids=lambda case: case.rule)
def test_what_the_rules_refuse_is_refused_by_name(case: Case) -> None:
    """The error names the rule that Python names."""
    row = ROW_OF[case.event]
    with pytest.raises(QueryRejected) as refused:
        insert(case.policy, row, row_values(row, case.attributes))
    assert refused.value.rule == case.rule


@pytest.mark.parametrize("case", of_database(Outcome.REWRITTEN), ids=lambda case: case.rule)
def test_what_the_rules_rewrite_is_refused_as_it_was_and_stored_as_rewritten(case: Case) -> None:
    """A sender who writes to the database directly cannot keep what the collector rewrites."""
    row = ROW_OF[case.event]
    with pytest.raises(QueryRejected):
        insert(case.policy, row, row_values(row, case.attributes))
    insert(case.policy, row, row_values(row, {**case.attributes, **case.stored}))


@pytest.mark.parametrize("case", COLUMN_CASES, ids=lambda case: f"{case.row.TABLE}.{case.column}")
def test_columns_that_the_rules_rewrite(case: ColumnCase) -> None:
    """The value is stored only where it is what the rules would store."""
    insert(case.policy, case.row, valid_row(case.row, **{case.column: case.stored}))
    if case.value != case.stored:
        with pytest.raises(QueryRejected) as refused:
            insert(case.policy, case.row, valid_row(case.row, **{case.column: case.value}))
        assert refused.value.rule == case.rule


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.REFUSED])
def test_the_database_accepts_exactly_the_vocabulary(outcome: Outcome) -> None:
    """Every pair of type and code, in one query of the CHECK's own expression."""
    for row, pairs in ((DecisionRow, DECISION_PAIRS), (SignalRow, SIGNAL_PAIRS)):
        kind, code = (name for name in columns(row) if name.endswith(("_type", "_code")))
        holds = " AND ".join(
            f"({each.expression})" for each in checks(row, TOKEN) if each.column in {kind, code}
        )
        cases = [case for case in pairs if case.outcome is outcome]
        tuples = ", ".join(_pair(row, case) for case in cases)
        statement = f"SELECT countIf({holds}), count() FROM values('{kind} String, {code} String', {tuples})"  # noqa: S608
        ((accepted, total),) = migrated(TOKEN).query(statement)
        assert (accepted, total) == ((len(cases) if outcome is Outcome.ACCEPTED else 0), len(cases))


def _pair(row: type[Row], case: Case) -> str:
    values = row_values(row, case.attributes)
    return "({})".format(
        ", ".join(f"'{values[name]}'" for name in values if name.endswith(("_type", "_code")))
    )


def guarded() -> list[tuple[type[Row], str, Column]]:
    """Every column of every table that can hold text."""
    return [
        (row, name, column)
        for row in ALL_ROWS
        for name, column in columns(row).items()
        if "String" in column.type
    ]


@pytest.mark.parametrize("row", ALL_ROWS, ids=lambda row: row.TABLE)
def test_every_text_column_that_the_engine_knows_has_one_rule(row: type[Row]) -> None:
    """`DESCRIBE TABLE` names no String that the row class does not guard, and no other column."""
    described = {name: kind for name, kind, *_ in migrated(TOKEN).query(f"DESCRIBE TABLE {row.TABLE}")}
    assert described == {name: column.type for name, column in columns(row).items()}
    assert all(
        isinstance(columns(row)[name].guard, Guard) for name in described if "String" in described[name]
    )


@pytest.mark.parametrize(
    ("row", "name", "column"), guarded(), ids=lambda value: getattr(value, "TABLE", None)
)
def test_no_text_column_takes_a_sentence(row: type[Row], name: str, column: Column) -> None:
    """What was said is refused by a direct insert, and the error does not repeat it."""
    value: object = [SAID] if column.type.startswith("Array") else SAID
    if column.type.startswith("Map"):
        value = {"note": SAID}
    with pytest.raises(QueryRejected) as refused:
        insert(TOKEN, row, valid_row(row, **{name: value}))
    assert "CANARY" not in str(refused.value)
    assert refused.value.rule


def test_refused_inserts_leave_nothing_behind() -> None:
    """`system.errors` keeps the text of the last error of each kind: it names rules, not values."""
    with pytest.raises(QueryRejected):
        insert(TOKEN, DecisionRow, valid_row(DecisionRow, selected=SAID))
    errors = migrated(TOKEN).query("SELECT name, last_error_message FROM system.errors")
    assert any("label.pattern" in message for _, message in errors)
    assert not any("CANARY" in message for _, message in errors)
