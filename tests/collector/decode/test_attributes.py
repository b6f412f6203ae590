"""Attribute values become plain values, and what no rule can accept is marked."""

from __future__ import annotations

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from agenttrace_collector.decode.attributes import UNREADABLE, DuplicateKey, to_dict, value_of

TEXT = AnyValue(string_value="a")
NESTED = AnyValue(array_value=ArrayValue(values=[TEXT]))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (TEXT, "a"),
        (AnyValue(int_value=-3), -3),
        (AnyValue(double_value=0.5), 0.5),
        (AnyValue(bool_value=False), False),
        (AnyValue(), None),
        (NESTED, ["a"]),
        (AnyValue(bytes_value=b"a"), UNREADABLE),
        (AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="k", value=TEXT)])), UNREADABLE),
        (AnyValue(array_value=ArrayValue(values=[NESTED, TEXT])), [UNREADABLE, "a"]),
    ],
)
def test_values(value: AnyValue, expected: object) -> None:
    """Scalars and flat lists are read, everything deeper is not."""
    assert value_of(value) == expected


def test_a_key_that_stands_twice_is_refused() -> None:
    """A rule that saw one occurrence only could be walked around with the other."""
    twice = [KeyValue(key="k", value=TEXT), KeyValue(key="k", value=AnyValue(int_value=1))]
    with pytest.raises(DuplicateKey):
        to_dict(twice)
