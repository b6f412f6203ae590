"""Run documents to rows: what is taken, what is refused and how it is named, and ids that stay the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.run_document.document import RunBatch, decode_run
from agenttrace_collector.errors import Rejected
from agenttrace_schemas.rows import DecisionRow, FailureRow, RejectionRow, RunRow, SignalRow, StepRow
from agenttrace_schemas.rules import RULES, Policy
from tests.support.otlp import NOW
from tests.support.rows import rows_of, stored_bytes
from tests.support.run_documents import DECISION, FAILURE, SIGNAL, body, moment

SAID = "Where is my order 4711?"


def decoded(data: bytes, **policy: Any) -> RunBatch:
    """The batch of a document that came now."""
    return decode_run(data, Context(Policy(**policy), "acme", NOW))


def rows(batch: RunBatch) -> dict[str, int]:
    """How many rows of each table."""
    return {table: block.rows for table, block in batch.blocks.items()}


def steps(*changes: dict[str, Any]) -> bytes:
    """A document of these steps, each valid but for its changes."""
    whole = [{"step_type": "tool", "started_at": moment(-9), **change} for change in changes]
    return body(steps=whole)


def test_a_client_that_knows_runs_steps_and_failures_only() -> None:
    """Decisions and signals need not be there."""
    batch = decoded(body(status="failure", failure=FAILURE))
    assert rows(batch) == {RunRow.TABLE: 1, StepRow.TABLE: 2, FailureRow.TABLE: 1}
    assert (batch.problems, batch.refused_parts, batch.refusals) == ((), (), {})


def test_decisions_and_signals_come_along() -> None:
    """Each becomes a row."""
    batch = decoded(body(decisions=[DECISION], quality_signals=[SIGNAL, SIGNAL]))
    assert (rows(batch)[DecisionRow.TABLE], rows(batch)[SignalRow.TABLE]) == (1, 2)
    assert batch.stored == {"steps": 2, "failures": 0, "decisions": 1, "quality_signals": 2}


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"decision_type": "mood"}, ".decision_type", "decision.type"),
        ({"reason_code": "because"}, ".reason_code", "decision.reason_code"),
        ({"selected": SAID}, ".selected", "label.pattern"),
        ({"selected": "a" * 201}, ".selected", "decision.selected"),
        ({"confidence": 1.5}, ".confidence", "decision.confidence"),
        ({"confidence": float("nan")}, ".confidence", "decision.confidence"),
        ({"candidates": [SAID]}, ".candidates", "label.pattern"),
        ({"metadata": {"prompt": SAID}}, ".metadata.prompt", "metadata.blocked_key"),
        ({"metadata": {SAID: 1}}, ".metadata.*", "metadata.key"),
        ({"metadata": {"note": [SAID]}}, ".metadata.note", "metadata.type"),
        ({"metadata": SAID}, ".metadata", "document.field"),
        ({"recorded_at": SAID}, ".recorded_at", "document.field"),
        ({"recorded_at": "2001-01-01"}, ".recorded_at", "time.range"),
        ({"step_id": 7}, ".step_id", "document.field"),
    ],
)
def test_a_refused_decision_is_named_and_does_not_cost_the_run(
    change: dict[str, Any], field: str, rule: str
) -> None:
    """The run and the other decision are stored, the refusal is a row, and no value is repeated."""
    batch = decoded(body(decisions=[DECISION, {**DECISION, **change}]))
    assert [(each.field, each.rule) for each in batch.refused_parts] == [(f"decisions[1]{field}", rule)]
    assert rows(batch) == {RunRow.TABLE: 1, StepRow.TABLE: 2, DecisionRow.TABLE: 1, RejectionRow.TABLE: 1}
    assert SAID not in str(batch.refused_parts)


@pytest.mark.parametrize("signals", [SAID, {"signal_type": "tool_success"}, [SAID], [None], [[]]])
def test_what_is_no_signal_is_refused_as_one(signals: object) -> None:
    """Whatever stands in the place of the list or of its elements."""
    batch = decoded(body(quality_signals=signals))
    assert [each.rule for each in batch.refused_parts] == ["document.field"]
    assert rows(batch)[RejectionRow.TABLE] == 1
    assert rows(batch)[RunRow.TABLE] == 1


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"run_id": ...}, "run_id", "document.field"),
        ({"run_id": ""}, "run_id", "document.field"),
        ({"run_id": 7}, "run_id", "document.field"),
        ({"run_id": "\ud800"}, "run_id", "document.field"),
        ({"agent_id": None}, "agent_id", "document.field"),
        ({"agent_id": "a" * 1001}, "agent_id", "document.field"),
        ({"status": SAID}, "status", "closed.set"),
        ({"started_at": SAID}, "started_at", "document.field"),
        ({"started_at": 1_790_000_000}, "started_at", "document.field"),
        ({"started_at": "2001-01-01T00:00:00Z"}, "started_at", "time.range"),
        ({"ended_at": moment(-11)}, "ended_at", "document.field"),
        ({"steps": SAID}, "steps", "document.field"),
        ({"steps": [SAID]}, "steps[0]", "document.field"),
        ({"failure": SAID}, "failure", "document.field"),
        ({"failure": {**FAILURE, "failure_type": SAID}}, "failure.failure_type", "failure.type"),
        ({"failure": {**FAILURE, "failure_code": 7}}, "failure.failure_code", "failure.code"),
        ({"failure": {**FAILURE, "occurred_at": "1999-01-01"}}, "failure.occurred_at", "time.range"),
        (
            {"failure": {**FAILURE, "metadata": {"text": SAID}}},
            "failure.metadata.text",
            "metadata.blocked_key",
        ),
    ],
)
def test_an_invalid_document_is_refused_whole(changes: dict[str, Any], field: str, rule: str) -> None:
    """Each field is named with its rule; the only row says so."""
    batch = decoded(body(**changes))
    assert [(each.field, each.rule) for each in batch.problems] == [(field, rule)]
    assert rows(batch) == {RejectionRow.TABLE: 1}
    assert (batch.received, batch.refused, batch.refusals) == (1, 1, {("run", rule): 1})
    assert SAID not in str(batch.problems)
    assert SAID.encode() not in batch.blocks[RejectionRow.TABLE].data


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"step_type": SAID}, "step_type", "closed.set"),
        ({"started_at": ...}, "started_at", "document.field"),
        ({"started_at": None}, "started_at", "document.field"),
        ({"ended_at": moment(-10)}, "ended_at", "document.field"),
        ({"latency_ms": -1}, "latency_ms", "document.field"),
        ({"latency_ms": float("inf")}, "latency_ms", "document.field"),
        ({"latency_ms": "12"}, "latency_ms", "document.field"),
        ({"seq": True}, "seq", "document.field"),
        ({"input_tokens": [1]}, "input_tokens", "document.field"),
        ({"output_tokens": {}}, "output_tokens", "document.field"),
        ({"attempt": True}, "attempt", "document.field"),
        ({"status": SAID}, "status", "closed.set"),
        ({"metadata": {"reasoning": 1}}, "metadata.reasoning", "metadata.blocked_key"),
        ({"metadata": [1]}, "metadata", "document.field"),
    ],
)
def test_an_invalid_step_is_named_with_its_place(change: dict[str, Any], field: str, rule: str) -> None:
    """Steps are what the run is made of: one that is refused costs the document."""
    step = {"step_type": "tool", "started_at": moment(-9), **change}
    given = {name: value for name, value in step.items() if value is not ...}
    batch = decoded(body(steps=[{"step_type": "plan", "started_at": moment(-9)}, given]))
    assert [(each.field, each.rule) for each in batch.problems] == [(f"steps[1].{field}", rule)]


def test_a_count_out_of_range_is_none_and_is_counted() -> None:
    """The document is stored; the key of each such count is named, its value nowhere."""
    odd = {
        "input_tokens": 2**48 + 1,
        "output_tokens": -1,
        "retrieval_count": "many",
        "attempt": 1.5,
        "seq": 2**32,
    }
    batch = decoded(steps(odd, {"input_tokens": "25", "output_tokens": 25.0, "attempt": 2**48}))
    first, second = rows_of(batch, StepRow)
    assert not batch.problems
    assert {(change.rule, change.key) for change in batch.changes} == {
        ("count.range", f"steps.{name}") for name in odd
    }
    assert [getattr(first, name) for name in odd] == [None, None, None, None, 1]
    assert (second.input_tokens, second.output_tokens, second.attempt) == (25, 25, 2**48)


def test_words_of_closed_lists_are_read_in_every_spelling() -> None:
    """As in OTLP; what is not known is `other` and counted under its field."""
    batch = decoded(
        steps(
            {"finish_reason": "FinishReason.MAX_TOKENS", "output_type": "json_schema"},
            {"finish_reason": SAID},
        )
    )
    first, second = rows_of(batch, StepRow)
    assert (first.finish_reason, first.output_type, second.finish_reason) == ("length", "json", "other")
    assert {(change.rule, change.key) for change in batch.changes} == {("closed.set", "steps.finish_reason")}


def test_two_steps_of_one_id_are_refused() -> None:
    """The second would replace the first without a word."""
    batch = decoded(steps({"step_id": "a"}, {"step_id": "a"}))
    assert [each.field for each in batch.problems] == ["steps[1].step_id"]


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, b"9" * 10_000, b"[]", b"null", b'"a"'])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    """Nothing is repeated of it."""
    with pytest.raises(
        Rejected, match=r"^the body must be (JSON: it is none at line \d+, column \d+|a JSON object)$"
    ):
        decoded(data)


@pytest.mark.parametrize(
    ("table", "field"), [("agent_runs", "started_at"), ("agent_steps", "steps[0].started_at")]
)
def test_what_its_table_no_longer_keeps_is_refused(table: str, field: str) -> None:
    """The times of the document are minutes old, and this table keeps a second."""
    batch = decode_run(steps({}), Context(Policy(), "acme", NOW, {table: 1}))
    assert (field, "time.range") in {(each.field, each.rule) for each in batch.problems}


def test_every_rule_named_is_of_the_table() -> None:
    """So that a refusal can be looked up."""
    batch = decoded(body(status=SAID, started_at=SAID, steps=[{}], decisions=[{}]))
    assert {each.rule for each in batch.problems} <= RULES.keys()


def test_ids_follow_from_the_document() -> None:
    """The same document makes the same rows, also where it names nothing but its run."""
    data = body(run_id="run-7", decisions=[DECISION, DECISION], quality_signals=[SIGNAL], failure=FAILURE)
    assert decoded(data).blocks == decoded(data).blocks


def test_names_of_parts_are_names_within_their_run() -> None:
    """Two runs that both have a `step-1` have two steps."""
    one, other = (decoded(body(run_id=name, decisions=[DECISION])) for name in ("a", "b"))
    assert one.blocks[DecisionRow.TABLE].data != other.blocks[DecisionRow.TABLE].data
    assert one.digest != other.digest


def test_the_run_identifies_the_document() -> None:
    """Another text of the same run is the same request; another tenant's is not."""
    document = json.loads(body(run_id="a"))
    spaced = json.dumps(document, indent=2).encode()
    assert decoded(json.dumps(document).encode()).digest == decoded(spaced).digest
    assert decoded(spaced).digest != decode_run(spaced, Context(Policy(), "initech", NOW)).digest


def test_switched_off_decisions_leave_runs_steps_and_failures() -> None:
    """Each is refused by a rule of its own."""
    given = body(decisions=[DECISION], quality_signals=[SIGNAL], failure=FAILURE)
    batch = decoded(given, decisions=False)
    assert {each.rule for each in batch.refused_parts} == {"event.disabled"}
    kept = {RunRow.TABLE: 1, StepRow.TABLE: 2, FailureRow.TABLE: 1}
    assert rows(batch) == {**kept, RejectionRow.TABLE: 2}


def test_what_is_said_is_stored_nowhere() -> None:
    """In the names of agent, steps and models it becomes `_redacted`; unknown fields are not read."""
    step = {"name": SAID, "model": SAID, "tool_name": SAID, "error_type": SAID, "finish_reason": SAID}
    whole = {
        **json.loads(steps(step)),
        "agent_id": SAID,
        "conversation_id": SAID,
        "prompt": SAID,
        "run_id": SAID,
    }
    batch = decoded(json.dumps(whole).encode())
    assert not batch.problems
    assert SAID.encode() not in stored_bytes(batch)
    assert {(change.rule, change.key) for change in batch.changes} == {
        ("identifier.pattern", "agent_id"),
        ("identifier.pattern", "steps.name"),
        ("identifier.pattern", "steps.model"),
        ("identifier.pattern", "steps.tool_name"),
        ("identifier.pattern", "steps.error_type"),
        ("closed.set", "steps.finish_reason"),
    }
