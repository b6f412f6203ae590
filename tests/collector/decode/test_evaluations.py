"""Evaluations over OTLP and as documents: a name, a number or a label are kept, and no word of an explanation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest

from agenttrace_collector.decode.batch import Batch, Context, Seen
from agenttrace_collector.decode.event_documents import EVALUATIONS, decode_events
from agenttrace_collector.decode.otlp import decode_logs, decode_traces
from agenttrace_collector.errors import Rejected
from agenttrace_schemas import wire
from agenttrace_schemas.rebuild import event_attributes
from agenttrace_schemas.rows import EvaluationRow, RejectionRow
from agenttrace_schemas.rules import Policy
from tests.support.otlp import NOW, SPAN_ID, ASpan, logs, traces
from tests.support.reference import Value
from tests.support.rows import rows_of, stored_bytes

CONTEXT: Final = Context(Policy(site_key=b"a key"), "default", NOW)
SAID: Final = "CANARY the answer names no source"
OURS: Final[Mapping[str, Value]] = {
    wire.EVALUATION_NAME: "faithfulness",
    wire.EVALUATION_SCORE: 0.25,
    wire.EVALUATION_LABEL: "fail",
}
STANDARD: Final[Mapping[str, Value]] = {
    wire.GEN_AI_EVALUATION_NAME: "faithfulness",
    wire.GEN_AI_EVALUATION_SCORE: 0.25,
    wire.GEN_AI_EVALUATION_LABEL: "fail",
    wire.GEN_AI_EVALUATION_EXPLANATION: SAID,
}
BOTH: Final = ((wire.EVENT_EVALUATION, OURS), (wire.EVENT_EVALUATION_RESULT, STANDARD))


def stored(batch: Batch) -> list[EvaluationRow]:
    """The evaluations of a batch, of which no word may be left."""
    assert b"CANARY" not in stored_bytes(batch)
    return rows_of(batch, EvaluationRow)


@pytest.mark.parametrize(("name", "attributes"), BOTH)
def test_both_names_on_both_carriers_are_one_row(name: str, attributes: Mapping[str, Value]) -> None:
    """Of the span that they stand on."""
    on_span = decode_traces(traces(ASpan(events=[(name, attributes)])), CONTEXT)
    as_log = decode_logs(logs(name, attributes), CONTEXT)
    for batch in (on_span, as_log):
        (row,) = stored(batch)
        assert (row.name, row.score, row.label, row.error_type) == ("faithfulness", 0.25, "fail", "")
        assert (row.recorded_at, row.span_id) == (NOW, int.from_bytes(SPAN_ID))
        assert row.source == ("agenttrace" if name == wire.EVENT_EVALUATION else "genai")
    assert stored(on_span)[0].evaluation_id == stored(as_log)[0].evaluation_id


def test_a_name_among_the_attributes_is_read() -> None:
    """Senders whose protocol has no field for it put it there."""
    (row,) = stored(decode_logs(logs("", {**STANDARD, "event.name": wire.EVENT_EVALUATION_RESULT}), CONTEXT))
    assert row.name == "faithfulness"


def test_an_explanation_is_counted() -> None:
    """It costs the evaluation nothing, and does not leave either."""
    batch = decode_logs(logs(wire.EVENT_EVALUATION_RESULT, STANDARD), CONTEXT)
    assert [(change.rule, change.key) for change in batch.changes] == [
        ("evaluation.explanation", wire.GEN_AI_EVALUATION_EXPLANATION)
    ]
    left = event_attributes(wire.EVENT_EVALUATION_RESULT, STANDARD, CONTEXT.policy)
    assert left == {key: value for key, value in STANDARD.items() if value != SAID}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({wire.GEN_AI_EVALUATION_NAME: SAID}, "label.pattern"),
        ({wire.GEN_AI_EVALUATION_NAME: "a" * 65}, "evaluation.name"),
        ({wire.GEN_AI_EVALUATION_LABEL: SAID}, "label.pattern"),
        ({wire.GEN_AI_EVALUATION_SCORE: "CANARY"}, "evaluation.score"),
        ({wire.GEN_AI_EVALUATION_SCORE: float("inf")}, "evaluation.score"),
    ],
)
def test_what_is_no_token_and_no_number_is_refused(changes: Mapping[str, Value], rule: str) -> None:
    """By name of the rule and key, without the value."""
    batch = decode_logs(logs(wire.EVENT_EVALUATION_RESULT, {**STANDARD, **changes}), CONTEXT)
    assert stored(batch) == []
    (refused,) = rows_of(batch, RejectionRow)
    assert (refused.kind, refused.rule, refused.attribute_key) == ("evaluation", rule, next(iter(changes)))


def test_a_label_or_an_error_stands_alone() -> None:
    """Not every evaluator gives numbers, and some fail."""
    label = {wire.EVALUATION_NAME: "verdict", wire.EVALUATION_LABEL: "pass"}
    error = {wire.EVALUATION_NAME: "verdict", wire.ERROR_TYPE: "TimeoutError"}
    neither = {wire.EVALUATION_NAME: "verdict"}
    batch = decode_traces(
        traces(ASpan(events=[(wire.EVENT_EVALUATION, each) for each in (label, error, neither)])), CONTEXT
    )
    assert [(row.score, row.label, row.error_type) for row in stored(batch)] == [
        (None, "pass", ""),
        (None, "", "TimeoutError"),
    ]
    assert batch.refusals == {("evaluation", "evaluation.score"): 1}


def test_without_a_run_there_is_nothing_to_evaluate() -> None:
    """As for every event."""
    batch = decode_logs(logs(wire.EVENT_EVALUATION_RESULT, STANDARD, trace_id=b"", span_id=b""), CONTEXT)
    assert batch.refusals == {("evaluation", "event.no_run"): 1}


def test_switched_off_decisions_leave_evaluations() -> None:
    """They are nobody's decision."""
    context = Context(Policy(decisions=False), "default", NOW)
    assert len(stored(decode_logs(logs(wire.EVENT_EVALUATION, OURS), context))) == 1


def test_a_document_of_evaluations() -> None:
    """Ids are those of run documents; an id that is sent again is the same row."""
    one: dict[str, Any] = {
        "run_id": "run-7",
        "step_id": "step-1",
        "name": "tone",
        "score": 3,
        "evaluation_id": "e1",
    }
    body = json.dumps({"evaluations": [one, {**one, "explanation": SAID}, {**one, "name": SAID}]}).encode()
    batch = decode_events(EVALUATIONS, body, CONTEXT)
    first, second = stored(batch)
    assert first == second
    assert (first.agent_id, first.source, first.score, first.recorded_at) == ("unknown", "api", 3.0, NOW)
    assert (batch.stored, batch.received, batch.refused) == (2, 3, 1)
    assert [problem.rule for problem in batch.problems] == ["evaluation.explanation", "label.pattern"]
    assert "CANARY" not in str(batch.problems)
    assert batch.services == {"unknown": Seen(received=3, ignored=0, refused=1)}


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"evaluations": []}', b'{"evaluations": "CANARY"}', b"CANARY"]
)
def test_a_body_of_another_form_is_refused(body: bytes) -> None:
    """As a whole, without repeating it."""
    with pytest.raises(Rejected) as refused:
        decode_events(EVALUATIONS, body, CONTEXT)
    assert "CANARY" not in str(refused.value)


def test_what_is_refused_is_named_by_place_and_rule() -> None:
    """Each costs no other."""
    given: list[Any] = [
        {"run_id": "r", "name": SAID, "score": 1},
        {"run_id": "r", "name": "tone", "score": "CANARY"},
        {"run_id": "r", "name": "tone", "label": SAID},
        {"name": "tone", "score": 1},
        {"run_id": "r", "name": "tone", "score": 1, "recorded_at": "1999-01-01T00:00:00Z"},
        {"run_id": "r", "name": "tone", "score": 1, "metadata": {"explanation": SAID}},
        SAID,
        {"run_id": "r", "name": "tone", "score": 1},
    ]
    batch = decode_events(EVALUATIONS, json.dumps({"evaluations": given}).encode(), CONTEXT)
    assert [(problem.field, problem.rule) for problem in batch.problems] == [
        ("evaluations[0].name", "label.pattern"),
        ("evaluations[1].score", "evaluation.score"),
        ("evaluations[2].label", "label.pattern"),
        ("evaluations[3].run_id", "document.field"),
        ("evaluations[4].recorded_at", "time.range"),
        ("evaluations[5].metadata.explanation", "metadata.blocked_key"),
        ("evaluations[6]", "document.field"),
    ]
    assert (batch.stored, len(stored(batch))) == (1, 1)
    assert len(rows_of(batch, RejectionRow)) == 7
    assert "CANARY" not in str(batch.problems)
    assert batch.services == {"unknown": Seen(received=8, ignored=0, refused=7)}
