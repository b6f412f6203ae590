"""Runs of which only events have come, so far: their spans come when they end, or never."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Final

from agenttrace_collector.settle.blocks import SettledRun
from agenttrace_collector.settle.model import RunKey
from agenttrace_collector.telemetry.metrics import Sample

# Of more the first are forgotten.
_MOST: Final = 100_000


class Unplaced:
    """The runs that were settled since start though no span of theirs makes a run; read from another thread."""

    def __init__(self) -> None:
        self._runs: dict[RunKey, None] = {}
        self._lock = threading.Lock()

    def note(self, runs: Iterable[SettledRun]) -> None:
        """Adds runs that have events alone, and removes those that have become runs."""
        with self._lock:
            for run in runs:
                if run.span is None and run.has_events:
                    self._runs[run.key] = None
                else:
                    self._runs.pop(run.key, None)
            while len(self._runs) > _MOST:
                del self._runs[next(iter(self._runs))]

    def readings(self) -> Iterator[Sample]:
        """Yields their number."""
        yield Sample("agenttrace_unplaced_runs", len(self._runs))
