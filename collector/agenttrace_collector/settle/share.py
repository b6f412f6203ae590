"""Divides the runs that wait among the collectors that settle in one database."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid4

from agenttrace_collector.settle.model import HashShare
from agenttrace_collector.settle.store import SettlingDatabase
from agenttrace_schemas.template import render

# Who was not seen for so long is taken for dead; the others settle its runs from their next round on.
ALIVE_SECONDS: Final = 30
# How often a collector says that it is there, in seconds.
_BEAT: Final = 5.0
_SEEN: Final = "INSERT INTO settle_collectors SELECT now64(9), toUUID('${collector}'), ${stopped}"
_ALIVE: Final = f"""
SELECT UUIDToNum(collector_id) FROM settle_collectors
WHERE abs(dateDiff('second', seen_at, now64(9))) < {ALIVE_SECONDS}
GROUP BY collector_id
HAVING argMax(stopped, seen_at) = 0
"""  # noqa: S608 - a constant of ours


@dataclass(slots=True)
class Share:
    """One collector among those that settle in a database.

    It saves work and is no lock: while two collectors disagree about who is alive, both may settle a run, and
    the rows that they write for it replace each other. `clock` (seconds) only says when to be seen again; who
    is alive is decided by the clock of the database.
    """

    database: SettlingDatabase
    collector_id: UUID = field(default_factory=uuid4)
    clock: Callable[[], float] = time.monotonic
    _seen: float | None = None

    def renew(self) -> HashShare:
        """Tells the others that this collector is alive, if it is time to; returns its part of the runs."""
        now = self.clock()
        if self._seen is None or now - self._seen >= _BEAT:
            self._report(stopped="0")
            self._seen = now
        # Itself too where a replica has not heard of it yet.
        alive = sorted({self.collector_id.bytes, *(bytes(row[0]) for row in self.database.query(_ALIVE))})
        return HashShare(alive.index(self.collector_id.bytes), len(alive))

    def leave(self) -> None:
        """Tells the others at once that this collector settles no more."""
        self._report(stopped="1")

    def _report(self, stopped: str) -> None:
        self.database.command(render(_SEEN, {"collector": str(self.collector_id), "stopped": stopped}))
