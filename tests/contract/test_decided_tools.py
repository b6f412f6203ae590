"""The tool that a decision names: an approval shows that there is one, a decision of another type does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from agenttrace_collector.clickhouse import rowbinary
from agenttrace_collector.clickhouse.client import QueryRejected
from agenttrace_collector.decode import ids
from agenttrace_collector.decode.batch import Batch, Context
from agenttrace_collector.decode.otlp import decode_logs, decode_traces
from agenttrace_collector.decode.run_document.document import decode_run
from agenttrace_schemas import names, wire
from agenttrace_schemas.rebuild import typed_event
from agenttrace_schemas.rows import DecisionRow
from agenttrace_schemas.rules import Policy
from tests.contract.shape import KEYED
from tests.support.database import insert_statement, migrated, valid_row
from tests.support.otlp import NOW, ASpan, logs, traces
from tests.support.reference import Value
from tests.support.rows import rows_of, stored_bytes
from tests.support.run_documents import body

MADE_UP: Final = "erase_the_account_of_anna_schmidt"
SAID: Final = "CANARY what did she say?"
APPROVAL: Final[Mapping[str, Value]] = {
    wire.DECISION_TYPE: "approval",
    wire.DECISION_SELECTED: "deny",
    wire.DECISION_REASON_CODE: "user_reject",
    wire.DECISION_TOOL_NAME: "deploy",
    wire.DECISION_WAIT_MS: 4_200,
}
PLAIN: Final[Mapping[str, Value]] = {
    wire.DECISION_TYPE: "tool_selection",
    wire.DECISION_SELECTED: "cached",
    wire.DECISION_REASON_CODE: "fresh_data_required",
}
SELECTION: Final[Mapping[str, Value]] = {**PLAIN, wire.DECISION_TOOL_NAME: MADE_UP}


def decided(batch: Batch) -> DecisionRow:
    """The one decision of a batch."""
    (row,) = rows_of(batch, DecisionRow)
    return row


def on_span(attributes: Mapping[str, Value], policy: Policy = KEYED) -> Batch:
    """A span with one decision."""
    span = ASpan(events=[(wire.EVENT_DECISION, attributes)])
    return decode_traces(traces(span), Context(policy, "default", NOW))


def test_both_carriers_and_documents_carry_tool_and_wait() -> None:
    """The same from each."""
    context = Context(KEYED, "default", NOW)
    stated = {"decision_type": "approval", "selected": "deny", "reason_code": "user_reject"}
    document = body(decisions=[{**stated, "tool_name": "deploy", "wait_ms": 4_200}])
    log = decode_logs(logs(wire.EVENT_DECISION, APPROVAL), context)
    for batch in (on_span(APPROVAL), log, decode_run(document, context)):
        row = decided(batch)
        assert (row.selected, row.tool_name, row.wait_ms) == ("deny", "deploy", 4_200)


@pytest.mark.parametrize("wait", [-1, 2**60, "soon", True])
def test_a_wait_that_is_no_count_is_left_out(wait: Value) -> None:
    """The decision stays."""
    assert decided(on_span({**APPROVAL, wire.DECISION_WAIT_MS: wait})).wait_ms is None


def test_what_is_no_name_is_redacted_and_counted() -> None:
    """Nothing of it is kept, in the database or on the way on."""
    said = {**APPROVAL, wire.DECISION_TOOL_NAME: SAID}
    batch = on_span(said)
    assert decided(batch).tool_name.startswith("_redacted_")
    assert b"CANARY" not in stored_bytes(batch)
    assert ("identifier.pattern", wire.DECISION_TOOL_NAME) in {(one.rule, one.key) for one in batch.changes}
    assert "CANARY" not in str(typed_event(wire.EVENT_DECISION, said, KEYED))


def test_a_decision_of_another_type_confirms_no_tool() -> None:
    """The name stands for itself where the site lists the tool; else digits do, also on the way on."""
    stands = f"{names.UNCONFIRMED}_{names.digits(KEYED.site_key, MADE_UP)}"
    batch = on_span(SELECTION)
    assert decided(batch).tool_name == stands
    assert {each.rule for each in batch.changes} == {names.RULE}
    forwarded = typed_event(wire.EVENT_DECISION, SELECTION, KEYED)
    assert forwarded is not None
    assert forwarded[wire.DECISION_TOOL_NAME] == stands
    assert decided(on_span(SELECTION, Policy(tools=frozenset({MADE_UP})))).tool_name == MADE_UP


@pytest.mark.parametrize(
    ("kind", "tool", "refused_by"),
    [
        ("approval", MADE_UP, ""),
        ("approval", SAID, "identifier.pattern"),
        ("tool_selection", MADE_UP, names.RULE),
        ("tool_selection", "Bash", ""),
        ("tool_selection", "_unconfirmed_0123abcd", ""),
        ("tool_selection", "", ""),
    ],
)
def test_the_database_holds_the_same_rule(kind: str, tool: str, refused_by: str) -> None:
    """Against a direct insert."""
    reason = "policy_rule" if kind == "approval" else "fresh_data_required"
    values = valid_row(DecisionRow, decision_type=kind, reason_code=reason, tool_name=tool)
    rule = ""
    try:
        migrated(Policy()).command(insert_statement(DecisionRow, values))
    except QueryRejected as refused:
        rule = refused.rule
    assert rule == refused_by


def test_a_decision_without_them_keeps_its_id() -> None:
    """A request of an earlier client that is sent again is the same row."""
    row = decided(on_span(PLAIN))
    encoded = rowbinary.canonical(("tool_selection", "cached", "fresh_data_required", None, ()), {})()
    place = row.trace_id + row.span_id.to_bytes(8)
    assert row.decision_id == ids.event(place, wire.EVENT_DECISION, row.recorded_at, encoded, ordinal=0)
