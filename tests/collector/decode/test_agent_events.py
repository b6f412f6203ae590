"""What coding agents state beside their calls: which model, a refusal, a loop, a context made shorter."""

from __future__ import annotations

from typing import Final

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from agenttrace_collector.decode.batch import Batch
from agenttrace_collector.decode.otlp import decode_logs
from agenttrace_schemas.rows import DecisionRow, RejectionRow, RunRow, SignalRow
from tests.support.agents import CONTEXT
from tests.support.rows import rows_of

CLAUDE: Final = "com.anthropic.claude_code.events"
GEMINI: Final = "gemini-cli"
QWEN: Final = "qwen-code"
SAID: Final = "Where is my order 4711?"
OF_RUN: Final = {CLAUDE: {"prompt.id": "p"}, GEMINI: {"prompt_id": "p"}, QWEN: {"prompt_id": "p"}}
PROMPT: Final = {CLAUDE: "user_prompt", GEMINI: "gemini_cli.user_prompt", QWEN: "qwen-code.user_prompt"}


def decoded(scope: str, *records: dict[str, str]) -> Batch:
    """The batch of these records, one after the other, with something that was said in each."""
    message = ExportLogsServiceRequest()
    logs = message.resource_logs.add().scope_logs.add()
    logs.scope.name = scope
    for place, record in enumerate(records):
        kept = logs.log_records.add(time_unix_nano=CONTEXT.received_at + place)
        kept.body.string_value = SAID
        for key, value in {**record, "reasoning": SAID}.items():
            kept.attributes.add(key=key).value.string_value = value
    batch = decode_logs(message.SerializeToString(), CONTEXT)
    assert not any(SAID.encode() in block.data for block in batch.blocks.values())
    return batch


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("agent-router/override", "override"),
        ("agent-router/fallback", "fallback"),
        ("default", "configured"),
        ("agent-router/Classifier", "router"),
        (SAID, "router"),
    ],
)
def test_a_routed_model_is_a_decision(source: str, reason: str) -> None:
    """Of the run whose prompt came before it, since its record names none."""
    routing = {"event.name": "gemini_cli.model_routing", "decision_model": "gemini-2.5-pro"}
    prompt = {"event.name": PROMPT[GEMINI], "session.id": "s", **OF_RUN[GEMINI]}
    batch = decoded(GEMINI, prompt, {**routing, "session.id": "s", "decision_source": source})
    (decision,) = rows_of(batch, DecisionRow)
    (run,) = rows_of(batch, RunRow)
    assert (decision.decision_type, decision.selected, decision.reason_code) == (
        "model_routing",
        "gemini-2.5-pro",
        reason,
    )
    assert decision.run_id == run.run_id
    assert decision.step_id is None


def test_a_model_whose_name_no_decision_can_select_is_refused() -> None:
    """A decision selects one word; the request's other records are kept."""
    routing = {
        "event.name": "gemini_cli.model_routing",
        "session.id": "s",
        "decision_model": "gpt-4o (Azure)",
    }
    prompt = {"event.name": PROMPT[GEMINI], "session.id": "s", **OF_RUN[GEMINI]}
    batch = decoded(GEMINI, prompt, routing)
    assert batch.refusals == {("decision", "label.pattern"): 1}
    (refused,) = rows_of(batch, RejectionRow)
    assert (refused.attribute_key, refused.agent_id) == ("decision_model", "gemini-cli")
    assert batch.refused == len(rows_of(batch, RunRow)) == 1


def test_routing_that_failed_selects_nothing() -> None:
    """Nor does one that names no model."""
    routing = {"event.name": "gemini_cli.model_routing", "session.id": "s"}
    batch = decoded(GEMINI, {**routing, "decision_model": "gemini-2.5-pro", "failed": "true"}, routing)
    assert DecisionRow.TABLE not in batch.blocks


@pytest.mark.parametrize(
    ("scope", "record", "stated"),
    [
        (CLAUDE, {"event.name": "api_refusal"}, ("model_refusal", "policy")),
        (CLAUDE, {"event.name": "compaction", "trigger": "auto"}, ("context_compacted", "automatic")),
        (CLAUDE, {"event.name": "compaction", "trigger": "manual"}, ("context_compacted", "manual")),
        (
            GEMINI,
            {"event.name": "loop_detected", "loop_type": "consecutive_identical_tool_calls"},
            ("loop_detected", "repeated_tool_call"),
        ),
        (
            GEMINI,
            {"event.name": "loop_detected", "loop_type": "llm_detected_loop"},
            ("loop_detected", "judged_by_model"),
        ),
    ],
)
def test_what_was_observed_is_a_signal(scope: str, record: dict[str, str], stated: tuple[str, str]) -> None:
    """Of the run that the record names."""
    batch = decoded(scope, {"event.name": PROMPT[scope], **OF_RUN[scope]}, {**record, **OF_RUN[scope]})
    (signal,) = rows_of(batch, SignalRow)
    assert (signal.signal_type, signal.signal_code, signal.value) == (*stated, True)
    assert signal.run_id == rows_of(batch, RunRow)[0].run_id


def test_a_word_that_is_not_listed_is_no_signal() -> None:
    """It is neither guessed nor kept."""
    batch = decoded(GEMINI, {"event.name": "loop_detected", "loop_type": SAID, **OF_RUN[GEMINI]})
    assert SignalRow.TABLE not in batch.blocks


@pytest.mark.parametrize(
    ("scope", "record", "code"),
    [
        (CLAUDE, {"survey_type": "session", "event_type": "responded", "response": "good"}, "positive"),
        (CLAUDE, {"survey_type": "session", "event_type": "responded", "response": "fine"}, "neutral"),
        (CLAUDE, {"survey_type": "session", "event_type": "responded", "response": "bad"}, "negative"),
        (CLAUDE, {"survey_type": "session", "event_type": "responded", "response": "dismissed"}, ""),
        (CLAUDE, {"survey_type": "session", "event_type": "responded", "response": SAID}, ""),
        (CLAUDE, {"survey_type": "session", "event_type": "appeared"}, ""),
        (CLAUDE, {"survey_type": "memory", "event_type": "responded", "response": "good"}, ""),
        (QWEN, {"rating": "1"}, "negative"),
        (QWEN, {"rating": "2"}, "neutral"),
        (QWEN, {"rating": "3"}, "positive"),
        (QWEN, {"rating": "0"}, ""),
    ],
)
def test_what_a_user_thought_is_a_signal(scope: str, record: dict[str, str], code: str) -> None:
    """Of the run whose prompt was the last one; a survey that nobody answered, or of something else, is none."""
    name = {CLAUDE: "feedback_survey", QWEN: "qwen-code.user_feedback"}[scope]
    prompt = {"event.name": PROMPT[scope], "session.id": "s", **OF_RUN[scope]}
    place = OF_RUN[scope] if scope == CLAUDE else {}
    batch = decoded(scope, prompt, {"event.name": name, "session.id": "s", **place, **record})
    (run,) = rows_of(batch, RunRow)
    signals = rows_of(batch, SignalRow)
    assert [(row.signal_type, row.signal_code) for row in signals] == [("user_feedback", code)] * bool(code)
    assert all(row.run_id == run.run_id for row in signals)
