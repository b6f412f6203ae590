"""Runs that could not be settled, and when each is tried again."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Final
from uuid import UUID

from agenttrace_collector.settle.model import PendingRun, RunKey
from agenttrace_collector.telemetry.metrics import Sample

FIRST_PAUSE_SECONDS: Final = 60
LONGEST_PAUSE_SECONDS: Final = 3_600
# So many are named; the rest is counted under an empty id.
_NAMED: Final = 20


class RunsSetAside:
    """The runs set aside since start, each with how often it was tried; read by metrics from another thread."""

    def __init__(self) -> None:
        self._tries: dict[RunKey, int] = {}
        self._lock = threading.Lock()

    def add(self, mark: PendingRun) -> int:
        """Sets a run aside; returns for how many seconds, twice as long each time."""
        with self._lock:
            tries = self._tries[mark[:2]] = self._tries.get(mark[:2], 0) + 1
        # The exponent is bounded, for a run may be tried for weeks.
        return int(min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(tries - 1, 16)))

    def known(self, runs: Iterable[RunKey]) -> None:
        """Adds the runs that were set aside before the start."""
        with self._lock:
            self._tries.update({run: self._tries.get(run, 1) for run in runs})

    def remove(self, marks: Iterable[PendingRun]) -> None:
        """Removes runs that are settled now."""
        with self._lock:
            for mark in marks if self._tries else ():
                self._tries.pop(mark[:2], None)

    def readings(self) -> Iterator[Sample]:
        """Yields their number, and the ids of the first ones."""
        with self._lock:
            runs = list(self._tries)
        for _, run_id in runs[:_NAMED]:
            yield Sample("agenttrace_set_aside_runs", 1, {"run_id": str(UUID(bytes=run_id))})
        yield Sample("agenttrace_set_aside_runs", max(0, len(runs) - _NAMED), {"run_id": ""})
