"""Metadata of steps and typed events, held to its rules (`metadata.*`)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from agenttrace_schemas import patterns, wire
from agenttrace_schemas.rules import (
    BLOCKED_KEYS,
    METADATA_KEY_LENGTH,
    METADATA_KEYS,
    METADATA_LENGTH,
    Policy,
    Scalar,
    Violation,
)
from agenttrace_schemas.texts import is_secret, label_fault

_INT64: Final = 2**63
_METADATA_KEY: Final = re.compile(patterns.METADATA_KEY, re.ASCII)
_REMEMBERED: Final = 4_096
_NOT_LETTERS: Final = re.compile("[^a-z]", re.ASCII)


def check_metadata(policy: Policy, metadata: Mapping[str, object]) -> dict[str, Scalar]:
    """Returns the metadata without empty values; raises `Violation` at the first broken rule."""
    attributes = check_metadata_attributes(policy, metadata)
    return {name[len(wire.METADATA_PREFIX) :]: value for name, value in attributes.items()}


def check_metadata_attributes(policy: Policy, metadata: Mapping[Any, object]) -> dict[str, Scalar]:
    """As `check_metadata`, under the attribute keys of metadata."""
    if len(metadata) > METADATA_KEYS:
        raise Violation("metadata.count", f"{wire.METADATA_PREFIX}*")
    kept: dict[str, Scalar] = {}
    for key, value in metadata.items():
        name = _metadata_key(key if isinstance(key, str) else "")
        if value is not None:
            kept[name] = _metadata_value(policy, name, value)
    return kept


@lru_cache(maxsize=_REMEMBERED)
def _metadata_key(text: str) -> str:
    """The full attribute key, safe to repeat: a key that is no identifier is shown as `*`."""
    letters = _NOT_LETTERS.sub("", text[: 2 * METADATA_KEY_LENGTH].lower())
    if letters in BLOCKED_KEYS:
        raise Violation("metadata.blocked_key", wire.METADATA_PREFIX + letters)
    if len(text) > METADATA_KEY_LENGTH or not _METADATA_KEY.fullmatch(text) or is_secret(text):
        raise Violation("metadata.key", f"{wire.METADATA_PREFIX}*")
    return wire.METADATA_PREFIX + text


def _metadata_value(policy: Policy, name: str, value: object) -> Scalar:
    if isinstance(value, str):
        if len(value) > METADATA_LENGTH:
            raise Violation("metadata.length", name)
        if fault := label_fault(value, policy.labels):
            raise Violation(fault, name)
        return value
    if isinstance(value, int) and (-_INT64 <= value < _INT64 or isinstance(value, bool)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise Violation("metadata.type", name)
