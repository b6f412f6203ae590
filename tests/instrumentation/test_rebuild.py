"""What leaves the process through our exporter: no word that was said, and every fact that is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan

from agenttrace.rebuild import rebuilt_span
from agenttrace_collector.decode.batch import Batch, Context
from agenttrace_collector.decode.conventions import (
    frameworks,
    genai,
    openinference,
    openllmetry,
    ours,
    table,
)
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_schemas import wire
from agenttrace_schemas.allowlist import DOCUMENTS, FAMILIES, KEYS, ValueForm
from agenttrace_schemas.rebuild import span_name
from agenttrace_schemas.rows import ROWS, Row, StepRow
from agenttrace_schemas.rules import Policy
from tests.support.corpus import RECORDED_AT, Scenario, scenarios
from tests.support.rows import rows_of
from tests.support.sdk_spans import sdk_spans

CONVENTIONS = (ours, frameworks, genai, openinference, openllmetry)
CONTEXT = Context(Policy(), "default", RECORDED_AT)
# What a reader of a convention's table needs of a value.
FORMS: tuple[tuple[object, ValueForm], ...] = (
    (table.text, ValueForm.NAME),
    (table.name, ValueForm.NAME),
    (table.count, ValueForm.COUNT),
    (table.sequence, ValueForm.COUNT),
    (table.next_count, ValueForm.COUNT),
    (table.flag, ValueForm.FLAG),
    (table.length, ValueForm.LENGTH),
    (table.filled, ValueForm.LENGTH),
    (table.failed, ValueForm.NAME),
)
WORDS = {"finish_reason": ValueForm.FINISH_REASON, "output_type": ValueForm.OUTPUT_TYPE}


def wanted() -> Iterator[tuple[str, ValueForm]]:
    """The keys that the conventions read, each with the form that its reader needs."""
    for module in CONVENTIONS:
        for row in module.ROWS:
            if not isinstance(row.read, table.Constant):
                known = next((form for reader, form in FORMS if reader is row.read), None)
                yield row.key, known or WORDS.get(row.fact, ValueForm.NAME)


def test_what_leaves_is_what_is_read() -> None:
    """No key more, none less, each in the form that its reader takes."""
    read = dict(wanted())
    stamped = {key for module in CONVENTIONS for key in (row.key for row in module.ROWS)}
    assert {key: KEYS[key] for key in read} == read
    assert set(KEYS) == stamped


@pytest.mark.parametrize(
    "key",
    [
        "gen_ai.completion.0.tool_calls.0.name",
        "gen_ai.completion.12.finish_reason",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
    ],
)
def test_families_that_are_read_leave(key: str) -> None:
    """Their keys have nothing in them that a sender chose, but for indexes."""
    assert any(pattern.fullmatch(key) for pattern in FAMILIES)
    assert not any(pattern.fullmatch(f"{key}.said") for pattern in FAMILIES)
    assert any(
        key.startswith(family.prefix) for module in (genai, openinference) for family in module.FAMILIES
    )


def left(body: bytes) -> bytes:
    """The bytes that leave the process instead of these."""
    return encode_spans([rebuilt_span(span, Policy()) for span in sdk_spans(body)]).SerializeToString()


def rows(batch: Batch) -> list[Any]:
    """Every row of a batch, table by table."""
    return [
        sorted(repr(without_call(each)) for each in rows_of(batch, row))
        for row in ROWS
        if row.TABLE not in UNREAD
    ]


def without_call(row: Row) -> Row:
    """A row without the id of its call: one that may be a secret leaves as a stand-in."""
    return replace(row, call_id=None) if isinstance(row, StepRow) else row


UNREAD = {"agent_rejections", "agent_decisions"}


@pytest.mark.parametrize("scenario", scenarios(), ids=str)
def test_the_corpus_leaves_without_what_was_said_and_with_every_fact(scenario: Scenario) -> None:
    """The same rows from what leaves as from what the framework made."""
    for body in scenario.bodies("traces"):
        sent = left(body)
        assert b"CANARY" not in sent
        original = encode_spans(sdk_spans(body)).SerializeToString()
        assert rows(decode_traces(sent, CONTEXT)) == rows(decode_traces(original, CONTEXT))


def test_the_corpus_says_something_that_may_not_leave() -> None:
    """Else the test above shows nothing."""
    assert any(b"CANARY" in body for scenario in scenarios() for body in scenario.bodies("traces"))


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("chat gpt-4o", "chat gpt-4o"),
        ("execute_tool search_flights", "execute_tool search_flights"),
        ("agent_run [planner]", "agent_run [planner]"),
        ("ChatOpenAI", "ChatOpenAI"),
        ("agenttrace.events", "agenttrace.events"),
        ("What did the doctor say?", "_redacted span"),
        ("chat what did she say", "_redacted span"),
        ("chat\nx", "_redacted"),
        ("jane@example.org", "_redacted"),
        ("execute_tool jane@example.org", "_redacted span"),
        ("x" * 200, "_redacted"),
        ("", "_redacted span"),
    ],
)
def test_a_spans_name_is_a_word_or_a_known_form(name: str, kept: str) -> None:
    """Whatever else it says stays in the process."""
    assert span_name(name) == kept


def test_the_original_is_not_touched() -> None:
    """Other exporters get what they got before."""
    said = {
        "gen_ai.prompt": "CANARY",
        wire.GEN_AI_TOOL_NAME: "search",
        "gen_ai.retrieval.documents": '["a", "b"]',
    }
    event = Event("exception", {"exception.message": "CANARY", "exception.type": "ValueError"}, 1)
    span = ReadableSpan(
        "CANARY of mine", resource=Resource({"host.name": "CANARY"}), attributes=said, events=[event]
    )
    made = rebuilt_span(span, Policy())
    assert made.attributes == {wire.GEN_AI_TOOL_NAME: "search", "gen_ai.retrieval.documents": ("", "")}
    assert [dict(each.attributes or {}) for each in made.events] == [{"exception.type": "ValueError"}]
    assert (span.name, dict(span.attributes or {}), span.events) == ("CANARY of mine", said, (event,))
    assert span.resource.attributes == {"host.name": "CANARY"}


def test_a_flattened_list_of_documents_leaves_as_its_length() -> None:
    """The key of the last one, with nothing in it."""
    said = {f"retrieval.documents.{number}.document.content": "CANARY" for number in range(3)}
    made = rebuilt_span(ReadableSpan("retrieve", attributes=said), Policy())
    assert made.attributes == {"retrieval.documents.2.document.id": ""}
    assert DOCUMENTS.fullmatch("retrieval.documents.2.document.id")


def test_a_typed_event_that_breaks_a_rule_stays() -> None:
    """One that keeps them leaves with what the rules passed, and nothing beside it."""
    good = {wire.DECISION_TYPE: "tool_selection", wire.DECISION_SELECTED: "search"}
    good[wire.DECISION_REASON_CODE] = "fresh_data_required"
    events = [
        Event(wire.EVENT_DECISION, {**good, "gen_ai.prompt": "CANARY"}, 1),
        Event(wire.EVENT_DECISION, {**good, wire.DECISION_SELECTED: "what she said was CANARY"}, 2),
        Event(wire.EVENT_DECISION, {**good, f"{wire.METADATA_PREFIX}prompt": "CANARY"}, 3),
    ]
    made = rebuilt_span(ReadableSpan("agent", events=events), Policy())
    assert [(event.name, dict(event.attributes or {})) for event in made.events] == [
        (wire.EVENT_DECISION, good)
    ]
