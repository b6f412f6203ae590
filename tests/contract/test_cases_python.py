"""The cases of the rules against the Python functions that the SDK and the collector share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import pytest

from agenttrace_schemas import rules, wire
from agenttrace_schemas.column_types import Guard
from agenttrace_schemas.counts import count_of
from agenttrace_schemas.evaluation import check_evaluation
from agenttrace_schemas.metadata import check_metadata
from agenttrace_schemas.names import conversation_hash
from agenttrace_schemas.outcome import check_outcome
from agenttrace_schemas.rows import columns
from agenttrace_schemas.rules import RULES, Policy, Violation
from agenttrace_schemas.texts import identifier
from tests.contract.cases import CASES, COLUMN_CASES, NOT_OF_EVENTS
from tests.contract.shape import DECISION, SIGNAL, Case, ColumnCase, Layer, Outcome
from tests.contract.vocabulary_cases import DECISION_PAIRS, SIGNAL_PAIRS

Check = Callable[..., tuple[object, ...]]

# The function of each event and the attributes that are its arguments, in the order of its result.
CHECKS: Final[Mapping[str, tuple[Check, Mapping[str, str]]]] = {
    wire.EVENT_DECISION: (
        rules.check_decision,
        {
            "decision_type": wire.DECISION_TYPE,
            "selected": wire.DECISION_SELECTED,
            "reason_code": wire.DECISION_REASON_CODE,
            "confidence": wire.DECISION_CONFIDENCE,
            "candidates": wire.DECISION_CANDIDATES,
            "tool_name": wire.DECISION_TOOL_NAME,
            "wait_ms": wire.DECISION_WAIT_MS,
        },
    ),
    wire.EVENT_SIGNAL: (
        rules.check_signal,
        {
            "signal_type": wire.SIGNAL_TYPE,
            "signal_code": wire.SIGNAL_CODE,
            "value": wire.SIGNAL_VALUE,
            "weight": wire.SIGNAL_WEIGHT,
        },
    ),
    wire.EVENT_FAILURE: (
        rules.check_failure,
        {
            "failure_type": wire.FAILURE_TYPE,
            "failure_code": wire.FAILURE_CODE,
            "message": wire.FAILURE_MESSAGE,
        },
    ),
    wire.EVENT_EVALUATION: (
        check_evaluation,
        {
            "name": wire.EVALUATION_NAME,
            "score": wire.EVALUATION_SCORE,
            "label": wire.EVALUATION_LABEL,
            "error_type": wire.ERROR_TYPE,
        },
    ),
    wire.EVENT_OUTCOME: (
        check_outcome,
        {
            "status": wire.OUTCOME_STATUS,
            "failure_type": wire.OUTCOME_FAILURE_TYPE,
            "failure_code": wire.OUTCOME_FAILURE_CODE,
        },
    ),
}


def enforce(policy: Policy, event: str, attributes: Mapping[str, object]) -> dict[str, object]:
    """What the rules keep of an event, by attribute key."""
    check, arguments = CHECKS[event]
    fields = check(policy, **{name: attributes.get(key) for name, key in arguments.items()})
    kept = dict(zip(arguments.values(), fields, strict=True))
    prefix = wire.METADATA_PREFIX
    stated = {key.removeprefix(prefix): value for key, value in attributes.items() if key.startswith(prefix)}
    metadata = check_metadata(policy, stated)
    return kept | {prefix + key: value for key, value in metadata.items()}


def of_python(*outcomes: Outcome) -> list[Case]:
    """The cases with one of these outcomes that Python can say."""
    return [case for case in CASES if Layer.PYTHON in case.layers and case.outcome in outcomes]


def plain(value: object) -> object:
    """Sequences compare by their items; a missing list of candidates is an empty one."""
    return tuple(value) if isinstance(value, list) else value


@pytest.mark.parametrize("case", of_python(Outcome.ACCEPTED), ids=lambda case: case.rule)
def test_what_is_accepted_is_kept_as_it_is(case: Case) -> None:
    """Each given value comes back unchanged; a value of nothing is the same as none."""
    kept = enforce(case.policy, case.event, case.attributes)
    given = {key: plain(value) for key, value in case.attributes.items() if value is not None}
    assert {key: kept[key] for key in given} == given


@pytest.mark.parametrize("case", of_python(Outcome.REFUSED), ids=lambda case: case.rule)
def test_what_is_refused_names_the_rule(case: Case) -> None:
    """The violation carries the rule of the case, and its text repeats no value."""
    with pytest.raises(Violation) as refusal:
        enforce(case.policy, case.event, case.attributes)
    assert refusal.value.rule == case.rule
    assert not [text for text in texts(case) if text in str(refusal.value)]


def texts(case: Case) -> list[str]:
    """The string values of a case that are long enough not to stand in a message by chance."""
    values = [*case.attributes.values()]
    values += [item for value in case.attributes.values() if isinstance(value, list) for item in value]
    valid = {*DECISION.values(), *SIGNAL.values(), "timeout", "tool"}
    return [value for value in values if isinstance(value, str) and len(value) > 12 and value not in valid]


@pytest.mark.parametrize("case", of_python(Outcome.REWRITTEN), ids=lambda case: case.rule)
def test_what_is_rewritten_is_stored_otherwise(case: Case) -> None:
    """The rules keep the other value."""
    kept = enforce(case.policy, case.event, case.attributes)
    assert {key: kept[key] for key in case.stored} == case.stored


@pytest.mark.parametrize("case", COLUMN_CASES, ids=lambda case: f"{case.rule}-{case.column}")
def test_columns_are_rewritten(case: ColumnCase) -> None:
    """The value that the rule of the column makes of it is the stored one."""
    column = columns(case.row)[case.column]
    assert column.guard in (case.rule, Guard.TOOL)
    assert rewritten(case, column.closed) == case.stored


def rewritten(case: ColumnCase, closed: tuple[str, ...]) -> object:
    """What the rule of a column stores for a value."""
    if case.rule == Guard.COUNT:
        return count_of(case.value)
    assert isinstance(case.value, str)
    if case.rule == Guard.IDENTIFIER:
        return identifier(case.value)
    if case.rule == Guard.CLOSED:
        return rules.closed(case.value, closed)
    return conversation_hash(case.policy.site_key, case.value)


def test_every_rule_has_an_accepted_and_another_case() -> None:
    """No rule of the table goes without cases, except those about the carrier."""
    of_events = {(case.rule, case.outcome is Outcome.ACCEPTED) for case in CASES}
    of_columns = {(case.rule, case.value == case.stored) for case in COLUMN_CASES}
    both = {rule for rule in RULES if {(rule, True), (rule, False)} <= of_events | of_columns}
    assert set(RULES) - both == NOT_OF_EVENTS


@pytest.mark.parametrize(("pairs", "accepted"), [(DECISION_PAIRS, 44), (SIGNAL_PAIRS, 38)])
def test_exactly_the_vocabulary_is_accepted(pairs: tuple[Case, ...], accepted: int) -> None:
    """Of every type with every code, those that the specification lists."""
    assert [is_accepted(case) for case in pairs] == [case.outcome is Outcome.ACCEPTED for case in pairs]
    assert sum(map(is_accepted, pairs)) == accepted


def is_accepted(case: Case) -> bool:
    """Whether the rules keep the event."""
    try:
        enforce(case.policy, case.event, case.attributes)
    except Violation:
        return False
    return True
