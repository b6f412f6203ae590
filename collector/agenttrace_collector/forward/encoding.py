"""OTLP's protobuf in pieces: a span is put together from them, which costs a tenth of what messages do.

What is given in must be enforced: pieces are remembered. Every function returns bytes that are a whole field.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any, Final

_REMEMBERED: Final = 16_384
_UINT64: Final = 2**64 - 1
_SEVEN_BITS: Final = 0x7F
_UUID_LENGTH: Final = 36
_DOUBLE: Final = struct.Struct("<d")


class In:
    """The tag of the field `attributes` of each message that has one."""

    SPAN: Final = b"\x4a"
    EVENT: Final = b"\x1a"
    RECORD: Final = b"\x32"
    RESOURCE: Final = b"\x0a"


def _varint(number: int) -> bytes:
    number &= _UINT64
    made = bytearray()
    while number > _SEVEN_BITS:
        made.append(number & _SEVEN_BITS | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


_VARINTS: Final = tuple(map(_varint, range(4_096)))


def varint(number: int) -> bytes:
    """A whole number; a negative one as the 64 bits of its complement."""
    return _VARINTS[number] if 0 <= number < len(_VARINTS) else _varint(number)


def field(tag: bytes, data: bytes) -> bytes:
    """A field of bytes, a text or a message."""
    return b"%b%b%b" % (tag, varint(len(data)), data)


def attribute(tag: bytes, key: str, value: Any) -> bytes:
    """An attribute: a text, boolean, whole number, double, or a list of those."""
    return field(tag, field(b"\x0a", key.encode()) + field(b"\x12", _any_value(value)))


@lru_cache(_REMEMBERED)
def text(tag: bytes, key: str, value: str) -> bytes:
    """An attribute of one of few texts, such as a name."""
    return attribute(tag, key, value)


def _any_value(value: Any) -> bytes:
    if isinstance(value, str):
        return field(b"\x0a", value.encode())
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return b"\x18" + varint(value)
    if isinstance(value, float):
        return b"\x21" + _DOUBLE.pack(value)
    return field(b"\x2a", b"".join(field(b"\x0a", _any_value(each)) for each in value))


class CountAttribute:
    """Attributes of one key that are counts."""

    def __init__(self, tag: bytes, key: str) -> None:
        whole = (attribute(tag, key, 1 << 7 * (size - 1)) for size in range(1, 10))
        self._heads = [made[:-size] for size, made in enumerate(whole, start=1)]

    def __call__(self, number: int) -> bytes:
        """The attribute of a number from 0 to 2^62."""
        digits = varint(number)
        return self._heads[len(digits) - 1] + digits


class Double:
    """Attributes of one key that are doubles."""

    def __init__(self, tag: bytes, key: str) -> None:
        self._head = attribute(tag, key, 0.0)[: -_DOUBLE.size]

    def __call__(self, number: float) -> bytes:
        """The attribute of a number."""
        return self._head + _DOUBLE.pack(number)


class Id:
    """Attributes of one key that are UUIDs."""

    def __init__(self, tag: bytes, key: str) -> None:
        self.tag = tag
        self.key = key
        self._head = attribute(tag, key, uuid_text(bytes(16)))[: -len(uuid_text(bytes(16)))]

    def __call__(self, raw: bytes) -> bytes:
        """The attribute of 16 bytes, in the canonical form."""
        return self._head + uuid_text(raw).encode()

    def as_said(self, said: str) -> bytes:
        """The attribute of a text for which `is_uuid` holds."""
        return self._head + said.encode()


def is_uuid(said: str, raw: bytes) -> bool:
    """Whether a text is nothing but the digits of these 16 bytes and four dashes."""
    return len(said) == _UUID_LENGTH and said.replace("-", "") == raw.hex()


def uuid_text(raw: bytes) -> str:
    """The canonical form of the 16 bytes of a UUID."""
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
