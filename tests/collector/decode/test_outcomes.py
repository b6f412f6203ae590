"""Outcomes as log records and as documents: how a run ended, and no word of why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import pytest

from agenttrace_collector.decode.batch import Batch, Context
from agenttrace_collector.decode.event_documents import OUTCOMES, decode_events
from agenttrace_collector.decode.otlp import decode_logs, decode_traces
from agenttrace_collector.errors import Rejected
from agenttrace_schemas import wire
from agenttrace_schemas.rows import OutcomeRow, RejectionRow
from agenttrace_schemas.rules import Policy
from tests.support.otlp import NOW, ASpan, logs, traces
from tests.support.reference import Value
from tests.support.rows import rows_of, stored_bytes

CONTEXT: Final = Context(Policy(), "default", NOW)
RUN: Final = UUID(int=7)
SAID: Final = "CANARY she asked for her money back"
STATED: Final[Mapping[str, Value]] = {
    wire.RUN_ID: str(RUN),
    wire.OUTCOME_STATUS: "failure",
    wire.OUTCOME_FAILURE_TYPE: "tool",
    wire.OUTCOME_FAILURE_CODE: "timeout",
}


def stored(batch: Batch) -> list[OutcomeRow]:
    """The outcomes of a batch, of which no word may be left."""
    assert b"CANARY" not in stored_bytes(batch)
    return rows_of(batch, OutcomeRow)


def posted(*outcomes: Any) -> Any:
    """The batch of a document."""
    return decode_events(OUTCOMES, json.dumps({"outcomes": outcomes}).encode(), CONTEXT)


def test_a_log_record_without_a_trace_is_of_the_run_that_it_names() -> None:
    """As the SDK sends it: the run may have ended long ago."""
    (row,) = stored(decode_logs(logs(wire.EVENT_OUTCOME, STATED, b"", b""), CONTEXT))
    assert (row.run_id, row.status, row.failure_type, row.failure_code) == (
        RUN.bytes,
        "failure",
        "tool",
        "timeout",
    )
    assert (row.recorded_at, row.tenant, row.source) == (NOW, "default", "agenttrace")


def test_an_event_of_a_span_is_of_its_run() -> None:
    """Whatever carries it."""
    span = ASpan(attributes={wire.RUN_ID: str(RUN)}, events=[(wire.EVENT_OUTCOME, STATED)])
    (row,) = stored(decode_traces(traces(span), CONTEXT))
    assert (row.run_id, row.status) == (RUN.bytes, "failure")


def test_a_document_and_a_log_record_say_the_same() -> None:
    """Under an id of the sender it is stored once; its time is that of receipt where none is stated."""
    own = {"run_id": str(RUN), "status": "failure", "failure_type": "tool", "failure_code": "timeout"}
    batch = posted({**own, "outcome_id": "o-1"}, {**own, "outcome_id": "o-1"}, {**own, "status": "success"})
    assert (batch.stored, [problem.rule for problem in batch.problems]) == (2, ["outcome.failure"])
    first, second = stored(batch)
    assert first == second
    assert (first.recorded_at, first.source) == (NOW, "api")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({wire.OUTCOME_STATUS: SAID}, "outcome.status"),
        ({wire.OUTCOME_FAILURE_TYPE: SAID}, "outcome.failure"),
        ({wire.OUTCOME_STATUS: "success"}, "outcome.failure"),
        ({wire.OUTCOME_FAILURE_CODE: ""}, "outcome.failure"),
        ({wire.RUN_ID: ""}, "event.no_run"),
    ],
)
def test_what_a_rule_refuses_is_named(changes: Mapping[str, Value], rule: str) -> None:
    """By rule and key."""
    batch = decode_logs(logs(wire.EVENT_OUTCOME, {**STATED, **changes}, b"", b""), CONTEXT)
    assert stored(batch) == []
    assert [(row.kind, row.rule) for row in rows_of(batch, RejectionRow)] == [("outcome", rule)]


def test_a_code_that_is_no_identifier_is_redacted_and_counted() -> None:
    """As that of a failure is."""
    batch = decode_logs(
        logs(wire.EVENT_OUTCOME, {**STATED, wire.OUTCOME_FAILURE_CODE: SAID}, b"", b""), CONTEXT
    )
    assert [row.failure_code for row in stored(batch)] == ["_redacted"]
    assert [(each.rule, each.key) for each in batch.changes] == [
        ("identifier.pattern", wire.OUTCOME_FAILURE_CODE)
    ]


def test_places_of_a_document_are_named_without_their_values() -> None:
    """Each on its own; the others are stored."""
    batch = posted(
        {"run_id": "r", "status": SAID},
        {"status": "failure"},
        {"run_id": "r", "status": "success", "recorded_at": "1999-01-01T00:00:00Z"},
        {"run_id": "r", "status": "partial"},
    )
    assert [(problem.field, problem.rule) for problem in batch.problems] == [
        ("outcomes[0].status", "outcome.status"),
        ("outcomes[1].run_id", "document.field"),
        ("outcomes[2].recorded_at", "time.range"),
    ]
    assert "CANARY" not in str(batch.problems)
    assert [row.status for row in stored(batch)] == ["partial"]


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"outcomes": []}', b'{"outcomes": {}}', b"CANARY"])
def test_another_form_is_refused_whole(body: bytes) -> None:
    """And not repeated."""
    with pytest.raises(Rejected) as refusal:
        decode_events(OUTCOMES, body, CONTEXT)
    assert "CANARY" not in str(refusal.value)
