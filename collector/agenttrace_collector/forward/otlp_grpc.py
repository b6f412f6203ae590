"""OTLP over gRPC as a client: which status codes mean never, and which later."""

from __future__ import annotations

from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from agenttrace_collector.config.pipelines import OtlpClient
from agenttrace_collector.errors import Rejected, Unavailable
from agenttrace_collector.forward.otlp_http import refused

_PACKAGE: Final = "opentelemetry.proto.collector"
_METHODS: Final = {
    "traces": f"/{_PACKAGE}.trace.v1.TraceService/Export",
    "logs": f"/{_PACKAGE}.logs.v1.LogsService/Export",
}
_RETRYABLE: Final = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
_DETAILS: Final = "grpc-status-details-bin"


class GrpcClient:
    """One channel, which connects again by itself."""

    def __init__(self, settings: OtlpClient) -> None:
        self._timeout = settings.timeout
        self._metadata = tuple(
            (key.lower(), value.get_secret_value()) for key, value in settings.headers.items()
        )
        target = settings.endpoint.removeprefix("https://").removeprefix("http://")
        # Our own backoff waits between attempts; the channel's is not to come on top of it.
        options = [("grpc.max_reconnect_backoff_ms", 1_000), ("grpc.initial_reconnect_backoff_ms", 100)]
        packing = grpc.Compression.Gzip if settings.compression == "gzip" else grpc.Compression.NoCompression
        if settings.tls.insecure or settings.endpoint.startswith("http://"):
            self._channel = grpc.insecure_channel(target, options, packing)
        else:
            self._channel = grpc.secure_channel(target, _credentials(settings), options, packing)
        self._export = {
            name: self._channel.unary_unary(path, bytes, bytes) for name, path in _METHODS.items()
        }

    def send(self, signal: str, body: bytes) -> int:
        """Call Export; how many records the receiver refused."""
        try:
            answer = self._export[signal](body, timeout=self._timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            code, delay = error.code(), retry_delay(error)
            message = f"answers {code.name}"
            may_retry = code in _RETRYABLE or (
                code is grpc.StatusCode.RESOURCE_EXHAUSTED and delay is not None
            )
            if may_retry:
                raise Unavailable(message, delay or 0.0) from None
            raise Rejected(message) from None
        return refused(signal, answer)

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()


def retry_delay(error: grpc.RpcError) -> float | None:
    """Seconds of a RetryInfo in the status' details, None without one."""
    stated: Any = error.trailing_metadata() or ()
    details = next((value for key, value in stated if key == _DETAILS), None)
    if not isinstance(details, bytes):
        return None
    try:
        status = status_pb2.Status.FromString(details)
        for detail in status.details:
            info = error_details_pb2.RetryInfo()
            if detail.Unpack(info):
                return float(info.retry_delay.ToTimedelta().total_seconds())
    except (DecodeError, OverflowError):
        pass
    return None


def _credentials(settings: OtlpClient) -> grpc.ChannelCredentials:
    tls = settings.tls
    files = (tls.ca_file, tls.key_file, tls.cert_file)
    return grpc.ssl_channel_credentials(*(file.read_bytes() if file else None for file in files))
