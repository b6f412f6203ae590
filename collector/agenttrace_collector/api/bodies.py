"""Routes with a request body: the caller is identified first, then the body is read up to a limit."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from agenttrace_collector.api.deps import operating
from agenttrace_collector.receivers.body import read_body

# What an operator asks for is a few names and times.
_MOST_BYTES: Final = 64 * 1024


class OperatorRoute(APIRoute):
    """A route for operators, which checks the token first: FastAPI reads a body before it resolves dependencies."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wraps FastAPI's handler in the check; raises `Unauthenticated`, `Forbidden` or `TooLarge`."""
        handle = super().get_route_handler()

        async def identified(request: Request) -> Response:
            operating(request)
            body = await read_body(request, _MOST_BYTES)
            return await handle(Request(request.scope, _replaying(body)))

        return identified


def _replaying(body: bytes) -> Callable[[], Coroutine[Any, Any, Message]]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
