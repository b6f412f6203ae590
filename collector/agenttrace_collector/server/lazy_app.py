"""An ASGI application that is built in the background; early requests wait for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class LazyApp:
    """The application that `making` returns."""

    making: asyncio.Future[ASGIApp]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request once there is what serves it."""
        application = await asyncio.shield(self.making)
        await application(scope, receive, send)
