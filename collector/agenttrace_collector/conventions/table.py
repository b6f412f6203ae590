"""What a convention's table is made of: rows of attribute key, fact and reader.

A reader gives None for a value of another type than the convention says, and the row is then ignored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from agenttrace_collector.conventions.facts import SpanFacts

Reader: TypeAlias = Callable[[AnyValue], object]
_LONGEST_LIST: Final = 1_000_000


class Row(NamedTuple):
    """The value under this key is this fact, as the reader makes it."""

    key: str
    fact: str
    read: Reader


class Family(NamedTuple):
    """Keys with indexes in them: everything under a prefix goes to one function, with the rest of the key."""

    prefix: str
    take: Callable[[SpanFacts, str, AnyValue], None]


def text(value: AnyValue) -> str | None:
    """A string that is not empty."""
    return value.string_value or None


def count(value: AnyValue) -> int | None:
    """An integer."""
    return value.int_value or (0 if value.HasField("int_value") else None)


def next_count(value: AnyValue) -> int | None:
    """An integer that counts from zero, counted from one."""
    return value.int_value + 1 if value.HasField("int_value") else None


def flag(value: AnyValue) -> bool | None:
    """A boolean."""
    return value.bool_value if value.HasField("bool_value") else None


def constant(fact: str) -> Reader:
    """A fact that the key alone tells."""
    return lambda _: fact


def spelled(spellings: Mapping[str, str], unknown: str | None = None) -> Reader:
    """A string of a closed list, in our spelling; `unknown` stands for all others."""

    def read(value: AnyValue) -> str | None:
        word = value.string_value
        return spellings.get(word) or spellings.get(word.lower(), unknown) if word else None

    return read


def first_spelled(spellings: Mapping[str, str], unknown: str) -> Reader:
    """The first string of a list, or a single one, in our spelling."""

    def read(value: AnyValue) -> str | None:
        word = value.string_value
        if not word:
            word = next((item.string_value for item in value.array_value.values if item.string_value), "")
        return spellings.get(word) or spellings.get(word.lower(), unknown) if word else None

    return read


def length(value: AnyValue) -> int | None:
    """How many items a list has; the list itself, or JSON of one, of which nothing else is kept."""
    if value.HasField("array_value"):
        return len(value.array_value.values)
    written = value.string_value
    if not written or len(written) > _LONGEST_LIST:
        return None
    try:
        items = json.loads(written)
    except (ValueError, RecursionError):
        return None
    return len(items) if isinstance(items, list) else None
