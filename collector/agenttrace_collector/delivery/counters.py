"""Counters of delivery since the start: counts and error codes, no values."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts by table; rows delivered and refused are in the journal's depth.

    `last_error` is a ClickHouse code or the class of the last failure, empty since the last success.
    `repaired` counts rows that an interrupted insert had lost in the database, `unrecorded` refused
    rows for which the database refused the rejection too.
    """

    blocks: Mapping[str, int]
    retries: Mapping[str, int]
    repaired: Mapping[str, int]
    unrecorded: int
    last_error: str


class DeliveryCounts:
    """The counters behind `Progress`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks: Counter[str] = Counter()
        self._retries: Counter[str] = Counter()
        self._repaired: Counter[str] = Counter()
        self._unrecorded = 0
        self._last_error = ""

    def inserted(self, table: str) -> None:
        """The database took a block."""
        with self._lock:
            self._blocks[table] += 1
            self._last_error = ""

    def failed(self, table: str, error: Exception) -> None:
        """An attempt failed and will be repeated."""
        with self._lock:
            self._retries[table] += 1
            self._last_error = str(getattr(error, "code", None) or type(error).__name__)

    def repaired(self, table: str, rows: int) -> None:
        """Rows of a block that was counted as inserted were missing."""
        with self._lock:
            self._repaired[table] += rows

    def unrecorded(self) -> None:
        """A refusal could not be stored."""
        with self._lock:
            self._unrecorded += 1

    def progress(self) -> Progress:
        """The counts at one moment."""
        with self._lock:
            return Progress(
                dict(self._blocks),
                dict(self._retries),
                dict(self._repaired),
                self._unrecorded,
                self._last_error,
            )
