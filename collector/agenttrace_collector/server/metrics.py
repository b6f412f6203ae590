"""GET /metrics, as Prometheus reads it."""

from __future__ import annotations

from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from agenttrace_collector.errors import Forbidden, Unauthenticated, wire_status
from agenttrace_collector.server.auth import Authenticator, Role
from agenttrace_collector.telemetry.metrics import Telemetry

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def metrics_app(telemetry: Telemetry, authenticator: Authenticator | None = None) -> Starlette:
    """The application; with an `authenticator` it asks for tokens of the role metrics."""

    async def metrics(request: Request) -> Response:
        try:
            if authenticator:
                authenticator.identify(request.headers.get("authorization"), Role.METRICS)
        except (Unauthenticated, Forbidden) as error:
            return PlainTextResponse(f"{error}\n", wire_status(error).http, {"www-authenticate": "Bearer"})
        return Response(telemetry.exposition(), media_type=CONTENT_TYPE)

    return Starlette(routes=[Route("/metrics", metrics)])
