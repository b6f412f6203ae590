"""Enforced event attributes: the rules run here, and what they pass is under its wire name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol, SupportsIndex, cast

from opentelemetry.util.types import AttributeValue

from agenttrace.numeric import OWN, Number, plain
from agenttrace_schemas import wire
from agenttrace_schemas.counts import count_of
from agenttrace_schemas.metadata import check_metadata_attributes
from agenttrace_schemas.rules import (
    Policy,
    Scalar,
    Violation,
    check_decision,
    check_failure,
    check_fraction,
    check_signal,
)

Metadata = Mapping[str, Scalar | Number | None]
Attributes = dict[str, AttributeValue]


class LabelSequence(Protocol):
    """A list or tuple of labels; a text, which is a sequence of texts too, is none."""

    def __contains__(self, item: object, /) -> bool: ...

    def __getitem__(self, index: SupportsIndex, /) -> str: ...

    def __iter__(self) -> Iterator[str]: ...

    def __len__(self) -> int: ...


def decision_texts(  # noqa: PLR0917 - by place, so that a cache can hash them
    policy: Policy,
    decision_type: object,
    selected: object,
    reason_code: object,
    candidates: object,
    tool_name: object,
) -> Attributes:
    """A decision without its numbers: the part that agents repeat, so that it can be remembered."""
    kind, selected, reason_code, _, candidates, tool, _ = check_decision(
        policy,
        decision_type=decision_type,
        selected=selected,
        reason_code=reason_code,
        candidates=candidates,
        tool_name=tool_name,
    )
    attributes: Attributes = {
        wire.DECISION_TYPE: kind,
        wire.DECISION_SELECTED: selected,
        wire.DECISION_REASON_CODE: reason_code,
    }
    if candidates:
        attributes[wire.DECISION_CANDIDATES] = candidates
    if tool:
        attributes[wire.DECISION_TOOL_NAME] = tool
    return attributes


def add_confidence(attributes: Attributes, confidence: object) -> None:
    """Add a decision's confidence, if it has one."""
    stated = confidence if type(confidence) is float else plain(confidence)
    checked = check_fraction(stated, "decision.confidence", wire.DECISION_CONFIDENCE)
    if checked is not None:
        attributes[wire.DECISION_CONFIDENCE] = checked


def add_wait(attributes: Attributes, wait_ms: object) -> None:
    """Add how long a call waited for a decision, in whole milliseconds."""
    count = count_of(plain(wait_ms))
    if count is None:
        raise Violation("count.range", wire.DECISION_WAIT_MS)
    attributes[wire.DECISION_WAIT_MS] = count


def signal_attributes(
    policy: Policy, *, signal_type: object, signal_code: object, value: object, weight: object
) -> Attributes:
    """A quality signal."""
    signal = check_signal(
        policy,
        signal_type=signal_type,
        signal_code=signal_code,
        value=plain(value),
        weight=plain(weight),
    )
    attributes: Attributes = {
        wire.SIGNAL_TYPE: signal.signal_type,
        wire.SIGNAL_CODE: signal.signal_code,
        wire.SIGNAL_VALUE: signal.value,
    }
    if signal.weight is not None:
        attributes[wire.SIGNAL_WEIGHT] = signal.weight
    return attributes


def failure_attributes(
    policy: Policy, *, failure_type: object, failure_code: object, message: object
) -> Attributes:
    """A failure; its message is the fixed sentence unless the policy keeps the author's."""
    failure = check_failure(policy, failure_type=failure_type, failure_code=failure_code, message=message)
    return {
        wire.FAILURE_TYPE: failure.failure_type,
        wire.FAILURE_CODE: failure.failure_code,
        wire.FAILURE_MESSAGE: failure.message,
    }


def metadata_attributes(policy: Policy, metadata: object) -> Attributes:
    """Metadata without its empty values."""
    stated = metadata if type(metadata) is dict else as_mapping(metadata)
    if not OWN.issuperset(map(type, stated.values())):
        stated = {key: plain(value) for key, value in stated.items()}
    return cast("Attributes", check_metadata_attributes(policy, stated))


def as_mapping(metadata: object) -> Mapping[str, object]:
    """Metadata as it was stated, nothing for None; anything but a mapping is a `Violation`."""
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise Violation("metadata.type", f"{wire.METADATA_PREFIX}*", "a mapping of keys to values")
    return metadata
