"""What spans of guardrails state: of the corpus as it happened, and what is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from agenttrace_collector.decode.batch import Batch, Context
from agenttrace_collector.decode.native import NativeEngine
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_schemas.rows import DecisionRow, SignalRow
from agenttrace_schemas.rules import Policy
from tests.support.corpus import RECORDED_AT, Scenario, scenarios
from tests.support.native import needs_engine
from tests.support.otlp import NOW, ASpan, traces
from tests.support.reference import Value
from tests.support.rows import rows_of, stored_bytes

POLICY: Final = Policy(site_key=b"k" * 32)
OUTCOMES: Final = {
    "pass": ("allow", "passed"),
    "mask": ("modify", "masked"),
    "block": ("deny", "tripped"),
}
PASSED: Final[Mapping[str, Value]] = {
    "guardrail_name": "word-filter",
    "guardrail_mode": "pre_call",
    "guardrail_status": "success",
}
TRIPPED: Final[Mapping[str, Value]] = {
    "litellm.guardrail.name": "word-filter",
    "litellm.guardrail.mode": "post_call",
    "litellm.guardrail.status": "guardrail_intervened",
    "litellm.guardrail.response": "CANARY she said a word",
}
# Changed attributes, and the reason and the code of the signal that come of them.
CASES: Final[list[tuple[Mapping[str, Value], str, str]]] = [
    (PASSED, "passed", ""),
    ({**PASSED, "masked_entity_count": "{}"}, "passed", ""),
    ({**PASSED, "masked_entity_count": '{"CANARY": 2}'}, "masked", ""),
    (TRIPPED, "tripped", "output"),
    ({**TRIPPED, "litellm.guardrail.mode": "pre_mcp_call"}, "tripped", "tool"),
    ({**TRIPPED, "litellm.guardrail.mode": "logging_only"}, "tripped", ""),
    ({**TRIPPED, "litellm.guardrail.masked_entity_count": 2}, "tripped", "output"),
    # It may have let the call through or not; it did not look; no guardrail is named.
    ({**TRIPPED, "litellm.guardrail.status": "guardrail_failed_to_respond"}, "", ""),
    ({**TRIPPED, "litellm.guardrail.status": "not_run"}, "", ""),
    ({"guardrail_status": "success"}, "", ""),
    ({"openinference.span.kind": "GUARDRAIL", "tool.name": "no_secrets"}, "", ""),
    ({"openinference.span.kind": "GUARDRAIL", "guardrail.triggered": False}, "passed", ""),
    ({"openinference.span.kind": "TOOL", "guardrail.triggered": True, "tool.name": "search"}, "", ""),
]


def stated(batch: Batch) -> tuple[list[DecisionRow], list[SignalRow]]:
    """The decisions of guardrails and the signals of a batch, of which no word may be left."""
    assert b"CANARY" not in stored_bytes(batch)
    return rows_of(batch, DecisionRow), rows_of(batch, SignalRow)


@pytest.mark.parametrize(
    "scenario", [each for each in scenarios() if each.expected.get("guardrails")], ids=str
)
def test_the_corpus_says_what_happened(scenario: Scenario) -> None:
    """Name and outcome of each guardrail; where it looked only LiteLLM says."""
    context = Context(POLICY, "default", RECORDED_AT)
    found = [stated(decode_traces(body, context)) for body in scenario.bodies("traces")]
    decisions = [row for rows, _ in found for row in rows]
    assert [(row.tool_name, row.selected, row.reason_code) for row in decisions] == [
        (name, *OUTCOMES[outcome]) for name, _, outcome in scenario.expected["guardrails"]
    ]
    blocked = "litellm" in scenario.pair and scenario.name == "guardrail_blocked"
    assert [row.signal_code for _, rows in found for row in rows] == ["input"] * blocked


@pytest.mark.parametrize(("attributes", "reason", "code"), CASES)
def test_what_a_guardrail_states(attributes: Mapping[str, Value], reason: str, code: str) -> None:
    """A decision, and a signal only where it tripped and says on what it looked."""
    decisions, signals = stated(decode_traces(traces(ASpan(attributes=attributes)), Context(POLICY, "", NOW)))
    signals = [row for row in signals if row.signal_type == "guardrail_triggered"]
    assert [row.reason_code for row in decisions] == [reason] * bool(reason)
    assert [row.signal_code for row in signals] == [code] * bool(code)


def test_nothing_is_stated_where_decisions_are_switched_off() -> None:
    """Neither a decision nor a signal."""
    policy = Policy(decisions=False)
    batch = decode_traces(traces(ASpan(attributes=TRIPPED)), Context(policy, "", NOW))
    assert stated(batch) == ([], [])


@needs_engine
@pytest.mark.parametrize("name", ["word-filter", "CANARY, she said", "x" * 300])
def test_the_compiled_engine_makes_the_same(name: str) -> None:
    """Of every case, under names that are kept and others; nothing is handed back."""
    engine = NativeEngine(POLICY)
    context = Context(engine.policy, "", NOW)
    for attributes, _, _ in CASES:
        renamed = {
            key: name if key.endswith(("_name", ".name")) else each for key, each in attributes.items()
        }
        body = traces(ASpan(attributes=renamed))
        assert engine.traces(body, context) == decode_traces(body, context)
    assert engine.counts.handed_back == 0
