"""What one request becomes: rows by table, refusals by rule, and nothing that depends on more."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from agenttrace_collector.decode.batch import Batch, Change, Context
from agenttrace_collector.decode.otlp import decode_logs, decode_traces
from agenttrace_schemas import wire
from agenttrace_schemas.rules import Policy
from tests.support.otlp import DECISION, FAILURE, NOW, SIGNAL, STEP, ASpan, logs, traces
from tests.support.reference import Value, reference_request

CONTEXT = Context(Policy(), "default", NOW)


def rows(batch: Batch) -> dict[str, int]:
    """How many rows each table gets."""
    return {table: block.rows for table, block in batch.blocks.items()}


def test_the_reference_request_becomes_a_step_a_decision_and_a_signal_per_span() -> None:
    """Nothing is refused, ignored or redacted."""
    batch = decode_traces(reference_request(7, NOW, spans=32), CONTEXT)
    assert rows(batch) == {"agent_steps": 32, "agent_decisions": 32, "agent_quality_signals": 32}
    assert (batch.received, batch.ignored, batch.refused) == (32, 0, 0)
    assert not batch.refusals
    assert not batch.changes


def test_decoding_again_gives_the_same_bytes() -> None:
    """Nothing comes from a clock, a counter or chance."""
    body = reference_request(7, NOW, spans=8)
    assert decode_traces(body, CONTEXT) == decode_traces(body, CONTEXT)


def test_a_refused_event_is_stripped_and_its_span_is_kept() -> None:
    """The step and the sound events stay; the refusal is a row and a count."""
    bad = {**DECISION, wire.DECISION_REASON_CODE: "because"}
    span = ASpan(
        attributes=STEP,
        events=[(wire.EVENT_DECISION, bad), (wire.EVENT_SIGNAL, SIGNAL), (wire.EVENT_FAILURE, FAILURE)],
    )
    batch = decode_traces(traces(span), CONTEXT)
    expected = {"agent_rejections": 1, "agent_quality_signals": 1, "agent_failures": 1, "agent_steps": 1}
    assert rows(batch) == expected
    assert batch.refusals == {("decision", "decision.reason_code"): 1}
    assert batch.refused == 0


@pytest.mark.parametrize(
    ("span", "rule"),
    [
        (ASpan(attributes=STEP, trace_id=b"\x01" * 15), "span.id"),
        (ASpan(attributes=STEP, trace_id=bytes(16)), "span.id"),
        (ASpan(attributes=STEP, span_id=b"\x01" * 9), "span.id"),
        (ASpan(attributes=STEP, start=1), "time.range"),
        (ASpan(attributes=STEP, end=2**64 - 1), "time.range"),
    ],
)
def test_a_span_that_cannot_be_placed_is_refused_whole(span: ASpan, rule: str) -> None:
    """Its neighbours are stored; the answer counts it."""
    batch = decode_traces(traces(span, ASpan(attributes=STEP)), CONTEXT)
    assert rows(batch) == {"agent_rejections": 1, "agent_steps": 1}
    assert batch.refusals == {("span", rule): 1}
    assert batch.refused == 1


DAY = 86_400
KEPT = {"agent_steps": 9 * DAY, "agent_runs": 8 * DAY, "agent_decisions": 7 * DAY, "agent_failures": 10 * DAY}


@pytest.mark.parametrize(
    ("days", "tables", "refusals"),
    [
        (
            6,
            {"agent_steps", "agent_runs", "agent_decisions", "agent_quality_signals", "agent_failures"},
            set(),
        ),
        (7.5, {"agent_steps", "agent_runs", "agent_quality_signals", "agent_failures"}, {"decision"}),
        (8.5, {"agent_steps", "agent_quality_signals", "agent_failures"}, {"decision", "run"}),
        (9.5, set(), {"span", "decision", "quality_signal", "failure"}),
    ],
)
def test_what_its_table_no_longer_keeps_is_refused(days: float, tables: set[str], refusals: set[str]) -> None:
    """Acknowledged it would be gone at once; a table without a TTL takes five years."""
    at = NOW - int(days * DAY * 10**9)
    span = ASpan(
        attributes={wire.GEN_AI_OPERATION_NAME: "invoke_agent"},
        events=[(wire.EVENT_DECISION, DECISION), (wire.EVENT_SIGNAL, SIGNAL), (wire.EVENT_FAILURE, FAILURE)],
        start=at,
        end=at + 1,
    )
    batch = decode_traces(traces(span), Context(Policy(), "default", NOW, KEPT))
    assert rows(batch).keys() - {"agent_rejections"} == tables
    assert batch.refusals == {(kind, "time.range"): 1 for kind in refusals}


def test_events_of_a_refused_span_are_refused_with_it() -> None:
    """Every record that was received is accounted for."""
    span = ASpan(attributes=STEP, events=[(wire.EVENT_DECISION, DECISION)], trace_id=b"")
    assert decode_traces(traces(span), CONTEXT).refusals == {
        ("span", "span.id"): 1,
        ("decision", "span.id"): 1,
    }


def test_a_span_without_a_meaning_here_leaves_only_its_parent() -> None:
    """HTTP and database spans are counted as ignored, so that chains of parents stay whole."""
    batch = decode_traces(traces(ASpan(name="GET /")), CONTEXT)
    assert rows(batch) == {"span_links": 1}
    assert batch.ignored == 1


def test_a_span_that_only_carries_events_is_neither_step_nor_link() -> None:
    """The SDK's overflow spans are not part of the run's shape."""
    span = ASpan(name=wire.EVENTS_SPAN, events=[(wire.EVENT_DECISION, DECISION)])
    assert rows(decode_traces(traces(span), CONTEXT)) == {"agent_decisions": 1}


def test_both_carriers_of_an_event_are_one_row() -> None:
    """A bridge that copies span events to logs does not double them: the rows have the same bytes."""
    stated = {**DECISION, wire.DECISION_ID: "d-1"}
    carried = decode_traces(traces(ASpan(events=[(wire.EVENT_DECISION, stated)])), CONTEXT)
    logged = decode_logs(logs(wire.EVENT_DECISION, stated), CONTEXT)
    assert carried.blocks["agent_decisions"] == logged.blocks["agent_decisions"]


@pytest.mark.parametrize(
    ("attributes", "trace_id", "rule"),
    [
        ({}, b"", "event.no_run"),
        ({wire.RUN_ID: "run-1"}, b"", None),
        ({}, bytes(16), "event.no_run"),
        ({}, b"\x01" * 16, None),
    ],
)
def test_a_log_event_needs_a_run(attributes: Mapping[str, Value], trace_id: bytes, rule: str | None) -> None:
    """A trace id or the stamp says whose it is; without either it is refused."""
    batch = decode_logs(logs(wire.EVENT_SIGNAL, {**SIGNAL, **attributes}, trace_id), CONTEXT)
    assert batch.refusals == ({("quality_signal", rule): 1} if rule else {})
    assert batch.refused == (1 if rule else 0)


def test_switched_off_decisions_are_refused_and_failures_are_not() -> None:
    """Runs, steps and failures work alone."""
    events = [(wire.EVENT_DECISION, DECISION), (wire.EVENT_SIGNAL, SIGNAL), (wire.EVENT_FAILURE, FAILURE)]
    context = Context(Policy(decisions=False), "default", NOW)
    batch = decode_traces(traces(ASpan(attributes=STEP, events=events)), context)
    expected = {("decision", "event.disabled"): 1, ("quality_signal", "event.disabled"): 1}
    assert batch.refusals == expected
    assert rows(batch)["agent_failures"] == 1


def test_a_name_that_is_no_identifier_is_redacted_and_counted() -> None:
    """The step is kept under a name that says nothing."""
    said = {**STEP, wire.GEN_AI_TOOL_NAME: "please look up my order, thanks!"}
    batch = decode_traces(traces(ASpan(attributes=said)), CONTEXT)
    assert b"_redacted" in batch.blocks["agent_steps"].data
    assert batch.changes == {Change("unknown", "identifier.pattern", wire.GEN_AI_TOOL_NAME): 1}


def test_an_empty_request_is_an_empty_batch() -> None:
    """OTLP senders may send envelopes without telemetry."""
    assert decode_traces(b"", CONTEXT).blocks == {}
