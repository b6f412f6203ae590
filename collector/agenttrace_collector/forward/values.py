"""Attributes as Python values."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from agenttrace_collector.decode.attributes import value_of


def values_of(attributes: Iterable[KeyValue]) -> dict[str, object]:
    """The attributes by key; of a key that stands twice the last value, as the conventions read it."""
    return {attribute.key: value_of(attribute.value) for attribute in attributes}
