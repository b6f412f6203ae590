"""Canonical paths for exporters that double a slash or the path of a signal."""

from __future__ import annotations

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_SLASHES: Final = re.compile("/{2,}")
_DOUBLED: Final = re.compile("(?:/v1/(?:traces|logs|metrics))+(/v1/(?:traces|logs|metrics))")


def canonical(path: str) -> str:
    """The path as the protocol has it: `//v1/traces/` and `/v1/traces/v1/logs` are `/v1/traces` and `/v1/logs`."""
    plain = _SLASHES.sub("/", path)
    plain = plain.rstrip("/") if len(plain) > 1 else plain
    doubled = _DOUBLED.fullmatch(plain)
    return doubled[1] if doubled else plain


class CanonicalPaths:
    """Serves requests under their canonical paths."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As an ASGI application."""
        if scope["type"] == "http":
            scope = {**scope, "path": canonical(scope["path"])}
        await self._app(scope, receive, send)
