"""Where the rows and fields of RowBinary data begin, told by the column types alone.

Encoding writes no lengths, to keep ingest cheap; only what the database refuses, or may have lost,
is taken apart here.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

Skip = Callable[[bytes, int], int]

_FIXED: Final = {
    "UUID": 16,
    "Bool": 1,
    "UInt8": 1,
    "Int8": 1,
    "Enum8": 1,
    "UInt16": 2,
    "Int16": 2,
    "Enum16": 2,
    "Date": 2,
    "UInt32": 4,
    "Int32": 4,
    "Float32": 4,
    "Date32": 4,
    "DateTime": 4,
    "IPv4": 4,
    "UInt64": 8,
    "Int64": 8,
    "Float64": 8,
    "DateTime64": 8,
    "IPv6": 16,
}
_TYPE: Final = re.compile(r"(\w+)(?:\((.*)\))?")
_CONTINUES: Final = 0x80


class NotRows(ValueError):
    """The data does not end where its last row should."""


def row_starts(data: bytes, types: Sequence[str]) -> array[int]:
    """The place where each row begins, and where the last one ends."""
    skips = _merged(tuple(types))
    starts = array("Q", [0])
    position, end = 0, len(data)
    try:
        while position < end:
            for skip in skips:
                position = skip(data, position)
            starts.append(position)
    except IndexError as error:
        raise NotRows from error
    if position != end:
        raise NotRows
    return starts


def fields(data: bytes, start: int, types: Sequence[str]) -> list[bytes]:
    """The encoded fields of the row that begins at `start`."""
    found = []
    for kind in types:
        end = _skip(kind)(data, start)
        found.append(data[start:end])
        start = end
    return found


def text(field: bytes) -> str:
    """What an encoded String says."""
    start, length = _varint(field, 0)
    return field[start : start + length].decode(errors="replace")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """The place after an unsigned LEB128 number, and the number."""
    value = shift = 0
    while (byte := data[position]) >= _CONTINUES:
        value |= (byte - _CONTINUES) << shift
        shift += 7
        position += 1
    return position + 1, value | byte << shift


def _string(data: bytes, position: int) -> int:
    length = data[position]
    if length < _CONTINUES:
        return position + 1 + length
    position, length = _varint(data, position)
    return position + length


@cache
def _skip(kind: str) -> Skip:
    """The function from where a value of this type begins to where it ends."""
    match = _TYPE.fullmatch(kind)
    name, inside = match.groups() if match else (kind, None)
    if name in _FIXED:
        return _fixed(_FIXED[name])
    if name == "String":
        return _string
    build = _COMPOSED.get(name)
    if build is None or not inside:
        message = f"the journal cannot take rows apart that hold the type {name}"
        raise NotRows(message)
    return build(_arguments(inside))


@cache
def _merged(types: tuple[str, ...]) -> tuple[Skip, ...]:
    """One function a column, neighbours of fixed width in one step."""
    skips: list[Skip] = []
    width = 0
    for kind in types:
        name = kind.partition("(")[0]
        if name in _FIXED:
            width += _FIXED[name]
            continue
        if width:
            skips.append(_fixed(width))
            width = 0
        skips.append(_skip(kind))
    return (*skips, _fixed(width)) if width else tuple(skips)


def _arguments(inside: str) -> list[str]:
    """The comma-separated types, those in brackets left whole."""
    parts, depth = [""], 0
    for character in inside:
        depth += (character == "(") - (character == ")")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _fixed(width: int) -> Skip:
    return lambda _, position: position + width


def _nullable(arguments: list[str]) -> Skip:
    skip = _skip(arguments[0])
    return lambda data, position: position + 1 if data[position] else skip(data, position + 1)


def _repeated(arguments: list[str]) -> Skip:
    skips = [_skip(argument) for argument in arguments]

    def repeated(data: bytes, position: int) -> int:
        position, count = _varint(data, position)
        for _ in range(count):
            for skip in skips:
                position = skip(data, position)
        return position

    return repeated


def _variant(arguments: list[str]) -> Skip:
    # A value begins with the number of its type among the types in alphabetical order, 255 for NULL.
    skips = [_skip(argument) for argument in sorted(arguments)]

    def variant(data: bytes, position: int) -> int:
        number = data[position]
        return skips[number](data, position + 1) if number != 0xFF else position + 1

    return variant


_COMPOSED: Final[dict[str, Callable[[list[str]], Skip]]] = {
    "LowCardinality": lambda arguments: _skip(arguments[0]),
    "Nullable": _nullable,
    "Array": _repeated,
    "Map": _repeated,
    "Variant": _variant,
    "FixedString": lambda arguments: _fixed(int(arguments[0])),
}
