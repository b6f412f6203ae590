"""The compiled engine makes the same copy as the gate in Python, byte for byte, and passes no word either."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope

from agenttrace_collector.config.pipelines import Forward
from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.native import NativeEngine
from agenttrace_collector.decode.native_facts import engine_facts
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_collector.forward import compiled
from agenttrace_collector.forward.gate import Gate, open_gate
from agenttrace_schemas import wire
from agenttrace_schemas.rules import Policy
from tests.forward.test_gate import CONVENTIONS, LEAST_PASSED, OTHER_SPANS, POLICY, gate
from tests.support.agents import CONTEXT as AGENTS
from tests.support.canary import TOKEN, trace_requests
from tests.support.corpus import FOLDER, RECORDED_AT
from tests.support.native import needs_engine
from tests.support.otlp import DECISION, NOW, STEP, ASpan, traces
from tests.support.planted import corpora, planted_everywhere
from tests.support.sampling import sampled

pytestmark = needs_engine
MODES = list(itertools.product(CONVENTIONS, OTHER_SPANS))
# Of the spans of one file.
MOST_HANDED_BACK = 0.02


@pytest.fixture(scope="module")
def engine() -> NativeEngine:
    """One engine for all: building it compiles its patterns."""
    return NativeEngine(POLICY)


def context(at: int) -> Context:
    """Of the policy of the gates."""
    return Context(POLICY, "default", at)


def assert_same(engine: NativeEngine, opened: Gate, body: bytes, at: int) -> bytes:
    """Both engines make one batch, whose copy is returned."""
    batch = engine.traces(body, context(at), (), opened.traces())
    assert batch == decode_traces(body, context(at), (), opened.traces())
    return batch.forwarded["traces"].data


@pytest.mark.parametrize(("conventions", "other_spans"), MODES)
def test_every_file_of_the_corpus_leaves_the_same(
    engine: NativeEngine, conventions: str, other_spans: str
) -> None:
    """Copies, what stays here, rows and counts; hardly a span is handed back, and no request declined."""
    opened, handed_back = gate(conventions, other_spans), dict[Path, float]()
    assert opened.compiled is not None
    for file in sorted(FOLDER.rglob("*.traces.*.binpb")):
        body, before = file.read_bytes(), engine.counts.handed_back
        assert_same(engine, opened, body, RECORDED_AT)
        spans = engine.traces(body, context(RECORDED_AT), (), opened.traces()).received
        handed_back[file] = (engine.counts.handed_back - before) / 2 / max(1, spans)
    # What a guardrail states leaves as a typed event, which Python makes.
    others = {file: share for file, share in handed_back.items() if not file.name.startswith("guardrail_")}
    assert {file: share for file, share in others.items() if share > MOST_HANDED_BACK} == {}
    assert engine.counts.declined == 0
    assert len(handed_back) > 100


@pytest.mark.parametrize(("conventions", "other_spans"), sampled(4, MODES))
def test_nothing_that_was_said_passes(engine: NativeEngine, conventions: str, other_spans: str) -> None:
    """Every field that can hold text carries the token, in made requests and in those of the corpora."""
    opened, left = gate(conventions, other_spans), list[bytes]()
    for request in trace_requests(NOW):
        left.append(assert_same(engine, opened, request.SerializeToString(), NOW))
    for signal, body in corpora():
        if signal == "traces":
            planted = planted_everywhere(signal, body)
            left += [assert_same(engine, opened, each, AGENTS.received_at) for each in planted]
    assert [body for body in left if TOKEN.encode() in body] == []
    assert sum(map(bool, left)) > LEAST_PASSED


@pytest.mark.parametrize("conventions", CONVENTIONS)
def test_a_planted_leak_is_found(conventions: str) -> None:
    """The test above can fail: where every text is an identifier, the token passes and is seen."""
    facts = engine_facts(POLICY)
    faulty = NativeEngine(POLICY, facts | {"patterns": facts["patterns"] | {"identifier": "(?s).*"}})
    opened = gate(conventions)
    left = [
        faulty.traces(each.SerializeToString(), context(NOW), (), opened.traces()).forwarded["traces"].data
        for each in trace_requests(NOW)
    ]
    assert any(TOKEN.encode() in body for body in left)


# Python alone reads counts that are written so.
ODD: Mapping[str, Any] = {**STEP, wire.GEN_AI_USAGE_INPUT_TOKENS: "2.5e1"}
EVENT = (wire.EVENT_DECISION, DECISION)
REFUSED = (wire.EVENT_DECISION, {**DECISION, wire.DECISION_SELECTED: "a b"})


def scoped(*spans: tuple[Mapping[str, Any], Any]) -> bytes:
    """Spans of one scope, with their events, numbered."""
    return traces(
        *(
            ASpan(attributes=stated, events=events, span_id=bytes((number,)) * 8)
            for number, (stated, events) in enumerate(spans, start=1)
        )
    )


@pytest.mark.parametrize(("conventions", "other_spans"), MODES)
def test_spans_that_are_handed_back_keep_their_place(
    engine: NativeEngine, conventions: str, other_spans: str
) -> None:
    """At the beginning, in the middle and at the end of scopes, with resources that nothing leaves of."""
    none: tuple[Any, ...] = ()
    plain, odd, link = (STEP, [EVENT]), (ODD, [REFUSED, EVENT]), ({"said": "said"}, none)
    requests = [scoped(*each) for each in itertools.product((plain, odd, link), repeat=3)]
    opened, before = gate(conventions, other_spans), engine.counts.handed_back
    # Requests put together are one with all their resources.
    for first in (0, 9, 18):
        body = b"".join(requests[first : first + 9])
        left = assert_same(engine, opened, body, NOW)
        assert left.count(bytes((2,)) * 8) == (9 if other_spans == "structure" else 6)
    assert engine.counts.handed_back - before == 27


@pytest.mark.parametrize(("conventions", "other_spans"), MODES)
def test_spans_of_coding_agents_leave_the_same(
    engine: NativeEngine, conventions: str, other_spans: str
) -> None:
    """Those that repeat log records make no rows and go on; scopes of one resource stay apart."""
    request = ExportTraceServiceRequest.FromString(scoped((STEP, ()), (ODD, ()), ({"said": "said"}, ())))
    scopes = request.resource_spans[0].scope_spans
    for name in ("gemini-cli", "", "opencode", "codex_exec", "said by somebody"):
        scopes.add(scope=InstrumentationScope(name=name, version="1.2.3"), spans=scopes[0].spans)
    left = assert_same(engine, gate(conventions, other_spans), request.SerializeToString(), NOW)
    kept = ExportTraceServiceRequest.FromString(left).resource_spans[0].scope_spans
    assert {"gemini-cli", "codex_exec"} < {each.scope.name for each in kept}


def test_a_gate_of_another_policy_is_pythons(engine: NativeEngine) -> None:
    """Names are kept under the key of its site."""
    opened = open_gate(Forward(), Policy(site_key=b"another"))
    assert opened.traces().compiled(POLICY) is None
    assert_same(engine, opened, scoped((STEP, [EVENT])), NOW)


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: {"makers": [*facts["makers"], ("odd", "mood")]},
        lambda facts: {"keys": facts["keys"] | {"mood": "odd"}},
        lambda facts: {"unconfirmed": facts["unconfirmed"] | {"mood": {"odd"}}},
        lambda facts: {"events": facts["events"] | {"odd": ("key", "mood")}},
        lambda _: {"endings": {}},
        lambda _: {"hash": "(?=a)"},
    ],
    ids=["form", "fact", "unconfirmed fact", "event", "endings", "pattern"],
)
def test_what_the_engine_does_not_know_ends_the_building(
    change: Callable[[Any], dict[str, Any]], monkeypatch: pytest.MonkeyPatch, engine: NativeEngine
) -> None:
    """Then Python makes every copy, and the log says why."""
    facts = compiled.gate_facts(Forward(), "stamp")
    monkeypatch.setattr(compiled, "gate_facts", lambda *_: facts | change(facts))
    opened = open_gate(Forward(), POLICY)
    assert opened.compiled is None
    assert_same(engine, opened, scoped((STEP, [EVENT])), NOW)
