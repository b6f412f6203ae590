"""Converts OTLP attribute values to Python values; a value that no rule can accept becomes `UNREADABLE`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue


class _Unreadable:
    """Stands for bytes, maps and nested lists: never stored, and refused where a value is required."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNREADABLE"


UNREADABLE: Final = _Unreadable()


def value_of(value: AnyValue) -> object:
    """Returns a string, bool, int, float or a list of these; None for an empty value, else `UNREADABLE`."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_scalar(item, item.WhichOneof("value")) for item in value.array_value.values]
    return _scalar(value, kind)


def _scalar(value: AnyValue, kind: str | None) -> object:
    if kind == "string_value":
        return value.string_value
    if kind == "int_value":
        return value.int_value
    if kind == "double_value":
        return value.double_value
    if kind == "bool_value":
        return value.bool_value
    return None if kind is None else UNREADABLE


class DuplicateKey(ValueError):
    """A key stands twice in one list of attributes, so that its value is not defined."""


def to_dict(attributes: Iterable[KeyValue]) -> dict[str, object]:
    """Returns the attributes by key; raises `DuplicateKey`, because the rules must see every occurrence."""
    values: dict[str, object] = {}
    for attribute in attributes:
        key = attribute.key
        if key in values:
            raise DuplicateKey
        value = attribute.value
        # Most values are texts: this is the hot path.
        text = value.WhichOneof("value") == "string_value"
        values[key] = value.string_value if text else value_of(value)
    return values
