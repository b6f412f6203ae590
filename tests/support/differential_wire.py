"""Protobuf bytes written otherwise: fields shuffled, doubled, padded, unknown, in groups; or bytes simply broken."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


def varint(value: int, padding: int = 0) -> bytes:
    """An unsigned LEB128 number, with so many bytes more than it needs."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    for _ in range(padding):
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


def _read(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while (byte := body[at]) > 0x7F:
        value |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
    return value | byte << shift, at + 1


def _fields(body: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Number, wire type and content of each field of a well-formed message."""
    at = 0
    while at < len(body):
        tag, at = _read(body, at)
        kind = tag & 7
        if kind == _VARINT:
            _, end = _read(body, at)
        elif kind == _BYTES:
            length, at = _read(body, at)
            end = at + length
        else:
            end = at + (8 if kind == _EIGHT else 4)
        yield tag >> 3, kind, body[at:end]
        at = end


def _written(number: int, kind: int, content: bytes, rng: random.Random) -> bytes:
    padding = 1 if rng.random() < 0.001 else 0
    tag = varint(number << 3 | kind, padding)
    if kind != _BYTES:
        return tag + content
    return tag + varint(len(content), 1 if rng.random() < 0.001 else 0) + content


def _odd_field(rng: random.Random) -> bytes:
    """A field that no message has, or one with another wire type, or a group."""
    number = rng.choice((1, 2, 3, 9, 99, 1000, 2**29 - 1))
    return rng.choice(
        (
            varint(99 << 3 | _VARINT) + varint(rng.randrange(2**40)),
            varint(98 << 3 | _BYTES) + varint(3) + b"abc",
            varint(97 << 3 | _EIGHT) + bytes(8),
            varint(number << 3 | 3) + varint(number << 3 | 4),
            varint(number << 3 | _FOUR) + bytes(4),
            varint(number << 3 | _VARINT) + b"\xff" * 9 + b"\x01",
            varint(number << 3 | _BYTES) + varint(2) + b"\xc3\x28",
            b"\x00\x00",
        )
    )


def rewired(rng: random.Random, body: bytes, message: Descriptor, chance: float = 0.15) -> bytes:
    """The message with some of its fields, and of those in it, written otherwise."""
    parts: list[bytes] = []
    known = {field.number: field for field in message.fields}
    for number, kind, content in _fields(body):
        field = known.get(number)
        inner = content
        if field is not None and field.message_type is not None:
            inner = rewired(rng, content, field.message_type, chance * 0.5)
        if kind == _VARINT and rng.random() < chance * 0.1:
            inner = varint(_read(content, 0)[0], rng.randrange(1, 3))
        parts.append(_written(number, kind, inner, rng))
        if rng.random() < chance * 0.03:
            parts.append(_written(number, kind, content, rng))
    if rng.random() < chance:
        rng.shuffle(parts)
    if rng.random() < chance * 0.1:
        parts.insert(rng.randrange(len(parts) + 1), _odd_field(rng))
    return b"".join(parts)


def broken_bytes(rng: random.Random, body: bytes) -> bytes:
    """Bits flipped, a part cut or doubled, or strange bytes in the middle."""
    for _ in range(rng.randrange(1, 3)):
        place = rng.randrange(len(body) + 1)
        change = rng.randrange(4)
        if change == 0 and body:
            at = min(place, len(body) - 1)
            body = body[:at] + bytes((body[at] ^ 1 << rng.randrange(8),)) + body[at + 1 :]
        elif change == 1:
            body = body[:place]
        elif change == 2:
            body = body[:place] + body[place - rng.randrange(place + 1) :]
        else:
            body = body[:place] + rng.choice(_STRANGE) + body[place:]
    return body


_STRANGE: Final = (
    b"\xff" * 10,
    b"\x00" * 8,
    b"\x0a\xff\xff\xff\x7f",
    b"\x0a\x00",
    b"\xed\xa0\x80",
    b"\x0b\x0c",
)


def rewritten(rng: random.Random, request: Message) -> bytes:
    """A request with its fields written otherwise."""
    return rewired(rng, request.SerializeToString(), request.DESCRIPTOR)  # type: ignore[arg-type]  # compiled, it has the same


def broken(rng: random.Random, request: Message) -> bytes:
    """A request with its bytes broken."""
    return broken_bytes(rng, request.SerializeToString())
