"""Reads numbers, texts, ids, booleans and enumerations of OTLP/JSON in every form that senders write."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor


class _Unread:
    """Stands for a value that cannot be read as its field."""

    __slots__ = ()


UNREAD: Final = _Unread()
_IDS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})
_SIGNED_32: Final = (-(2**31), 2**31 - 1)
_SIGNED_64: Final = (-(2**63), 2**63 - 1)
_RANGES: Final[Mapping[int, tuple[int, int]]] = {
    FieldDescriptor.TYPE_INT32: _SIGNED_32,
    FieldDescriptor.TYPE_INT64: _SIGNED_64,
    FieldDescriptor.TYPE_SFIXED64: _SIGNED_64,
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.TYPE_FIXED64: (0, 2**64 - 1),
}
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{0,40})?(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
_SPECIAL: Final = frozenset({"NaN", "Infinity", "-Infinity"})
_FLAGS: Final[Mapping[str, bool]] = {"true": True, "false": False}
# No time that is kept: its span or event is refused by the rule of times.
_NO_TIME: Final = 1
# No member of any enumeration: counted as a value outside of its list.
_NO_MEMBER: Final = -1


def scalar(field: FieldDescriptor, value: Any) -> Any:
    """Returns the value of a field that is not a message; `UNREAD` if it cannot be read as the field's type."""
    if field.type in _RANGES:
        return _integer(value, *_RANGES[field.type])
    return _READERS[field.type](field, value)


def in_place_of(field: FieldDescriptor) -> Any:
    """Returns what to set an unread field to: never a value that could be mistaken for a sent one."""
    if field.type == FieldDescriptor.TYPE_ENUM:
        return _NO_MEMBER
    return _NO_TIME if field.name.endswith("time_unix_nano") else field.default_value


def _integer(value: Any, least: int, most: int) -> Any:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = Decimal(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return UNREAD
    # Python counts the digits of an integer that is too large for a double as a fault.
    if not isinstance(value, int) and not math.isfinite(value):
        return UNREAD
    # Compared first: a text may name a number that has more digits than there is memory.
    return int(value) if least <= value <= most and value == int(value) else UNREAD


def _float(_: FieldDescriptor, value: Any) -> Any:
    if isinstance(value, str):
        return float(value) if value in _SPECIAL or _NUMBER.fullmatch(value.strip()) else UNREAD
    if isinstance(value, bool) or not isinstance(value, int | float):
        return UNREAD
    try:
        return float(value)
    except OverflowError:
        return UNREAD


def _string(_: FieldDescriptor, value: Any) -> Any:
    # JSON can escape half of a surrogate pair, UTF-8 cannot hold one.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else UNREAD


def _bytes(field: FieldDescriptor, value: Any) -> Any:
    if not isinstance(value, str):
        return UNREAD
    try:
        if field.name in _IDS:
            return binascii.unhexlify(value)
        return base64.b64decode(value, validate=True)
    except ValueError:
        return UNREAD


def _boolean(_: FieldDescriptor, value: Any) -> Any:
    if isinstance(value, str):
        return _FLAGS.get(value.strip().lower(), UNREAD)
    return value if isinstance(value, bool) else UNREAD


def _enum(field: FieldDescriptor, value: Any) -> Any:
    if isinstance(value, str) and (number := _members(field).get(value.strip())) is not None:
        return number
    return _integer(value, *_SIGNED_32)


@cache
def _members(field: FieldDescriptor) -> Mapping[str, int]:
    """The numbers of an enumeration by name; protobuf's own mapping fails for half of a surrogate pair."""
    values = field.enum_type.values if field.enum_type else ()
    return {value.name: value.number for value in values}


_READERS: Final[Mapping[int, Callable[[FieldDescriptor, Any], Any]]] = {
    FieldDescriptor.TYPE_STRING: _string,
    FieldDescriptor.TYPE_BYTES: _bytes,
    FieldDescriptor.TYPE_BOOL: _boolean,
    FieldDescriptor.TYPE_ENUM: _enum,
    FieldDescriptor.TYPE_DOUBLE: _float,
    FieldDescriptor.TYPE_FLOAT: _float,
}
