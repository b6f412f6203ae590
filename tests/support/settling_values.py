"""Values at which two settling engines might differ: thresholds, close times, words that mean something, names that are none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Final

from agenttrace_collector.decode.conventions.agent_spans import SIDE_WRAPPERS, WAITS
from agenttrace_collector.decode.conventions.coding_agents import DENIED
from agenttrace_collector.settle import failure_codes
from agenttrace_schemas import column_types, wire
from agenttrace_schemas.rows import RunRow, StepRow
from agenttrace_schemas.vocabulary import StepType
from tests.support.stored_runs import StoredRun

START: Final = 1_795_000_000 * 10**9
GAPS: Final = (
    0,
    1,
    -1,
    10**6,
    5 * 10**6,
    5 * 10**6 + 1,
    10**9,
    7 * 10**9,
    3_600 * 10**9,
    3_600 * 10**9 + 1,
    25 * 3_600 * 10**9,
)
_ERRORS: Final = (
    *("", "_OTHER", "ToolRetryError", "ModelRetry", "ValueError", "unknown tool", "café", "exit code 2"),
    *(
        "500",
        "408",
        "tool_not_found",
        "Rate-Limit Exceeded",
        "TIMED_OUT",
        "UserError",
        "timeout_429",
        "invalid_quota",
        *sorted(DENIED),
    ),
    *(word for word, _ in failure_codes.WORDS),
)
_TOOLS: Final = (
    "",
    "search",
    "search",
    "lookup",
    "_redacted",
    "_redacted",
    "_unconfirmed",
    "_unknown_tool",
    "_redacted_0a1b2c3d",
)
_MODELS: Final = ("", "gpt-4o", "gpt-4o-2024-08-06", "other")
_COUNTS: Final = (None, 0, 1, 499, 500, 999, 1_000, 7_999, 8_000, 99_999, 100_000, 2**48, 2**63)
_LATENCIES: Final = (0.0, 0.5, 1.5, 2.5, 4_999.0, 4_999.999, 5_000.0, 14_999.0, 15_000.0, 1e9)
_METADATA: Final[Sequence[Mapping[str, Any]]] = (
    {},
    {"team": "search", "tries": 3, "share": 0.5, "ok": True},
    {"prompt": "x"},
    {"mail": "someone@example.com"},
    {"note": "two words"},
    {"note": "é"},
    {"note": "x" * 200},
    {f"key_{number}": number for number in range(40)},
)


def time_near(random: Random, run: StoredRun) -> int:
    """About when something of the run began or ended."""
    spans: Sequence[StepRow | RunRow] = [*run.steps, *run.candidates]
    near = random.choice(spans)
    return random.choice((near.started_at, near.ended_at)) + random.choice(GAPS)


def step_values(random: Random, run: StoredRun) -> Mapping[str, Callable[[], Any]]:
    """What each column of a step might be, in this run."""
    other = random.choice(run.steps)
    of_run = [each.call_id for each in run.steps]
    return {
        "seq": lambda: random.randrange(4),
        "step_type": lambda: random.choice(tuple(map(str, StepType))),
        "name": lambda: random.choice((*_TOOLS, *WAITS, *SIDE_WRAPPERS)),
        "latency_ms": lambda: random.choice(_LATENCIES),
        "started_at": lambda: time_near(random, run),
        "ended_at": lambda: time_near(random, run),
        "metadata": lambda: random.choice(_METADATA),
        "agent_id": lambda: random.choice((wire.UNKNOWN, "agent", other.agent_id)),
        "agent_version": lambda: random.choice(("1", other.agent_version)),
        "environment": lambda: random.choice(("prod", other.environment)),
        "actor": lambda: random.choice(("", "planner", other.actor)),
        "trace_id": lambda: random.choice((other.trace_id, bytes(15) + b"\x09")),
        "span_id": lambda: random.choice((other.span_id, other.parent_span_id, 9)),
        "parent_span_id": lambda: random.choice((other.span_id, other.span_id, other.parent_span_id, 0, 9)),
        "role": lambda: random.choice(column_types.ROLES),
        "operation": lambda: random.choice(column_types.OPERATIONS),
        "status": lambda: random.choice(column_types.STATUSES),
        "error_type": lambda: random.choice(_ERRORS),
        "tool_name": lambda: random.choice(_TOOLS),
        "model": lambda: random.choice(_MODELS),
        "response_model": lambda: random.choice(_MODELS),
        "input_tokens": lambda: random.choice(_COUNTS),
        "output_tokens": lambda: random.choice(_COUNTS),
        "retrieval_count": lambda: random.choice(_COUNTS),
        "finish_reason": lambda: random.choice(("", *column_types.FINISH_REASONS)),
        "stream": lambda: random.choice((None, False, True)),
        "output_type": lambda: random.choice(("", *column_types.OUTPUT_TYPES)),
        "attempt": lambda: random.choice((None, 0, 1, 2, 3)),
        "conversation_id": lambda: random.choice(("", "a" * 64)),
        "source": lambda: random.choice(column_types.SOURCES),
        "call_id": lambda: random.choice((None, b"c" * 16, *of_run)),
        "cache_read_tokens": lambda: random.choice(_COUNTS),
        "cache_write_tokens": lambda: random.choice(_COUNTS),
        "cost_nano_usd": lambda: random.choice(_COUNTS),
        "decision_id": lambda: random.choice((None, b"d" * 16)),
    }
