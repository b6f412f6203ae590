"""Rebuilds names, attributes and events from the allow-list before they leave the SDK or the collector."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

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
from agenttrace_schemas.evaluation import evaluation_attributes, evaluation_of
from agenttrace_schemas.events import decision_of, failure_of, metadata_of, signal_of
from agenttrace_schemas.names import kept_name
from agenttrace_schemas.outcome import outcome_attributes, outcome_of
from agenttrace_schemas.rules import OTHER, Policy, Violation
from agenttrace_schemas.spellings import FINISH_REASONS, OUTPUT_TYPES, flag_of, spelling
from agenttrace_schemas.texts import REDACTED, identifier

LONGEST: Final = 10_000
LONGEST_JSON: Final = 1_000_000
# Neither one word nor a name that anybody reads.
NAMELESS: Final = f"{REDACTED} span"


def span_name(name: str) -> str:
    """Returns the span name if it is an identifier or has a known form; else `_redacted`, or `_redacted span` for several words."""
    if SPAN_NAME.fullmatch(name) and not any(
        identifier(word.strip("[]")) == REDACTED for word in name.split(" ")
    ):
        return name
    return NAMELESS if " " in name or not name else REDACTED


def resource_names(attributes: Mapping[str, Any], policy: Policy) -> dict[str, str]:
    """Returns the sender's names that are identifiers, and nothing about the machine."""
    names = ((key, attributes[key]) for key in sorted(RESOURCE) if key in attributes)
    return {key: kept_name(policy.site_key, value) for key, value in names if isinstance(value, str)}


def rebuilt_attributes(attributes: Mapping[str, Any], policy: Policy) -> Iterator[tuple[str, Any]]:
    """Yields the attributes that may leave, each in its form."""
    documents = -1
    for key, value in attributes.items():
        form = form_of(key)
        if form:
            kept = in_form(form, value, policy)
            if kept is not None:
                yield key, kept
        elif found := DOCUMENTS.fullmatch(key):
            documents = max(documents, int(found[1]))
    if documents >= 0:
        yield DOCUMENT_KEY.format(documents), ""
    with suppress(Violation):
        yield from _metadata(attributes, policy).items()


def form_of(key: str) -> ValueForm | None:
    """The form in which a key's value leaves, None for a key that does not leave."""
    return KEYS.get(key) or next((form for pattern, form in FAMILIES.items() if pattern.fullmatch(key)), None)


def in_form(form: ValueForm, value: Any, policy: Policy) -> Any:
    """Returns what remains of a value in this form; None if nothing does."""
    if form is ValueForm.NAME:
        return kept_name(policy.site_key, value) if isinstance(value, str) else None
    if form in WORDS:
        return _word(WORDS[form], value)
    if form is ValueForm.COUNT:
        return count_of(value)
    if form is ValueForm.FLAG:
        return flag_of(value)
    length = _length(value)
    return count_of(value) if length is None else ("",) * min(length, LONGEST)


def event_attributes(name: str, stated: Mapping[str, Any], policy: Policy) -> dict[str, Any] | None:
    """Returns the attributes that an event leaves with; None if the event may not leave."""
    if name in wire.EVENT_NAMES:
        return typed_event(name, stated, policy)
    if name not in EVENTS:
        return None
    key, form = EVENTS[name]
    kept = in_form(form, stated.get(key), policy)
    return {} if kept is None else {key: kept}


def typed_event(name: str, stated: Mapping[str, Any], policy: Policy) -> dict[str, Any] | None:
    """Returns the attributes of a typed event rebuilt from its enforced fields; None if a rule refuses it."""
    try:
        metadata = {} if name == wire.EVENT_OUTCOME else _metadata(stated, policy)
        enforced = {**_READ[name](stated, policy), **metadata}
    except Violation:
        return None
    ids = {
        key: kept_name(policy.site_key, value) for key in _IDS if isinstance(value := stated.get(key), str)
    }
    return {**enforced, **ids}


WORDS: Final[Mapping[ValueForm, Mapping[str, str]]] = {
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
        if not value or len(value) > LONGEST_JSON:
            return None
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
        return len(value) if isinstance(value, list) else None
    return len(value) if isinstance(value, Sequence) and not isinstance(value, bytes) else None


def _metadata(attributes: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    """Metadata where all of it keeps the rules; raises `Violation`."""
    return {wire.METADATA_PREFIX + key: value for key, value in metadata_of(attributes, policy).items()}


def _decision(stated: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    decision = decision_of(stated, policy)
    attributes: dict[str, Any] = {
        wire.DECISION_TYPE: decision.decision_type,
        wire.DECISION_SELECTED: decision.selected,
        wire.DECISION_REASON_CODE: decision.reason_code,
    }
    if decision.candidates:
        attributes[wire.DECISION_CANDIDATES] = decision.candidates
    if decision.confidence is not None:
        attributes[wire.DECISION_CONFIDENCE] = decision.confidence
    if decision.tool_name:
        attributes[wire.DECISION_TOOL_NAME] = decision.tool_name
    if decision.wait_ms is not None:
        attributes[wire.DECISION_WAIT_MS] = decision.wait_ms
    return attributes


def _signal(stated: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    signal = signal_of(stated, policy)
    weight = {} if signal.weight is None else {wire.SIGNAL_WEIGHT: signal.weight}
    return {
        wire.SIGNAL_TYPE: signal.signal_type,
        wire.SIGNAL_CODE: signal.signal_code,
        wire.SIGNAL_VALUE: signal.value,
        **weight,
    }


def _failure(stated: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    failure = failure_of(stated, policy)
    return {
        wire.FAILURE_TYPE: failure.failure_type,
        wire.FAILURE_CODE: failure.failure_code,
        wire.FAILURE_MESSAGE: failure.message,
    }


def _evaluation(event: str, stated: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    return evaluation_attributes(evaluation_of(event, stated, policy), event)


def _outcome(stated: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    return outcome_attributes(outcome_of(stated, policy))


_READ: Final[Mapping[str, Callable[[Mapping[str, Any], Policy], dict[str, Any]]]] = {
    wire.EVENT_DECISION: _decision,
    wire.EVENT_SIGNAL: _signal,
    wire.EVENT_FAILURE: _failure,
    wire.EVENT_OUTCOME: _outcome,
    **{event: partial(_evaluation, event) for event in wire.EVALUATIONS},
}
_IDS: Final = (
    *(wire.DECISION_ID, wire.SIGNAL_ID, wire.FAILURE_ID, wire.EVALUATION_ID, wire.OUTCOME_ID, wire.STEP_ID),
)
