"""Packed bodies: read as they were packed, bounded in size and in time whatever they are made of."""

from __future__ import annotations

import gzip
import random
import time
import zlib
from collections.abc import Callable

import pytest

from agenttrace_collector.errors import CollectorError, Rejected, TooLarge
from agenttrace_collector.server.inflate import Coding, inflate
from tests.support.packing import raw_deflate, zstd

MIB = 1024 * 1024
LIMIT = 16 * MIB
TEXT = random.Random(7).randbytes(300_000) + b"a" * 300_000
SKIPPED = b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip"
# The header of a zstd frame whose window is the largest that is taken, of 32 MiB; the last is of 2 GiB.
WINDOW = b"\x28\xb5\x2f\xfd\x00" + bytes([(25 - 10) << 3])
HUGE_WINDOW = b"\x28\xb5\x2f\xfd\x00" + bytes([(31 - 10) << 3])
LAST_EMPTY_BLOCK = b"\x01\x00\x00"


def streamed_zstd(data: bytes) -> bytes:
    """A frame that does not say how large its content is."""
    packer = zstd.ZstdCompressor()
    return packer.compress(data) + packer.flush()


PACKED: list[tuple[Coding, Callable[[bytes], bytes]]] = [
    (Coding.IDENTITY, bytes),
    (Coding.GZIP, gzip.compress),
    (Coding.DEFLATE, zlib.compress),
    (Coding.DEFLATE, raw_deflate),
    (Coding.ZSTD, zstd.compress),
    (Coding.ZSTD, streamed_zstd),
]


@pytest.mark.parametrize(("coding", "pack"), PACKED)
def test_what_was_packed_is_read(coding: Coding, pack: Callable[[bytes], bytes]) -> None:
    """Whatever its size."""
    for size in (0, 1, 511, 512, 513, 100_000, len(TEXT)):
        assert inflate(pack(TEXT[:size]), coding, LIMIT) == TEXT[:size]


@pytest.mark.parametrize(("coding", "pack"), [(Coding.GZIP, gzip.compress), (Coding.ZSTD, zstd.compress)])
def test_streams_one_after_the_other_are_one_body(coding: Coding, pack: Callable[[bytes], bytes]) -> None:
    """As both formats allow; a frame of zstd that is to be skipped is skipped."""
    skipped = SKIPPED if coding is Coding.ZSTD else b""
    body = pack(TEXT) + skipped + pack(b"") + pack(TEXT[:700]) + skipped
    assert inflate(body, coding, LIMIT) == TEXT + TEXT[:700]


@pytest.mark.parametrize(("coding", "pack"), PACKED[1:])
def test_what_is_broken_is_refused(coding: Coding, pack: Callable[[bytes], bytes]) -> None:
    """Cut off anywhere, followed by something else, or nothing of the kind; what was sent is not repeated."""
    whole = pack(b"CANARY " * 100)
    bodies = [whole[:-1], whole[: len(whole) // 2], whole[:1], whole + b"CANARY", b"CANARY" * 9]
    for body in bodies:
        with pytest.raises(Rejected) as refused:
            inflate(body, coding, LIMIT)
        assert "CANARY" not in str(refused.value)
        assert coding in str(refused.value)


@pytest.mark.parametrize(("coding", "pack"), PACKED[1:])
def test_the_limit_is_the_limit(coding: Coding, pack: Callable[[bytes], bytes]) -> None:
    """To the byte, over all streams."""
    body = pack(TEXT)
    assert inflate(body, coding, len(TEXT)) == TEXT
    bodies = [body] if coding is Coding.DEFLATE else [body, pack(TEXT[:-1]) + pack(b"ab")]
    for each in bodies:
        with pytest.raises(TooLarge):
            inflate(each, coding, len(TEXT) - 1)


@pytest.mark.parametrize(("coding", "pack"), PACKED[1:])
def test_a_small_body_cannot_become_a_large_one(coding: Coding, pack: Callable[[bytes], bytes]) -> None:
    """Nothing that agents send packs a thousand times smaller."""
    with pytest.raises(TooLarge):
        inflate(pack(bytes(12 * MIB)), coding, LIMIT)
    assert inflate(pack(bytes(3 * MIB)), coding, LIMIT) == bytes(3 * MIB)


def _hostile() -> dict[str, tuple[Coding, bytes]]:
    member, frame = gzip.compress(b""), zstd.compress(b"")
    return {
        "two MiB of empty members": (Coding.GZIP, member * (2 * MIB // len(member))),
        "one long member, then empty ones": (Coding.GZIP, gzip.compress(TEXT * 4) + member * 90_000),
        "one-byte members": (Coding.GZIP, gzip.compress(b"x") * 90_000),
        "a name of two MiB": (Coding.GZIP, b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * (2 * MIB)),
        "empty stored blocks": (Coding.DEFLATE, b"\x00\x00\x00\xff\xff" * 400_000 + b"\x01\x00\x00\xff\xff"),
        "two MiB of empty frames": (Coding.ZSTD, frame * (2 * MIB // len(frame))),
        "frames to skip": (Coding.ZSTD, (SKIPPED[:4] + bytes(4)) * 250_000),
        "empty blocks": (Coding.ZSTD, WINDOW + bytes(3) * 690_000 + LAST_EMPTY_BLOCK),
        "the largest window many times": (Coding.ZSTD, (WINDOW + LAST_EMPTY_BLOCK) * 200_000),
        "a window of two GiB": (Coding.ZSTD, HUGE_WINDOW + LAST_EMPTY_BLOCK),
        "a GiB of one letter": (Coding.ZSTD, WINDOW + (b"\xfa\xff\x0fa") * 8_192),
    }


@pytest.mark.parametrize("name", _hostile())
def test_no_body_takes_long(name: str) -> None:
    """Whatever it is made of; each took seconds to minutes where what is left over is copied for each stream."""
    coding, body = _hostile()[name]
    started = time.process_time()
    try:
        content = inflate(body, coding, LIMIT)
    except CollectorError:
        content = b""
    assert time.process_time() - started < 0.7
    assert len(content) <= LIMIT
