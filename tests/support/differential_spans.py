"""Spans that are well-formed, and not what anybody expects."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from agenttrace_collector.decode.conventions.genai import CHOICE, CHOICE_EVENT
from agenttrace_collector.forward.structure import METHOD_KEYS, STATEMENT_KEYS
from agenttrace_schemas import wire
from tests.support.agent_edges import SPAN_NAMES
from tests.support.corpus import RECORDED_AT
from tests.support.edges import SECRETS, text_edge
from tests.support.reference import Value, attribute

NOW: Final = RECORDED_AT
_DAY: Final = 86_400 * 10**9
KEPT: Final = {"agent_steps": 86_400, "agent_runs": 3_600, "agent_decisions": 600, "agent_failures": 7_200}
ODD_VALUES: Final = (
    AnyValue(),
    AnyValue(bool_value=True),
    AnyValue(int_value=-1),
    AnyValue(double_value=float("nan")),
    AnyValue(double_value=-0.0),
    AnyValue(bytes_value=b"\xff\x00"),
    AnyValue(string_value=""),
    AnyValue(string_value=" \x1c "),
    AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="k", value=AnyValue(int_value=1))])),
)
_TIMES: Final = (
    *(0, 1, NOW, 2**63 - 1, 2**63, 2**64 - 1),
    *(NOW + _DAY + by for by in (-1, 0, 1)),
    *(NOW - seconds * 10**9 + by for seconds in (5 * 365 * 86_400, *KEPT.values()) for by in (-1, 0, 1)),
)
_IDS: Final = (b"", bytes(16), bytes(8), b"x" * 7, b"x" * 8, b"x" * 16, b"y" * 17)
_SCOPES: Final = (
    *("", "gemini-cli", "openlit.otel.tracing", "gcp.vertex.agent", "pydantic-ai"),
    *(
        "openinference.instrumentation.llama_index",
        "opencode",
        "github.copilot",
        "com.anthropic.claude_code.tracing",
    ),
)
_SPAN_NAMES: Final = (
    *(
        "",
        wire.EVENTS_SPAN,
        "execute_tool search",
        "tools/call a b",
        "handoff to billing",
        "agent_run [planner]",
    ),
    *(
        "invocation",
        "chat gpt-4o",
        "model",
        "Engine._postprocess_nodes",
        "LLM.stream_chat",
        "planner.run",
        "call_llm ",
    ),
)


def new_event(name: str, stated: Mapping[str, Value], time: int) -> Span.Event:
    """An event of a span."""
    return Span.Event(
        name=name, time_unix_nano=time, attributes=[attribute(key, value) for key, value in stated.items()]
    )


def change_span(rng: random.Random, scoped: ScopeSpans, span: Span) -> None:
    """Change a span, and sometimes its scope."""
    rng.choice(_CHANGES)(rng, span)
    if rng.random() < 0.2:
        scoped.scope.name = rng.choice(_SCOPES)
        scoped.scope.version = rng.choice(("", "1.0", "a b", *SECRETS))


def _double_a_key(rng: random.Random, span: Span) -> None:
    attributes = rng.choice([span.attributes, *(each.attributes for each in span.events)])
    if attributes:
        attributes.append(rng.choice(attributes))


def _double_an_event(rng: random.Random, span: Span) -> None:
    if span.events:
        span.events.append(rng.choice(span.events))


def _another_type(rng: random.Random, span: Span) -> None:
    attributes = rng.choice([span.attributes, *(each.attributes for each in span.events)])
    if attributes:
        rng.choice(attributes).value.CopyFrom(rng.choice(ODD_VALUES))


def _another_id(rng: random.Random, span: Span) -> None:
    setattr(span, rng.choice(("trace_id", "span_id", "parent_span_id")), rng.choice(_IDS))


def _another_time(rng: random.Random, span: Span) -> None:
    if span.events and rng.random() < 0.5:
        rng.choice(span.events).time_unix_nano = rng.choice(_TIMES)
    else:
        setattr(span, rng.choice(("start_time_unix_nano", "end_time_unix_nano")), rng.choice(_TIMES))


def _another_status(rng: random.Random, span: Span) -> None:
    setattr(span.status, "code", rng.choice((0, 1, 2, 2, 2, 3, 77)))  # noqa: B010 - any number is a status
    if rng.random() < 0.5:
        span.events.append(new_event(wire.EXCEPTION_EVENT, {wire.EXCEPTION_TYPE: text_edge(rng)}, NOW))


def _another_name(rng: random.Random, span: Span) -> None:
    span.name = rng.choice(
        (*_SPAN_NAMES, *SPAN_NAMES[rng.randrange(2) :: 4], text_edge(rng), f"chat {text_edge(rng)}")
    )


def _another_kind(rng: random.Random, span: Span) -> None:
    setattr(span, "kind", rng.choice((*range(7), 77, -1)))  # noqa: B010 - any number is a kind


def _no_step(rng: random.Random, span: Span) -> None:
    """A request or a statement, among them some that are not in capitals, or nothing."""
    keys = (*METHOD_KEYS, *STATEMENT_KEYS)
    words = ("GET", " get ", "SELECT", "select 1", "\ufb01nd", "DROP", "QUERY", "said", "")
    del span.attributes[:]
    for _ in range(rng.randrange(3)):
        span.attributes.append(attribute(rng.choice(keys), rng.choice((*words, 1))))


def _other_event(rng: random.Random, span: Span) -> None:
    """What leaves of events that are not typed."""
    name = rng.choice((wire.EXCEPTION_EVENT, CHOICE_EVENT, "said"))
    keys = (wire.EXCEPTION_TYPE, CHOICE.key, "said")
    texts = ("stop", '["length"]', "", text_edge(rng), text_edge(rng))
    stated = {rng.choice(keys): rng.choice((*texts, 1, ["stop"])) for _ in range(rng.randrange(3))}
    span.events.append(new_event(name, stated, rng.choice(_TIMES)))


def _less(rng: random.Random, span: Span) -> None:
    if span.attributes:
        del span.attributes[rng.randrange(len(span.attributes))]


_CHANGES: Final = (
    *(_double_a_key, _double_an_event, _another_type, _another_id, _another_time, _another_status),
    *(_another_name, _another_kind, _no_step, _other_event, _less),
)
