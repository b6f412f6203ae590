"""OTLP over HTTP as the protocol wants it (OTLP facts, section A)."""

from __future__ import annotations

import gzip
import itertools
import json
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from google.protobuf import json_format
from google.rpc import code_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from agenttrace_collector.errors import Throttled, Unavailable
from agenttrace_collector.receivers.admission import Limits
from agenttrace_schemas import wire
from agenttrace_schemas.rows import DecisionRow, StepRow
from tests.fakes import DiscardingSink, FailingSink, MemorySink
from tests.support import plain_http
from tests.support.otlp import DECISION, NOW, STEP, ASpan, logs, traces
from tests.support.packing import raw_deflate, zstd
from tests.support.receivers import Receivers, Settings, receivers

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
DECIDED = ASpan(attributes=STEP, events=[(wire.EVENT_DECISION, DECISION)])
REFUSED = ASpan(events=[(wire.EVENT_DECISION, {**DECISION, wire.DECISION_TYPE: "secret_type"})])


PACKED: list[tuple[Callable[[bytes], bytes], tuple[str, ...]]] = [
    (bytes, ("identity", "", ", identity")),
    (gzip.compress, ("gzip", "x-gzip", "GZIP", "identity, gzip")),
    (zlib.compress, ("deflate", "zlib", "Deflate")),
    (raw_deflate, ("deflate",)),
    (zstd.compress, ("zstd", "Zstd")),
]


@pytest.fixture(scope="module")
def sink() -> MemorySink:
    """What the receivers of this module wrote."""
    return MemorySink()


@pytest.fixture(scope="module")
def live(sink: MemorySink) -> Iterator[Receivers]:
    """Receivers that take everything up to one MiB."""
    with receivers(Settings(sink=sink, max_mib=1)) as listening:
        yield listening


def post(
    live: Receivers, body: bytes, *, path: str = "/v1/traces", kind: str = PROTOBUF, **headers: str
) -> httpx.Response:
    """POST a body; names of headers with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return plain_http.post(live.http + path, content=body, headers={"content-type": kind, **named})


def as_json(body: bytes) -> bytes:
    """A protobuf request in OTLP/JSON: ids in hex, everything else as protobuf writes it."""
    document: dict[str, Any] = json_format.MessageToDict(
        ExportTraceServiceRequest.FromString(body), use_integers_for_enums=True
    )
    for spans in document["resourceSpans"]:
        for span in spans["scopeSpans"][0]["spans"]:
            span.update(traceId=bytes(range(1, 17)).hex(), spanId=bytes(range(1, 9)).hex().upper())
    return json.dumps(document).encode()


def test_protobuf_is_stored_and_fully_successful(live: Receivers, sink: MemorySink) -> None:
    """200, the request's content type, an empty message."""
    before = sink.rows(DecisionRow.TABLE)
    answer = post(live, traces(DECIDED))
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, PROTOBUF, b"")
    assert sink.rows(DecisionRow.TABLE) == before + 1


def test_json_is_the_same_request(live: Receivers, sink: MemorySink) -> None:
    """Sent again in JSON it makes the same bytes, is acknowledged and not stored twice."""
    body = traces(ASpan(attributes=STEP, events=[(wire.EVENT_DECISION, DECISION)], end=DECIDED.end + 1))
    before = len(sink.batches)
    assert post(live, body).status_code == 200
    answer = post(live, as_json(body), kind=f"{JSON}; charset=utf-8")
    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (200, JSON, {})
    assert len(sink.batches) == before + 1


def test_gzip_goes_both_ways(live: Receivers, sink: MemorySink) -> None:
    """Taken, and sent to who accepts it."""
    before = sink.rows(StepRow.TABLE)
    body = gzip.compress(traces(ASpan(attributes=STEP, span_id=b"gzip www"), REFUSED))
    answer = post(live, body, content_encoding="gzip", accept_encoding="gzip")
    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
    message = ExportTraceServiceResponse.FromString(answer.content).partial_success.error_message
    assert "decision.type 1" in message
    assert sink.rows(StepRow.TABLE) == before + 1


def test_every_coding_is_taken(live: Receivers, sink: MemorySink) -> None:
    """By each of its names, in protobuf and JSON."""
    for number, (kind, (pack, names)) in enumerate(itertools.product((PROTOBUF, JSON), PACKED)):
        body = traces(ASpan(attributes=STEP, end=DECIDED.end + 100 + number))
        body = as_json(body) if kind == JSON else body
        before = sink.rows(StepRow.TABLE)
        for name in names:
            assert post(live, pack(body), kind=kind, content_encoding=name).status_code == 200, name
        assert sink.rows(StepRow.TABLE) == before + 1, names


@pytest.mark.parametrize(
    "stated", ["snappy", "br", "compress", "gzip, gzip", "deflate, gzip", "gzip,snappy", "*"]
)
def test_an_unknown_coding_is_told_the_known_ones(live: Receivers, stated: str) -> None:
    """415 with all of them, in the message and for clients that negotiate; what was sent is not repeated."""
    answer = post(live, b"CANARY", content_encoding=stated)
    assert (answer.status_code, status(answer).code) == (415, code_pb2.UNIMPLEMENTED)
    assert all(name in status(answer).message for name in ("gzip", "deflate", "zstd", "identity"))
    assert answer.headers["accept-encoding"] == "gzip, deflate, zstd, identity"
    assert "snappy" not in status(answer).message


def test_partial_success_is_a_200(live: Receivers) -> None:
    """With the count of what was refused whole."""
    body = logs(wire.EVENT_DECISION, {**DECISION, wire.DECISION_TYPE: "secret_type"})
    answer = post(live, body, path="/v1/logs", accept_encoding="identity")
    response = ExportLogsServiceResponse.FromString(answer.content)
    assert (answer.status_code, response.partial_success.rejected_log_records) == (200, 1)


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs"])
@pytest.mark.parametrize(("kind", "empty"), [(PROTOBUF, b""), (JSON, b"{}")])
def test_an_empty_request_is_a_success(live: Receivers, path: str, kind: str, empty: bytes) -> None:
    """Senders may probe with nothing."""
    assert post(live, empty, path=path, kind=kind).status_code == 200


@pytest.mark.parametrize(
    ("kind", "body", "encoding"),
    [
        (PROTOBUF, b"garbage", "identity"),
        (PROTOBUF, traces(DECIDED)[:-5], "identity"),
        (PROTOBUF, b"garbage", "gzip"),
        (PROTOBUF, gzip.compress(traces(DECIDED), mtime=0)[:-5], "gzip"),
        (PROTOBUF, gzip.compress(traces(DECIDED), mtime=0) + b"garbage", "gzip"),
        (JSON, b"", "identity"),
        (JSON, b"{", "identity"),
        (JSON, b"[]", "identity"),
        (JSON, b"\xff\xfe\xfd", "identity"),
        (JSON, b"[" * 100_000, "identity"),
        (JSON, b'{"resourceMetrics": []}', "identity"),
    ],
)
def test_bad_bodies_are_400_with_a_status(live: Receivers, kind: str, body: bytes, encoding: str) -> None:
    """A google.rpc.Status in the request's encoding, not to be sent again."""
    answer = post(live, body, kind=kind, content_encoding=encoding)
    assert (answer.status_code, answer.headers["content-type"]) == (400, kind)
    assert status(answer).code == code_pb2.INVALID_ARGUMENT
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize(
    "spans",
    [
        b'[{"kind": "SPAN_KIND_SERVER"}, {"startTimeUnixNano": -1}, {"flags": 1e400}, null, 7]',
        b'[{"attributes": {}}, {"attributes": [null, 1]}, {"status": {"code": []}}, {"events": 5}, []]',
    ],
)
def test_odd_spans_are_refused_one_by_one(live: Receivers, spans: bytes) -> None:
    """A partial success that says how many, by which rule; the sound span beside them is stored."""
    now = NOW.to_bytes(8).hex()
    sound = b'{"traceId": "%s", "spanId": "0102030405060708", "startTimeUnixNano": "%d"}'
    spans = spans[:-1] + b", " + sound % ((now * 2).encode(), NOW) + b"]"
    answer = post(live, b'{"resourceSpans": [{"scopeSpans": [{"spans": %s}]}]}' % spans, kind=JSON)
    assert (answer.status_code, answer.json()["partialSuccess"]["rejectedSpans"]) == (200, "5")
    assert "span.id 5" in answer.json()["partialSuccess"]["errorMessage"]


def status(answer: httpx.Response) -> status_pb2.Status:
    """The status in a body, in either encoding."""
    if answer.headers["content-type"] == PROTOBUF:
        return status_pb2.Status.FromString(answer.content)
    return json_format.Parse(answer.content, status_pb2.Status())


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("GET", "/v1/traces", {"content-type": PROTOBUF}, 405),
        ("PUT", "/v1/logs", {"content-type": JSON}, 405),
        ("POST", "/v1development/profiles", {"content-type": PROTOBUF}, 404),
        ("POST", "/", {"content-type": JSON}, 404),
        ("POST", "/v1/traces", {"content-type": "text/plain"}, 415),
        ("POST", "/v1/traces", {}, 415),
        ("POST", "/v1/traces", {"content-type": JSON, "content-encoding": "snappy"}, 415),
    ],
)
def test_what_is_not_taken_is_named(
    live: Receivers, method: str, path: str, headers: dict[str, str], expected: int
) -> None:
    """Each with its code and a Status body."""
    answer = plain_http.request(method, live.http + path, headers=headers, content=b"")
    assert answer.status_code == expected
    assert status(answer).message


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_too_large_is_413(live: Receivers, kind: str, encoding: str) -> None:
    """Before and after inflation."""
    body = b" " * (1024 * 1024 + 1)
    sent = gzip.compress(body) if encoding == "gzip" else body
    answer = post(live, sent, kind=kind, content_encoding=encoding)
    assert (answer.status_code, status(answer).code) == (413, code_pb2.RESOURCE_EXHAUSTED)
    assert "retry-after" not in answer.headers


def test_too_large_without_a_length_is_413(live: Receivers) -> None:
    """A chunked body is cut off where it passes the limit."""
    parts = (b" " * 65_536 for _ in range(17))
    answer = plain_http.post(live.http + "/v1/traces", content=parts, headers={"content-type": PROTOBUF})
    assert answer.status_code == 413


def test_a_bomb_costs_the_limit_and_no_more(live: Receivers) -> None:
    """A gigabyte of zeros in a megabyte is refused after its first mebibyte."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(deflate.compress(bytes(2**20)) for _ in range(256)) + deflate.flush()
    started = time.monotonic()
    assert post(live, bomb, content_encoding="gzip").status_code == 413
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(("error", "expected"), [(Throttled, 429), (Unavailable, 503)])
@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
def test_unavailable_says_when_to_come_back(error: type[Unavailable], expected: int, kind: str) -> None:
    """Retry-After in whole seconds, RetryInfo in the body."""
    sink = FailingSink(lambda: error("journal: it is full", 1.5), DiscardingSink())
    with receivers(Settings(sink=sink)) as live:
        answer = post(live, traces(DECIDED) if kind == PROTOBUF else b'{"resourceSpans": [{}]}', kind=kind)
    assert (answer.status_code, answer.headers["retry-after"]) == (expected, "2")
    assert status(answer).details[0].type_url.endswith("google.rpc.RetryInfo")


def test_memory_over_the_soft_limit_is_429() -> None:
    """Before the body is read."""
    settings = Settings(limits=Limits(requests=4, soft_bytes=100, hard_bytes=200), resident=lambda: 150)
    with receivers(settings) as live:
        assert post(live, traces(DECIDED)).status_code == 429


def test_a_slow_sender_is_let_go() -> None:
    """A body that does not arrive in time is not waited for."""
    with receivers(Settings(read_timeout=0.2)) as live:
        where = urlsplit(live.http)
        with socket.create_connection((where.hostname, where.port), 10) as slow:
            slow.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n")
            slow.sendall(b"Content-Length: 100\r\n\r\nabc")
            assert b"503" in slow.recv(1000)


def test_other_origins_are_not_welcome_by_default(live: Receivers) -> None:
    """A web page cannot send unless its origin is configured."""
    asking = {"origin": "https://page.example", "access-control-request-method": "POST"}
    answer = plain_http.options(live.http + "/v1/traces", headers=asking)
    assert "access-control-allow-origin" not in answer.headers
    with receivers(Settings(origins=["https://page.example"])) as open_to_one:
        answer = plain_http.options(open_to_one.http + "/v1/traces", headers=asking)
    assert answer.headers["access-control-allow-origin"] == "https://page.example"


def test_received_is_accepted_and_refused_in_the_metrics(live: Receivers) -> None:
    """Every span that could be read is counted once."""
    names = ("accepted", "refused", "failed")
    parts = sum(live.counted(f"otelcol_receiver_{name}_spans") for name in names)
    assert live.counted("agenttrace_received_spans") == parts > 0
