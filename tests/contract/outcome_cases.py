"""Cases of outcomes: a status of the closed list, and of a failure its type with a code."""

from __future__ import annotations

from typing import Final

from agenttrace_schemas import wire
from tests.contract.shape import NOT_IN_DATABASE, OUTCOME, TOKEN, Case, Layer, Outcome, cases


def _named(outcome: Outcome, **stated: object) -> Case:
    keys = {
        "status": wire.OUTCOME_STATUS,
        "type": wire.OUTCOME_FAILURE_TYPE,
        "code": wire.OUTCOME_FAILURE_CODE,
    }
    attributes = {**OUTCOME, **{keys[name]: value for name, value in stated.items()}}
    return Case(
        rule="outcome.failure",
        outcome=outcome,
        event=wire.EVENT_OUTCOME,
        attributes=attributes,
        policy=TOKEN,
        layers=tuple(Layer),
    )


OUTCOME_CASES: Final = [
    *cases(
        "outcome.status", wire.OUTCOME_STATUS, ("failure",), ("failed", "", "Failure", "failure\n", "other")
    ),
    *cases("outcome.status", wire.OUTCOME_STATUS, (), (None, 1, True, ["failure"]), layers=NOT_IN_DATABASE),
    *(
        _named(Outcome.ACCEPTED, status=status, type="", code="")
        for status in ("success", "failure", "partial", "unknown")
    ),
    *(_named(Outcome.REFUSED, status=status) for status in ("success", "partial", "unknown")),
    *(_named(Outcome.ACCEPTED, type=kind) for kind in ("tool", "model", "retrieval", "orchestration")),
    *(_named(Outcome.REFUSED, type=kind) for kind in ("other", "network", "")),
    _named(Outcome.REFUSED, code=""),
    _named(Outcome.REFUSED, type="", code="x"),
    *cases("outcome.failure", wire.OUTCOME_FAILURE_TYPE, (), (1, True, ["tool"]), layers=NOT_IN_DATABASE),
    *cases("outcome.failure", wire.OUTCOME_FAILURE_CODE, (), (1, True, ["x"]), layers=NOT_IN_DATABASE),
]
