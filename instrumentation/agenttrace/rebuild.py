"""Spans and log records made anew from what may leave the process; the originals stay as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Status, StatusCode

from agenttrace.attributes import (
    Attributes,
    add_confidence,
    decision_texts,
    failure_attributes,
    metadata_attributes,
    signal_attributes,
)
from agenttrace.confirm import confirmed_attributes, confirmed_span_name
from agenttrace_schemas import wire
from agenttrace_schemas.allowlist import (
    DOCUMENT_KEY,
    DOCUMENTS,
    EVENTS,
    FAMILIES,
    KEYS,
    RESOURCE,
    SPAN_NAME,
    ValueForm,
)
from agenttrace_schemas.counts import count_of
from agenttrace_schemas.rules import OTHER, Policy, Violation
from agenttrace_schemas.spellings import FINISH_REASONS, OUTPUT_TYPES, flag_of, spelling
from agenttrace_schemas.texts import REDACTED, identifier

_LONGEST: Final = 10_000
_LONGEST_JSON: Final = 1_000_000
# Neither one word nor a name that anybody reads.
_NAMELESS: Final = f"{REDACTED} span"


def rebuilt_span(span: ReadableSpan, policy: Policy) -> ReadableSpan:
    """The span with ids, times, kind and status code, and of the rest what the allow-list names."""
    return ReadableSpan(
        name=span_name(confirmed_span_name(span, policy)),
        context=span.context,
        parent=span.parent,
        resource=rebuilt_resource(span.resource),
        attributes=confirmed_attributes(
            span, dict(rebuilt_attributes(span.attributes or {}, policy)), policy
        ),
        events=[kept for event in span.events if (kept := _event(event, policy))],
        kind=span.kind,
        status=Status(StatusCode(span.status.status_code)),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=_scope(span.instrumentation_scope),
    )


def rebuilt_log(record: ReadableLogRecord, policy: Policy) -> ReadableLogRecord | None:
    """A typed event that keeps every rule; None for every other record."""
    said = record.log_record
    if said.event_name not in wire.EVENT_NAMES:
        return None
    attributes = _typed(said.event_name, said.attributes or {}, policy)
    if attributes is None:
        return None
    kept = LogRecord(
        timestamp=said.timestamp,
        observed_timestamp=said.observed_timestamp,
        context=said.context,
        severity_number=said.severity_number,
        event_name=said.event_name,
        attributes={**dict(rebuilt_attributes(said.attributes or {}, policy)), **attributes},
    )
    return ReadableLogRecord(kept, rebuilt_resource(record.resource), _scope(record.instrumentation_scope))


def span_name(name: str) -> str:
    """The name where it is one word or a known form; one word of another form shows as redacted."""
    if SPAN_NAME.fullmatch(name) and not any(
        identifier(word.strip("[]")) == REDACTED for word in name.split(" ")
    ):
        return name
    return _NAMELESS if " " in name or not name else REDACTED


def rebuilt_resource(resource: Resource) -> Resource:
    """Who sends: names that look like names, and nothing of the machine."""
    names = ((key, resource.attributes[key]) for key in RESOURCE if key in resource.attributes)
    return Resource({key: identifier(value) for key, value in names if isinstance(value, str)})


def rebuilt_attributes(attributes: Mapping[str, Any], policy: Policy) -> Iterator[tuple[str, Any]]:
    """The attributes that may leave, each in its form."""
    documents = -1
    for key, value in attributes.items():
        form = KEYS.get(key) or next(
            (form for pattern, form in FAMILIES.items() if pattern.fullmatch(key)), None
        )
        if form:
            kept = in_form(form, value)
            if kept is not None:
                yield key, kept
        elif found := DOCUMENTS.fullmatch(key):
            documents = max(documents, int(found[1]))
    if documents >= 0:
        yield DOCUMENT_KEY.format(documents), ""
    with suppress(Violation):
        yield from _metadata(attributes, policy).items()


def in_form(form: ValueForm, value: Any) -> Any:
    """What is left of a value, None for nothing."""
    if form is ValueForm.NAME:
        return identifier(value) if isinstance(value, str) else None
    if form in _WORDS:
        return _word(_WORDS[form], value)
    if form is ValueForm.COUNT:
        return count_of(value)
    if form is ValueForm.FLAG:
        return flag_of(value)
    length = _length(value)
    return count_of(value) if length is None else ("",) * min(length, _LONGEST)


_WORDS: Final[Mapping[ValueForm, Mapping[str, str]]] = {
    ValueForm.FINISH_REASON: FINISH_REASONS,
    ValueForm.OUTPUT_TYPE: OUTPUT_TYPES,
}


def _word(spellings: Mapping[str, str], value: Any) -> str | None:
    """Our word for the first text of a value, `other` for one that nobody knows."""
    listed = value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else (value,)
    said = next((each for each in listed if isinstance(each, str) and each.strip()), "")
    known = spelling(spellings, said) if said else ""
    return OTHER if known is None else known or None


def _length(value: Any) -> int | None:
    """How many items a list has, or JSON of one, of which nothing else is kept."""
    if isinstance(value, str):
        if not value or len(value) > _LONGEST_JSON:
            return None
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
        return len(value) if isinstance(value, list) else None
    return len(value) if isinstance(value, Sequence) and not isinstance(value, bytes) else None


def _metadata(attributes: Mapping[str, Any], policy: Policy) -> Attributes:
    """Metadata where all of it keeps the rules; raises `Violation`."""
    start = len(wire.METADATA_PREFIX)
    stated = {key[start:]: value for key, value in attributes.items() if key.startswith(wire.METADATA_PREFIX)}
    return metadata_attributes(policy, stated) if stated else {}


def _event(event: Event, policy: Policy) -> Event | None:
    if event.name in wire.EVENT_NAMES:
        typed = _typed(event.name, event.attributes or {}, policy)
        return None if typed is None else Event(event.name, typed, event.timestamp)
    if event.name in EVENTS:
        key, form = EVENTS[event.name]
        kept = in_form(form, (event.attributes or {}).get(key))
        return Event(event.name, {} if kept is None else {key: kept}, event.timestamp)
    return None


def _typed(name: str, stated: Mapping[str, Any], policy: Policy) -> Attributes | None:
    """The attributes of a typed event made anew from what the rules pass, None where one refuses it."""
    try:
        enforced = {**_READ[name](stated, policy), **_metadata(stated, policy)}
    except Violation:
        return None
    ids = {key: identifier(value) for key in _IDS if isinstance(value := stated.get(key), str)}
    return {**enforced, **ids}


def _decision(stated: Mapping[str, Any], policy: Policy) -> Attributes:
    get = stated.get
    attributes = decision_texts(
        policy,
        get(wire.DECISION_TYPE),
        get(wire.DECISION_SELECTED),
        get(wire.DECISION_REASON_CODE),
        get(wire.DECISION_CANDIDATES),
    )
    add_confidence(attributes, get(wire.DECISION_CONFIDENCE))
    return attributes


def _signal(stated: Mapping[str, Any], policy: Policy) -> Attributes:
    get = stated.get
    return signal_attributes(
        policy,
        signal_type=get(wire.SIGNAL_TYPE),
        signal_code=get(wire.SIGNAL_CODE),
        value=get(wire.SIGNAL_VALUE),
        weight=get(wire.SIGNAL_WEIGHT),
    )


def _failure(stated: Mapping[str, Any], policy: Policy) -> Attributes:
    get = stated.get
    return failure_attributes(
        policy,
        failure_type=get(wire.FAILURE_TYPE),
        failure_code=get(wire.FAILURE_CODE),
        message=get(wire.FAILURE_MESSAGE),
    )


_READ: Final = {wire.EVENT_DECISION: _decision, wire.EVENT_SIGNAL: _signal, wire.EVENT_FAILURE: _failure}
_IDS: Final = (wire.DECISION_ID, wire.SIGNAL_ID, wire.FAILURE_ID, wire.STEP_ID)


def _scope(scope: InstrumentationScope | None) -> InstrumentationScope | None:
    if scope is None:
        return None
    return InstrumentationScope(identifier(scope.name), identifier(scope.version or ""))
