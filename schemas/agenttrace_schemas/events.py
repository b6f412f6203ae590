"""Builds typed events from their attributes by the rules; each function raises `Violation` if one is broken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from agenttrace_schemas import wire
from agenttrace_schemas.metadata import check_metadata
from agenttrace_schemas.rules import (
    Decision,
    Failure,
    Policy,
    Scalar,
    Signal,
    check_decision,
    check_failure,
    check_signal,
)

_METADATA: Final = len(wire.METADATA_PREFIX)


def decision_of(attributes: Mapping[str, Any], policy: Policy) -> Decision:
    """Returns the enforced decision that an event's attributes state."""
    get = attributes.get
    return check_decision(
        policy,
        decision_type=get(wire.DECISION_TYPE),
        selected=get(wire.DECISION_SELECTED),
        reason_code=get(wire.DECISION_REASON_CODE),
        confidence=get(wire.DECISION_CONFIDENCE),
        candidates=get(wire.DECISION_CANDIDATES),
        tool_name=get(wire.DECISION_TOOL_NAME),
        wait_ms=get(wire.DECISION_WAIT_MS),
    )


def signal_of(attributes: Mapping[str, Any], policy: Policy) -> Signal:
    """Returns the enforced quality signal that an event's attributes state."""
    get = attributes.get
    return check_signal(
        policy,
        signal_type=get(wire.SIGNAL_TYPE),
        signal_code=get(wire.SIGNAL_CODE),
        value=get(wire.SIGNAL_VALUE),
        weight=get(wire.SIGNAL_WEIGHT),
    )


def failure_of(attributes: Mapping[str, Any], policy: Policy) -> Failure:
    """Returns the enforced failure that an event's attributes state."""
    get = attributes.get
    return check_failure(
        policy,
        failure_type=get(wire.FAILURE_TYPE),
        failure_code=get(wire.FAILURE_CODE),
        message=get(wire.FAILURE_MESSAGE),
    )


def metadata_of(attributes: Mapping[str, Any], policy: Policy) -> dict[str, Scalar]:
    """Returns the metadata among the attributes, by key without its prefix."""
    stated = {
        key[_METADATA:]: value for key, value in attributes.items() if key.startswith(wire.METADATA_PREFIX)
    }
    return check_metadata(policy, stated) if stated else {}
