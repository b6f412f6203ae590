"""The grammar of ClickHouse's column types, and what RowBinary and Native data share: widths and numbers of any length."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_WIDTHS: Final = {
    **dict.fromkeys(("Nothing", "Bool", "Int8", "UInt8", "Enum8"), 1),
    **dict.fromkeys(("Int16", "UInt16", "Enum16", "Date", "BFloat16"), 2),
    **dict.fromkeys(("Int32", "UInt32", "Float32", "Date32", "DateTime", "IPv4", "Time"), 4),
    **dict.fromkeys(("Int64", "UInt64", "Float64", "DateTime64", "Time64"), 8),
    **dict.fromkeys(("Int128", "UInt128", "UUID", "IPv6"), 16),
    **dict.fromkeys(("Int256", "UInt256"), 32),
}
# The largest precision of a Decimal of this many bytes.
_DECIMALS: Final = ((9, 4), (18, 8), (38, 16), (76, 32))
_TYPE: Final = re.compile(r"(\w+)(?:\((.*)\))?", re.DOTALL)
# What a list of types consists of: quoted texts, brackets, commas, and anything else.
_TOKEN: Final = re.compile(r"'(?:[^'\\]|\\.)*'|[(),]|[^'(),]+", re.DOTALL)
_NAMED: Final = re.compile(r"(?:\w+|`[^`]*`) (?=[A-Z])")
_CONTINUES: Final = 0x80
_BITS: Final = 0x7F


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A type: its name, and its arguments as they are written, types and literals."""

    name: str
    arguments: tuple[str, ...] = ()

    @property
    def elements(self) -> tuple[str, ...]:
        """The arguments without the names that the elements of a Tuple may have."""
        return tuple(_NAMED.sub("", argument, count=1) for argument in self.arguments)

    @property
    def width(self) -> int | None:
        """The bytes of a value; None for a type whose values differ in length, or that is not known."""
        if self.name == "FixedString":
            return int(self.arguments[0])
        if self.name == "Decimal":
            return next(width for most, width in _DECIMALS if int(self.arguments[0]) <= most)
        return _WIDTHS.get(self.name)


@lru_cache(maxsize=1_024)
def parse_type(text: str) -> ColumnType:
    """Parses a type as ClickHouse writes it, such as `Nullable(UUID)`; the name is empty if the text is not a type."""
    found = _TYPE.fullmatch(text)
    if found is None:
        return ColumnType("")
    return ColumnType(found[1], tuple(_arguments(found[2])) if found[2] else ())


def _arguments(inside: str) -> Iterator[str]:
    """The parts between commas; those in brackets and in quotes stay whole."""
    part, depth = "", 0
    for piece in _TOKEN.findall(inside):
        depth += (piece == "(") - (piece == ")")
        if piece == "," and not depth:
            yield part.strip()
            part = ""
        else:
            part += piece
    yield part.strip()


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Returns the unsigned LEB128 number at this position and the position after it; raises `IndexError` at the end of data."""
    value = shift = 0
    while (byte := data[position]) >= _CONTINUES:
        value |= (byte & _BITS) << shift
        shift += 7
        position += 1
    return value | byte << shift, position + 1
