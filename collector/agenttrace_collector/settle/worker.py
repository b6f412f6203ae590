"""Settles quiet runs, round by round."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from agenttrace_collector.clickhouse.client import MEMORY_LIMIT, QueryRejected, ServerUnavailable
from agenttrace_collector.config.sections import Config
from agenttrace_collector.errors import CollectorError, Unavailable
from agenttrace_collector.settle.backlog import Backlog
from agenttrace_collector.settle.blocks import encoded
from agenttrace_collector.settle.enforce import enforced
from agenttrace_collector.settle.engine import (
    SettlingEngine,
    open_settling,
    settling_readings,
    settling_state,
)
from agenttrace_collector.settle.model import (
    EVERYTHING,
    NOBODYS,
    HashShare,
    PendingRun,
    RunRows,
    SettleContext,
    Thresholds,
)
from agenttrace_collector.settle.names import by_digits, owners_of_unconfirmed, with_confirmed_names
from agenttrace_collector.settle.run import settle_run
from agenttrace_collector.settle.set_aside import RunsSetAside
from agenttrace_collector.settle.share import Share
from agenttrace_collector.settle.store import SettlingStore
from agenttrace_collector.settle.stored import run_rows
from agenttrace_collector.settle.unplaced import Unplaced
from agenttrace_collector.telemetry.metrics import Sample
from agenttrace_collector.telemetry.spans import SpanName, span
from agenttrace_schemas.rules import Policy

_log: Final = logging.getLogger(__name__)
# So many runs are settled together at least, where they are there, and not twice as many.
_BATCH: Final = 1_000
_MOST: Final = 20_000
# A round takes so many runs of one tenant at most: whoever sends very many has the others waiting no longer.
_MOST_OF_TENANT: Final = 2_000
_PAUSE: Final = 1.0
# While runs wait for others to be settled with, they are counted so often in `derive.round_wait`.
_LOOKS: Final = 4
_PAUSE_AFTER_FAILURE: Final = 5.0
# So many runs that are set aside are named in one line of the log.
_NAMED: Final = 10


@dataclass(slots=True)
class Settler:
    """Settles what waits in a store; `settled` counts runs, `failed_rounds` those the database refused.

    A run that cannot be settled is set aside and tried again later; the others are settled. With a share it
    settles its part of them, without one everything.
    """

    store: SettlingStore
    policy: Policy
    config: Config
    now: Callable[[], int] = time.time_ns
    clock: Callable[[], float] = time.monotonic
    settled: int = 0
    failed_rounds: int = 0
    set_aside: RunsSetAside = field(default_factory=RunsSetAside)
    unplaced: Unplaced = field(default_factory=Unplaced)
    stopping: threading.Event = field(default_factory=threading.Event)
    backlog: Backlog | None = None
    # Why the database cannot be asked yet; nothing is settled until this is empty.
    obstacle: Callable[[], str] = str
    share: Share | None = None
    # What settles, by `decode.engine` of the configuration at the start.
    engine: SettlingEngine = field(init=False)
    _kept: Thresholds | None = None
    # Since when (by `clock`) runs are ready that wait for a round to be large enough; None: there are none.
    _ready_since: float | None = None

    def __post_init__(self) -> None:
        self.engine = open_settling(self.config.decode.engine, self.policy)

    def take(self, config: Config) -> None:
        """Settle by the thresholds of this configuration from the next round on."""
        self.config = config

    def settle_waiting(self) -> int:
        """Settle runs for which nothing came in the last `derive.quiet`, of every tenant; how many there were."""
        marks = self._ready()
        self.settle(marks)
        return len(marks)

    def settle_large_round(self) -> float:
        """Settle runs if there are enough or the first has waited for `derive.round_wait`; how long to pause then."""
        marks, wait = self._ready(), self.config.derive.round_wait
        if not marks:
            self._ready_since = None
            return _PAUSE
        now = self.clock()
        if self._ready_since is None:
            self._ready_since = now
        left = wait - (now - self._ready_since)
        if len(marks) < _BATCH and left > 0:
            return min(left, max(_PAUSE, wait / _LOOKS))
        self._ready_since = None
        self.settle(marks)
        return 0.0 if len(marks) >= _MOST_OF_TENANT else _PAUSE

    def _ready(self) -> list[PendingRun]:
        """The runs of this collector's part that are quiet."""
        if self.backlog:
            self.backlog.look()
        return self.store.waiting(self.config.derive.quiet, _MOST, _MOST_OF_TENANT, self._part())

    def settle(self, marks: Sequence[PendingRun]) -> None:
        """Settle these runs, neighbours in time together."""
        ordered = sorted(marks, key=lambda mark: (mark.earliest, mark.run_id))
        thresholds = self._thresholds()
        part = self._part()
        size = _even(len(ordered))
        for start in range(0, len(ordered), size):
            # Where collectors came or went, the rest may be another's by now: the next round asks again.
            if self.stopping.is_set() or self._part() != part:
                return
            batch = ordered[start : start + size]
            with span(SpanName.SETTLE, runs=len(batch)):
                self._settle_batch(batch, thresholds)

    def _part(self) -> HashShare:
        return self.share.renew() if self.share else EVERYTHING

    def _settle_batch(self, marks: Sequence[PendingRun], thresholds: Thresholds) -> None:
        """Settle these runs; where that fails, each half by itself, until the runs are found that it fails for."""
        failed = list(self._halved(marks, thresholds))
        if failed:
            named = ", ".join(f"{UUID(bytes=mark.run_id)} ({reason})" for mark, reason in failed[:_NAMED])
            _log.error(
                "%d runs cannot be settled and are set aside, tried again later: %s", len(failed), named
            )

    def _halved(
        self, marks: Sequence[PendingRun], thresholds: Thresholds
    ) -> Iterator[tuple[PendingRun, str]]:
        """The runs that were set aside, each with why."""
        try:
            self._settle_together(marks, thresholds, is_alone=len(marks) == 1)
        except Exception as error:  # a run may be anything that was ever stored
            if _is_away(error):
                raise
            if len(marks) > 1:
                yield from self._halved(marks[: len(marks) // 2], thresholds)
                yield from self._halved(marks[len(marks) // 2 :], thresholds)
                return
            # Where reading fails for a run that nobody has, it is not this run that it fails for.
            self.store.read([NOBODYS])
            self.store.set_aside(marks[0], self.set_aside.add(marks[0]))
            yield marks[0], str(error) if isinstance(error, CollectorError) else type(error).__name__

    def _settle_together(
        self, marks: Sequence[PendingRun], thresholds: Thresholds, *, is_alone: bool
    ) -> None:
        wide, before = self.store.with_previous_range(marks)
        this = SettleContext(self.policy, thresholds, self.now())
        stored = self.store.read(wide)
        accepted = self.engine.accept(wide, stored, this)
        left = self._named(run_rows(accepted.left, accepted.stored))
        made = [*accepted.made, encoded(left, [settle_run(rows, this) for rows in left])]
        try:
            self.store.write(made, before, this.settled_at)
        except QueryRejected:
            if not is_alone:
                raise
            # Rows that were stored under other rules: what those of today refuse goes.
            sound = [enforced(rows, self.policy) for rows in self._named(run_rows(wide, stored))]
            made = [encoded(sound, [settle_run(rows, this) for rows in sound])]
            self.store.write(made, before, this.settled_at)
        self.store.mark_settled(marks)
        self.set_aside.remove(marks)
        self.unplaced.note(run for each in made for run in each.runs)
        self.settled += len(marks)

    def _named(self, runs: Sequence[RunRows]) -> Sequence[RunRows]:
        """The runs with names of tools that other calls confirm."""
        owners = owners_of_unconfirmed(runs)
        if not owners or not self.policy.site_key:
            return runs
        since = min(step.started_at for run in runs for step in run.steps)
        confirmed = by_digits(self.policy.site_key, self.store.confirmed_tools(owners, since))
        return [with_confirmed_names(run, self.policy.site_key, confirmed) for run in runs]

    def _thresholds(self) -> Thresholds:
        """Those of the configuration, written down when they are new."""
        latency, tokens = self.config.derive.latency_ms, self.config.derive.tokens
        thresholds = Thresholds(
            latency_exceeded=latency.exceeded,
            latency_significantly_exceeded=latency.significantly_exceeded,
            tokens_moderate=tokens.moderate,
            tokens_high=tokens.high,
            tokens_limit_approached=tokens.limit_approached,
        )
        if thresholds != self._kept:
            self.store.keep_thresholds(thresholds.by_name())
            self._kept = thresholds
        return thresholds

    def leave(self) -> None:
        """Leave its part to the others now; where the database is away they take it when this one is not seen."""
        if self.share:
            with suppress(CollectorError):
                self.share.leave()

    def facts(self) -> Mapping[str, object]:
        """What health says."""
        return settling_state(self.engine)

    def readings(self) -> Iterator[Sample]:
        """What was done, for Prometheus."""
        yield Sample("agenttrace_settled_runs", self.settled)
        yield Sample("agenttrace_settle_failed_rounds", self.failed_rounds)
        yield from settling_readings(self.engine)
        yield from self.set_aside.readings()
        yield from self.unplaced.readings()
        if self.backlog:
            yield from self.backlog.readings()

    async def run(self, threads: ThreadPoolExecutor) -> None:
        """Settles until stopped; retries while the database is away."""
        loop = asyncio.get_running_loop()
        while not self.stopping.is_set():
            pause = await loop.run_in_executor(threads, self._round)
            await loop.run_in_executor(threads, self.stopping.wait, pause)

    def _round(self) -> float:
        """One round; how long to wait before the next."""
        if self.obstacle():
            return _PAUSE
        try:
            if self._kept is None:
                self.set_aside.known(self.store.set_aside_before())
            return self.settle_large_round()
        except CollectorError as error:
            self.failed_rounds += 1
            _log.warning("runs are not settled, trying again: %s", error)
        except Exception as error:  # noqa: BLE001 - the border of a worker: ingest goes on without it
            self.failed_rounds += 1
            _log.error("runs are not settled (%s), trying again", type(error).__name__)
        return _PAUSE_AFTER_FAILURE


def _even(runs: int) -> int:
    """How many of so many runs are settled together."""
    return math.ceil(runs / max(1, runs // _BATCH)) or 1


def _is_away(error: Exception) -> bool:
    """True if the database fails and not a run; a memory error may come from the size of one run."""
    return isinstance(error, Unavailable) and not (
        isinstance(error, ServerUnavailable) and error.code == MEMORY_LIMIT
    )


@asynccontextmanager
async def settling(settler: Settler) -> AsyncIterator[Settler]:
    """Settles in the background; at the end it finishes the current batch, since the database closes next."""
    with ThreadPoolExecutor(1, "settle") as threads:
        task = asyncio.create_task(settler.run(threads), name="settle")
        try:
            yield settler
        finally:
            settler.stopping.set()
            await task
            await asyncio.to_thread(settler.leave)
