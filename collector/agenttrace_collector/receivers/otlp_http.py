"""OTLP over HTTP: protobuf or JSON, known content encodings, failures as `google.rpc.Status`."""

from __future__ import annotations

import gzip
import logging
from dataclasses import dataclass
from typing import Final

from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc import status_pb2
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from agenttrace_collector.config.sections import Http
from agenttrace_collector.errors import FAULT, CollectorError, UnsupportedMedia, wire_status
from agenttrace_collector.receivers.answers import (
    headers_of,
    internal_status,
    response_to,
    status_of,
)
from agenttrace_collector.receivers.body import JSON, BodyLimits, admitted_body, coding_of
from agenttrace_collector.receivers.ingest import Body, Ingest
from agenttrace_collector.receivers.paths import CanonicalPaths
from agenttrace_collector.receivers.signals import OTHER_SERVICES, OtlpSignal
from agenttrace_collector.server.auth import Authenticator, Role
from agenttrace_collector.server.browsers import origins_pattern
from agenttrace_collector.server.inflate import Coding
from agenttrace_collector.telemetry.spans import OWN_HEADER

_log: Final = logging.getLogger(__name__)
_MIB: Final = 1024 * 1024
_TRANSPORT: Final = "http"
PROTOBUF: Final = "application/x-protobuf"
# So that another method than POST gets our answer, not the framework's.
_ANY_METHOD: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]
_NOT_FOUND: Final = "not found: traces are taken at /v1/traces, logs at /v1/logs, metrics at /v1/metrics"
_HEADERS: Final = ["authorization", "content-type", "content-encoding"]


@dataclass(frozen=True, slots=True)
class HttpReceiver:
    """The OTLP paths of one port."""

    settings: Http
    ingest: Ingest
    authenticator: Authenticator
    signals: tuple[OtlpSignal, ...]

    def app(self) -> Starlette:
        """The application."""
        routes = [self._route(signal) for signal in self.signals]
        return Starlette(
            routes=[*routes, Route("/{path:path}", _not_found, methods=_ANY_METHOD)],
            middleware=self._middleware(),
        )

    def _middleware(self) -> list[Middleware]:
        cors = self.settings.cors
        paths = Middleware(CanonicalPaths)
        origins = origins_pattern(cors.allowed_origins)
        if origins is None:
            return [paths]
        allowed = Middleware(
            CORSMiddleware,
            allow_origin_regex=origins.pattern,
            allow_methods=["POST"],
            allow_headers=[*_HEADERS, *cors.allowed_headers],
        )
        return [allowed, paths]

    def _route(self, signal: OtlpSignal) -> Route:
        async def export(request: Request) -> Response:
            if request.method != "POST":
                return _plain(request, 405, "the method must be POST", {"allow": "POST"})
            try:
                return await self._export(signal, request)
            except CollectorError as error:
                self.ingest.metrics.record_refusal(_TRANSPORT, error)
                return _failure(request, error)
            except ClientDisconnect:
                return Response(status_code=499)
            except Exception as error:  # noqa: BLE001 - the request's border: a fault here must not end the server
                self.ingest.metrics.record_request(_TRANSPORT, "failure")
                _log.exception("a request failed", extra={"error": type(error).__name__})
                return _answer(request, internal_status(), FAULT.http)

        return Route(f"/v1/{signal.name}", export, methods=_ANY_METHOD)

    async def _export(self, signal: OtlpSignal, request: Request) -> Response:
        sender = self.authenticator.identify(request.headers.get("authorization"), Role.INGEST)
        self.ingest.quotas.check(sender.tenant)
        is_json = _content_type(request) == JSON
        coding, is_own = coding_of(request), OWN_HEADER in request.headers
        limit = self.settings.max_recv_msg_size_mib * _MIB
        limits = BodyLimits(limit, self.settings.read_timeout)
        async with admitted_body(request, self.ingest.flow, sender, limits) as data:
            body = Body(
                data, signal, _TRANSPORT, sender.tenant, limit, is_json=is_json, coding=coding, is_own=is_own
            )
            batch = await self.ingest.take(body)
        return _answer(request, response_to(signal, batch), 200)


def _content_type(request: Request) -> str:
    stated = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if stated not in {PROTOBUF, JSON}:
        message = f"the content type must be {PROTOBUF} or {JSON}"
        raise UnsupportedMedia(message)
    return stated


def _failure(request: Request, error: CollectorError) -> Response:
    response = _answer(request, status_of(error), wire_status(error).http)
    response.headers.update(headers_of(error))
    return response


def _answer(request: Request, message: Message, status: int) -> Response:
    """The message in the request's encoding; in JSON where the request names none that is known."""
    is_protobuf = request.headers.get("content-type", "").startswith(PROTOBUF)
    content = message.SerializeToString() if is_protobuf else _json(message)
    headers = {}
    if content and Coding.GZIP in request.headers.get("accept-encoding", ""):
        content = gzip.compress(content, compresslevel=1, mtime=0)
        headers = {"content-encoding": str(Coding.GZIP), "vary": "Accept-Encoding"}
    return Response(content, status, headers, media_type=PROTOBUF if is_protobuf else JSON)


def _json(message: Message) -> bytes:
    return json_format.MessageToJson(message, indent=None).encode()


async def _not_found(request: Request) -> Response:
    name = request.url.path.removeprefix("/v1/").removeprefix("/v1development/")
    message = f"{name} are not supported: traces and logs are" if name in OTHER_SERVICES else _NOT_FOUND
    return _plain(request, 404, message)


def _plain(request: Request, code: int, message: str, headers: dict[str, str] | None = None) -> Response:
    names = {404: 5, 405: 12}  # google.rpc.Code NOT_FOUND, UNIMPLEMENTED
    response = _answer(request, status_pb2.Status(code=names[code], message=message), code)
    response.headers.update(headers or {})
    return response
