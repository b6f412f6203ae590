"""ClickHouse's own compression of request and answer (`compress=1`, `decompress=1`): LZ4 blocks with a checksum.

A block is a CityHash128 of what follows it, a method byte, the size of the block without the checksum, the size of
its content, and the packed content; sizes are little-endian (ClickHouse's native protocol).
"""

from __future__ import annotations

import struct
from typing import Final

import lz4.block
from clickhouse_cityhash.cityhash import CityHash128

from agenttrace_collector.errors import TooLarge
from agenttrace_collector.sql_endpoint.problems import bad_argument

_LZ4: Final = 0x82
_NONE: Final = 0x02
_HEADER: Final = struct.Struct("<BII")
_CHECKSUM_BYTES: Final = 16
_BLOCK_BYTES: Final = 1024 * 1024
_MASK: Final = 2**64 - 1


def pack(data: bytes) -> bytes:
    """Compresses data into blocks; empty data becomes one empty block, because clients read at least one."""
    starts = range(0, max(1, len(data)), _BLOCK_BYTES)
    return b"".join(_block(data[start : start + _BLOCK_BYTES]) for start in starts)


def unpack(data: bytes, limit: int) -> bytes:
    """Decompresses blocks; raises `SqlRefused` if they are invalid, `TooLarge` if the data exceeds `limit` bytes."""
    parts: list[bytes] = []
    size = at = 0
    while at < len(data):
        content, at = _unpacked(data, at, limit - size)
        size += len(content)
        parts.append(content)
    return b"".join(parts)


def _block(content: bytes) -> bytes:
    packed = bytes(lz4.block.compress(content, store_size=False))
    block = _HEADER.pack(_LZ4, _HEADER.size + len(packed), len(content)) + packed
    return _checksum(block) + block


def _checksum(block: bytes) -> bytes:
    """The two halves of the hash, the lower one last, each little-endian."""
    found = CityHash128(block)
    return struct.pack("<QQ", found >> 64, found & _MASK)


def _unpacked(data: bytes, at: int, room: int) -> tuple[bytes, int]:
    """The content of the block that starts there, and where the next one does."""
    start = at + _CHECKSUM_BYTES
    if len(data) < start + _HEADER.size:
        raise _broken()
    method, length, size = _HEADER.unpack_from(data, start)
    block = data[start : start + length]
    if length < _HEADER.size or len(block) != length or _checksum(block) != data[at:start]:
        raise _broken()
    if size > room:
        message = "the statement must be smaller when it is unpacked"
        raise TooLarge(message)
    return _content(method, block[_HEADER.size :], size), start + length


def _content(method: int, packed: bytes, size: int) -> bytes:
    if method == _NONE and len(packed) == size:
        return packed
    if method != _LZ4:
        raise _broken()
    try:
        return bytes(lz4.block.decompress(packed, uncompressed_size=size))
    except lz4.block.LZ4BlockError:
        raise _broken() from None


def _broken() -> Exception:
    return bad_argument("decompress: must be blocks of LZ4 as ClickHouse frames them, with their checksums")
