"""Rows as ClickHouse RowBinary, one encoder per table built from the columns of its row class."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from operator import attrgetter, call
from typing import Any, Final

from agenttrace_schemas.rows import Row, columns
from agenttrace_schemas.rules import Scalar

Encoder = Callable[[Any], bytes]

_INT64: Final = struct.Struct("<q").pack
_UINT64: Final = struct.Struct("<Q").pack
_UINT32: Final = struct.Struct("<I").pack
_UINT8: Final = struct.Struct("<B").pack
_FLOAT64: Final = struct.Struct("<d").pack
_NULL: Final = b"\x01"
_BOOL: Final = (b"\x00", b"\x01")

# Discriminators of Variant(Bool, Float64, Int64, String): alternatives in alphabetical order.
_VARIANT_BOOL: Final = (b"\x00\x00", b"\x00\x01")
_VARIANT_FLOAT: Final = b"\x01"
_VARIANT_INT: Final = b"\x02"
_VARIANT_STRING: Final = b"\x03"


def varint(value: int) -> bytes:
    """An unsigned LEB128 number."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


@lru_cache(maxsize=16_384)
def string(value: str) -> bytes:
    """A String: length in bytes, then UTF-8."""
    raw = value.encode()
    return varint(len(raw)) + raw


def uuid(value: bytes) -> bytes:
    """A UUID from its 16 bytes: two little-endian halves."""
    return value[7::-1] + value[:7:-1]


def metadata(value: Mapping[str, Scalar]) -> bytes:
    """A Map of names to Bool, Float64, Int64 or String, in the order of the names."""
    if not value:
        return b"\x00"
    parts = [varint(len(value))]
    for key in sorted(value):
        parts.append(string(key))
        parts.append(_variant(value[key]))
    return b"".join(parts)


def _variant(value: Scalar) -> bytes:
    if isinstance(value, str):
        return _VARIANT_STRING + string(value)
    if isinstance(value, bool):
        return _VARIANT_BOOL[value]
    if isinstance(value, int):
        return _VARIANT_INT + _INT64(value)
    return _VARIANT_FLOAT + _FLOAT64(value)


def _array(pack: Encoder) -> Encoder:
    def array(values: Sequence[Any]) -> bytes:
        return varint(len(values)) + b"".join(map(pack, values))

    return array


_strings: Final = _array(string)


def _nullable(encode: Encoder) -> Encoder:
    def nullable(value: Any) -> bytes:
        return _NULL if value is None else b"\x00" + encode(value)

    return nullable


ENCODERS: Final[Mapping[str, Encoder]] = {
    "UUID": uuid,
    "Nullable(UUID)": _nullable(uuid),
    "String": string,
    "LowCardinality(String)": string,
    "Array(String)": _strings,
    "Array(LowCardinality(String))": _strings,
    "Array(UUID)": _array(uuid),
    "Array(UInt32)": _array(_UINT32),
    "Array(Int64)": _array(_INT64),
    "Array(Float64)": _array(_FLOAT64),
    "Map(LowCardinality(String), Variant(Bool, Float64, Int64, String))": metadata,
    "DateTime64(9, 'UTC')": _INT64,
    "UInt64": _UINT64,
    "Nullable(UInt64)": _nullable(_UINT64),
    "UInt32": _UINT32,
    "UInt8": _UINT8,
    "Float64": _FLOAT64,
    "Nullable(Float64)": _nullable(_FLOAT64),
    "Bool": _BOOL.__getitem__,
    "Nullable(Bool)": _nullable(_BOOL.__getitem__),
}


@cache
def encoder(row: type[Row]) -> Callable[[Row], bytes]:
    """The function that encodes rows of this class, columns in the order of its fields."""
    encoders = tuple(ENCODERS[column.type] for column in columns(row).values())
    values = attrgetter(*columns(row))

    def encode_row(value: Row) -> bytes:
        return b"".join(map(call, encoders, values(value)))

    return encode_row


def canonical(fields: Sequence[object], attached: Mapping[str, Scalar]) -> Callable[[], bytes]:
    """Enforced fields and metadata as bytes that any implementation can make again, when asked."""

    def encoded() -> bytes:
        parts = [_strings(field) if isinstance(field, tuple) else _optional(field) for field in fields]
        return b"".join((*parts, metadata(attached)))

    return encoded


def _optional(value: Any) -> bytes:
    return _NULL if value is None else b"\x00" + _variant(value)


def encode(row: Row) -> bytes:
    """One row, ready to be concatenated with others of its table."""
    return encoder(type(row))(row)
