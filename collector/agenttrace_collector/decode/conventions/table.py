"""The parts of a convention's table: rows of attribute key, fact and reader.

A reader returns None for a value that states nothing, and `NotUnderstood` for a value that the convention does not
have, which is counted under the rule and the key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_schemas.counts import MOST_COUNTED, MOST_SEQ, count_of
from agenttrace_schemas.spellings import flag_of, plain, spelling

ReadValue: TypeAlias = Callable[[AnyValue], object]
LONGEST_LIST: Final = 1_000_000
MOST_LOOKED_AT: Final = 32


class AttributeRow(NamedTuple):
    """The attribute key, the fact that it states, and the reader of its value."""

    key: str
    fact: str
    read: ReadValue


class Family(NamedTuple):
    """Keys with indexes in them: everything under a prefix goes to one function, with the rest of the key.

    `kind` names the function to an engine that has its own of the same meaning.
    """

    prefix: str
    kind: str
    take: Callable[[SpanFacts, str, AnyValue], None]


class NotUnderstood(NamedTuple):
    """The rule that a value breaks, and the fact to use if no other key states it."""

    rule: str
    instead: object = None


NO_NAME: Final = NotUnderstood("identifier.pattern")
NO_COUNT: Final = NotUnderstood("count.range")
NO_WORD: Final = NotUnderstood("closed.set")
# JSON that counts nothing.
NO_COUNTS: Final = frozenset({"", "{}", "[]", "0", "null"})
FAILURES: Final = frozenset({"error", "errored", "failure", "failed"})


def text(value: AnyValue) -> str | None:
    """A string that is not empty."""
    return value.string_value or None


def name(value: AnyValue) -> str | NotUnderstood | None:
    """A string without the white space around it, if that leaves anything."""
    said = value.string_value
    if not said:
        return None if value.WhichOneof("value") in (None, "string_value") else NO_NAME
    return said.strip() or None


def count(value: AnyValue) -> int | NotUnderstood | None:
    """A whole number in the range of a count: an integer, a double, or a text of one."""
    number = value.int_value
    if 0 < number <= MOST_SEQ:
        return number
    return _count(value, value.WhichOneof("value"))


def _count(value: AnyValue, kind: str | None) -> int | NotUnderstood | None:
    if kind is None or (kind == "string_value" and not value.string_value.strip()):
        return None
    found = count_of(getattr(value, kind)) if kind in _NUMBERS else None
    return NO_COUNT if found is None else found


_NUMBERS: Final = frozenset({"int_value", "double_value", "string_value"})


def sequence(value: AnyValue) -> int | NotUnderstood | None:
    """A count that fits its column of 32 bits."""
    found = count(value)
    return NO_COUNT if isinstance(found, int) and found > MOST_SEQ else found


def next_count(value: AnyValue) -> int | NotUnderstood | None:
    """A count from zero, counted from one."""
    found = count(value)
    if isinstance(found, int):
        return found + 1 if found < MOST_COUNTED else NO_COUNT
    return found


def flag(value: AnyValue) -> bool | NotUnderstood | None:
    """A boolean, or a text or number of one."""
    kind = value.WhichOneof("value")
    if kind == "bool_value":
        return value.bool_value
    if kind is None or (kind == "string_value" and not value.string_value.strip()):
        return None
    found = flag_of(getattr(value, kind)) if kind in _NUMBERS else None
    return NO_WORD if found is None else found


def filled(value: AnyValue) -> bool | None:
    """Whether a count is more than none, or a text that is JSON of counts has any."""
    return True if value.int_value > 0 or value.string_value.strip() not in NO_COUNTS else None


def failed(value: AnyValue) -> bool | None:
    """Whether a status word says that the call failed."""
    return True if plain(value.string_value) in FAILURES else None


def take(facts: SpanFacts, fact: str, key: str, value: object) -> None:
    """Set a fact to what a reader made of the value under a key."""
    if isinstance(value, NotUnderstood):
        facts.note(value.rule, key)
        value = value.instead
    if value is not None:
        setattr(facts, fact, value)


@dataclass(frozen=True, slots=True)
class Constant:
    """A reader of a key whose presence alone states the fact."""

    fact: str

    def __call__(self, _: AnyValue) -> str:
        """The fact, whatever the value is."""
        return self.fact


@dataclass(frozen=True, slots=True)
class Spelled:
    """The first word of a string or a list of them, in our spelling.

    `unknown` stands for words that the table has not. With `is_open` these are known to mean nothing here.
    """

    spellings: Mapping[str, str]
    unknown: str | None = None
    is_open: bool = False

    def __call__(self, value: AnyValue) -> str | NotUnderstood | None:
        """Our word; None where the value says nothing."""
        known = self.spellings.get(value.string_value)
        if known is None:
            said = value.string_value or _first_text(value)
            known = spelling(self.spellings, said) if said else ""
            if known is None:
                return None if self.is_open else NotUnderstood(NO_WORD.rule, self.unknown)
        return known or (None if self.is_open else _silent(value))


def _silent(value: AnyValue) -> NotUnderstood | None:
    """A value without a word: nothing, or something that is no text."""
    return None if value.WhichOneof("value") in _TEXTS else NO_WORD


_TEXTS: Final = (None, "string_value", "array_value")


def _first_text(value: AnyValue) -> str:
    """The first string in a list, in lists in it too, that is not blank."""
    return next((item for item in _texts(value) if item.strip()), "")


def _texts(value: AnyValue) -> Iterator[str]:
    waiting = [value]
    for _ in range(MOST_LOOKED_AT):
        if not waiting:
            return
        item = waiting.pop()
        yield item.string_value
        waiting += reversed(item.array_value.values[:MOST_LOOKED_AT])


def length(value: AnyValue) -> int | NotUnderstood | None:
    """How many items a list has: the list itself, or JSON of one, of which nothing else is kept; or a count."""
    if value.HasField("array_value"):
        return len(value.array_value.values)
    written = value.string_value
    if not written:
        return count(value)
    if len(written) > LONGEST_LIST:
        return NO_COUNT
    try:
        items = json.loads(written)
    except (ValueError, RecursionError):
        return count(value)
    return len(items) if isinstance(items, list) else count(value)
