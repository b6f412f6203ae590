"""ClickHouse's Native format for clients that ask for it in a protocol revision, as clickhouse-go and Grafana do.

The embedded engine writes the form without a revision. From revision 54454 on each block begins with its info, and each
column says after its type that it is serialized as usual; what lies between is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agenttrace_collector.clickhouse.types import parse_type, read_varint
from agenttrace_collector.sql_endpoint.problems import bad_argument

REVISION: Final = 54_454
# Field 1, no overflow rows; field 2, no bucket; the end.
_BLOCK_INFO: Final = b"\x01\x00\x02\xff\xff\xff\xff\x00"
_AS_USUAL: Final = b"\x00"
# The width of an offset, and of the version that each LowCardinality of a column begins with.
_OFFSET: Final = 8
_HAS_VALUES: Final = 0x200
_WIDTH: Final = 0xFF


def with_revision(data: bytes) -> bytes:
    """Converts blocks to the form of a protocol revision; raises `SqlRefused` for a type that differs there."""
    return b"".join(_parts(data))


def _parts(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        start = at
        columns, at = read_varint(data, at)
        rows, at = read_varint(data, at)
        yield _BLOCK_INFO + data[start:at]
        for _ in range(columns):
            start = at
            at = _text_end(data, at)
            kind_at = at
            at = _text_end(data, at)
            _, kind_start = read_varint(data, kind_at)
            yield data[start:at] + _AS_USUAL
            if rows:
                kind = data[kind_start:at].decode()
                end = _column_end(kind, rows, data, at + _OFFSET * kind.count("LowCardinality("))
                yield data[at:end]
                at = end


def _column_end(kind: str, rows: int, data: bytes, at: int) -> int:
    """Where a column of so many rows ends."""
    parsed = parse_type(kind)
    elements = parsed.elements
    match parsed.name:
        case "String":
            for _ in range(rows):
                at = _text_end(data, at)
            return at
        case "Nullable":
            return _column_end(elements[0], rows, data, at + rows)
        case "Array" | "Map":
            of = elements[0] if parsed.name == "Array" else f"Tuple({', '.join(elements)})"
            end = at + _OFFSET * rows
            items = _fixed(data, end - _OFFSET) if rows else 0
            return _column_end(of, items, data, end) if items else end
        case "Tuple":
            for each in elements:
                at = _column_end(each, rows, data, at)
            return at
        case "LowCardinality":
            return _dictionary_end(elements[0], data, at)
    if parsed.width is None:
        message = "a column has a type that this client takes in another form: convert it with toString"
        raise bad_argument(message)
    return at + rows * parsed.width


def _dictionary_end(of: str, data: bytes, at: int) -> int:
    """The kind of index, the different values if there are any, then a place among them for each row."""
    kind, count = _fixed(data, at), 0
    at += _OFFSET
    if kind & _HAS_VALUES:
        count, at = _fixed(data, at), at + _OFFSET
        inner = parse_type(of)
        at = _column_end(inner.arguments[0] if inner.name == "Nullable" else of, count, data, at)
    return at + _OFFSET + _fixed(data, at) * (1 << (kind & _WIDTH))


def _fixed(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + _OFFSET], "little")


def _text_end(data: bytes, at: int) -> int:
    length, at = read_varint(data, at)
    return at + length
