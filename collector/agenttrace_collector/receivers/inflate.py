"""Bounded decompression: what a small body may become is limited before it becomes it."""

from __future__ import annotations

import zlib
from typing import Final

from agenttrace_collector.errors import Rejected, TooLarge

_GZIP: Final = zlib.MAX_WBITS | 16


def inflate(body: bytes, limit: int) -> bytes:
    """The content of a gzip body of at most `limit` bytes, all of its members."""
    parts: list[bytes] = []
    room, rest = limit, body
    while rest:
        part, rest = _member(rest, room)
        parts.append(part)
        room -= len(part)
    return b"".join(parts)


def _member(body: bytes, room: int) -> tuple[bytes, bytes]:
    inflater = zlib.decompressobj(_GZIP)
    try:
        content = inflater.decompress(body, room + 1)
    except zlib.error:
        message = "the body is not gzip, as its Content-Encoding says"
        raise Rejected(message) from None
    if len(content) > room:
        message = f"the body inflates to more than {room} bytes"
        raise TooLarge(message)
    if not inflater.eof:
        message = "the gzip body ends too early"
        raise Rejected(message)
    return content, inflater.unused_data
