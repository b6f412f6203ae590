"""Bytes that are not OTLP are refused; strings that are not UTF-8 cost nothing but themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

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
