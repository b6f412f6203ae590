"""How many runs wait to be settled, and since when the oldest of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from agenttrace_collector.settle.sql import UNSETTLED_MARKS
from agenttrace_collector.settle.store import SettlingDatabase
from agenttrace_collector.telemetry.metrics import Sample

# So often it is asked where no quota needs to know it before each round.
_PAUSE_SECONDS: Final = 10.0
# A run that is set aside waits for a time to come, and is no older than nothing.
_BACKLOG: Final = f"""
SELECT tenant, count(), greatest(0, max(age))
FROM (
    SELECT
        tenant, maxIf(marked_at, settled = 1) AS done,
        arrayMin(arrayFilter(x -> x > done, groupArrayIf(marked_at, settled = 0))) AS first,
        (toUnixTimestamp64Nano(now64(9)) - toUnixTimestamp64Nano(first)) / 1e9 AS age
    FROM run_marks
    WHERE {UNSETTLED_MARKS}
    GROUP BY tenant, run_id
    HAVING maxIf(marked_at, settled = 0) > done
)
GROUP BY tenant
"""  # noqa: S608 - a constant of ours


@dataclass(slots=True)
class Backlog:
    """The runs that wait in a database, by tenant, as of the last look; those that are not quiet yet among them.

    `tell` is told at each look, which then comes before each round.
    """

    database: SettlingDatabase
    tell: Callable[[Mapping[str, int]], None] | None = None
    now: Callable[[], float] = time.monotonic
    _runs: int | None = None
    _oldest: float = 0.0
    _looked_at: float = float("-inf")

    def look(self) -> None:
        """Ask the database, if the last answer is old; raises as a query does."""
        if not self.tell and self.now() < self._looked_at + _PAUSE_SECONDS:
            return
        self._looked_at = self.now()
        rows = self.database.query(_BACKLOG)
        self._runs = sum(runs for _, runs, _ in rows)
        self._oldest = max((age for _, _, age in rows), default=0.0)
        if self.tell:
            self.tell({str(tenant): runs for tenant, runs, _ in rows})

    def readings(self) -> Iterator[Sample]:
        """The same for Prometheus, once it was asked; every collector of a database says the same."""
        if self._runs is not None:
            yield Sample("agenttrace_unsettled_runs", self._runs)
            yield Sample("agenttrace_unsettled_oldest_seconds", self._oldest)
