"""Bytes that are not OTLP are refused; strings that are not UTF-8 cost nothing but themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agenttrace_collector.decode.attributes import UNREADABLE, value_of
from agenttrace_collector.decode.parse import parse
from agenttrace_collector.errors import Rejected
from tests.support.reference import reference_request

NOW = 1_790_000_000_000_000_000
BODY = reference_request(1, NOW, spans=4)


def test_a_sound_request_is_parsed_as_protobuf_parses_it() -> None:
    """The repair is not on the way of sound requests."""
    assert parse(ExportTraceServiceRequest, BODY) == ExportTraceServiceRequest.FromString(BODY)


def test_invalid_utf8_is_replaced_and_the_rest_is_kept() -> None:
    """One bad string leaves every other field as it was sent."""
    bad = BODY.replace(b"gpt-4o-mini-2024-07-18", b"gpt-4o-mini-2024-07-\xff\xfe")
    spans = parse(ExportTraceServiceRequest, bad).resource_spans[0].scope_spans[0].spans
    sound = ExportTraceServiceRequest.FromString(BODY).resource_spans[0].scope_spans[0].spans
    assert [span.span_id for span in spans] == [span.span_id for span in sound]
    assert "\ufffd" in str(spans[0].attributes)


@pytest.mark.parametrize("body", [b"\xff", BODY[:-1], b"{}", b"\x0a\xff\xff\xff\xff\x0f"])
def test_other_bytes_are_rejected_without_repeating_them(body: bytes) -> None:
    """The error names the message that was expected, nothing of what came."""
    with pytest.raises(Rejected, match="the body is not a protobuf ExportTraceServiceRequest"):
        parse(ExportTraceServiceRequest, body)


@given(st.binary(max_size=400), st.integers(0, len(BODY)))
def test_any_bytes_are_parsed_or_rejected(noise: bytes, cut: int) -> None:
    """Nothing but `Rejected` leaves the parser, for either signal."""
    for kind in (ExportTraceServiceRequest, ExportLogsServiceRequest):
        try:
            message = parse(kind, BODY[:cut] + noise + BODY[cut:])
        except Rejected:
            continue
        assert isinstance(message, kind)


@pytest.mark.parametrize("depth", [1, 30, 31, 32, 33, 64, 65, 5_000])
@pytest.mark.parametrize("kind", ["kvlist_value", "array_value"])
def test_no_depth_costs_the_request(depth: int, kind: str) -> None:
    """A nested value is unreadable; the attribute and the span after it are there."""
    value = AnyValue(string_value="leaf").SerializeToString()
    for _ in range(depth):
        value = _around(value, kind)
    attribute = _field(1, b"k") + _field(2, value)
    span = Span(name="deep", attributes=[KeyValue(key="n", value=AnyValue(int_value=3))]).SerializeToString()
    spans = _field(2, span + _field(9, attribute)) + _field(2, Span(name="next").SerializeToString())
    request = parse(ExportTraceServiceRequest, _field(1, _field(2, spans)))
    first, second = request.resource_spans[0].scope_spans[0].spans
    assert (first.name, second.name) == ("deep", "next")
    values = [value_of(item.value) for item in first.attributes]
    assert values[0] == 3
    assert values[1] in (UNREADABLE, ["leaf"], [UNREADABLE])


def _around(value: bytes, kind: str) -> bytes:
    if kind == "array_value":
        return _field(5, _field(1, value))
    return _field(6, _field(1, _field(1, b"k") + _field(2, value)))


def _field(number: int, data: bytes) -> bytes:
    """A length-delimited field, as protobuf's own code would not write one that deep."""
    length, size = len(data), b""
    while length > 127:
        size += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + data
