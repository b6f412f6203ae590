"""Evaluations that others made of a run or a step: a name, a score or a label, and no words (rules `evaluation.*`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from agenttrace_schemas import wire
from agenttrace_schemas.names import kept_name
from agenttrace_schemas.rules import Policy, Violation
from agenttrace_schemas.texts import REDACTED, label_fault

LENGTH: Final = 64
EXPLANATION: Final = "evaluation.explanation"
# Names and labels are one token wherever the site's own labels may be more.
LABELS: Final = "token"


class Evaluation(NamedTuple):
    """The enforced fields of an evaluation; a label or an error type that was not stated is empty."""

    name: str
    score: float | None
    label: str
    error_type: str


class Keys(NamedTuple):
    """Under which attribute keys an event states what it evaluates, and how."""

    name: str
    score: str
    label: str


KEYS: Final[Mapping[str, Keys]] = {
    wire.EVENT_EVALUATION: Keys(wire.EVALUATION_NAME, wire.EVALUATION_SCORE, wire.EVALUATION_LABEL),
    wire.EVENT_EVALUATION_RESULT: Keys(
        wire.GEN_AI_EVALUATION_NAME, wire.GEN_AI_EVALUATION_SCORE, wire.GEN_AI_EVALUATION_LABEL
    ),
}
_OURS: Final = KEYS[wire.EVENT_EVALUATION]


def check_evaluation(
    policy: Policy,
    *,
    name: object,
    score: object = None,
    label: object = None,
    error_type: object = None,
    keys: Keys = _OURS,
) -> Evaluation:
    """The evaluation rebuilt from enforced fields; raises `Violation` at the first rule broken."""
    named = _token(name, "evaluation.name", keys.name)
    kept = _token(label, "evaluation.label", keys.label) if label is not None and label != "" else ""
    number = _number(score, keys.score)
    error = _error(policy, error_type)
    if number is None and not kept and not error:
        raise Violation("evaluation.score", keys.score)
    return Evaluation(named, number, kept, error)


def evaluation_of(event: str, attributes: Mapping[str, Any], policy: Policy) -> Evaluation:
    """The evaluation that the attributes of an event of this name state; its explanation is not looked at."""
    keys, get = KEYS[event], attributes.get
    return check_evaluation(
        policy,
        name=get(keys.name),
        score=get(keys.score),
        label=get(keys.label),
        error_type=get(wire.ERROR_TYPE),
        keys=keys,
    )


def evaluation_attributes(evaluation: Evaluation, event: str = wire.EVENT_EVALUATION) -> dict[str, Any]:
    """The attributes of an event of this name that state an evaluation."""
    keys = KEYS[event]
    stated = {
        keys.name: evaluation.name,
        keys.score: evaluation.score,
        keys.label: evaluation.label or None,
        wire.ERROR_TYPE: evaluation.error_type or None,
    }
    return {key: value for key, value in stated.items() if value is not None}


def _token(value: object, rule: str, key: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LENGTH:
        raise Violation(rule, key)
    fault = label_fault(value, LABELS)
    if fault:
        raise Violation(fault, key)
    return value


def _number(value: object, key: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Violation("evaluation.score", key)
    try:
        number = float(value)
    except OverflowError:
        raise Violation("evaluation.score", key) from None
    if not math.isfinite(number):
        raise Violation("evaluation.score", key)
    return number


def _error(policy: Policy, error_type: object) -> str:
    if not error_type:
        return ""
    return kept_name(policy.site_key, error_type) if isinstance(error_type, str) else REDACTED
