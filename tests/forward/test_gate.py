"""What passes the gate: nothing that was said, and every fact that is read."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agenttrace_collector.config.pipelines import Forward
from agenttrace_collector.decode import steps
from agenttrace_collector.decode.batch import Batch, Context, EncodedRequest
from agenttrace_collector.decode.conventions.read import KEYS
from agenttrace_collector.decode.otlp import decode_logs, decode_traces
from agenttrace_collector.forward.gate import Gate, open_gate
from agenttrace_collector.forward.values import values_of
from agenttrace_schemas import names, rebuild, wire
from agenttrace_schemas.rows import ROWS, RejectionRow
from agenttrace_schemas.rules import Policy
from tests.support.agents import CONTEXT as AGENTS
from tests.support.canary import TOKEN, log_requests, trace_requests
from tests.support.corpus import RECORDED_AT, Scenario, scenarios
from tests.support.planted import corpora, planted_everywhere
from tests.support.rows import rows_of
from tests.support.sampling import sampled

POLICY = Policy(site_key=b"key of a site")
CORPUS = Context(POLICY, "default", RECORDED_AT)
CONVENTIONS = ("as_sent", "genai")
OTHER_SPANS = ("structure", "drop")
# Of the steps of the corpora, with the sentence in all that does not make them one.
LEAST_PASSED = 500


def gate(conventions: str, other_spans: str = "structure") -> Gate:
    """The gate of these settings."""
    return open_gate(Forward(conventions=conventions, other_spans=other_spans), POLICY)  # type: ignore[arg-type]


def copies(opened: Gate, signal: str, body: bytes, context: Context) -> Mapping[str, EncodedRequest]:
    """What leaves of a request, by signal."""
    if signal == "traces":
        return decode_traces(body, context, (), opened.traces()).forwarded
    return decode_logs(body, context, (), opened.logs()).forwarded


def left_of(opened: Gate, signal: str, body: bytes, context: Context = CORPUS) -> EncodedRequest:
    """What leaves of a request under its own signal."""
    return copies(opened, signal, body, context)[signal]


def passed(opened: Gate) -> Iterator[bytes]:
    """What passes of every planted request, of both signals."""
    now = time.time_ns()
    context = Context(POLICY, "default", now)
    for traces in trace_requests(now):
        yield left_of(opened, "traces", traces.SerializeToString(), context).data
    for logs in log_requests(now):
        yield left_of(opened, "logs", logs.SerializeToString(), context).data


@pytest.mark.parametrize(("conventions", "other_spans"), list(itertools.product(CONVENTIONS, OTHER_SPANS)))
def test_nothing_that_was_said_passes(conventions: str, other_spans: str) -> None:
    """Every field that can hold text carries the token; none does behind the gate."""
    left = list(passed(gate(conventions, other_spans)))
    assert [body for body in left if TOKEN.encode() in body] == []
    assert any(b"execute_tool" in body for body in left)


@pytest.fixture(scope="module")
def planted() -> list[tuple[str, bytes]]:
    """Every request of every open corpus with the sentence in every place."""
    return [(signal, each) for signal, body in corpora() for each in planted_everywhere(signal, body)]


def leaks(opened: Gate, requests: list[tuple[str, bytes]]) -> tuple[int, int]:
    """Of requests how many leave with the token, and how many spans and records leave."""
    context = Context(POLICY, "default", AGENTS.received_at)
    left = [each for signal, body in requests for each in copies(opened, signal, body, context).values()]
    return sum(TOKEN.encode() in each.data for each in left), sum(each.records for each in left)


@pytest.mark.parametrize(
    ("conventions", "other_spans"), sampled(4, itertools.product(CONVENTIONS, OTHER_SPANS))
)
def test_nothing_planted_in_the_corpora_passes(
    planted: list[tuple[str, bytes]], conventions: str, other_spans: str
) -> None:
    """What frameworks and coding agents really send, with the sentence in each text, key and value of it."""
    leaked, passed = leaks(gate(conventions, other_spans), planted)
    assert leaked == 0
    assert passed > LEAST_PASSED


@pytest.mark.parametrize("conventions", CONVENTIONS)
def test_a_planted_leak_is_found(
    planted: list[tuple[str, bytes]], conventions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests above can fail: where one rule is left out, the token passes and is seen."""
    opened = gate(conventions)
    monkeypatch.setattr(rebuild, "kept_name", lambda _key, value: value)
    monkeypatch.setattr(steps, "kept_name", lambda _key, value: value)
    assert any(TOKEN.encode() in body for body in passed(opened))
    assert leaks(opened, planted)[0]


CONVERSATION_KEYS = set(KEYS["conversation_id"])


def spans_of(body: bytes) -> dict[bytes, Span]:
    """The spans of a request by their ids."""
    request = ExportTraceServiceRequest.FromString(body)
    return {span.span_id: span for rs in request.resource_spans for ss in rs.scope_spans for span in ss.spans}


def told(value: object) -> object:
    """A list as a tuple, and everything else as it is."""
    return tuple(value) if isinstance(value, list) else value


CHANGED = {"created_at", "conversation_id", "source"}


def facts(batch: Batch) -> list[Any]:
    """The rows without what the gate is to change, and without what it refused."""
    kinds = [kind for kind in ROWS if kind.TABLE != RejectionRow.TABLE and kind.TABLE in batch.blocks]
    # An id of a call that may be a secret leaves as a stand-in.
    return [
        {
            key: value is None if key == "call_id" else value
            for key, value in asdict(row).items()
            if key not in CHANGED
        }
        for kind in kinds
        for row in rows_of(batch, kind)
    ]


@pytest.mark.parametrize("conventions", CONVENTIONS)
@pytest.mark.parametrize("scenario", sampled(4, scenarios()), ids=str)
def test_a_second_collector_reads_the_same_facts(scenario: Scenario, conventions: str) -> None:
    """Steps, runs and events of the corpus, conversation ids and the naming convention aside."""
    opened = gate(conventions)
    for body in scenario.bodies("traces"):
        behind = decode_traces(left_of(opened, "traces", body).data, CORPUS)
        assert facts(behind) == facts(decode_traces(body, CORPUS))
    for body in scenario.bodies("logs"):
        behind = decode_logs(left_of(opened, "logs", body).data, CORPUS)
        assert facts(behind) == facts(decode_logs(body, CORPUS))


def one_span(name: str, **attributes: str) -> ExportTraceServiceRequest:
    """A request of one span."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(name=name, kind=3)
    span.trace_id, span.span_id = bytes(range(16)), bytes(range(1, 9))
    span.start_time_unix_nano = span.end_time_unix_nano = RECORDED_AT
    for key, value in attributes.items():
        span.attributes.add(key=key.replace("__", ".")).value.string_value = value
    return request


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({"http__request__method": "GET", "url__full": "https://said"}, "HTTP GET"),
        ({"db__operation__name": "select", "db__query__text": "said"}, "SELECT"),
        ({"db__operation__name": "said"}, "client"),
        ({}, "client"),
    ],
)
def test_other_spans_keep_their_structure_only(attributes: dict[str, str], name: str) -> None:
    """A name of a closed list and no attributes; dropped where that is asked for."""
    body = one_span("said", **attributes).SerializeToString()
    left = ExportTraceServiceRequest.FromString(left_of(gate("as_sent"), "traces", body).data)
    span = left.resource_spans[0].scope_spans[0].spans[0]
    assert (span.name, list(span.attributes)) == (name, [])
    assert left_of(gate("as_sent", "drop"), "traces", body).records == 0


def test_conversations_leave_as_their_hash_and_the_gate_signs() -> None:
    """An id becomes the HMAC of the site; a hash stays what it is."""
    told = {"gen_ai__operation__name": "chat", "gen_ai__conversation__id": "said"}
    body = one_span("chat", **told).SerializeToString()
    once = left_of(gate("as_sent"), "traces", body).data
    left = ExportTraceServiceRequest.FromString(once)
    attributes = {
        each.key: each.value.string_value
        for each in left.resource_spans[0].scope_spans[0].spans[0].attributes
    }
    hashed = attributes[wire.GEN_AI_CONVERSATION_ID]
    assert len(hashed) == 64
    twice = left_of(gate("genai"), "traces", once).data
    assert hashed.encode() in twice
    resource = {each.key: each.value.string_value for each in left.resource_spans[0].resource.attributes}
    assert resource[wire.GATE] == gate("as_sent").stamp


@pytest.mark.parametrize("conventions", CONVENTIONS)
@pytest.mark.parametrize("key", sorted(CONVERSATION_KEYS))
def test_no_key_of_a_conversation_passes_its_id(key: str, conventions: str) -> None:
    """Whichever framework's key it is: an id that is an identifier would pass as a name."""
    body = one_span("chat", gen_ai__operation__name="chat", **{key: TOKEN}).SerializeToString()
    left = left_of(gate(conventions), "traces", body)
    assert left.records == 1
    assert TOKEN.encode() not in left.data


@pytest.mark.parametrize("conventions", CONVENTIONS)
@pytest.mark.parametrize("key", sorted(KEYS["tool_name"]))
def test_no_key_of_a_tool_passes_a_name_that_was_made_up(key: str, conventions: str) -> None:
    """A failed call confirms no tool, whichever framework's key names it."""
    request = one_span("execute_tool", gen_ai__operation__name="execute_tool", **{key: TOKEN})
    request.resource_spans[0].scope_spans[0].spans[0].status.code = Status.STATUS_CODE_ERROR
    left = left_of(gate(conventions), "traces", request.SerializeToString())
    assert left.records == 1
    assert TOKEN.encode() not in left.data


def test_typed_events_in_log_records_leave() -> None:
    """With their stamps and nothing else; a record of another kind stays here."""
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for name in (wire.EVENT_FAILURE, "said"):
        record = records.add(event_name=name, time_unix_nano=RECORDED_AT, severity_text="said")
        record.trace_id = bytes(range(16))
        record.body.string_value = "said"
        for key, value in {
            wire.FAILURE_TYPE: "tool",
            wire.FAILURE_CODE: "timeout",
            wire.GEN_AI_AGENT_NAME: "planner",
            "said": "said",
        }.items():
            record.attributes.add(key=key).value.string_value = value
    kept = left_of(gate("as_sent"), "logs", request.SerializeToString())
    assert kept.records == 1
    assert b"planner" in kept.data
    assert b"said" not in kept.data


def test_the_exporter_of_the_sdk_leaves_the_same() -> None:
    """The faster way of the collector is held to the rebuilding of the contract, on every step of the corpus."""
    compared = 0
    for body in (each for scenario in scenarios() for each in scenario.bodies("traces")):
        sent = spans_of(body)
        for key, left in spans_of(left_of(gate("as_sent"), "traces", body).data).items():
            found, rebuilt = of_step(left, sent[key])
            assert found == rebuilt
            compared += bool(found)
    assert compared > LEAST_PASSED


def of_step(left: Span, sent: Span) -> tuple[list[Any], list[Any]]:
    """Attributes and names of events of a step that left, and the same by the contract; nothing for other spans.

    One of these may leave with events that it was not sent with: what its attributes state of a guardrail.
    """
    made = {each.name for each in left.events} - {each.name for each in sent.events}
    if not left.attributes and (made or not left.events):
        return [], []
    found = values_of(left.attributes)
    rebuilt = dict(rebuild.rebuilt_attributes(values_of(sent.attributes), POLICY))
    # What only the collector does: it hashes conversations and hides names that nothing confirms.
    own = CONVERSATION_KEYS | {
        key for key, value in found.items() if str(value).startswith(names.UNCONFIRMED)
    }
    events = [
        event.name
        for event in sent.events
        if rebuild.event_attributes(event.name, values_of(event.attributes), POLICY) is not None
    ]
    return (
        [
            {key: told(value) for key, value in found.items() if key not in own},
            [each.name for each in left.events],
        ],
        [{key: told(value) for key, value in rebuilt.items() if key not in own}, events],
    )
