"""The compiled engine on real requests: the same bytes as Python's, and hardly anything handed back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.compiled import MODULE, EngineMissing
from agenttrace_collector.decode.native import SEAM, NativeEngine
from agenttrace_collector.decode.native_facts import engine_facts
from agenttrace_collector.decode.otlp import decode_logs, decode_traces
from agenttrace_collector.decode.otlp_json import logs_from_json, traces_from_json
from agenttrace_collector.errors import Rejected
from agenttrace_schemas import wire
from agenttrace_schemas.rules import Policy
from tests.support.agents import CONTEXT, agent_scenarios
from tests.support.corpus import FOLDER, RECORDED_AT
from tests.support.native import needs_engine
from tests.support.otlp import DECISION, NOW, STEP, ASpan, traces
from tests.support.reference import reference_request

pytestmark = needs_engine
# Of the spans of one file.
MOST_HANDED_BACK = 0.02
DECODE = {"traces": decode_traces, "logs": decode_logs}
FROM_JSON = {"traces": traces_from_json, "logs": logs_from_json}


@pytest.fixture(scope="module")
def engine() -> NativeEngine:
    """One engine for all: building it compiles its patterns."""
    return NativeEngine(Policy(site_key=b"k" * 32))


def context(engine: NativeEngine, at: int = RECORDED_AT) -> Context:
    """Of the engine's own policy."""
    return Context(engine.policy, "default", at)


def test_every_file_of_the_corpus_makes_the_same_batch(engine: NativeEngine) -> None:
    """Rows, counts and digest; at most two spans or records of a hundred are handed back, in any file, and no request declined."""
    files = sorted(FOLDER.rglob("*.binpb"))
    sent = [(file.name.split(".")[1], file.read_bytes()) for file in files]
    assert _handed_back(engine, sent, RECORDED_AT) == []
    assert len(sent) > 150


def test_every_request_of_a_coding_agent_makes_the_same_batch(engine: NativeEngine) -> None:
    """Spans and log records of each set, within the same bound."""
    sent = [
        (signal := name.split(".")[1], FROM_JSON[signal](body).data if name.endswith(".json") else body)
        for scenario in agent_scenarios()
        for name, body in scenario.requests
        if name.split(".")[1] in DECODE
    ]
    assert _handed_back(engine, sent, CONTEXT.received_at) == []
    assert len(sent) > 300


def _handed_back(engine: NativeEngine, sent: Sequence[tuple[str, bytes]], now: int) -> list[int]:
    """The places of requests of which more was handed back than may be; each makes the same batch."""
    found = []
    for place, (signal, body) in enumerate(sent):
        before = engine.counts.handed_back
        batch = DECODE[signal](body, context(engine, now))
        made = engine.traces if signal == "traces" else engine.logs
        assert made(body, context(engine, now)) == batch, place
        if engine.counts.handed_back - before > MOST_HANDED_BACK * batch.received:
            found.append(place)
    assert engine.counts.declined == 0
    return found


def test_the_reference_request_makes_the_same_batch(engine: NativeEngine) -> None:
    """With the larger body the lock of the interpreter is released."""
    for spans in (1, 16, 512):
        body = reference_request(spans, NOW, spans)
        assert engine.traces(body, context(engine, NOW)) == decode_traces(body, context(engine, NOW))
    assert engine.counts.handed_back == 0


def test_a_span_that_is_handed_back_keeps_its_place(engine: NativeEngine) -> None:
    """Its rows stand between those of its neighbours, and refusals are numbered through."""
    odd: dict[str, Any] = {**STEP, "gen_ai.usage.input_tokens": "2.5e1"}
    refused = [(wire.EVENT_DECISION, {**DECISION, wire.DECISION_SELECTED: "a b"})]
    spans = [
        ASpan(attributes=attributes, events=events, span_id=bytes((number,)) * 8)
        for number, (attributes, events) in enumerate(
            [(STEP, refused), (odd, refused), (STEP, ()), (odd, ()), (STEP, refused)], start=1
        )
    ]
    body, before = traces(*spans), engine.counts.handed_back
    batch = engine.traces(body, context(engine, NOW))
    assert batch == decode_traces(body, context(engine, NOW))
    assert batch.blocks["agent_steps"].rows == 5
    assert batch.refusals == {("decision", "label.pattern"): 3}
    assert engine.counts.handed_back - before == 2


def test_bytes_that_are_no_request_are_refused_by_python(engine: NativeEngine) -> None:
    """The engine declines them, and the error is the same."""
    before = engine.counts.declined
    with pytest.raises(Rejected, match="not a protobuf"):
        engine.traces(b"\xff\xff", context(engine))
    assert engine.counts.declined == before + 1


def test_another_policy_is_treated_in_python(engine: NativeEngine) -> None:
    """An engine is built for one policy."""
    other = Context(Policy(decisions=False), "default", NOW)
    body = reference_request(1, NOW, 4)
    assert engine.traces(body, other) == decode_traces(body, other)


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: {"kinds": [*facts["kinds"], ("odd", "decision", "agent_runs")]},
        lambda facts: {"first": [*facts["first"], ("odd", "mood", ("text", None, None, False))]},
        lambda facts: {"later": [*facts["later"], ("odd", 1, "mood", ("text", None, None, False))]},
    ],
    ids=["kind of event", "first key of a fact", "later key of a fact"],
)
def test_what_only_python_knows_is_handed_back(change: Callable[[Any], Mapping[str, Any]]) -> None:
    """A typed event or a fact that the engine has not does not end its building."""
    policy = Policy()
    facts = engine_facts(policy)
    engine = NativeEngine(policy, {**facts, **change(facts)})
    body = traces(ASpan(attributes={**STEP, "odd": "x"}, events=[("odd", {})]), ASpan(attributes=STEP))
    assert engine.traces(body, context(engine, NOW)) == decode_traces(body, context(engine, NOW))
    assert engine.counts.handed_back in {1, 2}


def test_an_event_with_a_key_that_is_not_known_is_handed_back(engine: NativeEngine) -> None:
    """A key of ours may mean something to Python."""
    stated = {**DECISION, "agenttrace.decision.mood": "good"}
    body, before = (
        traces(ASpan(attributes=STEP, events=[(wire.EVENT_DECISION, stated)])),
        engine.counts.handed_back,
    )
    assert engine.traces(body, context(engine, NOW)) == decode_traces(body, context(engine, NOW))
    assert engine.counts.handed_back == before + 1


@pytest.mark.parametrize("built", [SimpleNamespace(), SimpleNamespace(SEAM=SEAM - 1)])
def test_an_engine_of_another_version_is_none(monkeypatch: pytest.MonkeyPatch, built: object) -> None:
    """It takes and answers otherwise: each request would fail."""
    monkeypatch.setattr(import_module(MODULE), "Engine", built)
    with pytest.raises(EngineMissing, match="another version"):
        NativeEngine(Policy())


@pytest.mark.parametrize(
    "change",
    [
        {"families": [("a.", "feelings")]},
        {"tables": []},
        {"rules": []},
        {"messages": [("opentelemetry.proto.trace.v1.Span", 77, 9, False)]},
        {"first": [("a", "model", ("guess", None, None, False))]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_fact_that_is_not_known_ends_the_building(change: Mapping[str, Any]) -> None:
    """An engine of another version is no engine."""
    facts = {**engine_facts(Policy()), **change}
    with pytest.raises(EngineMissing):
        NativeEngine(Policy(), facts)
