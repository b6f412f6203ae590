"""Finds the fields of a row in RowBinary data from the column types alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

from agenttrace_collector.clickhouse.types import parse_type, read_varint

Skip = Callable[[bytes, int], int]

_NULL_VARIANT: Final = 0xFF
_CONTINUES: Final = 0x80


class NotRows(ValueError):
    """A type whose values nothing here can take apart."""


def fields(data: bytes, start: int, types: Sequence[str]) -> list[bytes]:
    """The encoded fields of the row that begins at `start`."""
    found = []
    for kind in types:
        end = _skip(kind)(data, start)
        found.append(data[start:end])
        start = end
    return found


def text(field: bytes) -> str:
    """The text of an encoded String; bytes that are no UTF-8 are replaced."""
    length, start = read_varint(field, 0)
    return field[start : start + length].decode(errors="replace")


def _string(data: bytes, position: int) -> int:
    length = data[position]
    if length < _CONTINUES:
        return position + 1 + length
    length, position = read_varint(data, position)
    return position + length


@cache
def _skip(kind: str) -> Skip:
    """The function from where a value of this type begins to where it ends."""
    parsed = parse_type(kind)
    if parsed.width is not None:
        return _fixed(parsed.width)
    if parsed.name == "String":
        return _string
    build = _COMPOSED.get(parsed.name)
    if build is None or not parsed.arguments:
        message = f"the journal cannot take rows apart that hold the type {parsed.name or kind}"
        raise NotRows(message)
    return build(parsed.arguments)


def _fixed(width: int) -> Skip:
    return lambda _, position: position + width


def _nullable(arguments: Sequence[str]) -> Skip:
    skip = _skip(arguments[0])
    return lambda data, position: position + 1 if data[position] else skip(data, position + 1)


def _repeated(arguments: Sequence[str]) -> Skip:
    skips = [_skip(argument) for argument in arguments]

    def repeated(data: bytes, position: int) -> int:
        count, position = read_varint(data, position)
        for _ in range(count):
            for skip in skips:
                position = skip(data, position)
        return position

    return repeated


def _variant(arguments: Sequence[str]) -> Skip:
    # A value begins with the number of its type among the types in alphabetical order, 255 for NULL.
    skips = [_skip(argument) for argument in sorted(arguments)]

    def variant(data: bytes, position: int) -> int:
        number = data[position]
        return skips[number](data, position + 1) if number != _NULL_VARIANT else position + 1

    return variant


_COMPOSED: Final[dict[str, Callable[[Sequence[str]], Skip]]] = {
    "LowCardinality": lambda arguments: _skip(arguments[0]),
    "Nullable": _nullable,
    "Array": _repeated,
    "Map": _repeated,
    "Variant": _variant,
}
