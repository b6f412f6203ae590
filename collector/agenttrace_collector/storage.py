"""Storage: the journal, the configured database, and delivery between them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from agenttrace_collector.clickhouse.database import Database
from agenttrace_collector.config.sections import Config
from agenttrace_collector.config.sections import JournalSection as JournalSettings
from agenttrace_collector.delivery import Delivery, DeliveryOptions
from agenttrace_collector.delivery.sift import give_up, sift
from agenttrace_collector.errors import Unavailable
from agenttrace_collector.forward.open import open_forwarders, queue_options, readings
from agenttrace_collector.journal import Durability, InsertBlock, Journal, JournalOptions, current_layouts
from agenttrace_collector.journal.forwarding import ForwardQueue
from agenttrace_collector.server.shutdown import Shutdown
from agenttrace_collector.telemetry.metrics import Sample
from agenttrace_schemas.migrations import migrations
from agenttrace_schemas.rows import SpanLinkRow, StepRow

_log: Final = logging.getLogger(__name__)
# How long the start waits for a database that is elsewhere; its rows can wait in the journal.
_PATIENCE: Final = 0.5
_LOOK_AGAIN: Final = 0.05
# From this age of its oldest row on the journal is taken to fill: delivery keeps it below.
_STALLED_SECONDS: Final = 10.0
_MIB: Final = 1024 * 1024
# A request of this size should still fit before the collector calls itself able to accept.
_HEADROOM_BYTES: Final = 1024 * 1024
_SPAN_TABLES: Final = frozenset({StepRow.TABLE, SpanLinkRow.TABLE})


@dataclass(slots=True)
class Preparation:
    """What the database waits for before rows are delivered: to be reached, or migrated; empty when it is as it must be."""

    waits_for: str = "the database has not been asked yet"
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    prepared: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Storage:
    """The journal that takes batches, and the delivery and the queues of exporters behind it."""

    journal: Journal
    delivery: Delivery
    capacity: int
    preparation: Preparation
    queues: Sequence[ForwardQueue] = ()

    async def flush(self, within: float) -> bool:
        """Deliver and forward everything that is in the journal now; False if `within` passes first."""
        until = time.monotonic() + within
        last = [(queue, queue.last()) for queue in self.queues]
        if not await self.delivery.flush(within):
            return False
        while not all(queue.is_sent(number) for queue, number in last):
            if time.monotonic() > until:
                return False
            await asyncio.sleep(_LOOK_AGAIN)
        return True

    def set_aside(self) -> int:
        """How many rows are kept back since the database's rules refuse them."""
        return self.journal.depth().set_aside

    def obstacle(self) -> str:
        """Why the journal accepts no more entries; empty if it does."""
        return self.journal.obstacle(_HEADROOM_BYTES)

    def database_obstacle(self) -> str:
        """Why nothing can be asked of the database or settled in it; empty once it was prepared."""
        return self.preparation.waits_for

    def full_in_seconds(self, age: float | None = None) -> float | None:
        """How long until the journal is full if rows come as they did since its oldest; None while they are delivered.

        `age` is that of the oldest row in seconds, by default as the journal has it.
        """
        age, depth = self.journal.age() if age is None else age, self.journal.depth()
        if age < _STALLED_SECONDS or depth.waiting_bytes <= 0:
            return None
        free = self.journal.free_bytes()
        room = self.capacity - depth.bytes
        return max(0, room if free is None else min(room, free)) * age / depth.waiting_bytes

    def facts(self) -> dict[str, object]:
        """The journal's depth and what delivery last met."""
        depth = self.journal.depth()
        return {
            "rows": depth.rows,
            "set_aside_rows": depth.set_aside,
            "bytes": depth.bytes,
            "capacity_bytes": self.capacity,
            "oldest_seconds": round(self.journal.age(), 3),
            "delivery_error": self.delivery.progress().last_error,
        }

    def readings(self) -> Iterator[Sample]:
        """The same for Prometheus; received = stored + refused + set aside + in the journal, at one moment."""
        depth, progress = self.journal.depth(), self.delivery.progress()
        for table, tally in depth.tables.items():
            labels = {"table": table}
            yield Sample("agenttrace_rows_recovered", tally.recovered, labels)
            yield Sample("agenttrace_rows_accepted", tally.accepted, labels)
            yield Sample("agenttrace_rows_duplicate", tally.duplicate, labels)
            yield Sample("agenttrace_rows_stored", tally.delivered, labels)
            yield Sample("agenttrace_rows_refused", tally.refused, labels)
            yield Sample("agenttrace_journal_rows", tally.waiting, labels)
            yield Sample("agenttrace_journal_set_aside_rows", tally.set_aside, labels)
        spans = [tally for table, tally in depth.tables.items() if table in _SPAN_TABLES]
        yield Sample("otelcol_exporter_sent_spans", sum(tally.delivered for tally in spans))
        yield Sample("otelcol_exporter_send_failed_spans", sum(tally.refused for tally in spans))
        yield Sample("otelcol_exporter_queue_size", depth.bytes)
        yield Sample("otelcol_exporter_queue_capacity", self.capacity)
        yield Sample("agenttrace_journal_bytes", depth.bytes)
        yield Sample("agenttrace_journal_file_bytes", depth.file_bytes)
        if (free := self.journal.free_bytes()) is not None:
            yield Sample("agenttrace_journal_free_bytes", free)
        yield Sample("agenttrace_journal_oldest_seconds", self.journal.age())
        if (seconds := self.full_in_seconds()) is not None:
            yield Sample("agenttrace_journal_full_in_seconds", seconds)
        yield Sample("agenttrace_journal_duplicate_requests", depth.duplicate_requests)
        for table, count in progress.retries.items():
            yield Sample("agenttrace_delivery_retries", count, {"table": table})
        for table, count in progress.blocks.items():
            yield Sample("agenttrace_delivery_blocks", count, {"table": table})
        for table, count in progress.repaired.items():
            yield Sample("agenttrace_delivery_repaired_rows", count, {"table": table})
        yield Sample("agenttrace_delivery_unrecorded_refusals", progress.unrecorded)
        yield from readings(self.queues)


@asynccontextmanager
async def opened_storage(config: Config, database: Database, lifetime: Shutdown) -> AsyncIterator[Storage]:
    """Opens the journal and delivers from it; at the end delivers the rest before the shutdown's deadline."""
    layouts = current_layouts(migrations()[-1].version)
    rules = database.rules()
    own = rules.own if rules else ""
    journal = Journal(_options(config.journal), layouts, queues=queue_options(config), rules=own)
    recovered = await asyncio.to_thread(journal.open)
    settings = config.exporters.clickhouse
    options = DeliveryOptions(
        block_rows=settings.block_rows, block_age=settings.block_age, insert_share=settings.insert_share
    )
    delivery = Delivery(journal, database, options=options, presence=database.presence(), rules=rules)
    preparation, capacity = Preparation(), config.journal.max_size_mib * _MIB
    try:
        async with (
            _forwarding(config, journal, lifetime),
            _delivering(_Start(journal, delivery, recovered, database, preparation), lifetime),
        ):
            yield Storage(journal, delivery, capacity, preparation, journal.queues())
    finally:
        depth = journal.depth()
        _tell_what_is_left(depth.rows + depth.set_aside, is_kept=config.journal.durability != "memory")
        await asyncio.to_thread(journal.close)
        await asyncio.to_thread(database.close)


def _tell_what_is_left(rows: int, *, is_kept: bool) -> None:
    """Say at a stop how many rows the database has not taken, and what becomes of them."""
    if rows and is_kept:
        _log.warning("%d rows are not delivered: they wait in the journal for the next start", rows)
    elif rows:
        _log.error("%d rows are not delivered and are lost: journal.durability is memory", rows)


async def drain(config: Config, database: Database, within: float) -> int:
    """Deliver and forward what the journal holds, and take nothing; how many rows are left after so many seconds."""
    lifetime, until = Shutdown(config.service.drain_timeout), time.monotonic() + within
    async with opened_storage(config, database, lifetime) as storage:
        waits = (storage.preparation.prepared.wait(), lifetime.wait())
        tasks = [asyncio.ensure_future(wait) for wait in waits]
        await asyncio.wait(tasks, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        if storage.preparation.prepared.is_set():
            await storage.flush(max(0.0, until - time.monotonic()))
        depth = storage.journal.depth()
        left = depth.rows + depth.set_aside
        lifetime.end()
    lifetime.raise_fault()
    return left


def discard(config: Config) -> int:
    """Removes what is set aside in the journal of a stopped collector; how many rows. A rejection stands for each.

    Raises `JournalInUse` and `JournalDamaged`.
    """
    journal = Journal(_options(config.journal), current_layouts(migrations()[-1].version))
    journal.open()
    try:
        return give_up(journal, time.time_ns())
    finally:
        journal.close()


@asynccontextmanager
async def _forwarding(config: Config, journal: Journal, lifetime: Shutdown) -> AsyncIterator[None]:
    """Forward until the end, and then what is taken before the shutdown's deadline."""
    forwarders = open_forwarders(config, journal.queues())
    for forwarder in forwarders:
        forwarder.start()
    try:
        yield
    finally:
        stops = (asyncio.to_thread(each.stop, max(1.0, lifetime.remaining())) for each in forwarders)
        await asyncio.gather(*stops)


@dataclass(frozen=True, slots=True)
class _Start:
    """Begins to deliver once the database is as it must be, which a distant one may be later."""

    journal: Journal
    delivery: Delivery
    recovered: Sequence[InsertBlock]
    database: Database
    preparation: Preparation

    async def run(self) -> None:
        """Try until the database is prepared, then deliver."""
        waited = ""
        while reason := await self._waits_for():
            if reason != waited:
                _log.warning("rows wait in the journal: %s", reason)
            waited = reason
        if waited:
            _log.info("the database is ready, rows are delivered")
        if rules := self.database.rules():
            await sift(self.journal, rules)
        self.preparation.prepared.set()
        self.delivery.start(self.recovered)

    async def _waits_for(self) -> str:
        """Why it is not prepared yet, after a pause; empty if it is."""
        preparation = self.preparation
        try:
            await asyncio.to_thread(self.database.prepare)
        except Unavailable as error:
            if self.database.embedded:
                raise
            preparation.waits_for = str(error)
            preparation.asked.set()
            await asyncio.sleep(error.retry_after)
        else:
            preparation.waits_for = ""
        finally:
            preparation.asked.set()
        return preparation.waits_for


@asynccontextmanager
async def _delivering(start: _Start, lifetime: Shutdown) -> AsyncIterator[None]:
    """Deliver until the end, and then what is left before the shutdown's deadline."""
    starting = asyncio.create_task(start.run(), name="database")
    with suppress(TimeoutError):
        async with asyncio.timeout(None if start.database.embedded else _PATIENCE):
            await start.preparation.asked.wait()
    if starting.done():
        starting.result()
    starting.add_done_callback(lifetime.on_failure)
    try:
        yield
    finally:
        starting.cancel()
        if starting.done() and not starting.cancelled() and not starting.exception():
            await start.delivery.flush(lifetime.remaining())
            await asyncio.to_thread(start.delivery.stop, max(1.0, lifetime.remaining()))


def _options(settings: JournalSettings) -> JournalOptions:
    return JournalOptions(settings.directory, Durability(settings.durability), settings.max_size_mib)
