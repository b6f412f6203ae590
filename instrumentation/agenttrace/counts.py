"""Counters of what was recorded, refused or could not be carried in this process."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from agenttrace_schemas import wire
from agenttrace_schemas.rules import RULES

MISUSE: Final = "misuse"
INTERNAL: Final = "internal"
_READING: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of this process so far.

    `recorded` by event name, `refused` by rule id (`misuse`: a call that could not be followed,
    `internal`: a fault of this package or of what it was given). `unconfigured` events met a process in
    which nobody has set OpenTelemetry up, `unsampled` ones a span that is not recorded, `unlogged` ones a
    process without log pipeline; `overflowed` ones went to a child span. `redacted` names were no
    identifiers; `replaced` words were not on their closed list. `dropped` spans and log records did not leave: the
    queue was full, or the collector could not be reached in time. `rejected` records were refused by the collector.
    """

    recorded: Mapping[str, int]
    refused: Mapping[str, int]
    unconfigured: int
    unsampled: int
    unlogged: int
    overflowed: int
    redacted: int
    replaced: int
    dropped: int
    rejected: int


class AtomicCount:
    """A counter without a lock: each step of its iterator is one atomic call."""

    __slots__ = ("_reads", "_steps", "add")

    def __init__(self) -> None:
        self._steps = itertools.count()
        self._reads = 0
        self.add = self._steps.__next__

    def value(self) -> int:
        """The count; looking takes a step of its own, which the next look takes off again."""
        count = next(self._steps) - self._reads
        self._reads += 1
        return count


def _counts(names: Iterable[str]) -> dict[str, AtomicCount]:
    return {name: AtomicCount() for name in names}


def _counted(counts: Mapping[str, AtomicCount]) -> dict[str, int]:
    return {name: count for name, tally in counts.items() if (count := tally.value())}


class Counters:
    """The live counters."""

    def __init__(self) -> None:
        self._recorded = _counts(wire.EVENT_NAMES)
        self._refused = _counts((*RULES, MISUSE, INTERNAL))
        self.unconfigured = AtomicCount()
        self.unsampled = AtomicCount()
        self.unlogged = AtomicCount()
        self.overflowed = AtomicCount()
        self.redacted = AtomicCount()
        self.replaced = AtomicCount()
        self.dropped = AtomicCount()
        self.rejected = AtomicCount()

    def recorded(self, event: str) -> None:
        """An event that at least one carrier took."""
        self._recorded[event].add()

    def refused(self, rule: str) -> None:
        """A refusal under a rule, or under `misuse` or `internal`."""
        self._refused[rule].add()

    def snapshot(self) -> Counts:
        """The counts as they are now."""
        with _READING:
            return Counts(
                recorded=_counted(self._recorded),
                refused=_counted(self._refused),
                unconfigured=self.unconfigured.value(),
                unsampled=self.unsampled.value(),
                unlogged=self.unlogged.value(),
                overflowed=self.overflowed.value(),
                redacted=self.redacted.value(),
                replaced=self.replaced.value(),
                dropped=self.dropped.value(),
                rejected=self.rejected.value(),
            )
