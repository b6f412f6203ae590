"""OTLP over gRPC: request bytes as they are to the ingest, its answer or failure back.

Calls are served as streams of one request: that leaves the moment a body is read to us, after the
sender is known and has a place, and with a limit on the time it may take.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias

import grpc
from google.rpc import status_pb2

from agenttrace_collector.config.sections import Grpc, Tls
from agenttrace_collector.config.values import Address, address
from agenttrace_collector.decode.batch import Batch
from agenttrace_collector.errors import (
    FAULT,
    CollectorError,
    Reason,
    Rejected,
    Unavailable,
    wire_status,
    without_frames,
)
from agenttrace_collector.receivers.answers import internal_status, response_to, retry_info, status_of
from agenttrace_collector.receivers.ingest import Body, Ingest
from agenttrace_collector.receivers.signals import EXPORT, OTHER_SERVICES, OtlpSignal
from agenttrace_collector.server.auth import Authenticator, Role
from agenttrace_collector.telemetry.spans import OWN_HEADER

_log: Final = logging.getLogger(__name__)
_MIB: Final = 1024 * 1024
_LOOKAHEAD_BYTES: Final = 256 * 1024
_TRANSPORT: Final = "grpc"
# The standard place of a status with details, and the one the Python OTLP exporter reads.
_STATUS_TRAILER: Final = "grpc-status-details-bin"
_RETRY_TRAILER: Final = "google.rpc.retryinfo-bin"

_Context: TypeAlias = grpc.aio.ServicerContext[bytes, bytes]


@dataclass(frozen=True, slots=True)
class GrpcLimits:
    """How many connections there may be, and how long each may take for what; gRPC refuses more of them."""

    connections: int = 1024
    # Of TLS and of HTTP/2, each.
    handshake_seconds: float = 10.0
    # Without a call.
    idle_seconds: float = 120.0
    # At all; calls under way may end.
    age_seconds: float = 3600.0
    grace_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class GrpcReceiver:
    """The OTLP services on one port."""

    settings: Grpc
    ingest: Ingest
    authenticator: Authenticator
    signals: tuple[OtlpSignal, ...]
    limits: GrpcLimits = GrpcLimits()

    async def start(self, endpoint: str) -> GrpcListener:
        """Listen; raises `OSError` where the port is not free."""
        server = grpc.aio.server(options=[*_options(self.settings), *_connection_options(self.limits)])
        server.add_generic_rpc_handlers((*map(self._service, self.signals), *_unimplemented()))
        listening = _bind(server, address(endpoint), self.settings.tls)
        await server.start()
        return GrpcListener(server, listening)

    def _service(self, signal: OtlpSignal) -> grpc.GenericRpcHandler[bytes, bytes]:
        # Without deserialiser and serialiser: bytes in, bytes out.
        handler = grpc.stream_unary_rpc_method_handler(self._export(signal))
        return grpc.method_handlers_generic_handler(signal.service, {EXPORT: handler})

    def _export(self, signal: OtlpSignal) -> Any:
        async def export(_: AsyncIterator[bytes], context: _Context) -> bytes:
            try:
                batch = await self._take(signal, context)
            except CollectorError as error:
                self.ingest.metrics.record_refusal(_TRANSPORT, error)
                without_frames(error)
                await _abort(context, status_of(error), error)
            except Exception as error:  # noqa: BLE001 - the request's border: a fault here must not end the server
                self.ingest.metrics.record_request(_TRANSPORT, "failure")
                _log.exception("a request failed", extra={"error": type(error).__name__})
                without_frames(error)
                await _abort(context, internal_status())
            return response_to(signal, batch).SerializeToString()

        return export

    async def _take(self, signal: OtlpSignal, context: _Context) -> Batch:
        sender = self.authenticator.identify(_metadata(context, "authorization"), Role.INGEST)
        self.ingest.quotas.check(sender.tenant)
        flow = self.ingest.flow
        async with flow.receiving(sender.tenant) as arriving:
            async with flow.expecting(arriving), flow.receive(arriving, self.settings.read_timeout):
                data = await _read(context)
            limit = self.settings.max_recv_msg_size_mib * _MIB
            async with flow.admit(sender.tenant):
                is_own = _metadata(context, OWN_HEADER) is not None
                return await self.ingest.take(
                    Body(data, signal, _TRANSPORT, sender.tenant, limit, is_own=is_own)
                )


@dataclass(frozen=True, slots=True)
class GrpcListener:
    """A gRPC server that listens."""

    server: grpc.aio.Server
    address: Address

    async def stop(self, grace: float) -> None:
        """Take no new calls; those under way have `grace` seconds."""
        await self.server.stop(grace)


def _options(settings: Grpc) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", settings.max_recv_msg_size_mib * _MIB),
        # Two collectors on one port would share its requests without a word.
        ("grpc.so_reuseport", 0),
        ("grpc.max_concurrent_streams", 256),
        # What may arrive before a body is asked for; left to itself gRPC lets it grow to megabytes a call.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", _LOOKAHEAD_BYTES),
        # A peer that vanished without closing is found, so that idle connections do not pile up.
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
    ]


def _connection_options(limits: GrpcLimits) -> list[tuple[str, int]]:
    handshake = int(limits.handshake_seconds * 1000)
    return [
        ("grpc.max_allowed_incoming_connections", limits.connections),
        ("grpc.server_handshake_timeout_ms", handshake),
        ("grpc.http2.settings_timeout", handshake),
        ("grpc.max_connection_idle_ms", int(limits.idle_seconds * 1000)),
        ("grpc.max_connection_age_ms", int(limits.age_seconds * 1000)),
        ("grpc.max_connection_age_grace_ms", int(limits.grace_seconds * 1000)),
    ]


def _bind(server: grpc.aio.Server, wanted: Address, tls: Tls | None) -> Address:
    try:
        port = (
            server.add_secure_port(str(wanted), _credentials(tls))
            if tls
            else server.add_insecure_port(str(wanted))
        )
    except RuntimeError as error:
        message = f"cannot listen on {wanted}: is another process using it?"
        raise OSError(message) from error
    return Address(wanted.host, port)


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    pair = (tls.key_file.read_bytes(), tls.cert_file.read_bytes())
    authority = tls.client_ca_file.read_bytes() if tls.client_ca_file else None
    return grpc.ssl_server_credentials([pair], authority, require_client_auth=authority is not None)


async def _read(context: _Context) -> bytes:
    """The one message of a call."""
    message: object = await context.read()
    if isinstance(message, bytes):
        return message
    # One that is too large ends the call before we see it: gRPC has answered RESOURCE_EXHAUSTED.
    text = "the call ended without a message that is within the size limit"
    error = Rejected(text)
    error.reason = Reason.TOO_LARGE
    raise error


def _metadata(context: _Context, name: str) -> str | None:
    metadata = context.invocation_metadata() or ()
    found = next((value for key, value in metadata if key == name), None)
    return found if isinstance(found, str) else None


async def _abort(
    context: _Context, status: status_pb2.Status, error: CollectorError | None = None
) -> NoReturn:
    trailers: list[tuple[str, bytes]] = [(_STATUS_TRAILER, status.SerializeToString())]
    if isinstance(error, Unavailable):
        trailers.append((_RETRY_TRAILER, retry_info(error).SerializeToString()))
    code = grpc.StatusCode[(wire_status(error) if error else FAULT).grpc]
    await context.abort(code, status.message, tuple(trailers))


def _unimplemented() -> Iterable[grpc.GenericRpcHandler[bytes, bytes]]:
    """Signals that are not taken, refused by name rather than as an unknown method."""
    for name, service in OTHER_SERVICES.items():
        handler = grpc.stream_unary_rpc_method_handler(_refuse(name))
        yield grpc.method_handlers_generic_handler(service, {EXPORT: handler})


def _refuse(name: str) -> Any:
    async def export(_: AsyncIterator[bytes], context: _Context) -> bytes:
        message = f"{name} are not supported: traces and logs are"
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, message)
        raise AssertionError

    return export
