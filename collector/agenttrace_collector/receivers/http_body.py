"""Bodies of HTTP requests: read within a limit, their encoding one that is known."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from agenttrace_collector.errors import TooLarge, UnsupportedMedia
from agenttrace_collector.receivers.inflate import Coding

JSON: Final = "application/json"
# The same by other names: of HTTP's early days, and as OpenTelemetry Collectors call it.
_ALIASES: Final = {"x-gzip": Coding.GZIP, "zlib": Coding.DEFLATE}
_CODINGS: Final = {**{str(coding): coding for coding in Coding}, **_ALIASES}


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


def coding_of(request: Request) -> Coding:
    """How the body is packed; raises `UnsupportedMedia` for what is not known, and for packing upon packing."""
    stated = ",".join(request.headers.getlist("content-encoding")).lower().split(",")
    applied = [name.strip() for name in stated if name.strip() not in {"", Coding.IDENTITY}]
    if len(applied) > 1 or not set(applied) <= _CODINGS.keys():
        message = f"Content-Encoding: must be one of {', '.join(_CODINGS)}, and one only"
        raise UnsupportedMedia(message)
    return _CODINGS[applied[0]] if applied else Coding.IDENTITY
