"""Attributes as Python values and back; only what OTLP's plain values hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

from agenttrace_collector.decode.attributes import value_of


def values_of(attributes: Iterable[KeyValue]) -> dict[str, object]:
    """The attributes by key; of a key that stands twice the last value, as the conventions read it."""
    return {attribute.key: value_of(attribute.value) for attribute in attributes}


def to_attributes(values: Mapping[str, Any]) -> list[KeyValue]:
    """The attributes of these values."""
    return [KeyValue(key=key, value=_any_value(value)) for key, value in values.items()]


def _any_value(value: Any) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(array_value=ArrayValue(values=[_any_value(each) for each in value]))
