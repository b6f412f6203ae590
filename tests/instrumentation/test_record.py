"""Typed events: what they carry, what is refused, and where they attach."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import get_current_span

import agenttrace
from agenttrace import DecisionType, ReasonCode, SignalCode, SignalType
from agenttrace.capture import Capture, capture
from agenttrace.settings import Settings
from agenttrace_schemas import wire
from agenttrace_schemas.rules import Policy, Violation
from agenttrace_schemas.site_vocabulary import VOCABULARY

RUN_SPAN = "invoke_agent agent"
DECISION: dict[str, Any] = {
    "decision_type": "tool_selection",
    "selected": "web_search",
    "reason_code": "fresh_data_required",
}
SIGNAL: dict[str, Any] = {"signal_type": "tool_success", "signal_code": "first_attempt", "value": True}
FAILURE: dict[str, Any] = {"failure_type": "tool", "failure_code": "timeout"}


def test_a_decision_carries_its_fields(agenttrace_capture: Capture) -> None:
    """Required and optional fields, metadata and the step's id have their wire names."""
    step_id = "7d3a4b52-9f7e-4a43-8a53-0a4d32a1a4a6"
    with agenttrace_capture.tracer().start_run() as run:
        run.record_decision(
            DecisionType.TOOL_SELECTION,
            "web_search",
            ReasonCode.FRESH_DATA_REQUIRED,
            ["web_search", "cache"],
            0.75,
            step_id,
            {"shard": 3, "region": None},
        )
    (event,) = agenttrace_capture.events()
    assert (event.name, event.span) == (wire.EVENT_DECISION, RUN_SPAN)
    assert event.attributes == {
        wire.DECISION_ID: "00000000-0000-4000-8000-000000000003",
        wire.DECISION_TYPE: "tool_selection",
        wire.DECISION_SELECTED: "web_search",
        wire.DECISION_REASON_CODE: "fresh_data_required",
        wire.DECISION_CANDIDATES: ("web_search", "cache"),
        wire.DECISION_CONFIDENCE: 0.75,
        wire.STEP_ID: step_id,
        f"{wire.METADATA_PREFIX}shard": 3,
    }


def test_an_approval_names_its_tool(agenttrace_capture: Capture) -> None:
    """And how long a person made the call wait; both by name, from a run or wherever a span is current."""
    with agenttrace_capture.tracer().start_run() as run:
        agenttrace.record_decision("approval", "allow", "policy_rule", tool_name="deploy")
        run.record_decision("approval", "deny", "user_reject", tool_name="deploy", wait_ms=4_200)
    rule, person = (event.attributes for event in agenttrace_capture.events())
    assert (rule[wire.DECISION_TOOL_NAME], wire.DECISION_WAIT_MS in rule) == ("deploy", False)
    assert (person[wire.DECISION_TOOL_NAME], person[wire.DECISION_WAIT_MS]) == ("deploy", 4_200)


def test_a_tool_is_a_name_and_a_wait_a_count() -> None:
    """What is neither does not leave; nothing of it is repeated."""
    with capture(Settings()) as captured:
        with captured.tracer().start_run() as run:
            run.record_decision("approval", "allow", "policy_rule", tool_name="what did she say?")
            run.record_decision("tool_selection", "cached", "fresh_data_required", tool_name="made_up")
            run.record_decision("approval", "allow", "policy_rule", tool_name="deploy", wait_ms=-1)
        tools = [event.attributes.get(wire.DECISION_TOOL_NAME) for event in captured.events()]
    counts = captured.counters()
    assert tools == ["_redacted", "_unconfirmed"]
    assert (counts.redacted, counts.refused) == (1, {"count.range": 1})


def test_an_evaluation_carries_its_fields(agenttrace_capture: Capture) -> None:
    """A name, a number, a label; from the module, a run or a step."""
    with agenttrace_capture.tracer().start_run() as run, run.step("respond", "reply") as step:
        agenttrace.record_evaluation("tone", score=4)
        run.record_evaluation("verdict", label="pass", metadata={"judge": "rules"})
        step.record_evaluation("tone", error_type="TimeoutError")
    found = [event.attributes for event in agenttrace_capture.events(wire.EVENT_EVALUATION)]
    keys = (wire.EVALUATION_NAME, wire.EVALUATION_SCORE, wire.EVALUATION_LABEL, wire.ERROR_TYPE)
    assert [tuple(each.get(key) for key in keys) for each in found] == [
        ("tone", 4.0, None, None),
        ("verdict", None, "pass", None),
        ("tone", None, None, "TimeoutError"),
    ]


@pytest.mark.parametrize(
    ("stated", "rule"),
    [
        ({"name": "what did she say?", "score": 1}, "label.pattern"),
        ({"name": "tone", "label": "the user was angry"}, "label.pattern"),
        ({"name": "tone", "score": float("nan")}, "evaluation.score"),
        ({"name": "tone"}, "evaluation.score"),
        ({"name": "", "score": 1}, "evaluation.name"),
    ],
)
def test_an_evaluation_says_no_words(stated: Any, rule: str) -> None:
    """Nothing leaves, and the refusal is counted under its rule."""
    with capture(Settings()) as captured:
        with captured.tracer().start_run() as run:
            assert run.record_evaluation(**stated) is None
        assert captured.events() == []
    assert captured.counters().refused == {rule: 1}


def test_a_signal_carries_its_fields(agenttrace_capture: Capture) -> None:
    """A signal says whether something was observed, and with which weight."""
    with agenttrace_capture.tracer().start_run() as run:
        run.record_quality_signal(
            SignalType.LATENCY_THRESHOLD, SignalCode.UNDER_THRESHOLD, False, 1, None, {"ms": 8.5}
        )
    (event,) = agenttrace_capture.events()
    assert event.attributes == {
        wire.SIGNAL_TYPE: "latency_threshold",
        wire.SIGNAL_CODE: "under_threshold",
        wire.SIGNAL_VALUE: False,
        wire.SIGNAL_WEIGHT: 1.0,
        wire.SIGNAL_ID: "00000000-0000-4000-8000-000000000003",
        f"{wire.METADATA_PREFIX}ms": 8.5,
    }


@pytest.mark.parametrize(
    ("messages", "expected"), [("template", "tool failure: timeout"), ("keep", "fare search timed out")]
)
def test_a_failure_says_what_the_policy_allows(messages: Any, expected: str) -> None:
    """The author's words leave the process only where the site opted in."""
    with capture(Settings(strict=True, policy=Policy(failure_messages=messages))) as captured:
        with captured.tracer().start_run() as run:
            run.record_failure("tool", "timeout", "fare search timed out")
        (event,) = captured.events()
    assert event.attributes[wire.FAILURE_MESSAGE] == expected
    assert event.attributes[wire.FAILURE_CODE] == "timeout"


def test_the_step_that_is_current_takes_the_event(agenttrace_capture: Capture) -> None:
    """Run methods and module functions alike."""
    with agenttrace_capture.tracer().start_run() as run, run.step("tool", "a"):
        run.record_decision(**DECISION)
        agenttrace.record_decision(**DECISION)
        agenttrace.record_quality_signal(**SIGNAL)
        agenttrace.record_failure(**FAILURE)
    assert {event.span for event in agenttrace_capture.events()} == {"execute_tool a"}
    assert len(agenttrace_capture.events()) == 4


def test_module_functions_attach_to_foreign_spans(agenttrace_capture: Capture) -> None:
    """Inside an instrumented framework there may be no run of ours at all."""
    with agenttrace_capture.tracer_provider.get_tracer("framework").start_as_current_span("chat"):
        agenttrace.record_decision(**DECISION)
    assert [event.span for event in agenttrace_capture.events()] == ["chat"]


def test_without_span_and_run_there_is_nowhere_to_attach(agenttrace_capture: Capture) -> None:
    """Such an event is refused by the rule that the collector would refuse it by."""
    assert not get_current_span().is_recording()
    with pytest.raises(Violation) as raised:
        agenttrace.record_decision(**DECISION)
    assert raised.value.rule == "event.no_run"
    assert agenttrace_capture.counters().refused == {"event.no_run": 1}


REFUSED: list[tuple[Callable[..., object], dict[str, Any], str]] = [
    (agenttrace.record_decision, {**DECISION, "decision_type": "mood"}, "decision.type"),
    (agenttrace.record_decision, {**DECISION, "reason_code": "rerank_required"}, "decision.reason_code"),
    (agenttrace.record_decision, {**DECISION, "selected": ["web"]}, "decision.selected"),
    (agenttrace.record_decision, {**DECISION, "selected": "because the user said so"}, "label.pattern"),
    (agenttrace.record_decision, {**DECISION, "selected": "ann@example.com"}, "secret.pattern"),
    (agenttrace.record_decision, {**DECISION, "confidence": float("nan")}, "decision.confidence"),
    (agenttrace.record_decision, {**DECISION, "confidence": True}, "decision.confidence"),
    (agenttrace.record_decision, {**DECISION, "candidates": "web"}, "decision.candidates"),
    (agenttrace.record_decision, {**DECISION, "candidates": [["web"]]}, "decision.candidates"),
    (agenttrace.record_decision, {**DECISION, "metadata": {"Chain-of-Thought": 1}}, "metadata.blocked_key"),
    (agenttrace.record_decision, {**DECISION, "metadata": {"k": [1]}}, "metadata.type"),
    (agenttrace.record_quality_signal, {**SIGNAL, "signal_type": "mood"}, "signal.type"),
    (agenttrace.record_quality_signal, {**SIGNAL, "signal_code": "timeout"}, "signal.code"),
    (agenttrace.record_quality_signal, {**SIGNAL, "value": 1}, "signal.value"),
    (agenttrace.record_quality_signal, {**SIGNAL, "weight": 1.01}, "signal.weight"),
    (agenttrace.record_failure, {**FAILURE, "failure_type": "weather"}, "failure.type"),
    (agenttrace.record_failure, {**FAILURE, "failure_code": ""}, "failure.code"),
]


@pytest.mark.parametrize(("record", "fields", "rule"), REFUSED)
def test_rules_run_before_anything_leaves(
    record: Callable[..., object], fields: dict[str, Any], rule: str
) -> None:
    """A refused event is nowhere but in the counters; the agent goes on."""
    with capture(Settings(events="both")) as captured:
        with captured.tracer().start_run():
            record(**fields)
        assert captured.events() == captured.log_events() == []
        assert captured.counters().refused == {rule: 1}


@pytest.mark.parametrize("record", ["decision", "signal"])
def test_decisions_and_signals_can_be_switched_off(record: str) -> None:
    """Runs, steps and failures stay."""
    with capture(Settings(strict=True, policy=Policy(decisions=False))) as captured:
        with captured.tracer().start_run() as run:
            if record == "decision":
                run.record_decision(**DECISION)
            run.record_quality_signal(**SIGNAL)
            run.record_failure(**FAILURE)
        assert [event.name for event in captured.events()] == [wire.EVENT_FAILURE]


def test_an_extended_vocabulary_is_accepted() -> None:
    """A site's own codes pass, and only at that site."""
    vocabulary = VOCABULARY.extended({"tool_selection": ["user_pinned"]}, {})
    with capture(Settings(strict=True, policy=Policy(vocabulary=vocabulary))) as captured:
        with captured.tracer().start_run() as run:
            run.record_decision("tool_selection", "web", "user_pinned")  # type: ignore[call-overload]  # a site's own
        assert len(captured.events()) == 1


def test_a_refusal_is_logged_once_per_rule(caplog: pytest.LogCaptureFixture) -> None:
    """The log names rule, key and what is allowed, never the value; later ones are counted."""
    with capture(Settings()) as captured, caplog.at_level(logging.DEBUG):
        with captured.tracer().start_run() as run:
            for index in range(5):
                run.record_decision("tool_selection", f"said in confidence {index}", "cost_optimization")
                run.record_decision("tool_selection", "web", f"reason {index}")  # type: ignore[call-overload]  # on purpose
        assert captured.counters().refused == {"label.pattern": 5, "decision.reason_code": 5}
    assert len(caplog.records) == 2
    assert wire.DECISION_SELECTED in caplog.text
    assert "said in confidence" not in caplog.text
    assert "reason 0" not in caplog.text


def test_verdicts_that_are_remembered_stay_strict(agenttrace_capture: Capture) -> None:
    """What compares equal to an accepted text but is another type or combination is still checked."""
    with agenttrace_capture.tracer().start_run() as run:
        run.record_decision("tool_selection", "a", "cost_optimization", candidates=["a", "b"])
        run.record_decision("tool_selection", "a", "cost_optimization")
        for candidates in ("ab", [b"a"], {"a", "b"}):
            with pytest.raises(Violation):
                run.record_decision("tool_selection", "a", "cost_optimization", candidates=candidates)  # type: ignore[call-overload]  # on purpose
    found = [event.attributes.get(wire.DECISION_CANDIDATES) for event in agenttrace_capture.events()]
    assert found == [("a", "b"), None]


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.lists(st.text()),
    st.dictionaries(st.text(), st.text()),
    st.sampled_from(["tool_selection", "web", "cost_optimization", "tool_success", "tool", "timeout"]),
)


@given(st.lists(ANYTHING, min_size=2, max_size=7), st.sampled_from(["decision", "quality_signal", "failure"]))
def test_nothing_is_raised_into_the_agent(values: list[Any], kind: str) -> None:
    """Whatever an agent passes, recording returns."""
    with capture(Settings(events="both")) as captured:
        with captured.tracer().start_run() as run:
            names = ("metadata",) if kind != "failure" else ("message",)
            record: Callable[..., object] = getattr(run, f"record_{kind}")
            record(*(values[:3] + [None] * (3 - len(values))), **dict.fromkeys(names, values[-1]))
        counts = captured.counters()
        assert sum(counts.recorded.values()) + sum(counts.refused.values()) == 1
        assert len(captured.events()) == len(captured.log_events()) == sum(counts.recorded.values())
