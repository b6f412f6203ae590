"""OTLP/JSON to protobuf: the protocol's rules where they differ from protobuf's own JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agenttrace_collector.decode.otlp_json import logs_from_json, traces_from_json
from agenttrace_collector.errors import Rejected


def span_of(fields: Mapping[str, Any]) -> Span:
    """The one span with these fields, after a way through JSON."""
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]}
    body = traces_from_json(json.dumps(document).encode())
    return ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans[0]


def value_of(value: Mapping[str, Any]) -> AnyValue:
    """An attribute's value after a way through JSON."""
    return span_of({"attributes": [{"key": "k", "value": value}]}).attributes[0].value


@pytest.mark.parametrize("hex_id", ["0102030405060708090A0b0c0d0e0f10", "0102030405060708090a0b0c0d0e0f10"])
def test_ids_are_hex_in_either_case(hex_id: str) -> None:
    """Protobuf's own JSON would read them as base64 and say nothing."""
    span = span_of({"traceId": hex_id, "links": [{"traceId": hex_id, "spanId": "01" * 8}]})
    assert span.trace_id == span.links[0].trace_id == bytes(range(1, 17))


@pytest.mark.parametrize("wrong", ["xyz", "0", "not an id"])
def test_an_id_that_is_no_hex_is_no_id(wrong: str) -> None:
    """Decoding then refuses this span and keeps the others."""
    assert span_of({"traceId": wrong}).trace_id == b""


@pytest.mark.parametrize(("given", "read"), [(5, 5), ("5", 5), (5.0, 5), ("18446744073709551615", 2**64 - 1)])
def test_integers_may_be_strings(given: object, read: int) -> None:
    """64-bit integers are written as decimal strings."""
    assert span_of({"startTimeUnixNano": given}).start_time_unix_nano == read


@pytest.mark.parametrize("wrong", [True, 1.5, "", "1.5", "1e3", "x", " 1", "٣", [], {}, "1" * 5000])
def test_other_integers_are_refused(wrong: object) -> None:
    """The whole request is: protobuf could not have said it either."""
    with pytest.raises(Rejected):
        span_of({"startTimeUnixNano": wrong})


def test_enums_are_numbers_only() -> None:
    """Unknown numbers are kept as protobuf keeps them."""
    assert span_of({"kind": 3}).kind == Span.SPAN_KIND_CLIENT
    assert span_of({"kind": 77}).kind == 77
    with pytest.raises(Rejected, match="kind: allowed is an integer, not a name"):
        span_of({"kind": "SPAN_KIND_CLIENT"})


def test_unknown_and_snake_case_keys_are_ignored() -> None:
    """Later versions add keys; snake_case is not OTLP."""
    span = span_of({"name": "n", "start_time_unix_nano": 5, "later": {"x": [1]}})
    assert (span.name, span.start_time_unix_nano) == ("n", 0)


def test_null_is_absent() -> None:
    """As in protobuf's JSON."""
    assert span_of({"name": None, "attributes": None}) == Span()


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"stringValue": "x"}, AnyValue(string_value="x")),
        ({"boolValue": False}, AnyValue(bool_value=False)),
        ({"intValue": "-7"}, AnyValue(int_value=-7)),
        ({"doubleValue": 1}, AnyValue(double_value=1.0)),
        ({"doubleValue": "Infinity"}, AnyValue(double_value=float("inf"))),
        ({"bytesValue": "AAE="}, AnyValue(bytes_value=b"\x00\x01")),
        ({"arrayValue": {}}, AnyValue(array_value=ArrayValue())),
        ({"kvlistValue": {"values": []}}, AnyValue(kvlist_value=KeyValueList())),
        ({}, AnyValue()),
    ],
)
def test_every_kind_of_value(given: Mapping[str, Any], read: AnyValue) -> None:
    """Empty lists and maps too."""
    assert value_of(given) == read


def test_half_a_surrogate_pair_does_not_cost_the_request() -> None:
    """JSON can escape it, UTF-8 cannot hold it."""
    assert value_of({"stringValue": "a\ud800b"}).string_value == "a?b"


def test_invalid_utf8_does_not_cost_the_request() -> None:
    """As with protobuf, bad bytes are replaced."""
    body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a\xffb"}]}]}]}'
    request = ExportTraceServiceRequest.FromString(traces_from_json(body))
    assert request.resource_spans[0].scope_spans[0].spans[0].name == "a�b"


def test_log_records_are_read() -> None:
    """The other signal goes the same way."""
    document = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"eventName": "e", "spanId": "01" * 8}]}]}]}
    request = ExportLogsServiceRequest.FromString(logs_from_json(json.dumps(document).encode()))
    record = request.resource_logs[0].scope_logs[0].log_records[0]
    assert (record.event_name, record.span_id) == ("e", b"\x01" * 8)


@pytest.mark.parametrize(
    "document", [[], "x", 1, None, {"resourceSpans": 1}, {"resourceSpans": [1]}, {"resourceSpans": [None]}]
)
def test_other_shapes_are_refused_without_their_values(document: object) -> None:
    """The message names the field and what is allowed."""
    with pytest.raises(Rejected, match="allowed is an"):
        traces_from_json(json.dumps(document).encode())
