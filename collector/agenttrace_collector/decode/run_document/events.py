"""Turns the failure, decisions and quality signals of a run document into rows, by the rules of typed events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import ValidationError

from agenttrace_collector.decode import ids as identity
from agenttrace_collector.decode.builder import BatchBuilder
from agenttrace_collector.decode.events import TABLES, Event, EventIds, Origin, event_row
from agenttrace_collector.decode.run_document.fields import (
    FORM,
    DecisionDocument,
    DocumentPart,
    FailureDocument,
    Refusal,
    RunDocument,
    SignalDocument,
    refusals,
)
from agenttrace_schemas import wire
from agenttrace_schemas.rows import DecisionRow, FailureRow, SignalRow
from agenttrace_schemas.rules import Policy, Violation

_KEYS: Final[Mapping[type[DocumentPart], Mapping[str, str]]] = {
    FailureDocument: {
        "failure_type": wire.FAILURE_TYPE,
        "failure_code": wire.FAILURE_CODE,
        "message": wire.FAILURE_MESSAGE,
    },
    DecisionDocument: {
        "decision_type": wire.DECISION_TYPE,
        "selected": wire.DECISION_SELECTED,
        "reason_code": wire.DECISION_REASON_CODE,
        "confidence": wire.DECISION_CONFIDENCE,
        "candidates": wire.DECISION_CANDIDATES,
        "tool_name": wire.DECISION_TOOL_NAME,
        "wait_ms": wire.DECISION_WAIT_MS,
    },
    SignalDocument: {
        "signal_type": wire.SIGNAL_TYPE,
        "signal_code": wire.SIGNAL_CODE,
        "value": wire.SIGNAL_VALUE,
        "weight": wire.SIGNAL_WEIGHT,
    },
}
_FIELDS: Final = {key: field for keys in _KEYS.values() for field, key in keys.items()}


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of part: its list in the document, its event, its record kind and where its id stands."""

    field: str
    event: str
    kind: str
    id_field: str
    id_key: str
    model: type[DecisionDocument | SignalDocument]
    at_end: bool


_LISTS: Final = (
    _Kind(
        "decisions",
        wire.EVENT_DECISION,
        "decision",
        "decision_id",
        wire.DECISION_ID,
        DecisionDocument,
        at_end=False,
    ),
    _Kind(
        "quality_signals",
        wire.EVENT_SIGNAL,
        "quality_signal",
        "signal_id",
        wire.SIGNAL_ID,
        SignalDocument,
        at_end=True,
    ),
)


@dataclass(frozen=True, slots=True)
class DocumentPlace:
    """Where the parts of a document stand: its run, the times of its steps and of itself."""

    origin: Origin
    policy: Policy
    steps: Mapping[bytes, tuple[int, int]]
    times: tuple[int, int]
    in_range: Callable[[int, str], bool]

    @staticmethod
    def own_id(run_id: bytes, stated: str) -> bytes:
        """Returns the id of a part: a UUID as it is; any other name, such as `step-1`, is unique within its run."""
        given = identity.parse_or_hash_id(stated)
        return (
            given if given != identity.uuid5(stated.encode("utf-8", "replace")) else _within(run_id, stated)
        )

    def step_id(self, stated: str | None) -> bytes | None:
        """The id of a step of this run."""
        return self.own_id(self.origin.run_id, stated) if stated else None

    def time(self, stated: int | None, step_id: bytes | None, kind: str, *, at_end: bool) -> int:
        """Returns the stated time, else that of the step, else that of the run, in nanoseconds since 1970.

        Raises `Violation` if it is out of range.
        """
        time = self.steps.get(step_id or b"", self.times)[at_end] if stated is None else stated
        if not self.in_range(time, TABLES[kind]):
            raise Violation("time.range", "recorded_at")
        return time


def _within(run_id: bytes, stated: str) -> bytes:
    return identity.uuid5(run_id + stated.encode("utf-8", "replace"))


def failure_row(
    given: FailureDocument | None, place: DocumentPlace
) -> tuple[FailureRow | None, list[Refusal]]:
    """Returns the row of a document's failure, or the refusals."""
    if given is None:
        return None, []
    step_id = place.step_id(given.step_id)
    try:
        time = place.time(given.occurred_at, step_id, "failure", at_end=True)
        event = Event(wire.EVENT_FAILURE, _values(given, wire.FAILURE_ID, given.failure_id, place), time)
        row = event_row(event, place.origin, place.policy, EventIds(place.origin))
    except Violation as violation:
        return None, [_refused(violation, "failure", "occurred_at")]
    assert isinstance(row, FailureRow)  # noqa: S101 - of a failure event
    return replace(row, step_id=step_id, source="api"), []


def decisions_and_signals(
    document: RunDocument, place: DocumentPlace, builder: BatchBuilder, ids: EventIds
) -> tuple[dict[str, int], list[Refusal]]:
    """Adds each row to the builder; returns how many rows there are of each kind, and the refused parts."""
    stored: dict[str, int] = {}
    refused: list[Refusal] = []
    for kind in _LISTS:
        given = getattr(document, kind.field)
        stored[kind.field] = 0
        if given is not None and not isinstance(given, list):
            builder.refuse(kind.kind, Violation(FORM, kind.field), place.origin)
            refused.append(Refusal(kind.field, FORM, "must be a list"))
            continue
        for number, each in enumerate(given or ()):
            problems = _keep(each, kind, place, (builder, ids, f"{kind.field}[{number}]"))
            stored[kind.field] += not problems
            refused += problems
    return stored, refused


def _keep(
    given: Any, kind: _Kind, place: DocumentPlace, to: tuple[BatchBuilder, EventIds, str]
) -> list[Refusal]:
    """Keep the row of one decision or signal, or say why there is none."""
    builder, ids, at = to
    try:
        part = kind.model.model_validate(given)
    except ValidationError as error:
        problems = refusals(error, at)
        builder.refuse(kind.kind, Violation(problems[0].rule, kind.field), place.origin)
        return problems
    step_id = place.step_id(part.step_id)
    try:
        time = place.time(part.recorded_at, step_id, kind.kind, at_end=kind.at_end)
        values = _values(part, kind.id_key, getattr(part, kind.id_field), place)
        row = event_row(Event(kind.event, values, time), place.origin, place.policy, ids)
    except Violation as violation:
        builder.refuse(kind.kind, violation, place.origin)
        return [_refused(violation, at, "recorded_at")]
    assert isinstance(row, DecisionRow | SignalRow)  # noqa: S101 - of these events
    builder.add(replace(row, step_id=step_id))
    return []


def _values(part: DocumentPart, id_key: str, stated: str | None, place: DocumentPlace) -> dict[str, object]:
    """The part as the attributes of its event."""
    values: dict[str, object] = {key: getattr(part, field) for field, key in _KEYS[type(part)].items()}
    attached: dict[str, Any] = getattr(part, "metadata", None) or {}
    values.update((wire.METADATA_PREFIX + key, value) for key, value in attached.items())
    if stated:
        values[id_key] = DocumentPlace.own_id(place.origin.run_id, stated).hex()
    return values


def _refused(violation: Violation, at: str, time: str) -> Refusal:
    """The violation at its place in the document; a key is repeated as far as the rules repeat it."""
    key = violation.key
    if key.startswith(wire.METADATA_PREFIX):
        field = f"metadata.{key.removeprefix(wire.METADATA_PREFIX)}"
    else:
        field = time if violation.rule == "time.range" else _FIELDS.get(key, "")
    return Refusal(f"{at}.{field}" if field else at, violation.rule, f"must be {violation.allowed}")
