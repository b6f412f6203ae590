"""The shape of the cases of the rules (`cases.py`), and how one is made from a valid event.

A `Case` is a typed event as it stands on the wire: event name and attributes (`wire.py`), under a
policy. `outcome` says what the rules make of it:

- ACCEPTED: the rules keep every value as it is, the schema accepts the event, the database the row;
- REFUSED: the rules raise `Violation` with `rule`, the schema and the database refuse;
- REWRITTEN: the rules and the schema accept, the rules store the values of `stored` instead of the
  original ones, and the database refuses a row with the original ones.

To make a row of a case, take any valid row of the event's table (decision, signal, failure) and set
the columns that the attributes name; `agenttrace.metadata.<key>` go to the `metadata` map. `layers`
leaves out a layer whose types cannot say the value or cannot tell it from an accepted one.

A `ColumnCase` is one value for one column that the rules rewrite: they store `stored`, and the
database accepts the value only where it equals `stored`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from agenttrace_schemas import wire
from agenttrace_schemas.rows import Row
from agenttrace_schemas.rules import Policy


class Outcome(StrEnum):
    """What the rules make of an event."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    REWRITTEN = "rewritten"


class Layer(StrEnum):
    """Where the rules run."""

    PYTHON = "python"
    JSON_SCHEMA = "json schema"
    DATABASE = "database"


EVERYWHERE: Final = tuple(Layer)
NOT_IN_DATABASE: Final = (Layer.PYTHON, Layer.JSON_SCHEMA)
NOT_IN_JSON: Final = (Layer.PYTHON, Layer.DATABASE)
PYTHON_ONLY: Final = (Layer.PYTHON,)

TOKEN: Final = Policy()
WORDS: Final = Policy(labels="words")
RELAXED: Final = Policy(labels="relaxed")
KEEP: Final = Policy(failure_messages="keep")
KEYED: Final = Policy(site_key=b"a key of the site")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One event and what each layer must make of it."""

    rule: str
    outcome: Outcome
    event: str
    attributes: Mapping[str, object]
    policy: Policy = TOKEN
    layers: tuple[Layer, ...] = EVERYWHERE
    stored: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ColumnCase:
    """One value of a column that the rules rewrite rather than refuse."""

    rule: str
    row: type[Row]
    column: str
    value: object
    stored: object
    policy: Policy = TOKEN


DECISION: Final[Mapping[str, object]] = {
    wire.DECISION_TYPE: "tool_selection",
    wire.DECISION_SELECTED: "search_flights",
    wire.DECISION_REASON_CODE: "fresh_data_required",
}
SIGNAL: Final[Mapping[str, object]] = {
    wire.SIGNAL_TYPE: "tool_success",
    wire.SIGNAL_CODE: "first_attempt",
    wire.SIGNAL_VALUE: True,
}
FAILURE: Final[Mapping[str, object]] = {wire.FAILURE_TYPE: "tool", wire.FAILURE_CODE: "timeout"}
EVALUATION: Final[Mapping[str, object]] = {wire.EVALUATION_NAME: "helpfulness", wire.EVALUATION_SCORE: 0.5}
OUTCOME: Final[Mapping[str, object]] = {
    wire.OUTCOME_STATUS: "failure",
    wire.OUTCOME_FAILURE_TYPE: "tool",
    wire.OUTCOME_FAILURE_CODE: "timeout",
}
VALID: Final[Mapping[str, Mapping[str, object]]] = {
    wire.EVENT_DECISION: DECISION,
    wire.EVENT_SIGNAL: SIGNAL,
    wire.EVENT_FAILURE: FAILURE,
    wire.EVENT_EVALUATION: EVALUATION,
    wire.EVENT_OUTCOME: OUTCOME,
}
REQUIRED: Final[Mapping[str, str]] = {
    wire.DECISION_TYPE: "decision.type",
    wire.DECISION_SELECTED: "decision.selected",
    wire.DECISION_REASON_CODE: "decision.reason_code",
    wire.SIGNAL_TYPE: "signal.type",
    wire.SIGNAL_CODE: "signal.code",
    wire.SIGNAL_VALUE: "signal.value",
    wire.FAILURE_TYPE: "failure.type",
    wire.FAILURE_CODE: "failure.code",
    wire.EVALUATION_NAME: "evaluation.name",
    wire.EVALUATION_SCORE: "evaluation.score",
    wire.OUTCOME_STATUS: "outcome.status",
}

_KIND: Final[Mapping[str, str]] = {
    "agenttrace.decision.": wire.EVENT_DECISION,
    "agenttrace.signal.": wire.EVENT_SIGNAL,
    "agenttrace.failure.": wire.EVENT_FAILURE,
    "agenttrace.evaluation.": wire.EVENT_EVALUATION,
    "agenttrace.outcome.": wire.EVENT_OUTCOME,
}


def event_of(key: str) -> str:
    """The event that an attribute belongs to."""
    return next((event for prefix, event in _KIND.items() if key.startswith(prefix)), wire.EVENT_DECISION)


def cases(
    rule: str,
    key: str,
    accepted: tuple[object, ...],
    refused: tuple[object, ...],
    policy: Policy = TOKEN,
    layers: tuple[Layer, ...] = EVERYWHERE,
) -> list[Case]:
    """Cases that set one attribute of a valid event."""
    outcomes = [(Outcome.ACCEPTED, value) for value in accepted]
    outcomes += [(Outcome.REFUSED, value) for value in refused]
    event = event_of(key)
    return [
        Case(
            rule=rule,
            outcome=outcome,
            event=event,
            attributes={**VALID[event], key: value},
            policy=policy,
            layers=layers,
        )
        for outcome, value in outcomes
    ]


def metadata_cases(
    rule: str,
    outcome: Outcome,
    *given: Mapping[str, object],
    policy: Policy = TOKEN,
    layers: tuple[Layer, ...] = EVERYWHERE,
) -> list[Case]:
    """Cases that set metadata on each of the events that have any."""
    return [
        Case(
            rule=rule,
            outcome=outcome,
            event=event,
            attributes={**valid, **{wire.METADATA_PREFIX + key: value for key, value in metadata.items()}},
            policy=policy,
            layers=layers,
        )
        for metadata in given
        for event, valid in VALID.items()
        if event != wire.EVENT_OUTCOME
    ]


def rewritten(rule: str, key: str, given: object, stored: str, policy: Policy = TOKEN) -> Case:
    """A failure of which the rules store another value than the given one."""
    return Case(
        rule=rule,
        outcome=Outcome.REWRITTEN,
        event=wire.EVENT_FAILURE,
        attributes={**FAILURE, key: given},
        policy=policy,
        stored={key: stored},
    )
