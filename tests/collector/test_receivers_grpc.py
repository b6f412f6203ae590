"""OTLP over gRPC as the protocol wants it (OTLP facts, section A)."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from agenttrace_collector.decode.batch import Batch
from agenttrace_collector.errors import Unavailable
from agenttrace_collector.receivers.admission import Limits
from agenttrace_collector.receivers.signals import OTHER_SERVICES
from agenttrace_schemas import wire
from agenttrace_schemas.rows import DecisionRow, StepRow
from tests.fakes import DiscardingSink, FailingSink, GatedSink, MemorySink
from tests.support.otlp import DECISION, STEP, ASpan, logs, traces
from tests.support.receivers import EXPORT_LOGS, MIB, Receivers, Settings, receivers, wait_until

DECIDED = ASpan(attributes=STEP, events=[(wire.EVENT_DECISION, DECISION)])
BAD_DECISION = {**DECISION, wire.DECISION_TYPE: "secret_type"}


@pytest.fixture(scope="module")
def sink() -> MemorySink:
    """What the receivers of this module wrote."""
    return MemorySink()


@pytest.fixture(scope="module")
def live(sink: MemorySink) -> Iterator[Receivers]:
    """Receivers that take everything."""
    with receivers(Settings(sink=sink, max_mib=1)) as listening:
        yield listening


def status(error: grpc.RpcError) -> status_pb2.Status:
    """The status with details that came with a refusal."""
    return status_pb2.Status.FromString(trailers(error)["grpc-status-details-bin"])


def trailers(error: grpc.RpcError) -> dict[str, Any]:
    """What came after a refusal."""
    return {entry.key: entry.value for entry in error.trailing_metadata() or ()}


def test_a_request_is_stored_and_fully_successful(live: Receivers, sink: MemorySink) -> None:
    """Full success leaves partial_success unset, which is an empty message."""
    before = sink.rows(DecisionRow.TABLE)
    assert live.export(traces(DECIDED)) == b""
    assert sink.rows(DecisionRow.TABLE) == before + 1


def test_an_empty_request_is_a_success(live: Receivers) -> None:
    """Senders may probe with nothing."""
    assert live.export(b"") == b""
    assert live.export(b"", path=EXPORT_LOGS) == b""


def test_gzip_is_taken(live: Receivers, sink: MemorySink) -> None:
    """The compression of gRPC itself is undone before we see the bytes."""
    before = sink.rows(StepRow.TABLE)
    body = traces(ASpan(attributes=STEP, span_id=b"gzipgzip"))
    assert live.export(body, compression=grpc.Compression.Gzip) == b""
    assert sink.rows(StepRow.TABLE) == before + 1


def test_a_stripped_event_is_a_warning(live: Receivers) -> None:
    """The span was taken, so no span is rejected; the message names rule and count, no value."""
    spans = [ASpan(events=[(wire.EVENT_DECISION, BAD_DECISION)] * 3)]
    answer = ExportTraceServiceResponse.FromString(live.export(traces(*spans)))
    assert answer.partial_success.rejected_spans == 0
    assert "decision.type 3" in answer.partial_success.error_message
    assert "secret_type" not in answer.partial_success.error_message


def test_a_refused_span_is_counted_and_others_are_kept(live: Receivers, sink: MemorySink) -> None:
    """A wrong id costs its span alone."""
    before = sink.rows(StepRow.TABLE)
    body = traces(ASpan(attributes=STEP, span_id=b"short"), ASpan(attributes=STEP, span_id=b"8 bytes!"))
    answer = ExportTraceServiceResponse.FromString(live.export(body))
    assert answer.partial_success.rejected_spans == 1
    assert "span.id 1" in answer.partial_success.error_message
    assert sink.rows(StepRow.TABLE) == before + 1


def test_a_refused_log_event_is_a_rejected_record(live: Receivers) -> None:
    """The log signal counts events themselves."""
    body = logs(wire.EVENT_DECISION, BAD_DECISION)
    answer = ExportLogsServiceResponse.FromString(live.export(body, path=EXPORT_LOGS))
    assert answer.partial_success.rejected_log_records == 1


def test_the_message_is_bounded(live: Receivers) -> None:
    """Thousands of refusals take as little room as one."""
    spans = [
        ASpan(events=[(wire.EVENT_DECISION, BAD_DECISION)] * 100, span_id=bytes([n] * 8))
        for n in range(1, 20)
    ]
    answer = ExportTraceServiceResponse.FromString(live.export(traces(*spans)))
    assert len(answer.partial_success.error_message) < 300


@pytest.mark.parametrize(
    "body", [b"garbage", b"\xff" * 100, traces(DECIDED)[:-5], gzip.compress(traces(DECIDED), mtime=0)]
)
def test_bytes_that_are_no_request_are_bad(live: Receivers, body: bytes) -> None:
    """INVALID_ARGUMENT with a BadRequest detail, never INTERNAL."""
    error = live.refused(body)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    detail = error_details_pb2.BadRequest()
    assert status(error).details[0].Unpack(detail)
    assert detail.field_violations[0].description == error.details()
    assert "google.rpc.retryinfo-bin" not in trailers(error)


def test_invalid_utf8_costs_nothing(live: Receivers, sink: MemorySink) -> None:
    """A relay written in Go lets such strings through."""
    before = sink.rows(DecisionRow.TABLE)
    body = traces(ASpan(attributes=STEP, name="nameXX", events=[(wire.EVENT_DECISION, DECISION)]))
    assert live.export(body.replace(b"nameXX", b"name\xff\xfe")) == b""
    assert sink.rows(DecisionRow.TABLE) == before + 1


def test_unknown_fields_are_ignored(live: Receivers) -> None:
    """Later versions of the protocol add fields."""
    assert live.export(traces(DECIDED) + b"\xfa\x3f\x03abc") == b""


def test_too_large_is_resource_exhausted_without_delay(live: Receivers) -> None:
    """Before and after decompression; not to be sent again."""
    big = ExportTraceServiceRequest()
    span = big.resource_spans.add().scope_spans.add().spans.add()
    span.name = "x" * (MIB + 1)
    before = live.counted("otelcol_receiver_requests", outcome="refused")
    for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
        error = live.refused(big.SerializeToString(), compression=compression)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "google.rpc.retryinfo-bin" not in trailers(error)
    wait_until(lambda: live.counted("otelcol_receiver_requests", outcome="refused") == before + 2)


def test_nested_values_do_no_harm(live: Receivers) -> None:
    """As deep as protobuf allows and deeper."""
    for depth in (20, 64, 500):
        assert live.export(nested(depth)) == b""


def nested(depth: int) -> bytes:
    """A request with an attribute that many lists deep; written by hand, as protobuf would refuse to."""
    value = AnyValue(string_value="x").SerializeToString()
    for _ in range(depth):
        value = field(5, field(1, value))
    attribute = field(1, b"key") + field(2, value)
    span = field(1, bytes(range(1, 17))) + field(2, bytes(range(1, 9))) + field(9, attribute)
    times = b"\x39" + (1_790_000_000_000_000_000).to_bytes(8, "little")
    return field(1, field(2, field(2, span + times)))


def field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(number: int) -> bytes:
    """A protobuf varint."""
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


@pytest.mark.parametrize(("name", "service"), OTHER_SERVICES.items())
def test_other_signals_are_not_implemented(live: Receivers, name: str, service: str) -> None:
    """Said by name, so that a sender knows which exporter to switch off."""
    error = live.refused(b"", path=f"/{service}/Export")
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert name in (error.details() or "")


def test_unavailable_carries_its_delay_in_both_trailers() -> None:
    """The standard one, and the one the Python exporter reads."""
    sink = FailingSink(lambda: Unavailable("journal: it is full", 1.5), DiscardingSink())
    with receivers(Settings(sink=sink)) as live:
        error = live.refused(traces(DECIDED))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    bare = error_details_pb2.RetryInfo.FromString(trailers(error)["google.rpc.retryinfo-bin"])
    packed = error_details_pb2.RetryInfo()
    assert status(error).details[0].Unpack(packed)
    assert bare.retry_delay.ToMilliseconds() == packed.retry_delay.ToMilliseconds() == 1500


def test_a_fault_of_our_own_is_internal_and_says_nothing() -> None:
    """The text of an unknown exception may repeat what was sent."""

    class Faulty(MemorySink):
        async def write(self, batch: Batch) -> bool:
            message = f"secret {batch}"
            raise RuntimeError(message)

    with receivers(Settings(sink=Faulty())) as live:
        error = live.refused(traces(DECIDED))
        assert error.code() is grpc.StatusCode.INTERNAL
        assert "secret" not in (error.details() or "")
        assert live.counted("otelcol_receiver_requests", outcome="failure") == 1


def test_requests_over_the_limit_are_asked_to_come_later() -> None:
    """Nothing queues without end, and what was under way is answered."""
    gated = GatedSink(MemorySink())
    settings = Settings(
        sink=gated, patience=0.05, limits=Limits(requests=1, soft_bytes=2**60, hard_bytes=2**60)
    )
    with receivers(settings) as live, ThreadPoolExecutor(1) as pool:
        first = pool.submit(live.export, traces(DECIDED))
        wait_until(lambda: gated.waiting > 0)
        error = live.refused(traces(DECIDED))
        live.loop.call_soon_threadsafe(gated.opened.set)
        assert first.result(10) == b""
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "google.rpc.retryinfo-bin" in trailers(error)


def test_memory_over_the_soft_limit_refuses_with_a_delay() -> None:
    """New requests wait outside until there is room."""
    settings = Settings(limits=Limits(requests=4, soft_bytes=100, hard_bytes=200), resident=lambda: 150)
    with receivers(settings) as live:
        assert live.refused(traces(DECIDED)).code() is grpc.StatusCode.UNAVAILABLE
