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

from agenttrace_collector.decode import attributes
from agenttrace_collector.decode.batch import Context
from agenttrace_collector.decode.otlp import decode_traces
from agenttrace_collector.decode.otlp_json import logs_from_json, traces_from_json
from agenttrace_collector.errors import Rejected
from agenttrace_collector.receivers.answers import unread_message
from agenttrace_schemas.rules import Policy

ODD_NUMBERS: tuple[object, ...] = (
    True,
    1.5,
    "",
    "1.5",
    "x",
    "2026-01-01T00:00:00Z",
    "٣",
    [],
    {},
    -1,
    "-1",
    2**64,
    "1" * 5000,
    "1e400",
    "1e-4",
)


def span_of(fields: Mapping[str, Any]) -> Span:
    """The one span with these fields, after a way through JSON."""
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]}
    body = traces_from_json(json.dumps(document).encode()).data
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


@pytest.mark.parametrize(("given", "read"), [("1e3", 1000), (1e3, 1000), (" 7 ", 7), ("7.0", 7), (7.0, 7)])
def test_whole_numbers_are_read_by_their_value(given: object, read: int) -> None:
    """As JSON and protobuf's own JSON write them."""
    assert span_of({"startTimeUnixNano": given}).start_time_unix_nano == read
    assert value_of({"intValue": given}).int_value == read


@pytest.mark.parametrize("name", ["startTimeUnixNano", "endTimeUnixNano"])
@pytest.mark.parametrize("wrong", ODD_NUMBERS, ids=str)
def test_a_time_that_is_none_is_one_that_its_rule_refuses(name: str, wrong: object) -> None:
    """Never the time of another field: an end that is none is no moment."""
    span = span_of({"startTimeUnixNano": "5", "endTimeUnixNano": "6", name: wrong})
    assert 1 in (span.start_time_unix_nano, span.end_time_unix_nano)


@pytest.mark.parametrize(
    "kind", ["intValue", "doubleValue", "boolValue", "stringValue", "arrayValue", "bytesValue"]
)
@pytest.mark.parametrize("odd", [{}, [], [None], {"a": 1}, "?", float("inf")], ids=repr)
def test_an_odd_value_is_unreadable_and_its_request_is_kept(kind: str, odd: object) -> None:
    """Or read, where the field can hold it; the attribute after it is there."""
    span = span_of(
        {"attributes": [{"key": "k", "value": {kind: odd}}, {"key": "n", "value": {"intValue": 1}}]}
    )
    first, second = (attributes.value_of(item.value) for item in span.attributes)
    assert second == 1
    readable = {("stringValue", str): "?", ("doubleValue", float): float("inf"), ("arrayValue", dict): []}
    assert first in (attributes.UNREADABLE, readable.get((kind, type(odd))))


def test_enums_are_numbers_and_names() -> None:
    """Unknown numbers are kept as protobuf keeps them; what is no member is none of the list."""
    for given in (3, "3", 3.0, "SPAN_KIND_CLIENT"):
        assert span_of({"kind": given}).kind == Span.SPAN_KIND_CLIENT
    assert span_of({"kind": 77}).kind == 77
    assert span_of({"status": {"code": "STATUS_CODE_ERROR"}}).status.code == 2
    odd_kinds: tuple[object, ...] = ("SPAN_KIND_OTHER", "\ud800", [], 1.5, True, 2**40)
    for odd in odd_kinds:
        assert span_of({"kind": odd}).kind == -1


def test_keys_are_read_in_both_spellings() -> None:
    """In lowerCamelCase and as the protocol's files have them; later versions add keys."""
    fields = {
        "trace_id": "01" * 16,
        "start_time_unix_nano": 5,
        "attributes": [{"key": "k", "value": {"int_value": 3}}],
    }
    document = {"resource_spans": [{"scope_spans": [{"spans": [fields | {"later": {"x": [1]}}]}]}]}
    body = traces_from_json(json.dumps(document).encode()).data
    span = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans[0]
    assert (span.trace_id, span.start_time_unix_nano) == (b"\x01" * 16, 5)
    assert span.attributes[0].value.int_value == 3


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
    request = ExportTraceServiceRequest.FromString(traces_from_json(body).data)
    assert request.resource_spans[0].scope_spans[0].spans[0].name == "a�b"


def test_log_records_are_read() -> None:
    """The other signal goes the same way."""
    document = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"eventName": "e", "spanId": "01" * 8}]}]}]}
    request = ExportLogsServiceRequest.FromString(logs_from_json(json.dumps(document).encode()).data)
    record = request.resource_logs[0].scope_logs[0].log_records[0]
    assert (record.event_name, record.span_id) == ("e", b"\x01" * 8)


@pytest.mark.parametrize("document", [[], "x", 1, None, {"resourceMetrics": []}, {"spans": []}], ids=repr)
def test_what_is_no_request_is_refused(document: object) -> None:
    """The message names what is wanted."""
    with pytest.raises(Rejected, match="must"):
        traces_from_json(json.dumps(document).encode())
    assert traces_from_json(b"{}").data == b""


@pytest.mark.parametrize(
    "document",
    [
        {"resourceSpans": 1},
        {"resourceSpans": [1]},
        {"resourceSpans": [None]},
        {"resourceSpans": [{"scopeSpans": {}}]},
        {"resourceSpans": [{"scopeSpans": [7]}]},
        {"resourceSpans": [{"scopeSpans": [{"spans": "x"}]}]},
        {"resourceSpans": [{"scopeSpans": [{"spans": [None]}]}]},
    ],
    ids=repr,
)
def test_spans_that_cannot_be_read_are_refused_as_one(document: object) -> None:
    """A partial success, which names the field; the spans beside them are kept."""
    read = traces_from_json(json.dumps(document).encode())
    batch = decode_traces(read.data, Context(Policy(), "default", 0), read.unread)
    assert (batch.received, batch.refused) == (1, 1)
    assert {change.rule for change in batch.changes} == {"value.form"}


def test_unread_values_are_counted_by_service_and_field() -> None:
    """And told to the sender, without their values."""
    odd: Mapping[str, Any] = {
        "attributes": [{"key": 5}, {"key": "k", "value": {"intValue": "CANARY"}}],
        "links": {"CANARY": 1},
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "desk"}}]}
    document = {
        "resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [odd]}]}, {"scopeSpans": []}]
    }
    read = traces_from_json(json.dumps(document).encode())
    batch = decode_traces(read.data, Context(Policy(), "default", 0), read.unread)
    counted = {change.key: count for change, count in batch.changes.items() if change.service == "desk"}
    assert counted == {"attributes": 1, "intValue": 1, "links": 1}
    assert "3 values not read" in unread_message(batch)
    assert "CANARY" not in unread_message(batch)


def _nested(levels: int, around: str) -> str:
    opening, closing = {"[": ("[", "]"), "{": ('{"a":', "}")}[around]
    return opening * levels + "1" + closing * levels


@pytest.mark.parametrize("around", "[{")
@pytest.mark.parametrize("levels", [1, 64, 65, 250, 1_000, 200_000])
def test_no_depth_costs_the_request(levels: int, around: str) -> None:
    """Whatever is nested, and wherever."""
    deep = _nested(levels, around)
    attribute = f'{{"key":"k","value":{{"arrayValue":{{"values":[{deep}]}}}}}}'
    body = f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"name":"n","attributes":[{attribute}],"x":{deep}}}]}}]}}]}}'
    request = ExportTraceServiceRequest.FromString(traces_from_json(body.encode()).data)
    (span,) = request.resource_spans[0].scope_spans[0].spans
    assert span.name == "n"


@pytest.mark.parametrize("depth", [1, 30, 64, 65, 200])
def test_nested_maps_are_read_as_unreadable(depth: int) -> None:
    """As deep as they are."""
    value: Mapping[str, Any] = {"stringValue": "leaf"}
    for _ in range(depth):
        value = {"kvlistValue": {"values": [{"key": "k", "value": value}]}}
    assert attributes.value_of(value_of(value)) is attributes.UNREADABLE


def test_what_is_no_json_is_told_by_its_place() -> None:
    """Neither the word nor the error of the parser is repeated."""
    with pytest.raises(Rejected, match="must be JSON: it is none at line 2, column 3") as caught:
        traces_from_json(b"{\n  CANARY")
    assert "CANARY" not in str(caught.value)


def test_the_place_is_that_of_the_body_however_deep_it_is() -> None:
    """What is left out for its depth keeps its lines and columns."""
    body = b'{"resourceSpans":' + b"[" * 5_000 + b"\n\n" + b"[" * 10
    with pytest.raises(Rejected, match="line 3, column 11"):
        traces_from_json(body)


@pytest.mark.parametrize("digits", [20, 39, 308, 310, 400, 4_300, 4_301, 5_000])
@pytest.mark.parametrize("name", ["startTimeUnixNano", "flags", "kind", "droppedEventsCount"])
@pytest.mark.parametrize("sign", [b"", b"-"])
def test_numbers_of_any_size_are_let_through(digits: int, name: str, sign: bytes) -> None:
    """Those that no field holds are unreadable; what a double, or Python's own reading, holds is no bound."""
    span = {
        "name": "n",
        "startTimeUnixNano": 7,
        "attributes": [{"key": "a", "value": {"intValue": 8}}],
        name: 9,
    }
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    for number in (b"8", b"9"):
        large = body.replace(b": " + number, b": " + sign + b"9" * digits)
        (read,) = (
            ExportTraceServiceRequest.FromString(traces_from_json(large).data)
            .resource_spans[0]
            .scope_spans[0]
            .spans
        )
        assert read.name == "n"


def test_a_number_that_no_field_holds_is_no_time() -> None:
    """Its rule refuses the span."""
    body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":%s,"name":"n"}]}]}]}' % (
        b"9" * 5000
    )
    request = ExportTraceServiceRequest.FromString(traces_from_json(body).data)
    (span,) = request.resource_spans[0].scope_spans[0].spans
    assert (span.name, span.start_time_unix_nano) == ("n", 1)
