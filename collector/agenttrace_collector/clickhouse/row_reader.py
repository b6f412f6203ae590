"""The values of rows in RowBinary, one reader for each column type that `rowbinary` writes."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final, TypeAlias

from agenttrace_collector.clickhouse.rowbinary import uuid
from agenttrace_collector.clickhouse.types import parse_type, read_varint

# The value that begins at a place, and where it ends.
ReadField: TypeAlias = Callable[[bytes, int], tuple[Any, int]]

_CONTINUES: Final = 0x80
_NO_ID: Final = bytes(16)
# Alternatives in alphabetical order: the number of each is its place.
_VARIANTS: Final = ("Bool", "Float64", "Int64", "String")
_NULL_VARIANT: Final = 0xFF


def read_rows(data: bytes, types: Sequence[str]) -> Iterator[list[Any]]:
    """The rows of columns of these types; ids as 16 bytes, None for one that is all zero where there may be none.

    Raises `ValueError`, `IndexError` or `struct.error` where the data are no such rows.
    """
    readers = [_reader(kind) for kind in types]
    at = 0
    while at < len(data):
        row = []
        for read in readers:
            value, at = read(data, at)
            row.append(value)
        yield row
    if at > len(data):
        message = "the last row is cut off"
        raise ValueError(message)


def _number(form: str) -> ReadField:
    unpack, width = struct.Struct(form).unpack_from, struct.calcsize(form)

    def number(data: bytes, at: int) -> tuple[Any, int]:
        return unpack(data, at)[0], at + width

    return number


@lru_cache(maxsize=16_384)
def _decoded(raw: bytes) -> str:
    return raw.decode()


def _text(data: bytes, at: int) -> tuple[str, int]:
    length = data[at]
    at += 1
    if length >= _CONTINUES:
        length, at = read_varint(data, at - 1)
    end = at + length
    return _decoded(data[at:end]), end


def _uuid(data: bytes, at: int) -> tuple[bytes, int]:
    return uuid(data[at : at + 16]), at + 16


def _optional_uuid(data: bytes, at: int) -> tuple[bytes | None, int]:
    if data[at]:
        return None, at + 1
    value = uuid(data[at + 1 : at + 17])
    return (None if value == _NO_ID else value), at + 17


def _nullable(read: ReadField) -> ReadField:
    def nullable(data: bytes, at: int) -> tuple[Any, int]:
        return (None, at + 1) if data[at] else read(data, at + 1)

    return nullable


def _array(read: ReadField) -> ReadField:
    def array(data: bytes, at: int) -> tuple[tuple[Any, ...], int]:
        count, at = read_varint(data, at)
        found = []
        for _ in range(count):
            value, at = read(data, at)
            found.append(value)
        return tuple(found), at

    return array


def _metadata(data: bytes, at: int) -> tuple[dict[str, Any], int]:
    count, at = read_varint(data, at)
    found = {}
    for _ in range(count):
        key, at = _text(data, at)
        number = data[at]
        if number == _NULL_VARIANT:
            value, at = None, at + 1
        else:
            value, at = _READERS[_VARIANTS[number]](data, at + 1)
        found[key] = value
    return found, at


_READERS: Final[Mapping[str, ReadField]] = {
    "UUID": _uuid,
    "Nullable(UUID)": _optional_uuid,
    "String": _text,
    "DateTime64": _number("<q"),
    "Int64": _number("<q"),
    "UInt64": _number("<Q"),
    "UInt32": _number("<I"),
    "UInt8": _number("<B"),
    "Float64": _number("<d"),
    "Bool": _number("<?"),
    "Map(LowCardinality(String), Variant(Bool, Float64, Int64, String))": _metadata,
}


@cache
def _reader(kind: str) -> ReadField:
    parsed = parse_type(kind)
    found = _READERS.get(kind) or _READERS.get(parsed.name)
    if found is not None:
        return found
    if parsed.name == "LowCardinality":
        return _reader(parsed.arguments[0])
    composed = {"Nullable": _nullable, "Array": _array}[parsed.name]
    return composed(_reader(parsed.arguments[0]))
