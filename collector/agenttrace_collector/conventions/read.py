"""Reads a span by the tables of the conventions: one pass, values only for keys that are kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agenttrace_collector.conventions import genai, openinference, openllmetry, ours
from agenttrace_collector.conventions.complete import complete
from agenttrace_collector.conventions.facts import SpanFacts
from agenttrace_collector.conventions.spellings import FINISH_REASONS
from agenttrace_collector.conventions.table import Reader, Row, first_spelled
from agenttrace_schemas import wire

_TABLES: Final = (ours.ROWS, genai.ROWS, openinference.ROWS, openllmetry.ROWS)
_FAMILIES: Final = (*ours.FAMILIES, *genai.FAMILIES, *openinference.FAMILIES)
_PREFIXES: Final = tuple(family.prefix for family in _FAMILIES)
_UNKNOWN_ERROR: Final = "_OTHER"
_ERROR: Final = Status.StatusCode.STATUS_CODE_ERROR
_choice: Final = first_spelled(FINISH_REASONS, "other")


def _first_rows(tables: Iterable[Iterable[Row]]) -> dict[str, tuple[str, Reader]]:
    """Keys that are the first of all tables to tell their fact: they are set as they come."""
    first: dict[str, Row] = {}
    for row in _all(tables):
        first.setdefault(row.fact, row)
    return {row.key: (row.fact, row.read) for row in first.values()}


def _later_rows(tables: Iterable[Iterable[Row]]) -> dict[str, list[tuple[int, str, Reader]]]:
    """The other keys, with their place: the lowest that was found counts, where the first one was not."""
    rows = list(_all(tables))
    later: dict[str, list[tuple[int, str, Reader]]] = {}
    for place, row in enumerate(rows):
        if _FIRST.get(row.key, ("",))[0] != row.fact:
            later.setdefault(row.key, []).append((place, row.fact, row.read))
    return later


def _all(tables: Iterable[Iterable[Row]]) -> Iterable[Row]:
    return (row for table in tables for row in table)


_FIRST: Final = _first_rows(_TABLES)
_LATER: Final = _later_rows(_TABLES)


def read_span(span: Span, scope: str = "") -> SpanFacts:
    """The facts of one span; `scope` is the name of its instrumentation scope."""
    facts = SpanFacts()
    later: list[tuple[int, str, object]] | None = None
    first_row = _FIRST.get
    for attribute in span.attributes:
        key = attribute.key
        row = first_row(key)
        if row is not None:
            value = row[1](attribute.value)
            if value is not None:
                setattr(facts, row[0], value)
        if key in _LATER:
            later = later or []
            later += [(place, fact, read(attribute.value)) for place, fact, read in _LATER[key]]
        elif row is None and key.startswith(_PREFIXES):
            family = next(family for family in _FAMILIES if key.startswith(family.prefix))
            family.take(facts, key[len(family.prefix) :], attribute.value)
    if later:
        _take_later(facts, later)
    if span.events:
        _read_events(span, facts)
    return complete(facts, span, scope)


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
            if span.status.code == _ERROR and facts.error_type in ("", _UNKNOWN_ERROR):
                facts.error_type = _attribute(event, wire.EXCEPTION_TYPE) or facts.error_type
        elif name == genai.CHOICE_EVENT and not facts.finish_reason:
            for attribute in event.attributes:
                if attribute.key == genai.CHOICE_FINISH_REASON:
                    facts.finish_reason = str(_choice(attribute.value) or "")


def _attribute(event: Span.Event, key: str) -> str:
    return next((each.value.string_value for each in event.attributes if each.key == key), "")
