"""Decompression with a limit on size and time."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Final, TypeAlias

from agenttrace_collector.errors import Rejected, TooLarge

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


class Coding(StrEnum):
    """How a body is packed, as Content-Encoding names it."""

    GZIP = "gzip"
    DEFLATE = "deflate"
    ZSTD = "zstd"
    IDENTITY = "identity"


_GZIP: Final = zlib.MAX_WBITS | 16
_ZLIB: Final = zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS
_ZLIB_METHOD: Final = 8
# Streams one after the other in one body (gzip members, zstd frames): each costs time, an empty one too.
_MOST_STREAMS: Final = 10_000
# Spans that differ in nothing but ids and times pack a hundred times smaller at most; a body below the first
# number of bytes may be anything.
_ANY_RATIO_BYTES: Final = 4 * 1024 * 1024
_MOST_RATIO: Final = 400
# Spans of agents, by gzip.
_USUAL_RATIO: Final = 10
# How much of a body is given to a stream first: what a stream leaves over is copied, and most are longer.
_FIRST_BYTES: Final = 512
# What a stream may look back at, and so what is kept of it in memory: 32 MiB.
_ZSTD_OPTIONS: Final[Mapping[int, int]] = {zstd.DecompressionParameter.window_log_max: 25}

# One stream of what is left of a body, with how much of the body it took; bounded by the room for its content.
_ReadBytes: TypeAlias = Callable[[memoryview, int], tuple[bytes, int]]


def inflate(body: bytes, coding: Coding, limit: int) -> bytes:
    """The content of a body, all of its streams; raises `TooLarge` where that is more than `limit` bytes.

    Takes a time that grows with the size of the body and of its content, and with nothing else.
    """
    if coding is Coding.IDENTITY:
        return body
    room = min(limit, max(_ANY_RATIO_BYTES, len(body) * _MOST_RATIO))
    try:
        return b"".join(_contents(memoryview(body), _READERS[coding], room))
    except _OverRoom:
        message = (
            f"the body inflates to more than {limit} bytes, or to more than {_MOST_RATIO} times its size"
        )
        raise TooLarge(message) from None
    except (zlib.error, zstd.ZstdError, _Broken):
        # The libraries' own texts are not shown: they may repeat what was sent.
        message = f"the body is not {coding}, as its Content-Encoding says, or it ends too early"
        raise Rejected(message) from None


def content_bytes(size: int, coding: Coding, limit: int) -> int:
    """The usual size of the content of a body of so many bytes; no more than `limit`."""
    return size if coding is Coding.IDENTITY else min(limit, size * _USUAL_RATIO)


class _Broken(Exception):
    """A stream without its end, or something after the end of the last one."""


class _OverRoom(Exception):
    """More content than there is room for."""


def _contents(body: memoryview, read: _ReadBytes, room: int) -> Iterator[bytes]:
    streams = 0
    while body:
        streams += 1
        if streams > _MOST_STREAMS:
            message = f"the body must be packed as at most {_MOST_STREAMS} streams"
            raise Rejected(message)
        content, used = read(body, room)
        room -= len(content)
        if room < 0:
            raise _OverRoom
        yield content
        body = body[used:]


def _gzip(body: memoryview, room: int) -> tuple[bytes, int]:
    return _deflated(body, room, _GZIP)


def _deflate(body: memoryview, room: int) -> tuple[bytes, int]:
    """In zlib's form, as HTTP means it, or without its header, as some senders do it."""
    content, used = _deflated(body, room, _ZLIB if _has_zlib_header(body) else _RAW)
    if len(content) <= room and used < len(body):
        raise _Broken
    return content, used


def _has_zlib_header(body: memoryview) -> bool:
    return len(body) > 1 and body[0] & 15 == _ZLIB_METHOD and (body[0] << 8 | body[1]) % 31 == 0


def _deflated(body: memoryview, room: int, form: int) -> tuple[bytes, int]:
    inflater = zlib.decompressobj(form)
    parts: list[bytes] = []
    size, used, step = 0, 0, _FIRST_BYTES
    while size <= room and not inflater.eof:
        piece = body[used : used + step]
        if not piece:
            raise _Broken
        parts.append(inflater.decompress(piece, room - size + 1))
        size, used, step = size + len(parts[-1]), used + len(piece), step * 2
    return b"".join(parts), used - len(inflater.unused_data)


def _zstd(body: memoryview, room: int) -> tuple[bytes, int]:
    """One frame, or one that is to be skipped."""
    used = zstd.get_frame_size(body)
    inflater = zstd.ZstdDecompressor(options=_ZSTD_OPTIONS)
    content = inflater.decompress(body[:used], room + 1)
    if len(content) <= room and not inflater.eof:
        raise _Broken
    return content, used


_READERS: Final[Mapping[Coding, _ReadBytes]] = {
    Coding.GZIP: _gzip,
    Coding.DEFLATE: _deflate,
    Coding.ZSTD: _zstd,
}
