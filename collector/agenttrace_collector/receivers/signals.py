"""The two OTLP signals taken here, each with its names on the wire and its decoding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from agenttrace_collector.decode.batch import Batch, Context, Unread
from agenttrace_collector.decode.otlp_json import FromJson

FromJsonBody: TypeAlias = Callable[[bytes], FromJson]
Response: TypeAlias = ExportTraceServiceResponse | ExportLogsServiceResponse


class Decode(Protocol):
    """Protobuf bytes to a batch."""

    def __call__(self, body: bytes, context: Context, unread: Unread = (), /) -> Batch:
        """`unread` counts what the JSON of these bytes held beside them."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal: its name in paths, what its records are called in metrics, how to read and answer."""

    name: str
    unit: str
    service: str
    decode: Decode
    from_json: FromJsonBody
    response: Callable[[], Response]


_PACKAGE: Final = "opentelemetry.proto.collector"
TRACE_SERVICE: Final = f"{_PACKAGE}.trace.v1.TraceService"
LOGS_SERVICE: Final = f"{_PACKAGE}.logs.v1.LogsService"
# Known to every OTLP sender and not taken here; both protocols answer so by name.
OTHER_SERVICES: Final = {
    "metrics": f"{_PACKAGE}.metrics.v1.MetricsService",
    "profiles": f"{_PACKAGE}.profiles.v1development.ProfilesService",
}
EXPORT: Final = "Export"


def traces(decode: Decode, from_json: FromJsonBody) -> Signal:
    """The trace signal with this decoding."""
    return Signal("traces", "spans", TRACE_SERVICE, decode, from_json, ExportTraceServiceResponse)


def logs(decode: Decode, from_json: FromJsonBody) -> Signal:
    """The log signal with this decoding."""
    return Signal("logs", "log_records", LOGS_SERVICE, decode, from_json, ExportLogsServiceResponse)
