"""Runs and steps as spans: names, attributes, order, and how they end."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from agenttrace import AgentTracer, StepType
from agenttrace.capture import Capture, capture
from agenttrace.codes import StepName
from agenttrace.facts import Facts
from agenttrace.guard import Misuse
from agenttrace.settings import Settings
from agenttrace_schemas import wire
from agenttrace_schemas.rules import Violation
from agenttrace_schemas.texts import REDACTED

RUN_SPAN = "invoke_agent agent"


def test_a_run_is_an_agent_span(agenttrace_capture: Capture) -> None:
    """The root carries the GenAI names and our stamps."""
    tracer = AgentTracer("agent", "1.0", environment="ci", tracer_provider=agenttrace_capture.tracer_provider)
    with tracer.start_run(conversation_id="chat-7") as run:
        pass
    span = agenttrace_capture.span(RUN_SPAN)
    assert span.attributes == {
        wire.RUN_ID: run.id,
        wire.STEP_ID: "00000000-0000-4000-8000-000000000002",
        wire.AGENT_ID: "agent",
        wire.AGENT_VERSION: "1.0",
        wire.ENVIRONMENT: "ci",
        wire.RUN_STATUS: "success",
        wire.GEN_AI_OPERATION_NAME: "invoke_agent",
        wire.GEN_AI_AGENT_NAME: "agent",
        wire.GEN_AI_AGENT_VERSION: "1.0",
        wire.GEN_AI_CONVERSATION_ID: "chat-7",
    }
    assert (span.kind, span.status.status_code) == (SpanKind.INTERNAL, StatusCode.UNSET)


@pytest.mark.parametrize(
    ("step_type", "operation", "kind"),
    [
        (StepType.PLAN, "plan", SpanKind.INTERNAL),
        (StepType.RETRIEVE, "retrieval", SpanKind.CLIENT),
        (StepType.TOOL, "execute_tool", SpanKind.INTERNAL),
        ("respond", "chat", SpanKind.CLIENT),
        ("other", "task", SpanKind.INTERNAL),
    ],
)
def test_a_step_is_a_child_span(
    agenttrace_capture: Capture, step_type: StepName, operation: str, kind: SpanKind
) -> None:
    """Each step type shows as the GenAI operation that any backend knows."""
    with agenttrace_capture.tracer().start_run() as run, run.step(step_type, "lookup") as step:
        pass
    span, parent = agenttrace_capture.span(f"{operation} lookup"), agenttrace_capture.span(RUN_SPAN)
    attributes = dict(span.attributes or {})
    assert span.parent == parent.context
    assert attributes[wire.RUN_ID] == run.id
    assert attributes[wire.STEP_ID] == step.id
    assert attributes[wire.STEP_TYPE] == str(step_type)
    assert attributes[wire.STEP_NAME] == "lookup"
    assert attributes[wire.GEN_AI_OPERATION_NAME] == operation
    assert attributes.get(wire.GEN_AI_TOOL_NAME) == ("lookup" if operation == "execute_tool" else None)
    assert span.kind is kind


def test_an_unknown_step_type_is_other() -> None:
    """A step type outside of the vocabulary costs nothing but its type."""
    with capture(Settings()) as captured:
        with captured.tracer().start_run() as run, run.step("dream", "lookup"):  # type: ignore[arg-type]  # on purpose
            pass
        assert (captured.span("task lookup").attributes or {})[wire.STEP_TYPE] == "other"
        assert captured.counters().replaced == 1


def test_steps_count_from_one(agenttrace_capture: Capture) -> None:
    """The sequence is per run, not per process."""
    tracer = agenttrace_capture.tracer()
    for _ in range(2):
        with tracer.start_run() as run:
            for name in ("a", "b"):
                with run.step("tool", name):
                    pass
    steps = [dict(span.attributes or {}) for span in agenttrace_capture.spans]
    assert [step[wire.STEP_SEQ] for step in steps if wire.STEP_SEQ in step] == [1, 2, 1, 2]


FACTS: list[tuple[Any, dict[str, object]]] = [
    ({"model": "m-1"}, {wire.GEN_AI_REQUEST_MODEL: "m-1"}),
    ({"response_model": "m-1b"}, {wire.GEN_AI_RESPONSE_MODEL: "m-1b"}),
    ({"tool": "web"}, {wire.GEN_AI_TOOL_NAME: "web"}),
    (
        {"input_tokens": 0, "output_tokens": 9},
        {wire.GEN_AI_USAGE_INPUT_TOKENS: 0, wire.GEN_AI_USAGE_OUTPUT_TOKENS: 9},
    ),
    ({"retrieval_count": 2**48, "attempt": 2}, {wire.STEP_RETRIEVAL_COUNT: 2**48, wire.STEP_ATTEMPT: 2}),
    ({"model": " gpt-4o (Azure) "}, {wire.GEN_AI_REQUEST_MODEL: "gpt-4o (Azure)"}),
    ({"finish_reason": "FinishReason.MAX_TOKENS"}, {wire.GEN_AI_RESPONSE_FINISH_REASONS: ("length",)}),
    ({"output_type": "json_schema"}, {wire.GEN_AI_OUTPUT_TYPE: "json"}),
    ({"retrieval_count": 0, "attempt": 2}, {wire.STEP_RETRIEVAL_COUNT: 0, wire.STEP_ATTEMPT: 2}),
    ({"finish_reason": "length"}, {wire.GEN_AI_RESPONSE_FINISH_REASONS: ("length",)}),
    ({"finish_reason": "because"}, {wire.GEN_AI_RESPONSE_FINISH_REASONS: ("other",)}),
    (
        {"output_type": "json", "stream": True},
        {wire.GEN_AI_OUTPUT_TYPE: "json", wire.GEN_AI_REQUEST_STREAM: True},
    ),
    ({"model": None}, {}),
    ({"model": "a sentence, with words in it, is no name"}, {wire.GEN_AI_REQUEST_MODEL: REDACTED}),
]


@pytest.mark.parametrize(("facts", "expected"), FACTS)
@pytest.mark.parametrize("at_start", [True, False])
def test_facts_become_attributes(facts: Facts, expected: dict[str, object], *, at_start: bool) -> None:
    """What is known at the start and what becomes known later end up alike."""
    with capture(Settings()) as captured:
        with captured.tracer().start_run() as run:
            with run.step("respond", "plain"):
                pass
            with run.step("respond", "stated", **(facts if at_start else {})) as step:
                if not at_start:
                    step.set(**facts)
        plain = dict(captured.span("chat plain").attributes or {})
        stated = dict(captured.span("chat stated").attributes or {})
    assert {key: value for key, value in stated.items() if key not in plain} == expected


@pytest.mark.parametrize(
    ("facts", "error"),
    [
        ({"input_tokens": -1}, Violation),
        ({"output_tokens": 2**48 + 1}, Violation),
        ({"retrieval_count": float("nan")}, Violation),
        ({"attempt": True}, Violation),
        ({"attempt": "many"}, Violation),
        ({"colour": "red"}, Misuse),
    ],
)
def test_a_fact_that_is_none_is_refused(
    agenttrace_capture: Capture, facts: Facts, error: type[Exception]
) -> None:
    """Counts are whole numbers to 2^48, and there is no place for other facts."""
    with agenttrace_capture.tracer().start_run() as run, pytest.raises(error):
        run.step("tool", "a", **facts)


def test_a_refused_fact_does_not_cost_the_step() -> None:
    """Without strict the step is recorded, the fact is not."""
    with capture(Settings()) as captured:
        with captured.tracer().start_run() as run, run.step("tool", "a", attempt=-1):
            pass
        assert wire.STEP_ATTEMPT not in (captured.span("execute_tool a").attributes or {})
        assert captured.counters().refused == {"count.range": 1}


def test_metadata_by_mapping_and_by_name(agenttrace_capture: Capture) -> None:
    """Both forms add up; None leaves a key out."""
    with agenttrace_capture.tracer().start_run() as run, run.step("tool", "a") as step:
        step.add_metadata({"shard.id": 3}, cached=True)
        step.add_metadata(region="eu-1", nothing=None)
        run.add_metadata(tier="gold")
    attributes = dict(agenttrace_capture.span("execute_tool a").attributes or {})
    found = {key: value for key, value in attributes.items() if key.startswith(wire.METADATA_PREFIX)}
    prefix = wire.METADATA_PREFIX
    assert found == {f"{prefix}shard.id": 3, f"{prefix}cached": True, f"{prefix}region": "eu-1"}
    assert (agenttrace_capture.span(RUN_SPAN).attributes or {})[f"{prefix}tier"] == "gold"


def test_metadata_keys_are_counted_over_calls() -> None:
    """The thirty-third key is refused, whichever call brings it."""
    with capture(Settings()) as captured:
        with captured.tracer().start_run() as run:
            for index in range(40):
                run.add_metadata({f"k{index}": index})
        attributes = captured.span(RUN_SPAN).attributes or {}
        assert sum(key.startswith(wire.METADATA_PREFIX) for key in attributes) == 32
        assert captured.counters().refused == {"metadata.count": 8}


def test_a_step_may_fail_without_an_exception(agenttrace_capture: Capture) -> None:
    """An error that the agent handled is stated as an identifier."""
    with agenttrace_capture.tracer().start_run() as run, run.step("tool", "a") as step:
        step.set_error("http_503")
    span = agenttrace_capture.span("execute_tool a")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})[wire.ERROR_TYPE] == "http_503"
    assert (agenttrace_capture.span(RUN_SPAN).attributes or {})[wire.RUN_STATUS] == "success"


def test_an_unknown_status_is_refused(agenttrace_capture: Capture) -> None:
    """The three statuses are all there is."""
    with agenttrace_capture.tracer().start_run() as run, pytest.raises(Misuse):
        run.set_status("brilliant")  # type: ignore[arg-type]  # on purpose


def test_names_are_identifiers() -> None:
    """A sentence in a name never leaves the process."""
    sentence = "Dear Mr. Miller, about your account: we have to say no"
    with capture(Settings(environment=sentence)) as captured:
        tracer = AgentTracer(sentence, sentence, tracer_provider=captured.tracer_provider)
        with tracer.start_run(conversation_id=sentence) as run, run.step("tool", sentence) as step:
            step.set_error(sentence)
        spans = "".join(span.to_json() for span in captured.spans)
        assert "Miller" not in spans
        assert wire.GEN_AI_CONVERSATION_ID not in spans
        assert captured.counters().redacted == 6


@pytest.mark.parametrize("name", [None, 7, ["a"]])
def test_a_name_that_is_no_text_does_no_harm(name: str) -> None:
    """Python callers may pass anything."""
    with capture(Settings()) as captured:
        tracer = AgentTracer(name, "1", tracer_provider=captured.tracer_provider)
        with tracer.start_run() as run, run.step("tool", name):
            pass
        assert len(captured.spans) == 2
