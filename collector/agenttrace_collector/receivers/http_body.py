"""Bodies of HTTP requests: read within a limit, their encoding one that is known."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from agenttrace_collector.errors import Rejected, TooLarge

JSON: Final = "application/json"
GZIP: Final = "gzip"


class UnsupportedMedia(Rejected):
    """A content type or encoding that is not taken."""


async def read_body(request: Request, limit: int) -> bytes:
    """The body of at most `limit` bytes; raises `TooLarge` before more is read."""
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"allowed is a body of at most {limit} bytes")


def is_gzip(request: Request) -> bool:
    """Whether the body is packed; raises `UnsupportedMedia` for any other encoding."""
    stated = request.headers.get("content-encoding", "identity").strip().lower() or "identity"
    if stated not in {GZIP, "identity"}:
        message = "allowed content encodings are gzip and identity"
        raise UnsupportedMedia(message)
    return stated == GZIP
