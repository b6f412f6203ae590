"""Values at the edges of what each attribute of a typed event may have."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Final

from agenttrace_schemas import wire
from agenttrace_schemas.rules import SELECTED_LENGTH
from agenttrace_schemas.vocabulary import REASONS, SIGNAL_CODES, FailureType
from tests.support.edges import SECRETS, TEXTS, Stated, any_value, metadata, text_edge
from tests.support.reference import Value


def event_key_and_value(rng: random.Random, event: str) -> Stated:
    """Attributes of a typed event."""
    chance = rng.random()
    if chance < 0.2:
        yield from metadata(rng)
        return
    if chance < 0.3:
        yield (
            rng.choice((wire.STEP_ID, wire.DECISION_ID, wire.SIGNAL_ID, wire.FAILURE_ID)),
            any_value(text_edge(rng)),
        )
        return
    if chance < 0.5 and event in _PAIRS:
        # A type and a code that may not be its own.
        for key in _PAIRS[event]:
            yield key, any_value(rng.choice(_EVENT_KEYS[key]))
        return
    key = rng.choice([key for key in _EVENT_KEYS if key.startswith(_PREFIX[event])])
    yield key, any_value(rng.choice(_EVENT_KEYS[key]) if rng.random() < 0.6 else text_edge(rng))


_PAIRS: Final = {
    wire.EVENT_DECISION: (wire.DECISION_TYPE, wire.DECISION_REASON_CODE),
    wire.EVENT_SIGNAL: (wire.SIGNAL_TYPE, wire.SIGNAL_CODE),
}
_PREFIX: Final = {
    wire.EVENT_DECISION: wire.EVENT_DECISION,
    wire.EVENT_SIGNAL: wire.SIGNAL_TYPE.removesuffix("type"),
    wire.EVENT_FAILURE: wire.EVENT_FAILURE,
}
_FRACTIONS: Final[Sequence[Value]] = (
    0,
    1,
    2,
    -1,
    0.0,
    -0.0,
    0.5,
    1.0,
    1.1,
    -5e-324,
    float("nan"),
    "0.5",
    True,
)
_CANDIDATES: Final[Sequence[Value]] = (
    *(["a"] * count for count in (0, 1, 31, 32, 33)),
    *(["a" * count] for count in (99, 100, 101)),
    *([secret] for secret in SECRETS),
    *(["a", ""], ["a b"], ["é"], ["a\n"]),
)
_EVENT_KEYS: Final[Mapping[str, Sequence[Value]]] = {
    wire.DECISION_TYPE: [*map(str, REASONS), "nonsense", 1],
    wire.DECISION_REASON_CODE: [str(code) for codes in REASONS.values() for code in codes],
    wire.DECISION_SELECTED: [*TEXTS, *SECRETS, *("a" * (SELECTED_LENGTH + by) for by in (-1, 0, 1))],
    wire.DECISION_CONFIDENCE: _FRACTIONS,
    wire.DECISION_CANDIDATES: _CANDIDATES,
    wire.SIGNAL_TYPE: [*map(str, SIGNAL_CODES), "site_signal", 1],
    wire.SIGNAL_CODE: [str(code) for codes in SIGNAL_CODES.values() for code in codes],
    wire.SIGNAL_VALUE: [True, False, 1, "true"],
    wire.SIGNAL_WEIGHT: _FRACTIONS,
    wire.FAILURE_TYPE: [*map(str, FailureType), "nonsense", 1],
    wire.FAILURE_CODE: [*TEXTS, *SECRETS],
    wire.FAILURE_MESSAGE: ["a sentence of the author", "x" * 200, "x" * 201, "a\nb", *SECRETS],
}
