"""Properties of decoding that hold for any request: total, accounted for, deterministic."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agenttrace_collector.decode.batch import Batch, Context
from agenttrace_collector.decode.otlp import decode_logs, decode_traces
from agenttrace_collector.errors import Rejected
from agenttrace_schemas import wire
from agenttrace_schemas.rules import Policy
from tests.support.otlp import NOW, SPAN_ID, TRACE_ID
from tests.support.reference import reference_request

CONTEXT = Context(Policy(), "default", NOW)
BODY = reference_request(3, NOW, spans=2)
KEYS = sorted(
    {value for name, value in vars(wire).items() if name.isupper() and isinstance(value, str)}
    | {f"{wire.METADATA_PREFIX}{key}" for key in ("region", "prompt", "a b")}
)
EVENT_TABLES = ("agent_decisions", "agent_quality_signals", "agent_failures")

scalars = (
    st.builds(AnyValue, string_value=st.text(max_size=20))
    | st.builds(AnyValue, string_value=st.sampled_from(["tool_selection", "search", "timeout", "tool"]))
    | st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1))
    | st.builds(AnyValue, double_value=st.floats(width=64))
    | st.builds(AnyValue, bool_value=st.booleans())
    | st.builds(AnyValue, bytes_value=st.binary(max_size=8))
    | st.just(AnyValue())
)


def _array(values: list[AnyValue]) -> AnyValue:
    listed = AnyValue()
    listed.array_value.values.extend(values)
    return listed


values = scalars | st.lists(scalars, max_size=3).map(_array)
attributes = st.lists(
    st.builds(KeyValue, key=st.sampled_from(KEYS) | st.text(max_size=9), value=values), max_size=8
)
names = st.sampled_from([*sorted(wire.EVENT_NAMES), wire.EXCEPTION_EVENT, "other"])
times = st.sampled_from([0, 1, NOW, NOW + 1, 2**64 - 1])
events = st.builds(Span.Event, name=names, time_unix_nano=times, attributes=attributes)
ids = st.sampled_from([TRACE_ID, bytes(16), b"short"])
spans = st.builds(
    Span,
    trace_id=ids,
    span_id=st.sampled_from([SPAN_ID, bytes(8), b""]),
    name=st.sampled_from(["work", wire.EVENTS_SPAN]),
    start_time_unix_nano=times,
    end_time_unix_nano=times,
    attributes=attributes,
    events=st.lists(events, max_size=4),
)


def encoded(sent: list[Span]) -> bytes:
    """An ExportTraceServiceRequest of these spans, in one scope of one resource."""
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.extend(sent)
    return request.SerializeToString()


def count(batch: Batch, *tables: str) -> int:
    """How many rows these tables get together."""
    return sum(batch.blocks[table].rows for table in tables if table in batch.blocks)


@given(st.lists(spans, max_size=3))
def test_every_event_is_a_row_or_a_refusal(sent: list[Span]) -> None:
    """No event is lost and none is doubled, whatever its neighbours are."""
    batch = decode_traces(encoded(sent), CONTEXT)
    typed = sum(event.name in wire.EVENT_NAMES for span in sent for event in span.events)
    refused = sum(number for (kind, _), number in batch.refusals.items() if kind not in ("span", "step"))
    assert count(batch, *EVENT_TABLES) + refused == typed
    assert count(batch, "agent_rejections") == sum(batch.refusals.values())


@given(st.lists(spans, max_size=3))
def test_every_span_is_a_step_a_link_a_carrier_or_refused(sent: list[Span]) -> None:
    """The counts of the answer add up to what was received."""
    batch = decode_traces(encoded(sent), CONTEXT)
    assert batch.received == len(sent)
    placed = count(batch, "agent_steps", "span_links") + batch.refused
    assert placed <= len(sent) <= placed + sum(span.name == wire.EVENTS_SPAN for span in sent)


@given(st.lists(spans, max_size=2))
def test_the_same_bytes_give_the_same_rows(sent: list[Span]) -> None:
    """A replay is byte-identical."""
    body = encoded(sent)
    assert decode_traces(body, CONTEXT) == decode_traces(body, CONTEXT)


@given(st.binary(max_size=300), st.integers(0, len(BODY)), st.integers(0, len(BODY)))
def test_decoding_raises_nothing_but_a_refusal(noise: bytes, start: int, end: int) -> None:
    """Any bytes in the place of any part of a request."""
    body = BODY[:start] + noise + BODY[end:]
    for decode in (decode_traces, decode_logs):
        try:
            batch = decode(body, CONTEXT)
        except Rejected:
            continue
        assert batch.received >= 0
