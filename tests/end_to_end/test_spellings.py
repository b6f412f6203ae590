"""Operations, finish reasons and counts as libraries write them, through a collector to its steps, runs and doctor."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import randbytes
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from agenttrace_collector.cli.app import app
from agenttrace_schemas import wire
from tests.support.api import Api
from tests.support.collector import Collector, running_collector
from tests.support.http import post
from tests.support.otlp import ASpan, traces
from tests.support.reference import Value

CHAT: Mapping[str, Value] = {
    wire.GEN_AI_OPERATION_NAME: "chat",
    wire.GEN_AI_REQUEST_MODEL: "gpt-4o",
    wire.GEN_AI_USAGE_INPUT_TOKENS: 25,
}
CALLS = (
    "chat",
    "acompletion",
    "aresponses",
    "anthropic_messages",
    "chat.completions",
    "responses",
    "ponder_it",
)
TEXTS = ("completion", "text.completions", "litellm.text_completion")
REASONS: Mapping[str, tuple[Value, ...]] = {
    "stop": (["STOP"], '["stop"]', ['["stop"]'], "FinishReason.STOP"),
    "tool_calls": ('["tool_calls"]', ["tool-calls"], "toolCalls"),
    "content_filter": (["content-filter"],),
    "length": (["max-tokens"], ["FinishReason.MAX_TOKENS"]),
}


@dataclass(slots=True)
class Sent:
    """Runs that were sent to a collector, by what was written and what is expected of their one step."""

    collector: Collector
    runs: dict[UUID, tuple[str, str]] = field(default_factory=dict)

    def send(self, expected: tuple[str, str], **written: Value) -> None:
        """A run of one call; `written` is added to the attributes of a chat."""
        attributes = {**CHAT, **{key.replace("__", "."): value for key, value in written.items()}}
        trace, now = randbytes(16), time.time_ns()
        span = ASpan(attributes=attributes, trace_id=trace, span_id=randbytes(8), start=now, end=now + 1_000)
        assert post(self.collector, "traces", traces(span, resource={wire.SERVICE_NAME: "desk"})).startswith(
            "200"
        )
        self.runs[UUID(bytes=trace)] = expected


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    """A collector to which every spelling was sent."""
    with running_collector(tmp_path_factory.mktemp("spellings"), derive__quiet="200ms") as collector:
        given = Sent(collector)
        for word in CALLS:
            given.send(("chat", ""), gen_ai__operation__name=word)
        for word in TEXTS:
            given.send(("text_completion", ""), gen_ai__operation__name=word)
        for reason, spellings in REASONS.items():
            for written in spellings:
                given.send(("chat", reason), gen_ai__response__finish_reasons=written)
        for count in ("25", 25.0):
            given.send(("chat", ""), gen_ai__usage__input_tokens=count)
        yield given


def test_each_is_a_run_with_one_model_call(sent: Sent) -> None:
    """Settled, with its tokens, operation and finish reason as the contract names them."""
    api = Api(sent.collector)
    found = api.eventually(lambda body: _settled(body) == len(sent.runs), "/v1/runs", page_size=100)
    runs = {UUID(run["run_id"]): run for run in found["runs"]}
    for run_id, (operation, reason) in sent.runs.items():
        assert (runs[run_id]["model_calls"], runs[run_id]["input_tokens"]) == (1, 25)
        (step,) = api.found(f"/v1/runs/{run_id}/steps")["steps"]
        assert (step["operation"], step["finish_reason"] or "") == (operation, reason)


def _settled(body: Any) -> int:
    return sum(run["settled"] for run in body["runs"])


def test_doctor_names_sender_and_key_of_what_is_not_understood(sent: Sent) -> None:
    """And repeats no value."""
    sent.send(
        ("chat", "other"), gen_ai__response__finish_reasons="she said so", gen_ai__usage__input_tokens="many"
    )
    settings = [part for item in sent.collector.settings.items() for part in ("--set", "=".join(item))]
    said = CliRunner().invoke(app, ["doctor", *settings]).output
    assert "desk" in said
    for key in (
        wire.GEN_AI_OPERATION_NAME,
        wire.GEN_AI_RESPONSE_FINISH_REASONS,
        wire.GEN_AI_USAGE_INPUT_TOKENS,
    ):
        assert key in " ".join(said.split())
    for word in ("ponder", "she said", "many"):
        assert word not in said
