"""Each rule of derivation, on the smallest run that it applies to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import pytest

from agenttrace_collector.settle import RunRows, Settled, Thresholds, settle_run
from agenttrace_collector.settle.failure_codes import failure_code
from agenttrace_collector.settle.model import Recorded, SettleContext
from agenttrace_schemas.derivation import DERIVATIONS, RETIRED
from agenttrace_schemas.rows import StepRow, columns
from agenttrace_schemas.rules import Policy

SECOND = 10**9
RUN = bytes(range(16))
ROUND = SettleContext(Policy(), Thresholds(), 1)
_BLANK: dict[str, object] = {
    **{name: "" for name, column in columns(StepRow).items() if "String" in column.type},
    **{name: None for name, column in columns(StepRow).items() if column.type.startswith("Nullable")},
    **dict.fromkeys(("seq", "parent_span_id", "created_at"), 0),
    **dict.fromkeys(("run_id", "trace_id"), RUN),
    "metadata": {},
    "role": "leaf",
    "status": "ok",
    "source": "genai",
    "step_type": "other",
    "agent_id": "unknown",
}


def step(operation: str, number: int, **values: object) -> StepRow:
    """A call of one second, the number-th to start; a tool is named by `tool`, an error by `error`."""
    tool, error = values.pop("tool", ""), values.pop("error", None)
    seconds = values.pop("seconds", 1)
    assert isinstance(seconds, int)
    given: dict[str, object] = {
        **_BLANK,
        "operation": operation,
        "step_id": number.to_bytes(16),
        "span_id": number,
        "tool_name": tool,
        "name": tool or operation,
        "started_at": number * SECOND,
        "ended_at": (number + seconds) * SECOND,
        "latency_ms": seconds * 1000.0,
        "status": "error" if error is not None else "ok",
        "error_type": error or "",
        **values,
    }
    return StepRow(**given)  # type: ignore[arg-type]  # by name


def settled(*steps: StepRow, recorded: Recorded | None = None) -> Settled:
    """What a run of these steps comes to."""
    return settle_run(RunRows("default", RUN, steps, recorded=recorded or Recorded()), ROUND)


def rules(found: Settled) -> set[str]:
    """The rules that applied."""
    made = ((row.rule for row in rows) for rows in (found.signals, found.decisions, found.failures))
    return {rule for each in made for rule in each}


def tool(*outcomes: str | None, name: str = "search") -> list[StepRow]:
    """Calls of one tool, one after the other, each with its error or None."""
    return [step("execute_tool", number, tool=name, error=error) for number, error in enumerate(outcomes, 1)]


CASES: Sequence[tuple[str, list[StepRow]]] = [
    ("tool.first_attempt", tool(None)),
    ("tool.after_retry", tool("TimeoutError", None)),
    ("tool.fallback_used", [*tool("ValueError"), step("execute_tool", 2, tool="cache")]),
    ("tool.timeout", tool("ReadTimeout")),
    ("tool.invalid_input", tool("ValidationError")),
    ("tool.unavailable", tool("ConnectionError")),
    ("tool.unavailable", tool("KeyError")),
    ("tool.rate_limited", tool("RateLimitError")),
    ("tool.authentication_failed", tool("PermissionDenied")),
    ("retrieve.no_results", [step("retrieval", 1, retrieval_count=0)]),
    ("retry.single", tool("KeyError", None)),
    ("retry.multiple", tool("KeyError", "KeyError", None)),
    ("retry.max_reached", tool("KeyError", "KeyError")),
    ("latency.exceeded", [step("chat", 1, seconds=6)]),
    ("latency.significantly_exceeded", [step("chat", 1, seconds=20)]),
    ("tokens.moderate", [step("chat", 1, input_tokens=990, output_tokens=10)]),
    ("tokens.high", [step("chat", 1, input_tokens=9_000)]),
    ("tokens.limit_approached", [step("chat", 1, input_tokens=100_000)]),
    ("retry.rate_limit", [step("chat", 1, error="RateLimitError"), step("chat", 2)]),
    ("retry.transient", [step("chat", 1, error="APITimeoutError"), step("chat", 2)]),
    ("retry.exhausted", tool("KeyError", "KeyError")),
    ("response.streaming", [step("chat", 1, stream=True)]),
    ("response.format", [step("chat", 1, output_type="json")]),
    ("response.length", [step("chat", 1, finish_reason="length")]),
    ("retrieve.rerank", [step("retrieval", 1), step("rerank", 2)]),
    ("path.parallel", [step("execute_tool", 1, tool="a", seconds=5), step("execute_tool", 2, tool="b")]),
    ("path.fallback", [step("chat", 1, error="KeyError", model="a"), step("chat", 2, model="b")]),
    (
        "approval.denied",
        [
            step("chat", 1),
            step("execute_tool", 2, tool="sh", error="policy_violation", source="coding_agent"),
        ],
    ),
    ("approval.allowed", [step("chat", 1), step("execute_tool", 2, tool="sh", source="coding_agent")]),
    ("failure.step", [*tool("KeyError"), step("chat", 2)]),
    ("failure.run", tool("KeyError")),
]


@pytest.mark.parametrize(
    ("rule", "steps"), CASES, ids=[f"{rule}-{n}" for (rule, _), n in zip(CASES, count())]
)
def test_the_rule_applies(rule: str, steps: list[StepRow]) -> None:
    """The rule is among those that applied, and its type and code are in the row."""
    found = settled(*steps)
    assert rule in rules(found)
    codes = {(row.rule, row.signal_code) for row in found.signals}
    codes |= {(row.rule, row.reason_code) for row in found.decisions}
    assert rule.startswith("failure.") or (rule, DERIVATIONS[rule].code) in codes


def test_what_stays_below_every_threshold_derives_nothing() -> None:
    """The codes `under_threshold` and `low_usage` stay in the vocabulary for those who record them."""
    assert rules(settled(step("chat", 1, input_tokens=10))) == set()
    assert set(RETIRED).isdisjoint(DERIVATIONS)


def test_every_rule_has_a_case() -> None:
    """The table of rules and the cases are the same; outcomes, which no step shows, have tests of their own."""
    assert {rule for rule, _ in CASES} | {"failure.outcome"} == set(DERIVATIONS)


@pytest.mark.parametrize(
    ("steps", "absent"),
    [
        (tool("KeyError", None), "failure.step"),
        (tool("TimeoutError", None), "tool.first_attempt"),
        ([*tool("KeyError"), step("chat", 2)], "failure.run"),
        ([step("chat", 1, model="m"), step("chat", 2, model="n")], "path.fallback"),
        ([step("rerank", 1), step("retrieval", 2)], "retrieve.rerank"),
        ([step("retrieval", 1)], "retrieve.no_results"),
        (tool(None, None), "path.parallel"),
        (
            [step("execute_tool", 1, tool="a", error="", seconds=9), step("execute_tool", 2, tool="a")],
            "retry.single",
        ),
        ([step("execute_tool", 1, tool="a", error="KeyError", source="api")], "failure.step"),
    ],
)
def test_the_rule_does_not_apply(steps: list[StepRow], absent: str) -> None:
    """What was mended, did not follow, did not overlap or is not told, is not derived."""
    assert absent not in rules(settled(*steps))


def test_recorded_before_derived() -> None:
    """A signal or decision of that type, recorded for that step, keeps the derived one away."""
    first = (1).to_bytes(16)
    recorded = Recorded(frozenset({(first, "tool_success")}), frozenset(), frozenset({first}))
    assert "tool.first_attempt" not in rules(settled(*tool(None), recorded=recorded))
    assert "failure.step" not in rules(settled(*tool("KeyError"), recorded=recorded))


@pytest.mark.parametrize("operation", ["embeddings", "create_agent", "memory", "chain"])
def test_some_traces_are_no_runs(operation: str) -> None:
    """Indexing, construction and chains around nothing make no run."""
    assert settled(step(operation, 1)).facts is None


@pytest.mark.parametrize(
    ("error_type", "code"),
    [
        ("APITimeoutError", "timeout"),
        ("429", "rate_limited"),
        ("401", "authentication_failed"),
        ("503", "unavailable"),
        ("pydantic_core.ValidationError", "invalid_input"),
        ("RefundDeniedError", "uncaught_exception"),
        ("", "uncaught_exception"),
    ],
)
def test_error_types_have_a_code(error_type: str, code: str) -> None:
    """One table, the first row whose word occurs."""
    assert failure_code(error_type) == code
