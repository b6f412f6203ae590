"""Runs of which only events have come, so far: their spans come when they end, or never."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Final

from agenttrace_collector.settle.model import Recorded, RunKey, RunRows, Settled
from agenttrace_collector.telemetry.metrics import Sample

# Of more the first are forgotten.
_MOST: Final = 100_000


class Unplaced:
    """The runs that were settled since start though no span of theirs makes a run; read from another thread."""

    def __init__(self) -> None:
        self._runs: dict[RunKey, None] = {}
        self._lock = threading.Lock()

    def note(self, settled: Iterable[tuple[RunRows, Settled]]) -> None:
        """Adds runs that have events alone, and removes those that have become runs."""
        with self._lock:
            for rows, made in settled:
                run = (rows.tenant, rows.run_id)
                if made.facts is None and (rows.outcome or rows.recorded != Recorded()):
                    self._runs[run] = None
                else:
                    self._runs.pop(run, None)
            while len(self._runs) > _MOST:
                del self._runs[next(iter(self._runs))]

    def readings(self) -> Iterator[Sample]:
        """Yields their number."""
        yield Sample("agenttrace_unplaced_runs", len(self._runs))
