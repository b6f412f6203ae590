"""ClickHouse's Native format for clients that ask for it in a protocol revision, as clickhouse-go and Grafana do.

The embedded engine writes the form without a revision. From revision 54454 on each block begins with its info, and each
column says after its type that it is serialized as usual; what lies between is the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from agenttrace_collector.sql_endpoint.problems import bad_argument

REVISION: Final = 54_454
# Field 1, no overflow rows; field 2, no bucket; the end.
_BLOCK_INFO: Final = b"\x01\x00\x02\xff\xff\xff\xff\x00"
_AS_USUAL: Final = b"\x00"
_SIZES: Final = {
    **dict.fromkeys(("Nothing", "Bool", "Int8", "UInt8", "Enum8"), 1),
    **dict.fromkeys(("Int16", "UInt16", "Enum16", "Date", "BFloat16"), 2),
    **dict.fromkeys(("Int32", "UInt32", "Float32", "Date32", "DateTime", "IPv4", "Time"), 4),
    **dict.fromkeys(("Int64", "UInt64", "Float64", "DateTime64", "Time64"), 8),
    **dict.fromkeys(("Int128", "UInt128", "UUID", "IPv6"), 16),
    **dict.fromkeys(("Int256", "UInt256"), 32),
}
# The largest precision of a Decimal of this many bytes.
_DECIMALS: Final = ((9, 4), (18, 8), (38, 16), (76, 32))
_KIND: Final = re.compile(r"(\w+)(?:\((.*)\))?", re.DOTALL)
# The width of an offset, and of the version that each LowCardinality of a column begins with.
_OFFSET: Final = 8
_HAS_VALUES: Final = 0x200
_WIDTH: Final = 0xFF
_CONTINUES: Final = 0x80
_BITS: Final = 0x7F


def with_revision(data: bytes) -> bytes:
    """Blocks as a client of a revision reads them; raises `SqlRefused` for a type that has another form there."""
    return b"".join(_parts(data))


def _parts(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        start = at
        columns, at = _number(data, at)
        rows, at = _number(data, at)
        yield _BLOCK_INFO + data[start:at]
        for _ in range(columns):
            start = at
            at = _text_end(data, at)
            kind_at = at
            at = _text_end(data, at)
            _, kind_start = _number(data, kind_at)
            yield data[start:at] + _AS_USUAL
            if rows:
                kind = data[kind_start:at].decode()
                end = _column_end(kind, rows, data, at + _OFFSET * kind.count("LowCardinality("))
                yield data[at:end]
                at = end


def _column_end(kind: str, rows: int, data: bytes, at: int) -> int:
    """Where a column of so many rows ends."""
    found = _KIND.fullmatch(kind)
    name, inside = found.groups() if found else ("", None)
    if name == "String":
        for _ in range(rows):
            at = _text_end(data, at)
        return at
    if name == "Nullable":
        return _column_end(inside or "", rows, data, at + rows)
    if name in {"Array", "Map"}:
        of = f"Tuple({inside})" if name == "Map" else inside or ""
        end = at + _OFFSET * rows
        items = int.from_bytes(data[end - _OFFSET : end], "little") if rows else 0
        return _column_end(of, items, data, end) if items else end
    if name == "Tuple":
        for part in _split(inside or ""):
            at = _column_end(part, rows, data, at)
        return at
    if name == "LowCardinality":
        return _dictionary_end(inside or "", data, at)
    return at + rows * _size(name, inside or "")


def _dictionary_end(of: str, data: bytes, at: int) -> int:
    """The kind of index, the different values if there are any, then a place among them for each row."""
    kind, count = _fixed(data, at), 0
    at += _OFFSET
    if kind & _HAS_VALUES:
        count, at = _fixed(data, at), at + _OFFSET
        of = of.removeprefix("Nullable(").removesuffix(")") if of.startswith("Nullable(") else of
        at = _column_end(of, count, data, at)
    return at + _OFFSET + _fixed(data, at) * (1 << (kind & _WIDTH))


def _fixed(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + _OFFSET], "little")


def _size(name: str, inside: str) -> int:
    if name == "FixedString":
        return int(inside)
    if name == "Decimal":
        digits = int(inside.partition(",")[0])
        return next(size for most, size in _DECIMALS if digits <= most)
    if name not in _SIZES:
        message = "a column has a type that this client takes in another form: convert it with toString"
        raise bad_argument(message)
    return _SIZES[name]


def _split(inside: str) -> list[str]:
    """The types in a list of them, without the names that a tuple's parts may have."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(inside):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append(inside[start:place])
            start = place + 1
    parts.append(inside[start:])
    return [_unnamed(part.strip()) for part in parts]


def _unnamed(part: str) -> str:
    head, space, rest = part.partition(" ")
    return rest if space and "(" not in head else part


def _text_end(data: bytes, at: int) -> int:
    length, at = _number(data, at)
    return at + length


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number in seven bits a byte, and where it ends."""
    value, shift = 0, 0
    while True:
        byte = data[at]
        value |= (byte & _BITS) << shift
        at, shift = at + 1, shift + 7
        if not byte & _CONTINUES:
            return value, at
