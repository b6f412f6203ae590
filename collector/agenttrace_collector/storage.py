"""Storage: the journal, the configured database, and delivery between them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from agenttrace_collector.clickhouse.database import Database
from agenttrace_collector.config.sections import Config
from agenttrace_collector.config.sections import Journal as JournalSettings
from agenttrace_collector.delivery import Delivery, DeliveryOptions
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
_MIB: Final = 1024 * 1024
# A request of this size should still fit before the collector calls itself able to accept.
_HEADROOM_BYTES: Final = 1024 * 1024
_SPAN_TABLES: Final = frozenset({StepRow.TABLE, SpanLinkRow.TABLE})


@dataclass(frozen=True, slots=True)
class Storage:
    """The journal that takes batches, and the delivery and the queues of exporters behind it."""

    journal: Journal
    delivery: Delivery
    capacity: int
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

    def obstacle(self) -> str:
        """Why the journal accepts no more entries; empty if it does."""
        return self.journal.obstacle(_HEADROOM_BYTES)

    def facts(self) -> dict[str, object]:
        """The journal's depth and what delivery last met."""
        depth = self.journal.depth()
        return {
            "rows": depth.rows,
            "bytes": depth.bytes,
            "capacity_bytes": self.capacity,
            "oldest_seconds": round(self.journal.age(), 3),
            "delivery_error": self.delivery.progress().last_error,
        }

    def readings(self) -> Iterator[Sample]:
        """The same for Prometheus; received = stored + refused + in the journal, at one moment."""
        depth, progress = self.journal.depth(), self.delivery.progress()
        for table, tally in depth.tables.items():
            labels = {"table": table}
            yield Sample("agenttrace_rows_recovered", tally.recovered, labels)
            yield Sample("agenttrace_rows_accepted", tally.accepted, labels)
            yield Sample("agenttrace_rows_duplicate", tally.duplicate, labels)
            yield Sample("agenttrace_rows_stored", tally.delivered, labels)
            yield Sample("agenttrace_rows_refused", tally.refused, labels)
            yield Sample("agenttrace_journal_rows", tally.waiting, labels)
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
    journal = Journal(_options(config.journal), layouts, queues=queue_options(config))
    recovered = await asyncio.to_thread(journal.open)
    settings = config.exporters.clickhouse
    options = DeliveryOptions(
        block_rows=settings.block_rows, block_age=settings.block_age, insert_share=settings.insert_share
    )
    delivery = Delivery(journal, database, options=options, presence=database.presence())
    try:
        async with (
            _forwarding(config, journal, lifetime),
            _delivering(delivery, recovered, database, lifetime),
        ):
            yield Storage(journal, delivery, config.journal.max_size_mib * _MIB, journal.queues())
    finally:
        await asyncio.to_thread(journal.close)
        await asyncio.to_thread(database.close)


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


@asynccontextmanager
async def _delivering(
    delivery: Delivery, recovered: Sequence[InsertBlock], database: Database, lifetime: Shutdown
) -> AsyncIterator[None]:
    """Deliver from the moment the database is as it must be, which a distant one may be later."""
    asked = asyncio.Event()
    starting = asyncio.create_task(_start(delivery, recovered, database, asked), name="database")
    with suppress(TimeoutError):
        async with asyncio.timeout(None if database.embedded else _PATIENCE):
            await asked.wait()
    if starting.done():
        starting.result()
    starting.add_done_callback(lifetime.on_failure)
    try:
        yield
    finally:
        starting.cancel()
        if starting.done() and not starting.cancelled() and not starting.exception():
            await delivery.flush(lifetime.remaining())
            await asyncio.to_thread(delivery.stop, max(1.0, lifetime.remaining()))


async def _start(
    delivery: Delivery, recovered: Sequence[InsertBlock], database: Database, asked: asyncio.Event
) -> None:
    """Begin to deliver once the database can be asked; `asked` is set when it was for the first time."""
    while not await _prepared(database, asked):
        pass
    delivery.start(recovered)


async def _prepared(database: Database, asked: asyncio.Event) -> bool:
    try:
        await asyncio.to_thread(database.prepare)
    except Unavailable as error:
        if database.embedded:
            raise
        if not asked.is_set():
            _log.warning("the database is not available yet, rows wait in the journal: %s", error)
        asked.set()
        await asyncio.sleep(error.retry_after)
        return False
    finally:
        asked.set()
    return True


def _options(settings: JournalSettings) -> JournalOptions:
    return JournalOptions(settings.directory, Durability(settings.durability), settings.max_size_mib)
