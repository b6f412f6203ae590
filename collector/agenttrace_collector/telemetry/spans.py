"""Spans of the collector's own work: names and attributes of closed lists, and nothing while nobody records them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Final, Protocol, Self

# A request with this header is own telemetry of a collector: it is taken, and no span tells of it, so that two
# collectors that send theirs to each other do not go on for ever.
OWN_HEADER: Final = "x-agenttrace-own-telemetry"


class SpanName(StrEnum):
    """What a span tells of."""

    RECEIVE = "receive"
    COMMIT = "journal commit"
    INSERT = "insert"
    SETTLE = "settle round"
    QUERY = "query"


class OwnSpan(Protocol):
    """A span that is under way."""

    def count(self, **numbers: int) -> None:
        """Adds numbers that are known now."""


class OwnTracer(Protocol):
    """Makes spans; texts that are in none of its lists are left out."""

    def span(self, name: SpanName, attributes: Mapping[str, str | int]) -> AbstractContextManager[OwnSpan]:
        """One span; a failure that leaves it becomes its status."""


class _NoSpan:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def count(self, **numbers: int) -> None:
        """Nobody counts."""


class _Own:
    recorder: OwnTracer | None = None


_NOTHING: Final = _NoSpan()
_own: Final = _Own()


def span(name: SpanName, **attributes: str | int) -> AbstractContextManager[OwnSpan]:
    """A span of this process, if one records."""
    return _own.recorder.span(name, attributes) if _own.recorder else _NOTHING


def no_span() -> AbstractContextManager[OwnSpan]:
    """None, for what no span is to tell of."""
    return _NOTHING


def record_with(recorder: OwnTracer | None) -> None:
    """Records spans from now on; None: no more."""
    _own.recorder = recorder
