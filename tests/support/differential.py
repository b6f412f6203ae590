"""Requests on which two decoding engines might differ: real spans changed in four ways, each of which finds what others miss."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from agenttrace_collector.decode.batch import Batch, Context
from agenttrace_collector.decode.engine import PythonEngine
from agenttrace_collector.decode.native import NativeEngine
from agenttrace_collector.errors import Rejected
from agenttrace_schemas import wire
from agenttrace_schemas.rules import Policy
from agenttrace_schemas.site_vocabulary import VOCABULARY
from tests.support.corpus import RECORDED_AT, scenarios
from tests.support.differential_wire import broken_bytes, rewired
from tests.support.edges import key_and_value, resource_key_and_value, text_edge
from tests.support.event_edges import event_key_and_value
from tests.support.otlp import DECISION, FAILURE, SIGNAL
from tests.support.reference import Value, attribute, reference_request

NOW: Final = RECORDED_AT
_DAY: Final = 86_400 * 10**9
_KEPT: Final = {"agent_steps": 86_400, "agent_runs": 3_600, "agent_decisions": 600, "agent_failures": 7_200}
POLICIES: Final[Sequence[Policy]] = (
    Policy(),
    Policy(site_key=b"k" * 32, labels="words", tools=frozenset({"search", "lookup_order"})),
    Policy(
        labels="relaxed",
        failure_messages="keep",
        vocabulary=VOCABULARY.extended({"tool_selection": ["site_rule"]}, {"site_signal": ["odd"]}),
    ),
    Policy(site_key=b"other", decisions=False),
)
KINDS: Final = ("edges", "semantic", "wire", "raw")
# What stands for a request in comparisons: a batch, or that it was refused as a whole.
Outcome: TypeAlias = Batch | str
Decode: TypeAlias = Callable[[bytes, Context], Batch]


@dataclass(frozen=True, slots=True)
class CaseOfDifference:
    """A request and what decoding it depends on."""

    kind: str
    body: bytes
    context: Context


def outcome(decode: Decode, case: CaseOfDifference) -> Outcome:
    """What an engine makes of a case."""
    try:
        return decode(case.body, case.context)
    except Rejected as error:
        return str(error)


def differences(
    cases: Iterator[CaseOfDifference], engines: Mapping[int, NativeEngine]
) -> Iterator[CaseOfDifference]:
    """The cases on which a compiled engine, by the identity of its policy, differs from Python."""
    python = PythonEngine()
    for case in cases:
        if outcome(python.traces, case) != outcome(engines[id(case.context.policy)].traces, case):
            yield case


def mutated(
    seed: int, count: int, kinds: Sequence[str] = KINDS, policies: Sequence[Policy] = POLICIES
) -> Iterator[CaseOfDifference]:
    """So many cases; the same ones for the same seed."""
    rng = random.Random(seed)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        tenant, kept = rng.choice(("default", "ténant")), rng.choice(({}, _KEPT))
        context = Context(rng.choice(policies), tenant, NOW, kept)
        yield CaseOfDifference(kind, _CHANGES[kind](rng, _request(rng)), context)


@cache
def _seeds() -> list[tuple[bytes, str, bytes]]:
    """Spans with the name of their scope and their resource, serialized."""
    bodies = [body for scenario in scenarios() for body in scenario.bodies("traces")]
    bodies += [reference_request(seed, NOW, spans=8) for seed in range(8)]
    return [
        (span.SerializeToString(), scope.scope.name, resource.resource.SerializeToString())
        for body in bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _request(rng: random.Random) -> ExportTraceServiceRequest:
    """One to three spans, some with typed events added."""
    request = ExportTraceServiceRequest()
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        raw, scope, resource = rng.choice(_seeds())
        span = Span.FromString(raw)
        for kind, stated in _EVENTS:
            if rng.random() < 0.25:
                span.events.append(_event(kind, stated, rng.choice((0, NOW, span.start_time_unix_nano))))
        target = ResourceSpans()
        target.resource.ParseFromString(resource)
        scoped = target.scope_spans.add()
        scoped.scope.name = scope
        scoped.spans.append(span)
        request.resource_spans.append(target)
    return request


_EVENTS: Final[Sequence[tuple[str, Mapping[str, Value]]]] = (
    (wire.EVENT_DECISION, {**DECISION, wire.DECISION_CONFIDENCE: 0.5, wire.DECISION_CANDIDATES: ["a", "b"]}),
    (wire.EVENT_SIGNAL, SIGNAL),
    (wire.EVENT_FAILURE, {**FAILURE, wire.FAILURE_MESSAGE: "the tool did not answer"}),
)


def _event(name: str, stated: Mapping[str, Value], time: int) -> Span.Event:
    return Span.Event(
        name=name, time_unix_nano=time, attributes=[attribute(key, value) for key, value in stated.items()]
    )


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            yield from scope.spans


def _set(attributes: Any, key: str, value: AnyValue, rng: random.Random) -> None:
    """In place of the value that the key has, or of another attribute, or beside them."""
    same = [each for each in attributes if each.key == key]
    if same and rng.random() < 0.9:
        same[0].value.CopyFrom(value)
    elif attributes and rng.random() < 0.3:
        rng.choice(attributes).CopyFrom(KeyValue(key=key, value=value))
    else:
        attributes.insert(rng.randrange(len(attributes) + 1), KeyValue(key=key, value=value))


def _set_all(attributes: Any, stated: list[tuple[str, AnyValue]], rng: random.Random) -> None:
    """Many keys stand beside the others."""
    if len(stated) > 2:
        attributes.extend(KeyValue(key=key, value=value) for key, value in stated)
        return
    for key, value in stated:
        _set(attributes, key, value, rng)


def _edges(rng: random.Random, request: ExportTraceServiceRequest) -> bytes:
    """Values at the edges of what each key may have."""
    for _ in range(rng.randrange(1, 5)):
        span = rng.choice(list(_spans(request)))
        chance = rng.random()
        typed = [event for event in span.events if event.name in wire.EVENT_NAMES]
        if chance < 0.45 and typed:
            event = rng.choice(typed)
            _set_all(event.attributes, list(event_key_and_value(rng, event.name)), rng)
        elif chance < 0.55:
            resource = rng.choice(request.resource_spans).resource
            _set(resource.attributes, *resource_key_and_value(rng), rng)
        else:
            _set_all(span.attributes, list(key_and_value(rng)), rng)
    return request.SerializeToString()


_ODD_VALUES: Final = (
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
    *(NOW - seconds * 10**9 + by for seconds in (5 * 365 * 86_400, *_KEPT.values()) for by in (-1, 0, 1)),
)
_IDS: Final = (b"", bytes(16), bytes(8), b"x" * 7, b"x" * 8, b"x" * 16, b"y" * 17)
_SCOPES: Final = (
    *("", "gemini-cli", "openlit.otel.tracing", "gcp.vertex.agent", "pydantic-ai"),
    "openinference.instrumentation.llama_index",
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


def _semantic(rng: random.Random, request: ExportTraceServiceRequest) -> bytes:
    """Well-formed, and not what anybody expects."""
    for _ in range(rng.randrange(1, 4)):
        resource = rng.choice(request.resource_spans)
        scoped = resource.scope_spans[0]
        span = rng.choice(scoped.spans)
        rng.choice(_SEMANTIC)(rng, span)
        if rng.random() < 0.2:
            scoped.scope.name = rng.choice(_SCOPES)
        if rng.random() < 0.1:
            scoped.spans.append(rng.choice(list(_spans(request))))
    return request.SerializeToString()


def _double_a_key(rng: random.Random, span: Span) -> None:
    attributes = rng.choice([span.attributes, *(event.attributes for event in span.events)])
    if attributes:
        attributes.append(rng.choice(attributes))


def _double_an_event(rng: random.Random, span: Span) -> None:
    if span.events:
        span.events.append(rng.choice(span.events))


def _another_type(rng: random.Random, span: Span) -> None:
    attributes = rng.choice([span.attributes, *(event.attributes for event in span.events)])
    if attributes:
        rng.choice(attributes).value.CopyFrom(rng.choice(_ODD_VALUES))


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
        span.events.append(_event(wire.EXCEPTION_EVENT, {wire.EXCEPTION_TYPE: text_edge(rng)}, NOW))


def _another_name(rng: random.Random, span: Span) -> None:
    span.name = rng.choice(_SPAN_NAMES)


def _less(rng: random.Random, span: Span) -> None:
    if span.attributes:
        del span.attributes[rng.randrange(len(span.attributes))]


_SEMANTIC: Final = (
    *(_double_a_key, _double_an_event, _another_type, _another_id, _another_time, _another_status),
    *(_another_name, _less),
)


def _on_the_wire(rng: random.Random, request: ExportTraceServiceRequest) -> bytes:
    return rewired(rng, request.SerializeToString(), ExportTraceServiceRequest.DESCRIPTOR)


def _raw(rng: random.Random, request: ExportTraceServiceRequest) -> bytes:
    return broken_bytes(rng, request.SerializeToString())


_CHANGES: Final[Mapping[str, Callable[[random.Random, ExportTraceServiceRequest], bytes]]] = {
    "edges": _edges,
    "semantic": _semantic,
    "wire": _on_the_wire,
    "raw": _raw,
}
