"""Counters of what was recorded, refused or could not be carried in this process."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """What happened so far in this process.

    `recorded` by event name, `refused` by rule id (`misuse`: a call that could not be followed,
    `internal`: a fault of this package or of what it was given). `unsampled` events met a span that is not recorded, `unlogged` ones a process without log
    pipeline; `overflowed` ones went to a child span; `redacted` names were no identifiers.
    """

    recorded: Mapping[str, int]
    refused: Mapping[str, int]
    unsampled: int
    unlogged: int
    overflowed: int
    redacted: int


class Counters:
    """The live counters; safe between threads."""

    def __init__(self) -> None:
        self._recorded: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._others: Counter[str] = Counter()
        self.renew_lock()

    def renew_lock(self) -> None:
        """Take a fresh lock: after a fork another thread may have held the old one for ever."""
        self._lock = threading.Lock()

    def recorded(self, event: str) -> None:
        """An event that at least one carrier took."""
        with self._lock:
            self._recorded[event] += 1

    def refused(self, rule: str) -> bool:
        """A refusal; true for the first one under this rule."""
        with self._lock:
            self._refused[rule] += 1
            return self._refused[rule] == 1

    def unsampled(self) -> None:
        """An event whose span is not recorded."""
        self._count("unsampled")

    def unlogged(self) -> None:
        """An event that no log pipeline took."""
        self._count("unlogged")

    def overflowed(self) -> None:
        """An event that went to a child span."""
        self._count("overflowed")

    def redacted(self) -> None:
        """A name that was no identifier."""
        self._count("redacted")

    def snapshot(self) -> Counts:
        """The counts as they are now."""
        with self._lock:
            others = self._others
            return Counts(
                recorded=dict(self._recorded),
                refused=dict(self._refused),
                unsampled=others["unsampled"],
                unlogged=others["unlogged"],
                overflowed=others["overflowed"],
                redacted=others["redacted"],
            )

    def _count(self, name: str) -> None:
        with self._lock:
            self._others[name] += 1
