"""What senders write otherwise than the conventions say: read where it is clear, else counted by its key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import pytest

from agenttrace_collector.decode.batch import Batch, Change, Context
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_collector.decode.otlp_json import traces_from_json
from agenttrace_schemas import wire
from agenttrace_schemas.allowlist import KEYS, ValueForm
from agenttrace_schemas.rows import FailureRow, RunRow, StepRow
from agenttrace_schemas.rules import Policy
from tests.support.otlp import NOW, SPAN_ID, TRACE_ID, ASpan, traces
from tests.support.reference import Value
from tests.support.rows import rows_of

CONTEXT: Final = Context(Policy(), "default", NOW)
SAID: Final = "CANARY: what did she say?"
CALL: Final[Mapping[str, Value]] = {
    wire.GEN_AI_REQUEST_MODEL: "gpt-4o",
    wire.GEN_AI_USAGE_INPUT_TOKENS: 7,
    wire.GEN_AI_USAGE_OUTPUT_TOKENS: 3,
}
TOKENS: Final = (
    (wire.GEN_AI_USAGE_INPUT_TOKENS, "input_tokens"),
    ("gen_ai.usage.prompt_tokens", "input_tokens"),
    ("llm.token_count.prompt", "input_tokens"),
    ("llm.usage.prompt_tokens", "input_tokens"),
    (wire.GEN_AI_USAGE_OUTPUT_TOKENS, "output_tokens"),
    ("gen_ai.usage.completion_tokens", "output_tokens"),
    ("llm.token_count.completion", "output_tokens"),
    ("llm.usage.completion_tokens", "output_tokens"),
    ("db.vector.query.result_count", "retrieval_count"),
    ("gen_ai.retrieval.documents", "retrieval_count"),
    (wire.STEP_RETRIEVAL_COUNT, "retrieval_count"),
    (wire.STEP_ATTEMPT, "attempt"),
    ("pydantic_ai.tool.retry.attempt", "attempt"),
    (wire.STEP_SEQ, "seq"),
    ("ai.usage.outputTokens", "output_tokens"),
    ("ai.usage.completionTokens", "output_tokens"),
    ("ai.usage.cachedInputTokens", "cache_read_tokens"),
    (wire.GEN_AI_USAGE_CACHE_READ, "cache_read_tokens"),
    ("gen_ai.usage.cache_read_input_tokens", "cache_read_tokens"),
    (wire.GEN_AI_USAGE_CACHE_WRITE, "cache_write_tokens"),
    ("gen_ai.usage.cache_creation_input_tokens", "cache_write_tokens"),
)


def decoded(*spans: ASpan, service: str = "desk") -> Batch:
    """The batch of these spans from a service."""
    return decode_traces(traces(*spans, resource={wire.SERVICE_NAME: service}), CONTEXT)


def step(attributes: Mapping[str, Value]) -> StepRow:
    """The step of a span with these attributes."""
    (row,) = rows_of(decoded(ASpan(attributes=attributes)), StepRow)
    return row


def changes(attributes: Mapping[str, Value]) -> dict[tuple[str, str], int]:
    """What is counted of a span with these attributes, by rule and key."""
    batch = decoded(ASpan(attributes=attributes))
    assert {change.service for change in batch.changes} <= {"desk"}
    return {(change.rule, change.key): count for change, count in batch.changes.items()}


def from_json(value: Mapping[str, object], key: str) -> Batch:
    """The batch of a span with one attribute as OTLP/JSON writes it."""
    operation = {"key": wire.GEN_AI_OPERATION_NAME, "value": {"stringValue": "chat"}}
    span = {
        "traceId": TRACE_ID.hex(),
        "spanId": SPAN_ID.hex(),
        "startTimeUnixNano": str(NOW),
        "endTimeUnixNano": str(NOW),
        "attributes": [operation, {"key": key, "value": value}],
    }
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    return decode_traces(traces_from_json(json.dumps(body).encode()).data, CONTEXT)


@pytest.mark.parametrize(("key", "column"), TOKENS, ids=lambda value: value)
def test_a_count_is_read_however_it_is_written(key: str, column: str) -> None:
    """An integer, a whole double and a text are one count; nothing else is, and each such is counted."""
    for value in (25, 25.0, "25", " 25 ", "25.0"):
        assert getattr(step({wire.GEN_AI_OPERATION_NAME: "chat", key: value}), column) == 25
    empty = 0 if column == "seq" else None
    for odd in (-1, 2**48 + 1, 2**62, 0.5, float("nan"), float("inf"), 1e300, "abc", "-1", "1.5", SAID, True):
        given: dict[str, Value] = {wire.GEN_AI_OPERATION_NAME: "chat", key: odd}
        assert getattr(step(given), column) == empty, odd
        assert changes(given) == {("count.range", key): 1}, odd
    assert not changes({wire.GEN_AI_OPERATION_NAME: "chat", key: " "})


def test_a_count_of_json_is_read_as_of_protobuf() -> None:
    """The two forms of OTLP go through the same readers."""
    key = wire.GEN_AI_USAGE_INPUT_TOKENS
    for value in ({"intValue": "25"}, {"intValue": 25}, {"doubleValue": 25}, {"stringValue": "25"}):
        (row,) = rows_of(from_json(value, key), StepRow)
        assert row.input_tokens == 25
    for value in ({"intValue": str(2**60)}, {"doubleValue": "NaN"}, {"stringValue": "abc"}):
        batch = from_json(value, key)
        assert rows_of(batch, StepRow)[0].input_tokens is None
        assert batch.changes == {Change("unknown", "count.range", key): 1}


def test_every_count_of_the_contract_is_tried_above() -> None:
    """So that no key is read by another reader."""
    counts = {key for key, form in KEYS.items() if form is ValueForm.COUNT}
    untried = {"pydantic_ai.model_request.attempt", "ai.usage.inputTokens", "ai.usage.promptTokens"}
    assert counts - {key for key, _ in TOKENS} == untried


def test_a_sound_count_under_another_key_takes_the_place_of_one_that_is_none() -> None:
    """Whatever the order."""
    both: dict[str, Value] = {"gen_ai.usage.prompt_tokens": 7, wire.GEN_AI_USAGE_INPUT_TOKENS: "many"}
    for given in (both, dict(reversed(both.items()))):
        assert step({wire.GEN_AI_OPERATION_NAME: "chat", **given}).input_tokens == 7


OPERATIONS: Final = {
    "chat": (
        *("chat", "CHAT", "acompletion", "aresponses", "anthropic_messages", "chat.completions", "responses"),
        *("chat_completion", "chat-completions", "ChatCompletion", "chat.completions.create", "messages"),
        *(
            "message",
            "messages.create",
            "invoke_model",
            "InvokeModel",
            "converse",
            "ConverseStream",
            " chat ",
        ),
        *("litellm.acompletion", "openai.resources.chat.completions.create", "client.messages.create"),
    ),
    "text_completion": (
        *("completion", "text-completion", "text.completions", "atext_completion", "completions"),
        *("litellm.text_completion", "openai.completions.create"),
    ),
    "generate_content": ("generateContent", "generate_content", "streamGenerateContent", "agenerate_content"),
    "embeddings": ("embedding", "Embeddings", "aembedding", "embed", "embeddings.create", "embedContent"),
    "execute_tool": ("execute_tool", "executeTool", "execute-tool", "tool_call", "call_tool"),
    "retrieval": ("retrieval", "Retrieve", "vector_search"),
    "invoke_agent": ("invoke_agent", "invokeAgent", "INVOKE_AGENT"),
}


@pytest.mark.parametrize("ours", OPERATIONS)
def test_operations_in_every_spelling(ours: str) -> None:
    """Each is known, so that none is counted."""
    for word in OPERATIONS[ours]:
        given = {**CALL, wire.GEN_AI_OPERATION_NAME: word}
        assert step(given).operation == ours, word
        assert not changes(given)


@pytest.mark.parametrize(
    "key", [wire.GEN_AI_OPERATION_NAME, "openinference.span.kind", "traceloop.span.kind"]
)
def test_an_unknown_operation_with_model_and_tokens_is_a_model_call(key: str) -> None:
    """It is counted all the same, so that its word can be learned."""
    tokens: dict[str, Value] = {wire.GEN_AI_RESPONSE_MODEL: "gpt-4o", wire.GEN_AI_USAGE_INPUT_TOKENS: 7}
    row = step({**tokens, key: "ponder_deeply"})
    assert (row.operation, row.role, row.step_type) == ("chat", "leaf", "respond")
    assert changes({**tokens, key: "ponder_deeply"}) == {("closed.set", key): 1}
    assert step({key: "ponder_deeply", wire.GEN_AI_REQUEST_MODEL: "gpt-4o"}).operation in ("other", "chain")


def test_no_operation_but_an_answer_of_a_model_is_a_model_call() -> None:
    """Some libraries name model and tokens and nothing else."""
    assert step(CALL).operation == "chat"


def test_a_known_kind_wins_over_an_unknown_operation() -> None:
    """Two conventions on one span: what is understood counts."""
    given = {wire.GEN_AI_OPERATION_NAME: "ponder", "openinference.span.kind": "RETRIEVER"}
    assert step(given).operation == "retrieval"


@pytest.mark.parametrize(
    "key",
    [
        wire.GEN_AI_RESPONSE_FINISH_REASONS,
        "gen_ai.response.finish_reason",
        "llm.finish_reason",
        "llm.response.finish_reason",
        "gen_ai.completion.0.finish_reason",
    ],
)
def test_finish_reasons_in_every_key_and_form(key: str) -> None:
    """As one text, in a list, in JSON, in JSON in a list; a plan follows from it."""
    for value in ("tool-calls", ["TOOL_CALLS"], '["tool_calls"]', ['["toolCalls"]'], ["", "tool_calls"]):
        row = step({**CALL, wire.GEN_AI_OPERATION_NAME: "chat", key: value})
        assert (row.finish_reason, row.step_type) == ("tool_calls", "plan"), value
    given: dict[str, Value] = {**CALL, wire.GEN_AI_OPERATION_NAME: "chat", key: SAID}
    assert step(given).finish_reason == "other"
    assert changes(given) == {("closed.set", key.replace(".0.", ".*.")): 1}


def test_a_finish_reason_of_a_choice_is_read_alike() -> None:
    """It is said in an event where it stands in no attribute."""
    for reason, kept in (("FinishReason.MAX_TOKENS", "length"), (SAID, "other")):
        events = [("gen_ai.choice", {"finish_reason": reason})]
        batch = decoded(ASpan(attributes={**CALL, wire.GEN_AI_OPERATION_NAME: "chat"}, events=events))
        assert rows_of(batch, StepRow)[0].finish_reason == kept
    assert batch.changes == {Change("desk", "closed.set", "gen_ai.choice.finish_reason"): 1}


NAMES: Final = (
    (wire.GEN_AI_TOOL_NAME, "tool_name", "execute_tool"),
    ("tool.name", "tool_name", "execute_tool"),
    (wire.GEN_AI_REQUEST_MODEL, "model", "chat"),
    ("llm.model_name", "model", "chat"),
    (wire.GEN_AI_RESPONSE_MODEL, "response_model", "chat"),
    (wire.GEN_AI_AGENT_NAME, "actor", "invoke_agent"),
    ("agent.name", "actor", "invoke_agent"),
    (wire.ERROR_TYPE, "error_type", "chat"),
    (wire.STEP_NAME, "name", "chat"),
    ("traceloop.entity.name", "name", "chat"),
    (wire.AGENT_ID, "agent_id", "chat"),
    (wire.AGENT_VERSION, "agent_version", "chat"),
    (wire.ENVIRONMENT, "environment", "chat"),
)


@pytest.mark.parametrize(("key", "column", "operation"), NAMES, ids=lambda value: value)
def test_white_space_around_a_name_is_no_part_of_it(key: str, column: str, operation: str) -> None:
    """A name that is none is redacted and counted under the key that told it."""
    for written in (" planner", "planner\n", "\tplanner ", "\u00a0planner\u3000"):
        given: dict[str, Value] = {wire.GEN_AI_OPERATION_NAME: operation, key: written}
        assert getattr(step(given), column) == "planner"
        assert not changes(given)
    said: dict[str, Value] = {wire.GEN_AI_OPERATION_NAME: operation, key: SAID}
    assert changes(said) == {("identifier.pattern", key): 1}


def test_white_space_around_names_of_a_resource_and_of_exceptions() -> None:
    """Blank ones are none."""
    resource = {
        wire.SERVICE_NAME: " desk\n",
        wire.SERVICE_VERSION: " ",
        wire.DEPLOYMENT_ENVIRONMENT: "",
        wire.DEPLOYMENT_ENVIRONMENT_OLD: "\tprod",
    }
    events: list[tuple[str, Mapping[str, Value]]] = [("exception", {wire.EXCEPTION_TYPE: " TimeoutError "})]
    span = ASpan(attributes={wire.GEN_AI_OPERATION_NAME: "chat"}, events=events, error=True)
    (row,) = rows_of(decode_traces(traces(span, resource=resource), CONTEXT), StepRow)
    assert (row.agent_id, row.agent_version, row.environment) == ("desk", "unknown", "prod")
    assert row.error_type == "TimeoutError"


def test_what_is_changed_is_counted_by_service_rule_and_known_key() -> None:
    """A key that a sender made up is not read, and stands nowhere."""
    said: dict[str, Value] = {
        wire.GEN_AI_OPERATION_NAME: "ponder",
        "tool.name": SAID,
        wire.GEN_AI_OUTPUT_TYPE: SAID,
        wire.GEN_AI_REQUEST_STREAM: "maybe",
        wire.GEN_AI_USAGE_INPUT_TOKENS: -1,
        wire.GEN_AI_REQUEST_MODEL: 4,
        "CANARY.tokens": "abc",
        "gen_ai.usage.CANARY": "abc",
    }
    events: list[tuple[str, Mapping[str, Value]]] = [
        (wire.EVENT_FAILURE, {wire.FAILURE_TYPE: "tool", wire.FAILURE_CODE: SAID})
    ]
    batch = decoded(ASpan(attributes=said, events=events), ASpan(attributes=said), service="desk")
    assert batch.changes == {
        Change("desk", "closed.set", wire.GEN_AI_OPERATION_NAME): 2,
        Change("desk", "identifier.pattern", "tool.name"): 2,
        Change("desk", "closed.set", wire.GEN_AI_OUTPUT_TYPE): 2,
        Change("desk", "closed.set", wire.GEN_AI_REQUEST_STREAM): 2,
        Change("desk", "count.range", wire.GEN_AI_USAGE_INPUT_TOKENS): 2,
        Change("desk", "identifier.pattern", wire.GEN_AI_REQUEST_MODEL): 2,
        Change("desk", "identifier.pattern", wire.FAILURE_CODE): 1,
    }
    assert len(rows_of(batch, FailureRow)) == 1
    assert "CANARY" not in repr(batch)


def test_a_service_that_is_no_name_is_counted_once_for_its_resource() -> None:
    """Not for each of its spans."""
    spans = [ASpan(attributes={wire.GEN_AI_OPERATION_NAME: "chat"})] * 3
    assert decoded(*spans, service=SAID).changes == {
        Change("_redacted", "identifier.pattern", wire.SERVICE_NAME): 1
    }


def test_stamps_of_a_run_are_read_in_every_spelling() -> None:
    """A status that is none is counted, and the span's own tells."""
    for written, kept in (("Partial", "partial"), ("FAILURE", "failure"), (SAID, "success")):
        given: dict[str, Value] = {wire.GEN_AI_OPERATION_NAME: "invoke_agent", wire.RUN_STATUS: written}
        batch = decoded(ASpan(attributes=given))
        assert rows_of(batch, RunRow)[0].status == kept
    assert batch.changes == {Change("desk", "closed.set", wire.RUN_STATUS): 1}
