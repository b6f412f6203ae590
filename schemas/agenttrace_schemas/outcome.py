"""How a run ended, said by whoever comes to know it after its end (rules `outcome.*`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from agenttrace_schemas import wire
from agenttrace_schemas.names import kept_name
from agenttrace_schemas.rules import Policy, Violation
from agenttrace_schemas.texts import REDACTED
from agenttrace_schemas.vocabulary import FailureType, RunStatus

_STATUSES: Final = frozenset(map(str, RunStatus))
_FAILURE_TYPES: Final = frozenset(map(str, FailureType))


class Outcome(NamedTuple):
    """The enforced fields of an outcome; type and code are empty where no failure is named."""

    status: str
    failure_type: str
    failure_code: str


def check_outcome(
    policy: Policy, *, status: object, failure_type: object = None, failure_code: object = None
) -> Outcome:
    """The outcome rebuilt from enforced fields; raises `Violation` at the first rule broken."""
    if not isinstance(status, str) or status not in _STATUSES:
        raise Violation("outcome.status", wire.OUTCOME_STATUS)
    if failure_type in (None, "") and failure_code in (None, ""):
        return Outcome(str(status), "", "")
    if status != RunStatus.FAILURE or not isinstance(failure_type, str) or failure_type not in _FAILURE_TYPES:
        raise Violation("outcome.failure", wire.OUTCOME_FAILURE_TYPE)
    if not isinstance(failure_code, str) or not failure_code:
        raise Violation("outcome.failure", wire.OUTCOME_FAILURE_CODE)
    code = kept_name(policy.site_key, failure_code) or REDACTED
    return Outcome(str(status), str(failure_type), code)


def outcome_of(attributes: Mapping[str, Any], policy: Policy) -> Outcome:
    """The outcome that an event's attributes state."""
    get = attributes.get
    return check_outcome(
        policy,
        status=get(wire.OUTCOME_STATUS),
        failure_type=get(wire.OUTCOME_FAILURE_TYPE),
        failure_code=get(wire.OUTCOME_FAILURE_CODE),
    )


def outcome_attributes(outcome: Outcome) -> dict[str, Any]:
    """The attributes of an event that states an outcome."""
    stated = {
        wire.OUTCOME_STATUS: outcome.status,
        wire.OUTCOME_FAILURE_TYPE: outcome.failure_type,
        wire.OUTCOME_FAILURE_CODE: outcome.failure_code,
    }
    return {key: value for key, value in stated.items() if value}
