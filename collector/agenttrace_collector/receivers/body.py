"""Reads HTTP bodies within limits and finds their content encoding."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from starlette.requests import Request

from agenttrace_collector.errors import TooLarge, UnsupportedMedia
from agenttrace_collector.receivers.admission import AdmissionController
from agenttrace_collector.server.auth import Identity
from agenttrace_collector.server.inflate import Coding

JSON: Final = "application/json"
# The same by other names: of HTTP's early days, and as OpenTelemetry Collectors call it.
_ALIASES: Final = {"x-gzip": Coding.GZIP, "zlib": Coding.DEFLATE}
_CODINGS: Final = {**{str(coding): coding for coding in Coding}, **_ALIASES}


class BodyLimits(NamedTuple):
    """The limits of a body: bytes, and seconds to arrive."""

    size: int
    seconds: float


@asynccontextmanager
async def admitted_body(
    request: Request, flow: AdmissionController, sender: Identity, limits: BodyLimits
) -> AsyncIterator[bytes]:
    """Yields the body of an authenticated request, with a slot to process it.

    Raises `TooLarge`, or `Unavailable` where it does not come in time or memory does not allow it.
    """
    announced = _announced(request)

    async def arrived(size: int) -> None:
        await flow.grow(body, size, announced)

    async with flow.receiving(sender.tenant) as body:
        async with flow.receive(body, limits.seconds):
            data = await read_body(request, limits.size, arrived)
        async with flow.admit(sender.tenant):
            yield data


async def read_body(
    request: Request, limit: int, arrived: Callable[[int], Awaitable[None]] | None = None
) -> bytes:
    """Returns a body of at most `limit` bytes; raises `TooLarge` before more is read.

    `arrived` is called with the size of each part before the next one is read.
    """
    if _announced(request) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if arrived and part:
            await arrived(len(part))
    return b"".join(parts)


def _announced(request: Request) -> int:
    length = request.headers.get("content-length", "")
    # More digits than that are more bytes than there are; int() refuses thousands of them.
    return int(length[:18]) if length.isascii() and length.isdigit() else 0


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body must have at most {limit} bytes")


def coding_of(request: Request) -> Coding:
    """Returns the content encoding; raises `UnsupportedMedia` for an unknown or a repeated one."""
    stated = ",".join(request.headers.getlist("content-encoding")).lower().split(",")
    applied = [name.strip() for name in stated if name.strip() not in {"", Coding.IDENTITY}]
    if len(applied) > 1 or not set(applied) <= _CODINGS.keys():
        message = f"Content-Encoding: must be one of {', '.join(_CODINGS)}, and one only"
        raise UnsupportedMedia(message)
    return _CODINGS[applied[0]] if applied else Coding.IDENTITY
