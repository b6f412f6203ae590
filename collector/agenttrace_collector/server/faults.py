"""The border of an application's requests: an unexpected exception does not end the server."""

from __future__ import annotations

import logging
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log: Final = logging.getLogger(__name__)


class FaultBorder:
    """The outermost middleware: logs an unexpected exception and sends `refusal`, which holds nothing of its text."""

    def __init__(self, app: ASGIApp, refusal: ASGIApp) -> None:
        self._app = app
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - the request's border: a fault here must not end the server
            _log.exception("a request failed", extra={"error": type(error).__name__})
            if not started:
                await self._refusal(scope, receive, send)
