"""The OTLP signals, each with its names on the wire and its decoding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from agenttrace_collector.decode.batch import Batch, Context, Unread
from agenttrace_collector.decode.engine import PYTHON_INLINE_BYTES, Engine, inline_bytes
from agenttrace_collector.decode.metrics import ignored_metrics, refused_metrics
from agenttrace_collector.decode.otlp_json import (
    FromJson,
    logs_from_json,
    metrics_from_json,
    traces_from_json,
)
from agenttrace_collector.decode.outgoing import Outgoing

FromJsonBody: TypeAlias = Callable[[bytes], FromJson]
Response: TypeAlias = ExportTraceServiceResponse | ExportLogsServiceResponse | ExportMetricsServiceResponse


class Decode(Protocol):
    """Protobuf bytes to a batch."""

    def __call__(
        self, body: bytes, context: Context, unread: Unread = (), outgoing: Outgoing | None = None, /
    ) -> Batch:
        """`unread` counts what the JSON of these bytes held beside them; `outgoing` becomes the copy that goes on."""


@dataclass(frozen=True, slots=True)
class OtlpSignal:
    """One signal: its name in paths, what its records are called in metrics, how to read and answer.

    One that is not stored is read and counted.
    """

    name: str
    unit: str
    service: str
    decode: Decode
    from_json: FromJsonBody
    response: Callable[[], Response]
    is_stored: bool = True
    # Protobuf up to this size is decoded on the event loop.
    inline_bytes: int = PYTHON_INLINE_BYTES


_PACKAGE: Final = "opentelemetry.proto.collector"
TRACE_SERVICE: Final = f"{_PACKAGE}.trace.v1.TraceService"
LOGS_SERVICE: Final = f"{_PACKAGE}.logs.v1.LogsService"
METRICS_SERVICE: Final = f"{_PACKAGE}.metrics.v1.MetricsService"
# Known to OTLP senders and not taken here; both protocols answer so by name.
OTHER_SERVICES: Final = {
    "profiles": f"{_PACKAGE}.profiles.v1development.ProfilesService",
}
EXPORT: Final = "Export"


def traces(decode: Decode, from_json: FromJsonBody, inline: int = PYTHON_INLINE_BYTES) -> OtlpSignal:
    """The trace signal with this decoding."""
    return OtlpSignal(
        "traces",
        "spans",
        TRACE_SERVICE,
        decode,
        from_json,
        ExportTraceServiceResponse,
        inline_bytes=inline,
    )


def logs(decode: Decode, from_json: FromJsonBody, inline: int = PYTHON_INLINE_BYTES) -> OtlpSignal:
    """The log signal with this decoding."""
    return OtlpSignal(
        "logs",
        "log_records",
        LOGS_SERVICE,
        decode,
        from_json,
        ExportLogsServiceResponse,
        inline_bytes=inline,
    )


def metrics(decode: Decode, from_json: FromJsonBody) -> OtlpSignal:
    """The metric signal with this decoding: its points are counted and dropped."""
    return OtlpSignal(
        "metrics",
        "metric_points",
        METRICS_SERVICE,
        decode,
        from_json,
        ExportMetricsServiceResponse,
        is_stored=False,
    )


def all_signals(engine: Engine, metric_points: Literal["ignore", "reject"]) -> tuple[OtlpSignal, ...]:
    """Traces and logs as this engine decodes them, and metrics, whose points are ignored or refused."""
    inline = inline_bytes(engine)
    return (
        traces(engine.traces, traces_from_json, inline),
        logs(engine.logs, logs_from_json, inline),
        metrics(ignored_metrics if metric_points == "ignore" else refused_metrics, metrics_from_json),
    )
