"""The tables of the conventions: what they read of real spans, and what they leave alone."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agenttrace_collector.decode.conventions import frameworks, genai, openinference, openllmetry, ours
from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_collector.decode.conventions.read import read_span
from agenttrace_collector.decode.conventions.table import AttributeRow
from agenttrace_schemas.column_types import FINISH_REASONS, OPERATIONS, OUTPUT_TYPES, ROLES
from agenttrace_schemas.vocabulary import StepType
from tests.support.corpus import Scenario, scenarios
from tests.support.reference import Value, attribute

TABLES = (ours.ROWS, genai.ROWS, openinference.ROWS, openllmetry.ROWS, frameworks.ROWS)
# Its spans of tools are named for the class of what the tool does.
NAMED_OTHERWISE = frozenset({"32-openhands-sdk-lmnr"})
EACH = pytest.mark.parametrize("scenario", scenarios(), ids=str)


def span(name: str = "", *, error: bool = False, **attributes: Value) -> Span:
    """A span; two underscores in an attribute's name stand for a dot."""
    made = Span(name=name)
    made.attributes.extend(attribute(key.replace("__", "."), value) for key, value in attributes.items())
    if error:
        made.status.code = Status.STATUS_CODE_ERROR
    return made


def facts_of(scenario: Scenario) -> list[SpanFacts]:
    """The facts of the spans that are steps, in the order of their start."""
    spans = sorted(scenario.spans(), key=lambda each: each[0].start_time_unix_nano)
    return [facts for each, scope in spans if (facts := read_span(each, scope)).operation]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table[0].key.partition(".")[0])
def test_a_row_is_said_once(table: tuple[AttributeRow, ...]) -> None:
    """No table has a key twice for one fact, and every fact is one of a span."""
    keys = [(row.key, row.fact) for row in table]
    assert len(set(keys)) == len(keys)
    assert {row.fact for row in table} <= {field.name for field in dataclasses.fields(SpanFacts)}


@EACH
def test_facts_are_of_the_closed_lists(scenario: Scenario) -> None:
    """Operations, roles, step types, finish reasons and output types come out in our spelling."""
    for facts in facts_of(scenario):
        assert facts.operation in OPERATIONS
        assert facts.role in ROLES
        assert facts.step_type in set(StepType)
        assert facts.finish_reason in ("", "other", *FINISH_REASONS)
        assert facts.output_type in ("", *OUTPUT_TYPES)


@EACH
def test_no_fact_holds_content(scenario: Scenario) -> None:
    """Whatever the spans say, no canary is among the facts, before enforcement even."""
    assert "CANARY" not in repr(facts_of(scenario))


@EACH
def test_tools_of_the_scenario_are_read(scenario: Scenario) -> None:
    """Each tool that ran is a tool or handoff step at least as often as it ran."""
    seen = Counter(facts.tool_name for facts in facts_of(scenario) if facts.tool_name)
    if scenario.pair in NAMED_OTHERWISE:
        assert seen.total() == len(scenario.expected["tool_calls"])
    else:
        assert Counter(scenario.expected["tool_calls"]) <= seen


@pytest.mark.parametrize(
    ("given", "fact", "value"),
    [
        (span(gen_ai__operation__name="chat", gen_ai__usage__prompt_tokens=7), "input_tokens", 7),
        (span(gen_ai__operation__name="chat", gen_ai__request__is_stream=True), "stream", True),
        (span(gen_ai__operation__name="something_new"), "operation", "other"),
        (span(openinference__span__kind="RETRIEVER", retrieval__documents=[]), "retrieval_count", 0),
        (span(openinference__span__kind="RETRIEVER", name="where is my order"), "name", ""),
        (span(traceloop__span__kind="tool", traceloop__entity__name="search"), "name", "search"),
        (span(mcp__method__name="tools/list"), "operation", ""),
        (span(http__request__method="POST"), "operation", ""),
        (
            span(gen_ai__operation__name="chat", error__type="openai.RateLimitError"),
            "error_type",
            "RateLimitError",
        ),
        (span(gen_ai__operation__name="execute_tool", agenttrace__step__type="other"), "step_type", "other"),
        (
            span(gen_ai__operation__name="chat", gen_ai__response__finish_reasons=["tool_use"]),
            "step_type",
            "plan",
        ),
        (span(gen_ai__operation__name="chat", error=True), "step_type", "other"),
    ],
)
def test_rows(given: Span, fact: str, value: object) -> None:
    """A row of a table makes a fact of an attribute; names of more than a word are no names."""
    assert getattr(read_span(given), fact) == value


@pytest.mark.parametrize("key", sorted({row.key for table in TABLES for row in table}))
def test_other_types_are_ignored(key: str) -> None:
    """Bytes and maps under any key change nothing, and are noted under that key alone."""
    odd = Span()
    odd.attributes.append(KeyValue(key=key, value=AnyValue(bytes_value=b"CANARY")))
    nested = odd.attributes.add(key=key)
    nested.value.kvlist_value.values.append(KeyValue(key=key, value=AnyValue(string_value="CANARY")))
    marks = {
        "guardrail_name",
        "openinference.span.kind",
        "traceloop.span.kind",
        "traceloop.workflow.name",
        "traceloop.entity.name",
    }
    read = read_span(odd)
    assert {noted for _, noted in read.not_understood or ()} <= {key}
    read.not_understood = None
    assert key in marks or read == SpanFacts()


def test_older_names_give_way_in_any_order() -> None:
    """Where a span carries a fact under two names, the current one counts, wherever it stands."""
    both = {"gen_ai.usage.prompt_tokens": 1, "gen_ai.usage.input_tokens": 2, "llm.token_count.prompt": 3}
    for order in (list(both), list(reversed(both))):
        made = span(gen_ai__operation__name="chat")
        made.attributes.extend(attribute(key, both[key]) for key in order)
        assert read_span(made).input_tokens == 2
