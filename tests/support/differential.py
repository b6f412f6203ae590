"""Requests on which two decoding engines might differ: real spans changed in four ways, each of which finds what others miss."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any, Final, TypeAlias

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from agenttrace_collector.config.pipelines import Forward
from agenttrace_collector.decode.batch import Batch, Context, Unread
from agenttrace_collector.decode.engine import PythonEngine
from agenttrace_collector.decode.native import NativeEngine
from agenttrace_collector.decode.otlp_json import traces_from_json
from agenttrace_collector.decode.outgoing import Outgoing
from agenttrace_collector.errors import Rejected
from agenttrace_collector.forward.gate import Gate, open_gate
from agenttrace_schemas import wire
from agenttrace_schemas.rules import Policy
from agenttrace_schemas.site_vocabulary import VOCABULARY
from tests.support.agent_edges import agent_key_and_value
from tests.support.agents import agent_scenarios
from tests.support.corpus import scenarios
from tests.support.differential_spans import KEPT, NOW, change_span, new_event
from tests.support.differential_wire import broken, rewritten
from tests.support.edges import key_and_value, resource_key_and_value
from tests.support.event_edges import event_key_and_value
from tests.support.otlp import DECISION, FAILURE, SIGNAL
from tests.support.reference import Value, reference_request

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
# Of coding agents there are many spans of few names.
_MOST_OF_NAME: Final = 8
# What stands for a request in comparisons: a batch, or that it was refused as a whole.
Outcome: TypeAlias = Batch | str
Decode: TypeAlias = Callable[[bytes, Context, Unread, Outgoing | None], Batch]


@dataclass(frozen=True, slots=True)
class CaseOfDifference:
    """A request and what decoding it depends on."""

    kind: str
    body: bytes
    context: Context
    # What the request leaves through, where it goes on.
    gate: Gate | None = None


def outcome(decode: Decode, case: CaseOfDifference, gate: Gate | None = None) -> Outcome:
    """What an engine makes of a case, the copy by its own gate or another one included."""
    opened = gate or case.gate
    try:
        return decode(case.body, case.context, (), opened.traces() if opened else None)
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
    opened = {id(policy): (None, *gates(policy)) for policy in policies}
    for number in range(count):
        kind = kinds[number % len(kinds)]
        tenant, kept = rng.choice(("default", "ténant")), rng.choice(({}, KEPT))
        context = Context(rng.choice(policies), tenant, NOW, kept)
        gate = rng.choice(opened[id(context.policy)])
        yield CaseOfDifference(kind, _CHANGES[kind](rng, _request(rng)), context, gate)


def gates(policy: Policy) -> Sequence[Gate]:
    """A gate for each form that a copy may have."""
    forms = product(("genai", "as_sent"), ("structure", "drop"))
    return [
        open_gate(Forward.model_validate({"conventions": conventions, "other_spans": other}), policy)
        for conventions, other in forms
    ]


@cache
def _seeds() -> list[tuple[bytes, str, bytes]]:
    """Spans with the name of their scope and their resource, serialized."""
    bodies = [body for scenario in scenarios() for body in scenario.bodies("traces")]
    bodies += [reference_request(seed, NOW, spans=8) for seed in range(8)]
    seen: Counter[tuple[str, str]] = Counter()
    seeds = list(_spans_of(bodies))
    for raw, scope, resource in _spans_of(_agents(), NOW):
        name = scope, Span.FromString(raw).name
        seen[name] += 1
        if seen[name] <= _MOST_OF_NAME:
            seeds.append((raw, scope, resource))
    return seeds


def _agents() -> Iterator[bytes]:
    """Requests of coding agents whose spans say anything."""
    for scenario in agent_scenarios():
        for name, body in scenario.sent("traces"):
            yield traces_from_json(body).data if name.endswith(".json") else body


def _spans_of(bodies: Iterable[bytes], now: int = 0) -> Iterator[tuple[bytes, str, bytes]]:
    """Each span with the name of its scope and its resource, serialized; as if it had begun now, if that is given."""
    found = (
        (span, scope.scope.name, resource.resource.SerializeToString())
        for body in bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    )
    for span, scope_name, sent_by in found:
        if now:
            span.end_time_unix_nano += now - span.start_time_unix_nano
            span.start_time_unix_nano = now
        yield span.SerializeToString(), scope_name, sent_by


def _request(rng: random.Random) -> ExportTraceServiceRequest:
    """One to three spans, some with typed events added."""
    request = ExportTraceServiceRequest()
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        raw, scope, resource = rng.choice(_seeds())
        span = Span.FromString(raw)
        for kind, stated in _EVENTS:
            if rng.random() < 0.25:
                span.events.append(new_event(kind, stated, rng.choice((0, NOW, span.start_time_unix_nano))))
        target = ResourceSpans()
        target.resource.ParseFromString(resource)
        scoped = target.scope_spans.add()
        scoped.scope.name = scope
        scoped.scope.version = rng.choice(("", "1.0", "a b", "sk-" + "a1" * 10))
        scoped.spans.append(span)
        request.resource_spans.append(target)
    return request


_EVENTS: Final[Sequence[tuple[str, Mapping[str, Value]]]] = (
    (wire.EVENT_DECISION, {**DECISION, wire.DECISION_CONFIDENCE: 0.5, wire.DECISION_CANDIDATES: ["a", "b"]}),
    (wire.EVENT_SIGNAL, SIGNAL),
    (wire.EVENT_FAILURE, {**FAILURE, wire.FAILURE_MESSAGE: "the tool did not answer"}),
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
        elif chance < 0.62:
            _set(span.attributes, *agent_key_and_value(rng), rng)
        else:
            _set_all(span.attributes, list(key_and_value(rng)), rng)
    return request.SerializeToString()


def _semantic(rng: random.Random, request: ExportTraceServiceRequest) -> bytes:
    """Well-formed, and not what anybody expects."""
    for _ in range(rng.randrange(1, 4)):
        resource = rng.choice(request.resource_spans)
        scoped = resource.scope_spans[0]
        change_span(rng, scoped, rng.choice(scoped.spans))
        if rng.random() < 0.1:
            scoped.spans.append(rng.choice(list(_spans(request))))
    return request.SerializeToString()


_CHANGES: Final[Mapping[str, Callable[[random.Random, ExportTraceServiceRequest], bytes]]] = {
    "edges": _edges,
    "semantic": _semantic,
    "wire": rewritten,
    "raw": broken,
}
