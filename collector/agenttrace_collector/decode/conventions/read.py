"""Reads a span by the tables of the conventions: one pass, values only for keys that are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agenttrace_collector.decode.conventions import frameworks, genai, openinference, openllmetry, ours
from agenttrace_collector.decode.conventions.agent_spans import (
    AGENT_SPANS,
    DENIED,
    DENIES,
    PERSONS,
    SIDE_WRAPPERS,
    WAITS,
    AgentSpans,
    kind_of,
)
from agenttrace_collector.decode.conventions.coding_agents import SOURCE
from agenttrace_collector.decode.conventions.complete import complete
from agenttrace_collector.decode.conventions.facts import SpanFacts
from agenttrace_collector.decode.conventions.frameworks import NO_STEP
from agenttrace_collector.decode.conventions.table import AttributeRow, NotUnderstood, ReadValue, take
from agenttrace_schemas import wire
from agenttrace_schemas.spellings import plain

_TABLES: Final = (ours.ROWS, genai.ROWS, openinference.ROWS, openllmetry.ROWS, frameworks.ROWS)
FAMILIES: Final = (*ours.FAMILIES, *genai.FAMILIES, *openinference.FAMILIES)
_PREFIXES: Final = tuple(family.prefix for family in FAMILIES)
UNKNOWN_ERROR: Final = "_OTHER"
_ERROR: Final = Status.StatusCode.STATUS_CODE_ERROR


def _first_rows(tables: Iterable[Iterable[AttributeRow]]) -> dict[str, tuple[str, ReadValue]]:
    """Keys that are the first of all tables to tell their fact: they are set as they come."""
    first: dict[str, AttributeRow] = {}
    for row in _all(tables):
        first.setdefault(row.fact, row)
    return {row.key: (row.fact, row.read) for row in first.values()}


def _later_rows(tables: Iterable[Iterable[AttributeRow]]) -> dict[str, list[tuple[int, str, ReadValue]]]:
    """The other keys, with their place: the lowest that was found counts, where the first one was not."""
    rows = list(_all(tables))
    later: dict[str, list[tuple[int, str, ReadValue]]] = {}
    for place, row in enumerate(rows):
        if FIRST.get(row.key, ("",))[0] != row.fact:
            later.setdefault(row.key, []).append((place, row.fact, row.read))
    return later


def _all(tables: Iterable[Iterable[AttributeRow]]) -> Iterable[AttributeRow]:
    return (row for table in tables for row in table)


FIRST: Final = _first_rows(_TABLES)
LATER: Final = _later_rows(_TABLES)
LAST: Final = sum(map(len, _TABLES))


def read_span(  # noqa: C901 - the hot path of decoding in one function
    span: Span, scope: str = "", sent: list[tuple[str, AnyValue]] | None = None
) -> SpanFacts:
    """Returns the facts of one span; `scope` is the name of its instrumentation scope.

    Appends the attributes that were read to `sent`.
    """
    facts = SpanFacts()
    later: list[tuple[int, str, object]] = []
    first_row = FIRST.get
    for attribute in span.attributes:
        key = attribute.key
        row, is_later = first_row(key), key in LATER
        if row is None and not is_later and not key.startswith(_PREFIXES):
            continue
        held = attribute.value
        if sent is not None:
            sent.append((key, held))
        if row is not None:
            value = row[1](held)
            if value.__class__ is NotUnderstood:
                later.append(_not_understood(facts, key, row[0], value))
            elif value is not None:
                setattr(facts, row[0], value)
        if is_later:
            later += _read_later(facts, key, held)
        elif row is None:
            family = next(family for family in FAMILIES if key.startswith(family.prefix))
            family.take(facts, key[len(family.prefix) :], held)
    if later:
        _take_later(facts, later)
    if span.events:
        _read_events(span, facts)
    if scope in AGENT_SPANS and not AGENT_SPANS[scope].is_silent:
        _read_agent_span(facts, span, AGENT_SPANS[scope])
    return complete(facts, span, scope)


def _read_agent_span(facts: SpanFacts, span: Span, table: AgentSpans) -> None:
    """What the keys and names of one scope mean, before that of all others."""
    for attribute in span.attributes:
        row = table.facts.get(attribute.key)
        if row is not None:
            take(facts, row[0], attribute.key, row[1](attribute.value))
    facts.kind = kind_of(table, span.name) or facts.kind
    facts.source = SOURCE
    facts.failed = facts.failed or facts.succeeded is False
    is_wait = span.name in WAITS and plain(facts.decided_by) in PERSONS
    if plain(facts.decision) in DENIES:
        facts.error_type = DENIED
    elif facts.decision and not is_wait:
        facts.kind = NO_STEP
    facts.is_begun = span.name in table.begun
    if span.name in SIDE_WRAPPERS or is_wait:
        facts.name = span.name


def _read_later(facts: SpanFacts, key: str, value: AnyValue) -> Iterator[tuple[int, str, object]]:
    for place, fact, read in LATER[key]:
        found = read(value)
        if isinstance(found, NotUnderstood):
            yield _not_understood(facts, key, fact, found)
        else:
            yield place, fact, found


def _not_understood(facts: SpanFacts, key: str, fact: str, found: NotUnderstood) -> tuple[int, str, object]:
    """What holds instead, after every key that tells the fact."""
    facts.note(found.rule, key)
    return LAST, fact, found.instead


def _take_later(facts: SpanFacts, later: list[tuple[int, str, object]]) -> None:
    for _, fact, value in sorted(later, key=lambda found: found[0]):
        if value is not None and getattr(facts, fact) in _NOTHING[fact]:
            setattr(facts, fact, value)


_NOTHING: Final = {fact: ("", None, getattr(SpanFacts(), fact)) for fact in SpanFacts.__slots__}


def _read_events(span: Span, facts: SpanFacts) -> None:
    """Of an exception its type, of a model's choice its finish reason; never a text."""
    for event in span.events:
        name = event.name
        if name == wire.EXCEPTION_EVENT:
            if span.status.code == _ERROR and facts.error_type in ("", UNKNOWN_ERROR):
                facts.error_type = _attribute(event, wire.EXCEPTION_TYPE) or facts.error_type
        elif name == genai.CHOICE_EVENT and not facts.finish_reason:
            key, fact, read = genai.CHOICE
            for attribute in event.attributes:
                if attribute.key == key:
                    take(facts, fact, f"{name}.{key}", read(attribute.value))


def _attribute(event: Span.Event, key: str) -> str:
    return next((each.value.string_value.strip() for each in event.attributes if each.key == key), "")


def key_of(attributes: Iterable[KeyValue], fact: str) -> str:
    """Returns the key among these that states a fact; `name` if only the span's name or an event states it."""
    stated = {attribute.key for attribute in attributes}
    return next((key for key in KEYS[fact] if key in stated), "name")


KEYS: Final = {
    row.fact: [each.key for each in _all(_TABLES) if each.fact == row.fact] for row in _all(_TABLES)
}
